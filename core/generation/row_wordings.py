"""What rows ask and answer, those that are there and those offered: finds repeats, contradictions and leaks between them."""

import sqlite3
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from core.dataset.examples import MEMORISED
from core.dataset.row_json import RowTexts
from core.lazy_rapidfuzz import fuzz, process
from core.progress import Reporter
from core.replies import Pair
from core.review import similar_rows
from core.spec.facts import Fact
from core.text import contradicting_answers, near_duplicates

MAX_ROWS_COMPARED = 100_000  # rows that new ones are compared with; of more, those that teach facts
MAX_NEIGHBOURS = 200  # wordings that one is compared with in full
HELD_OUT_SPLITS = ("test", "validation")  # what these rows ask must not be trained on


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A pair that may become a row; each is itself, whatever others say. `place` is that of its proposal."""

    place: int
    fact: Fact
    pair: Pair
    hold: bool
    others: tuple[Fact, ...]
    tags: str
    held: tuple[str, tuple[Fact, ...]] | None  # answer and further facts of the row that is held out, None for the same
    is_planned: bool

    def as_held_out(self) -> tuple[Pair, tuple[Fact, ...]]:
        """The pair and the further facts of the row that it becomes in the exam."""
        return (replace(self.pair, answer=self.held[0]), self.held[1]) if self.held else (self.pair, self.others)

    def find_recited(self, is_held_out: bool) -> list[str]:
        """The facts that the answer of its row states beside what the question asks for."""
        if self.held is None or is_held_out:
            return []
        _answer, asked = self.held
        return [one.name for one in self.others if one not in asked]


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """What a row asks and answers, made ready once for many comparisons (see `alikes`)."""

    key: str  # what it asks,
    short: str  # of it what is compared,
    figures: list[str]  # and its figures
    answer: str
    home: str  # the split of a row that is there, 'rejected', or '' for an offer
    offer: Offer | None
    id: int = 0  # of a row that is there

    def repeats(self, other: "Wording") -> bool:
        """Whether it says nearly the same as another one whose question is similar."""
        if self.figures != other.figures:
            return False
        if self.answer == other.answer:
            return True
        alike = fuzz.ratio(self.answer, other.answer, score_cutoff=similar_rows.MIN_ANSWER_SIMILARITY)
        return bool(alike) and not contradicting_answers.compare_answers(self.answer, other.answer)

    def leaks(self, other: "Wording") -> bool:
        """Whether one must not be trained on where the other is asked in the exam; their questions are alike."""
        if self.key == other.key:
            return True
        return self.figures == other.figures and not contradicting_answers.compare_answers(self.answer, other.answer)


class Wordings:
    """All wordings, those of the rows that are there and those offered, in groups of what is nearly the same."""

    def __init__(self, existing: Sequence[Wording], offered: Sequence[Offer], reporter: Reporter) -> None:
        self._all = [
            *existing,
            *(_build_wording(RowTexts("", one.pair.question, one.pair.answer), "", one) for one in offered),
        ]
        self._groups: dict[int, list[Wording]] = {}
        self._home: dict[Offer, tuple[int, Wording]] = {}
        near = near_duplicates.find_duplicates((one.key for one in self._all), reporter).near.tolist()
        for group, one in zip(near, self._all, strict=True):
            self._groups.setdefault(group, []).append(one)
            if one.offer:
                self._home[one.offer] = group, one

    def select_new(self) -> list[Offer]:
        """The offers that repeat no row and no earlier offer, and that ask no held-out question; the others are removed from the groups."""
        chosen: set[Offer] = set()
        for group in {group for group, _one in self._home.values()}:
            distinct: list[Wording] = []
            for one in self._groups[group]:
                if one.offer is None or not any(_is_repeat(one, other) for other in _find_most_similar(one, distinct)):
                    distinct.append(one)
            self._groups[group] = distinct
            chosen.update(one.offer for one in distinct if one.offer)
        return [offer for offer in self._home if offer in chosen]

    def is_asked_by(self, offer: Offer, others: Container[Offer]) -> bool:
        """Whether one of `others` asks nearly the same."""
        return any(other.offer in others for other in self._like(offer) if other.offer)

    def is_asked(self, offer: Offer) -> bool:
        """Whether a row that is there asks nearly the same."""
        return any(other.home not in ("", "rejected") for other in self._like(offer))

    def find_contradiction(self, offer: Offer, ids: dict[Offer, int]) -> str:
        """The row that answers the same question otherwise, and how, as a finding has it; '' where there is none."""
        group, one = self._home[offer]
        for other in self._groups[group]:
            id = other.id or (ids.get(other.offer, 0) if other.offer else 0)
            if other is one or other.key != one.key or other.home == "rejected" or not id:
                continue
            if why := contradicting_answers.compare_answers(one.answer, other.answer, one.key):
                return f"{id} {why}"
        return ""

    def is_trained(self, offer: Offer) -> bool:
        """Whether a row that is there and trained on asks nearly the same."""
        return any(other.home == "train" for other in self._like(offer))

    def _like(self, offer: Offer) -> list[Wording]:
        group, one = self._home[offer]
        others = [other for other in self._groups[group] if other is not one]
        return [other for other in _find_most_similar(one, others) if one.leaks(other)]


def load_existing_wordings(db: sqlite3.Connection) -> Iterator[Wording]:
    """The rows that are there; among very many only those that teach facts."""
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    where = "WHERE facts <> ''" if total > MAX_ROWS_COMPARED else ""
    homes = dict(db.execute(f"SELECT id, {_HOME} FROM example {where}", (MEMORISED,)))
    for id, texts in similar_rows.load_row_texts(db, list(homes)).items():
        yield _build_wording(texts, homes[id], None, id)


_HOME = "CASE WHEN status = 'rejected' THEN 'rejected' WHEN kind = ? THEN 'train' ELSE split END"


def _build_wording(texts: RowTexts, home: str, offer: Offer | None, id: int = 0) -> Wording:
    key, half = near_duplicates.normalise(texts.key), near_duplicates.MAX_COMPARED_CHARACTERS // 2
    short = key if len(key) <= 2 * half else key[:half] + key[-half:]
    answer = contradicting_answers.prepare_answer(texts.answer)
    return Wording(key, short, near_duplicates.find_figures(key), answer, home, offer, id)


def _is_repeat(one: Wording, other: Wording) -> bool:
    return one.repeats(other) or (other.home in HELD_OUT_SPLITS and one.leaks(other))


def _find_most_similar(one: Wording, others: Sequence[Wording]) -> list[Wording]:
    """The wordings with similar questions, the most similar first, at most `MAX_NEIGHBOURS`."""
    shorts = [other.short for other in others]
    limit = MAX_NEIGHBOURS
    found = process.extract(
        one.short, shorts, scorer=fuzz.ratio, score_cutoff=near_duplicates.MIN_SIMILARITY, limit=limit
    )
    return [others[place] for _short, _score, place in found]
