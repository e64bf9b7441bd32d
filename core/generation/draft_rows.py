"""Turns questions and answers about facts into draft rows: drops repeats, notes doubts, holds out wordings for the exam."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.dataset import examples
from core.dataset.examples import MEMORISED, Example
from core.dataset.row_json import RowTexts
from core.exam import fact_points, held_out_kinds
from core.exam.fact_coverage import STUDY_PLAN
from core.exam.fact_points import FactPoints
from core.exam.held_out_kinds import FACT_KINDS, PAGE_KINDS
from core.formats import jsonl
from core.generation.row_wordings import Offer, Wording, Wordings, load_existing_wordings
from core.language import trn
from core.progress import Reporter
from core.replies import Pair
from core.review import dataset_check, judged_support
from core.spec import asked_facts, facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.text import near_duplicates, negation


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The answer of a row that is kept for the exam, and the further facts that it states, where it says less than a training row."""

    answer: str
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DraftProposal:
    """What is to become rows of one fact. With `hold`, one wording is kept for the exam if the fact has none there, and some
    of the kinds of which the exam asks a few over the page (core/exam/held_out_kinds.py).

    `others` names further facts that the answers state, and `tags` what the rows are found by. `held`: what the only
    pair answers if it is the one that is kept, None for the same. `is_planned`: it was chosen for the exam among more
    rows than these, however few of its kind are left.
    """

    fact: str  # its name
    pairs: Sequence[Pair]
    hold: bool = True
    others: Sequence[str] = ()
    tags: str = ""
    held: HeldOut | None = None
    is_planned: bool = False


@dataclass(slots=True)
class AddedDrafts:
    """How many rows were added, are held out for the exam, have doubts, and were dropped because they repeat others."""

    rows: int = 0
    held: int = 0
    doubtful: int = 0
    repeated: int = 0
    ids: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [trn("{n} row was added as a draft.", "{n} rows were added as drafts.", self.rows)]
        if self.held:
            parts.append(trn("{n} is kept for the exam.", "{n} are kept for the exam.", self.held))
        if self.doubtful:
            parts.append(
                trn("{n} may not follow from its fact.", "{n} may not follow from their facts.", self.doubtful)
            )
        if self.repeated:
            parts.append(trn("{n} duplicate was left out.", "{n} duplicates were left out.", self.repeated))
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class PresentRows:
    """What new rows are compared with: the facts by name, the wordings of the rows that are there, and how many rows
    each fact has in the exam and in training. `asked` are all questions, as `find_key` gives them.

    `examined` counts questions for the fact alone, `examined_kinds` those of `PAGE_KINDS` over all facts, and
    `trained_kinds` the rows of each fact and kind. `points` make key points.
    """

    known: dict[str, Fact]
    wordings: list[Wording]
    asked: frozenset[str]
    examined: Counter[str]
    trained: Counter[str]
    examined_kinds: Counter[str]
    trained_kinds: Counter[tuple[str, str]]
    points: FactPoints


def load_present_rows(db: sqlite3.Connection) -> PresentRows:
    """The rows of the project, ready to be compared with new ones."""
    examined, trained, examined_kinds = Counter[str](), Counter[str](), Counter[str]()
    trained_kinds = Counter[tuple[str, str]]()
    sql = "SELECT facts, recited, split, kind FROM example WHERE status <> 'rejected' AND kind <> ? AND split <> 'validation'"
    for names, recited, split, kind in db.execute(sql, (MEMORISED,)):
        asked = asked_facts.split_facts(names, recited)[0]
        if split == "train":
            trained.update(asked)
            trained_kinds.update((name, kind) for name in asked[:1])
        elif kind in PAGE_KINDS:
            examined_kinds[kind] += 1
        else:
            examined.update(asked)
    known, wordings = {fact.name: fact for fact in facts.load(db)}, list(load_existing_wordings(db))
    keys, points = frozenset(one.key for one in wordings), fact_points.load(db)
    return PresentRows(known, wordings, keys, examined, trained, examined_kinds, trained_kinds, points)


def find_key(question: str) -> str:
    """The same for questions that differ only in case, spaces or width."""
    return near_duplicates.normalise(RowTexts("", question, "").key)


def find_new(present: PresentRows, proposals: Sequence[DraftProposal], reporter: Reporter) -> dict[int, bool]:
    """What `add_drafts` would add: the places of the proposals that give rows, and whether one is for the exam.

    Raises `Cancelled`.
    """
    found: dict[int, bool] = {}
    selection = _select(present, proposals, reporter)
    for offer in selection.fresh:
        found[offer.place] = found.get(offer.place, False) or offer in selection.held_out
    return found


def find_unasked(present: PresentRows, proposals: Sequence[DraftProposal], reporter: Reporter) -> list[int]:
    """The places of the proposals that ask what no row there asks, nearly or exactly; of those that are alike the first.

    Raises `Cancelled`.
    """
    selection = _select(present, proposals, reporter)
    return [offer.place for offer in selection.fresh if not selection.wordings.is_asked(offer)]


def add_drafts(
    db: sqlite3.Connection, proposals: Sequence[DraftProposal], source: str, reporter: Reporter | None = None
) -> AddedDrafts:
    """Add rows as drafts, without those that repeat others: nothing generated is trained on before a person has approved it.

    Proposals for unknown facts are ignored. Raises `Cancelled` when the reporter is cancelled.
    """
    reporter = reporter or Reporter()
    state, present = spec.load(db), load_present_rows(db)
    selection, points = _select(present, proposals, reporter), present.points
    fresh, held_out, wordings = selection.fresh, selection.held_out, selection.wordings
    added = AddedDrafts(len(fresh), len(held_out), 0, selection.offered - len(fresh))
    rows = [_build_row(state, offer, source, points if offer in held_out else None) for offer in fresh]
    added.ids = list(examples.add(db, rows))
    # Rows that were undone may have had the same ids.
    db.executemany("DELETE FROM finding WHERE example = ?", [(id,) for id in added.ids])
    recited = [
        (" ".join(offer.find_recited(offer in held_out)), id) for id, offer in zip(added.ids, fresh, strict=True)
    ]
    db.executemany("UPDATE example SET recited = ? WHERE id = ?", (one for one in recited if one[0]))
    made = dict(zip(fresh, added.ids, strict=True))
    for id, row, offer in zip(added.ids, rows, fresh, strict=True):
        reporter.check()
        against = wordings.find_contradiction(offer, made)
        added.doubtful += note_doubts(db, replace(row, id=id), [offer.fact, *offer.others], state, against)
    return added


@dataclass(frozen=True, slots=True)
class _Selection:
    """What is left of the pairs that were offered, and which of these are for the exam."""

    fresh: list[Offer]
    held_out: set[Offer]
    wordings: Wordings
    offered: int


def _select(present: PresentRows, proposals: Sequence[DraftProposal], reporter: Reporter) -> _Selection:
    known = present.known
    offered = [
        Offer(
            place,
            known[one.fact],
            pair,
            one.hold,
            _find_others(known, one.others),
            one.tags,
            _read_held(known, one.held),
            one.is_planned,
        )
        for place, one in enumerate(proposals)
        if one.fact in known
        for pair in one.pairs
    ]
    wordings = Wordings(present.wordings, offered, reporter)
    fresh = wordings.select_new()
    held_out = _choose_held_out(present, fresh, wordings)
    fresh = [offer for offer in fresh if offer in held_out or not wordings.is_asked_by(offer, held_out)]
    return _Selection(fresh, held_out, wordings, len(offered))


def _read_held(known: Mapping[str, Fact], held: HeldOut | None) -> tuple[str, tuple[Fact, ...]] | None:
    return None if held is None else (held.answer, _find_others(known, held.others))


def _find_others(known: Mapping[str, Fact], names: Iterable[str]) -> tuple[Fact, ...]:
    return tuple(known[name] for name in names if name in known)


def _choose_held_out(present: PresentRows, fresh: Sequence[Offer], wordings: Wordings) -> set[Offer]:
    """The offers to hold out: one of each fact that has no exam question and is trained in other wordings, and some of
    the kinds of which the exam asks a few.

    One that came with key points was written for the exam.
    """
    examined, trained = present.examined, present.trained + Counter(offer.fact.name for offer in fresh)
    found: dict[str, tuple[bool, int, int]] = {}  # fact: whether it has no key points, rank of the kind, place
    for place, offer in enumerate(fresh):
        name, kind = offer.fact.name, offer.pair.kind
        if not offer.hold or examined[name] or trained[name] < 2 or kind not in FACT_KINDS:
            continue
        rank = not offer.pair.key_points, FACT_KINDS.index(kind), place
        if (name not in found or rank < found[name]) and not wordings.is_trained(offer):
            found[name] = rank
    chosen = {fresh[place] for _without, _rank, place in found.values()}
    facts_asked = sum(not fact.ignored for fact in present.known.values())
    for shift, kind in enumerate(PAGE_KINDS):
        wanted = held_out_kinds.count_wanted(facts_asked) - present.examined_kinds[kind]
        chosen |= _choose_of_kind(
            present, [offer for offer in fresh if offer.pair.kind == kind], wordings, wanted, shift
        )
    return chosen


def _choose_of_kind(
    present: PresentRows, offers: Sequence[Offer], wordings: Wordings, wanted: int, shift: int
) -> set[Offer]:
    """Up to `wanted` offers of a kind, of different facts at even distances; each kind begins at another fact.

    Most of the kind stays for training, and of a kind that the plan wants of each fact one of that fact.
    """
    if wanted <= 0 or not any(offer.hold for offer in offers):
        return set()
    kind = offers[0].pair.kind
    trained = Counter({name: count for (name, one), count in present.trained_kinds.items() if one == kind})
    trained.update(offer.fact.name for offer in offers)
    per_fact = 1 + (kind in STUDY_PLAN)
    found: dict[str, Offer] = {}
    for offer in offers:
        name = offer.fact.name
        if not offer.hold or name in found or (trained[name] < per_fact and not offer.is_planned):
            continue
        if not wordings.is_trained(offer) and _can_be_marked(present.points, offer):
            found[name] = offer
    if planned := {offer for offer in found.values() if offer.is_planned}:
        return planned
    wanted = min(wanted, trained.total() // (1 + held_out_kinds.MIN_TRAINED_PER_HELD))
    names = list(found)
    start = shift * len(names) // (len(PAGE_KINDS) * max(1, wanted))
    return {found[name] for name in held_out_kinds.spread([*names[start:], *names[:start]], wanted)}


def _can_be_marked(points: FactPoints, offer: Offer) -> bool:
    pair, others = offer.as_held_out()
    made = _choose_points(points, pair, (offer.fact, *others))
    return held_out_kinds.can_be_marked(pair.question, pair.answer, made, pair.kind)


def _build_row(state: Spec, offer: Offer, source: str, points: FactPoints | None) -> Example:
    """The row of an offer; `points` make the key points of one that is held out, None for a training row."""
    fact, (pair, others) = offer.fact, offer.as_held_out() if points else (offer.pair, offer.others)
    return examples.read_row(
        jsonl.new_row(state.system_prompt, pair.question, pair.answer),
        split="test" if points else "train",
        kind=pair.kind,
        status="draft",
        facts=" ".join(one.name for one in (fact, *others)),
        tags=offer.tags,
        quote=pair.quote or fact.quote,
        key_points=_choose_points(points, pair, (fact, *others)) if points else "",
        source=source,
    )


def _choose_points(points: FactPoints, pair: Pair, taught: Sequence[Fact]) -> str:
    """The key points that the writer gave, where they mark its own answer as right; else made ones."""
    if fact_points.are_usable(pair.key_points, pair.question, pair.answer):
        return pair.key_points
    named = taught if pair.kind in PAGE_KINDS else taught[:1]
    return points.suggest(pair.answer, [fact.name for fact in named], pair.question, pair.kind)


def note_doubts(db: sqlite3.Connection, row: Example, taught: Sequence[Fact], state: Spec, against: str = "") -> bool:
    """Store as findings what the check of the whole dataset would report of a new row; returns whether there is anything.

    `against` is the row that contradicts it, and how (`contradicting_answers`).
    """
    supported = judged_support.load(db, row.id)
    doubts = [
        (
            "ungrounded",
            dataset_check.find_doubt(row.question, row.answer, taught, state, row.quote, row.kind, supported),
        ),
        (
            "answer-admits-unknown",
            negation.find_unknown_phrase(row.answer) if row.kind not in dataset_check.UNKNOWING_KINDS else "",
        ),
        ("answers-contradict", against),
    ]
    doubts = [(rule, message) for rule, message in doubts if message]
    sql = "INSERT INTO finding (rule, cluster, example, message) VALUES (?, 0, ?, ?)"
    db.executemany(sql, ((rule, row.id, message) for rule, message in doubts))
    return bool(doubts)
