"""Turns questions and answers about facts into draft rows: drops repeats, notes doubts, holds out one wording for the exam."""

import sqlite3
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.dataset import examples
from core.dataset.examples import MEMORISED, Example
from core.dataset.row_json import RowTexts
from core.exam import fact_points
from core.exam.fact_points import FactPoints
from core.formats import jsonl
from core.language import trn
from core.lazy_rapidfuzz import fuzz, process
from core.progress import Reporter
from core.replies import Pair
from core.review import dataset_check, judged_support, similar_rows
from core.spec import asked_facts, facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.text import contradicting_answers, near_duplicates, negation

MAX_ROWS_COMPARED = 100_000  # rows that new ones are compared with; of more, those that teach facts
MAX_NEIGHBOURS = 200  # wordings that one is compared with in full
HELD_OUT_KINDS = ("reworded", "direct", "applied", "reverse")  # what is kept for the exam, the best first
HELD_OUT_SPLITS = ("test", "validation")  # what these rows ask must not be trained on


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The answer of a row that is kept for the exam, and the further facts that it states, where it says less than a training row."""

    answer: str
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DraftProposal:
    """What is to become rows of one fact. With `hold`, one wording is kept for the exam if the fact has none there.

    `others` names further facts that the answers state, and `tags` what the rows are found by. `held`: what the only
    pair answers if it is the one that is kept, None for the same.
    """

    fact: str  # its name
    pairs: Sequence[Pair]
    hold: bool = True
    others: Sequence[str] = ()
    tags: str = ""
    held: HeldOut | None = None


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
    each fact has in the exam and in training. `asked` are all questions, as `find_key` gives them."""

    known: dict[str, Fact]
    wordings: list["_Wording"]
    asked: frozenset[str]
    examined: Counter[str]
    trained: Counter[str]


def load_present_rows(db: sqlite3.Connection) -> PresentRows:
    """The rows of the project, ready to be compared with new ones."""
    examined, trained = Counter[str](), Counter[str]()
    sql = "SELECT facts, recited, split FROM example WHERE facts <> '' AND status <> 'rejected' AND kind <> ?"
    for names, recited, split in db.execute(sql, (MEMORISED,)):
        if split != "validation":
            (examined if split == "test" else trained).update(asked_facts.split_facts(names, recited)[0])
    known, wordings = {fact.name: fact for fact in facts.load(db)}, list(_load_existing_wordings(db))
    return PresentRows(known, wordings, frozenset(one.key for one in wordings), examined, trained)


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
    state, selection = spec.load(db), _select(load_present_rows(db), proposals, reporter)
    points = fact_points.load(db)
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

    fresh: list["_Offer"]
    held_out: set["_Offer"]
    wordings: "_Wordings"
    offered: int


def _select(present: PresentRows, proposals: Sequence[DraftProposal], reporter: Reporter) -> _Selection:
    known = present.known
    offered = [
        _Offer(
            place,
            known[one.fact],
            pair,
            one.hold,
            _find_others(known, one.others),
            one.tags,
            _read_held(known, one.held),
        )
        for place, one in enumerate(proposals)
        if one.fact in known
        for pair in one.pairs
    ]
    wordings = _Wordings(present.wordings, offered, reporter)
    fresh = wordings.select_new()
    held_out = _choose_held_out(present, fresh, wordings)
    fresh = [offer for offer in fresh if offer in held_out or not wordings.is_asked_by(offer, held_out)]
    return _Selection(fresh, held_out, wordings, len(offered))


@dataclass(frozen=True, slots=True, eq=False)
class _Offer:
    """A pair that may become a row; each is itself, whatever others say. `place` is that of its proposal."""

    place: int
    fact: Fact
    pair: Pair
    hold: bool
    others: tuple[Fact, ...]
    tags: str
    held: tuple[str, tuple[Fact, ...]] | None  # answer and further facts of the row that is held out, None for the same

    def find_recited(self, is_held_out: bool) -> list[str]:
        """The facts that the answer of its row states beside what the question asks for."""
        if self.held is None or is_held_out:
            return []
        _answer, asked = self.held
        return [one.name for one in self.others if one not in asked]


def _read_held(known: Mapping[str, Fact], held: HeldOut | None) -> tuple[str, tuple[Fact, ...]] | None:
    return None if held is None else (held.answer, _find_others(known, held.others))


def _find_others(known: Mapping[str, Fact], names: Iterable[str]) -> tuple[Fact, ...]:
    return tuple(known[name] for name in names if name in known)


@dataclass(frozen=True, slots=True, eq=False)
class _Wording:
    """What a row asks and answers, made ready once for many comparisons (see `alikes`)."""

    key: str  # what it asks,
    short: str  # of it what is compared,
    figures: list[str]  # and its figures
    answer: str
    home: str  # the split of a row that is there, 'rejected', or '' for an offer
    offer: _Offer | None
    id: int = 0  # of a row that is there

    def repeats(self, other: "_Wording") -> bool:
        """Whether it says nearly the same as another one whose question is similar."""
        if self.figures != other.figures:
            return False
        if self.answer == other.answer:
            return True
        alike = fuzz.ratio(self.answer, other.answer, score_cutoff=similar_rows.MIN_ANSWER_SIMILARITY)
        return bool(alike) and not contradicting_answers.compare_answers(self.answer, other.answer)

    def leaks(self, other: "_Wording") -> bool:
        """Whether one must not be trained on where the other is asked in the exam; their questions are alike."""
        if self.key == other.key:
            return True
        return self.figures == other.figures and not contradicting_answers.compare_answers(self.answer, other.answer)


class _Wordings:
    """All wordings, those of the rows that are there and those offered, in groups of what is nearly the same."""

    def __init__(self, existing: Sequence[_Wording], offered: Sequence[_Offer], reporter: Reporter) -> None:
        self._all = [
            *existing,
            *(_build_wording(RowTexts("", one.pair.question, one.pair.answer), "", one) for one in offered),
        ]
        self._groups: dict[int, list[_Wording]] = {}
        self._home: dict[_Offer, tuple[int, _Wording]] = {}
        near = near_duplicates.find_duplicates((one.key for one in self._all), reporter).near.tolist()
        for group, one in zip(near, self._all, strict=True):
            self._groups.setdefault(group, []).append(one)
            if one.offer:
                self._home[one.offer] = group, one

    def select_new(self) -> list[_Offer]:
        """The offers that repeat no row and no earlier offer, and that ask no held-out question; the others are removed from the groups."""
        chosen: set[_Offer] = set()
        for group in {group for group, _one in self._home.values()}:
            distinct: list[_Wording] = []
            for one in self._groups[group]:
                if one.offer is None or not any(_is_repeat(one, other) for other in _find_most_similar(one, distinct)):
                    distinct.append(one)
            self._groups[group] = distinct
            chosen.update(one.offer for one in distinct if one.offer)
        return [offer for offer in self._home if offer in chosen]

    def is_asked_by(self, offer: _Offer, others: Container[_Offer]) -> bool:
        """Whether one of `others` asks nearly the same."""
        return any(other.offer in others for other in self._like(offer) if other.offer)

    def is_asked(self, offer: _Offer) -> bool:
        """Whether a row that is there asks nearly the same."""
        return any(other.home not in ("", "rejected") for other in self._like(offer))

    def find_contradiction(self, offer: _Offer, ids: dict[_Offer, int]) -> str:
        """The row that answers the same question otherwise, and how, as a finding has it; '' where there is none."""
        group, one = self._home[offer]
        for other in self._groups[group]:
            id = other.id or (ids.get(other.offer, 0) if other.offer else 0)
            if other is one or other.key != one.key or other.home == "rejected" or not id:
                continue
            if why := contradicting_answers.compare_answers(one.answer, other.answer, one.key):
                return f"{id} {why}"
        return ""

    def is_trained(self, offer: _Offer) -> bool:
        """Whether a row that is there and trained on asks nearly the same."""
        return any(other.home == "train" for other in self._like(offer))

    def _like(self, offer: _Offer) -> list[_Wording]:
        group, one = self._home[offer]
        others = [other for other in self._groups[group] if other is not one]
        return [other for other in _find_most_similar(one, others) if one.leaks(other)]


def _load_existing_wordings(db: sqlite3.Connection) -> Iterator[_Wording]:
    """The rows that are there; among very many only those that teach facts."""
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    where = "WHERE facts <> ''" if total > MAX_ROWS_COMPARED else ""
    homes = dict(db.execute(f"SELECT id, {_HOME} FROM example {where}", (MEMORISED,)))
    for id, texts in similar_rows.load_row_texts(db, list(homes)).items():
        yield _build_wording(texts, homes[id], None, id)


_HOME = "CASE WHEN status = 'rejected' THEN 'rejected' WHEN kind = ? THEN 'train' ELSE split END"


def _build_wording(texts: RowTexts, home: str, offer: _Offer | None, id: int = 0) -> _Wording:
    key, half = near_duplicates.normalise(texts.key), near_duplicates.MAX_COMPARED_CHARACTERS // 2
    short = key if len(key) <= 2 * half else key[:half] + key[-half:]
    answer = contradicting_answers.prepare_answer(texts.answer)
    return _Wording(key, short, near_duplicates.find_figures(key), answer, home, offer, id)


def _is_repeat(one: _Wording, other: _Wording) -> bool:
    return one.repeats(other) or (other.home in HELD_OUT_SPLITS and one.leaks(other))


def _find_most_similar(one: _Wording, others: Sequence[_Wording]) -> list[_Wording]:
    """The wordings with similar questions, the most similar first, at most `MAX_NEIGHBOURS`."""
    shorts = [other.short for other in others]
    limit = MAX_NEIGHBOURS
    found = process.extract(
        one.short, shorts, scorer=fuzz.ratio, score_cutoff=near_duplicates.MIN_SIMILARITY, limit=limit
    )
    return [others[place] for _short, _score, place in found]


def _choose_held_out(present: PresentRows, fresh: Sequence[_Offer], wordings: _Wordings) -> set[_Offer]:
    """The offers to hold out: one of each fact that has no exam question and is trained in other wordings.

    One that came with key points was written for the exam.
    """
    examined, trained = present.examined, present.trained + Counter(offer.fact.name for offer in fresh)
    found: dict[str, tuple[bool, int, int]] = {}  # fact: whether it has no key points, rank of the kind, place
    for place, offer in enumerate(fresh):
        name, kind = offer.fact.name, offer.pair.kind
        if not offer.hold or examined[name] or trained[name] < 2 or kind not in HELD_OUT_KINDS:
            continue
        rank = not offer.pair.key_points, HELD_OUT_KINDS.index(kind), place
        if (name not in found or rank < found[name]) and not wordings.is_trained(offer):
            found[name] = rank
    return {fresh[place] for _without, _rank, place in found.values()}


def _build_row(state: Spec, offer: _Offer, source: str, points: FactPoints | None) -> Example:
    """The row of an offer; `points` make the key points of one that is held out, None for a training row."""
    fact, pair, others = offer.fact, offer.pair, offer.others
    if points and offer.held is not None:
        answer, others = offer.held
        pair = replace(pair, answer=answer)
    return examples.read_row(
        jsonl.new_row(state.system_prompt, pair.question, pair.answer),
        split="test" if points else "train",
        kind=pair.kind,
        status="draft",
        facts=" ".join(one.name for one in (fact, *others)),
        tags=offer.tags,
        quote=pair.quote or fact.quote,
        key_points=_choose_points(points, pair, fact) if points else "",
        source=source,
    )


def _choose_points(points: FactPoints, pair: Pair, fact: Fact) -> str:
    """The key points that the writer gave, where they mark its own answer as right; else made ones."""
    if fact_points.are_usable(pair.key_points, pair.question, pair.answer):
        return pair.key_points
    return points.suggest(pair.answer, [fact.name], pair.question, pair.kind)


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
