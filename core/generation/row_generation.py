"""Generates examples for facts with a chat model: which are missing, and what that will cost."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import prompts, replies
from core.exam import fact_coverage, held_out_kinds
from core.exam.fact_coverage import EXAM, FactCoverage
from core.generation import draft_rows, spec_excerpt
from core.generation.draft_rows import DraftProposal
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.providers import Message, Sampling
from core.replies import Pair
from core.review import similar_rows
from core.spec import facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.text import tokenizer

MAX_EXISTING_QUESTIONS = 40  # questions of a fact that a model is told not to repeat
MAX_NEIGHBOURS = 3  # facts before and behind it in the text whose questions it must not ask either
MAX_NEIGHBOUR_QUESTIONS = 4  # of each of them
MAX_EXAMPLE_TOKENS = 400  # tokens of one example that is still to be read to its end
EXAMPLE_TOKENS = 90  # what one example with its quote is about
MAX_REASONS_SHOWN = 3  # why pieces of replies could not be used, that are told
EXAM_WORDING_KIND = "reworded"  # of the row that a wording for the exam becomes


@dataclass(frozen=True, slots=True)
class RowRequest:
    """How many examples of each kind are to be made for one fact."""

    fact: Fact
    counts: dict[str, int]


Asked = RowRequest | tuple[RowRequest, ...]  # one request to a model: for one fact, or for several under a heading


@dataclass(frozen=True, slots=True)
class GenerationEstimate:
    """How many requests for how many examples, and about how many tokens, estimated from characters."""

    requests: int
    examples: int
    sent: int
    received: int


def build_requests(entries: Iterable[FactCoverage], kinds: Sequence[str] = fact_coverage.KINDS) -> list[RowRequest]:
    """What the study plan still lacks, of these kinds, and a wording for the exam under `EXAM`.

    Some of the facts that the exam does not ask get one example more of a kind of which it asks some over the page.
    """
    entries, found = list(entries), []
    unasked = [entry.fact.name for entry in entries if EXAM in entry.lacking]
    more = {*held_out_kinds.spread(unasked, len(unasked) // held_out_kinds.FACTS_PER_QUESTION)}
    for entry in entries:
        lacking = Counter(entry.lacking)
        if entry.fact.name in more:
            lacking.update(kind for kind in kinds if kind in held_out_kinds.PAGE_KINDS)
        counts = {kind: lacking[kind] for kind in kinds if kind in lacking}
        if lacking.get(EXAM):
            counts[EXAM] = lacking[EXAM]
        if counts:
            found.append(RowRequest(entry.fact, counts))
    return found


def build_subjects(requests: Iterable[Asked]) -> Iterator[dict[str, Any]]:
    """The subjects of an LLM run, one a request."""
    for request in requests:
        if isinstance(request, RowRequest):
            yield {"fact": request.fact.name, "counts": request.counts}
        else:
            yield {"facts": {one.fact.name: one.counts for one in request}}


def count_examples(subject: dict[str, Any]) -> int:
    """How many examples a request asks for."""
    return sum(sum(counts.values()) for counts in _read_counts(subject).values())


def _read_counts(subject: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The facts of a request by name, each with how many examples of each kind it asks for."""
    found: dict[str, dict[str, int]] = subject.get("facts") or {subject["fact"]: subject["counts"]}
    return found


def estimate(db: sqlite3.Connection, requests: Sequence[Asked]) -> GenerationEstimate:
    """How many requests and tokens generating these rows will take, before anything is sent."""
    groups = [(one,) if isinstance(one, RowRequest) else one for one in requests]
    parts = [part for group in groups for part in group]
    material = _load_material(db, {part.fact.name for part in parts})
    sent = sum(tokenizer.estimate_tokens(_fill_prompt(material, group)) for group in groups)
    examples = sum(sum(part.counts.values()) for part in parts)
    return GenerationEstimate(len(groups), examples, round(sent), examples * EXAMPLE_TOKENS)


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    counts = _read_counts(request.subject)
    known = {fact.name: fact for fact in facts.load_by_names(db, " ".join(counts))}
    parts = [RowRequest(known.get(name, Fact(0, name, "", "")), own) for name, own in counts.items()]
    return [{"role": "user", "content": _fill_prompt(_load_material(db, {*counts}), parts)}]


@dataclass(frozen=True, slots=True)
class _Material:
    """What requests are filled from: the prompt and its ending for several facts, the spec, the facts' names in the order
    of its text, and questions by name."""

    prompt: str
    ending: str
    state: Spec
    order: list[str]
    asked: dict[str, list[str]]

    def list_neighbours(self, name: str) -> list[str]:
        """The names of the facts around one, the nearest first."""
        if name not in self.order:
            return []
        at = self.order.index(name)
        around = self.order[max(0, at - MAX_NEIGHBOURS) : at + MAX_NEIGHBOURS + 1]
        return [one for one in around if one != name]


def _load_material(db: sqlite3.Connection, names: Collection[str]) -> _Material:
    state = spec.load(db)
    order = [fact.name for fact in facts.sort_by_place(state.text, facts.load(db))]
    language = spec.get_language(state)
    material = _Material(prompts.load("examples", language), prompts.load("several_facts", language), state, order, {})
    wanted = {*names, *(one for name in names for one in material.list_neighbours(name))}
    material.asked.update(_load_existing_questions(db, wanted))
    return material


def _fill_prompt(material: _Material, parts: Sequence[RowRequest]) -> str:
    """The prompt for one fact, or for several: the same words, so that a server that has read one begin reads the other on."""
    state, asked, names = material.state, material.asked, [part.fact.name for part in parts]
    around = dict.fromkeys(one for name in names for one in material.list_neighbours(name) if one not in names)
    neighbours = [question for one in around for question in asked[one][:MAX_NEIGHBOUR_QUESTIONS]]

    def join(build: Callable[[RowRequest], str]) -> str:
        if len(parts) == 1:
            return build(parts[0])
        return "\n".join(f"[{part.fact.name}]\n{build(part)}" for part in parts)

    prompt = prompts.fill(
        material.prompt,
        spec=state.name,
        text=spec_excerpt.build_excerpt(state.text, "\n".join(part.fact.text for part in parts)) or "–",
        fact=join(lambda part: part.fact.text),
        quote=join(lambda part: part.fact.quote or part.fact.text),
        wanted=join(lambda part: prompts.format_counts(part.counts)),
        existing=join(lambda part: _format_questions(asked.get(part.fact.name, ()))),
        neighbours=_format_questions(neighbours),
        system_prompt=state.system_prompt or "–",
    )
    return prompt if len(parts) == 1 else prompt + prompts.fill(material.ending, names=", ".join(names))


def _format_questions(questions: Iterable[str]) -> str:
    return "\n".join(f"- {question}" for question in questions) or "–"


def _load_existing_questions(db: sqlite3.Connection, names: Collection[str]) -> dict[str, list[str]]:
    """Some of the questions that the rows of each fact ask."""
    ids: dict[str, list[int]] = {name: [] for name in names}
    one = f" {next(iter(names))} " if len(names) == 1 else ""
    sql = "SELECT id, facts FROM example WHERE facts <> '' AND (? = '' OR instr(' ' || facts || ' ', ?))"
    for id, given in db.execute(sql, (one, one)):
        for name in given.split():
            if name in ids and len(ids[name]) < MAX_EXISTING_QUESTIONS:
                ids[name].append(id)
    texts = similar_rows.load_row_texts(db, sorted({id for found in ids.values() for id in found}))
    return {name: [texts[id].question for id in found if texts[id].question] for name, found in ids.items()}


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    refused, found, known = Counter[str](), [], _load_facts(db, answered)
    for request in answered:
        counts = _read_counts(request.subject)
        sorted_ = _sort_replies(known, request)
        refused.update(sorted_.refused)
        found += [DraftProposal(name, _assign_kinds(sorted_.pairs[name], counts[name])) for name in counts]
    added_text = str(draft_rows.add_drafts(db, found, answered[0].model))
    if not refused:
        return added_text
    unread_text = trn("{n} piece could not be read.", "{n} pieces could not be read.", refused.total())
    reasons = (
        f"{reason} ({count:,})" if count > 1 else reason for reason, count in refused.most_common(MAX_REASONS_SHOWN)
    )
    return "\n".join([f"{added_text} {unread_text}", *reasons])


@dataclass(frozen=True, slots=True)
class _SortedReplies:
    """The pairs of a request's replies by fact, the reasons why others cannot be used, and whether a reply is cut off."""

    pairs: dict[str, list[Pair]]
    refused: list[str]
    is_cut: bool


def _load_facts(db: sqlite3.Connection, requests: Iterable[LlmRequest]) -> dict[str, Fact]:
    """The facts that are asked for together with others, by name."""
    names = {name for request in requests for name in request.subject.get("facts", ())}
    return {fact.name: fact for fact in facts.load_by_names(db, " ".join(sorted(names)))}


def _sort_replies(known: Mapping[str, Fact], request: LlmRequest) -> _SortedReplies:
    parsed = [replies.parse_pairs(reply) for reply in request.replies]
    names = [*_read_counts(request.subject)]
    found: dict[str, list[Pair]] = {name: [] for name in names}
    refused = [piece.reason for one in parsed for piece in one.refused]
    for pair in (pair for one in parsed for pair in one.pairs):
        name = names[0] if len(names) == 1 else _find_fact(pair, names, known)
        if name:
            found[name].append(pair)
        else:
            refused.append(tr("It is not said which of the facts it is for."))
    return _SortedReplies(found, refused, any(one.is_cut for one in parsed))


def _find_fact(pair: Pair, names: Sequence[str], known: Mapping[str, Fact]) -> str:
    """The fact that a pair is for: the one that it names, else the only one whose passage it quotes; '' where that is open."""
    label = pair.fact.strip(" []「」【】").casefold()
    if label:
        return label if label in names else ""
    quoting = [name for name in names if pair.quote and name in known and pair.quote in known[name].quote]
    return quoting[0] if len(quoting) == 1 else ""


def _find_missing(db: sqlite3.Connection, requests: Sequence[LlmRequest]) -> list[dict[str, Any]]:
    """What replies about several facts lack, as requests for one fact each: facts without a row, and of a reply that is cut
    off what the last one with rows lacks. What was asked alone already is not asked again."""
    known = _load_facts(db, requests)
    alone = {request.subject["fact"] for request in requests if "fact" in request.subject}
    found = []
    for request in requests:
        if "facts" not in request.subject or not request.replies:
            continue
        sorted_, counts = _sort_replies(known, request), _read_counts(request.subject)
        last = next((name for name in reversed(counts) if sorted_.pairs[name]), "") if sorted_.is_cut else ""
        for name, own in counts.items():
            came = Counter(EXAM if _is_exam_wording(pair) else pair.kind for pair in sorted_.pairs[name])
            lacking = dict(Counter(own) - came) if name == last else own if not sorted_.pairs[name] else {}
            if lacking and name in known and name not in alone:
                found.append({"fact": name, "counts": lacking})
    return found


def _assign_kinds(pairs: Sequence[Pair], counts: dict[str, int]) -> list[Pair]:
    """The pairs, those without a kind of use given the kinds that were asked for and have not come, in their order."""
    open_ = Counter(counts)
    came = (EXAM if _is_exam_wording(pair) and EXAM in counts else pair.kind for pair in pairs)
    open_.subtract(Counter(kind for kind in came if kind in open_))
    found = []
    for pair in pairs:
        kind = pair.kind
        if kind not in (*fact_coverage.KINDS, *fact_coverage.EXTRA_KINDS):
            kind = EXAM if _is_exam_wording(pair) else next((one for one in counts if open_[one] > 0), EXAM)
            open_[kind] -= 1
            kind = EXAM_WORDING_KIND if kind == EXAM else kind
        found.append(replace(pair, kind=kind))
    return found


def _is_exam_wording(pair: Pair) -> bool:
    """Whether the model wrote a pair for the exam: only then is it asked for key points."""
    return bool(pair.key_points) and pair.kind in ("", EXAM_WORDING_KIND)


TASK = LlmTask(
    lambda: tr("Generate rows"),
    _build_messages,
    _apply_replies,
    lambda request: Sampling(temperature=0.7, max_tokens=MAX_EXAMPLE_TOKENS * (1 + count_examples(request.subject))),
    lambda request: EXAMPLE_TOKENS * count_examples(request.subject),
    replies.PAIRS_SCHEMA,
    makes="example",
    schema_of=lambda request: replies.PAIRS_OF_FACTS_SCHEMA if "facts" in request.subject else None,
    find_missing=_find_missing,
)
