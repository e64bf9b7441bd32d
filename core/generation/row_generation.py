"""Generates examples for facts with a chat model: which are missing, and what that will cost."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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


def build_subjects(requests: Iterable[RowRequest]) -> Iterator[dict[str, Any]]:
    """The subjects of an LLM run, one a fact."""
    return ({"fact": request.fact.name, "counts": request.counts} for request in requests)


def estimate(db: sqlite3.Connection, requests: Sequence[RowRequest]) -> GenerationEstimate:
    """How many requests and tokens generating these rows will take, before anything is sent."""
    material = _load_material(db, {request.fact.name for request in requests})
    sent = sum(tokenizer.estimate_tokens(_fill_prompt(material, request.fact, request.counts)) for request in requests)
    examples = sum(sum(request.counts.values()) for request in requests)
    return GenerationEstimate(len(requests), examples, round(sent), examples * EXAMPLE_TOKENS)


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    name = request.subject["fact"]
    fact = next(iter(facts.load_by_names(db, name)), Fact(0, name, "", ""))
    return [{"role": "user", "content": _fill_prompt(_load_material(db, {name}), fact, request.subject["counts"])}]


@dataclass(frozen=True, slots=True)
class _Material:
    """What requests are filled from: the prompt, the spec, the facts' names in the order of its text, and questions by name."""

    prompt: str
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
    material = _Material(prompts.load("examples", spec.get_language(state)), state, order, {})
    wanted = {*names, *(one for name in names for one in material.list_neighbours(name))}
    material.asked.update(_load_existing_questions(db, wanted))
    return material


def _fill_prompt(material: _Material, fact: Fact, counts: dict[str, int]) -> str:
    state, asked = material.state, material.asked
    around = [one for name in material.list_neighbours(fact.name) for one in asked[name][:MAX_NEIGHBOUR_QUESTIONS]]
    return prompts.fill(
        material.prompt,
        spec=state.name,
        text=spec_excerpt.build_excerpt(state.text, fact.text) or "–",
        fact=fact.text,
        quote=fact.quote or fact.text,
        wanted=prompts.format_counts(counts),
        existing=_format_questions(asked.get(fact.name, ())),
        neighbours=_format_questions(around),
        system_prompt=state.system_prompt or "–",
    )


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
    refused, found = Counter[str](), []
    for request in answered:
        parsed = [replies.parse_pairs(reply) for reply in request.replies]
        refused.update(piece.reason for one in parsed for piece in one.refused)
        pairs = [pair for one in parsed for pair in one.pairs]
        found.append(DraftProposal(request.subject["fact"], _assign_kinds(pairs, request.subject["counts"])))
    added_text = str(draft_rows.add_drafts(db, found, answered[0].model))
    if not refused:
        return added_text
    unread_text = trn("{n} piece could not be read.", "{n} pieces could not be read.", refused.total())
    reasons = (
        f"{reason} ({count:,})" if count > 1 else reason for reason, count in refused.most_common(MAX_REASONS_SHOWN)
    )
    return "\n".join([f"{added_text} {unread_text}", *reasons])


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
    lambda request: Sampling(
        temperature=0.7, max_tokens=MAX_EXAMPLE_TOKENS * (1 + sum(request.subject["counts"].values()))
    ),
    replies.PAIRS_SCHEMA,
    makes="example",
)
