"""What came of an exam: rates by kind, by fact and by question for each subject, what was gained and what was lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core import evals, facts, judges, prices, statistics
from core.evals import KINDS, Question, Run, Subject
from core.providers import LOCAL
from core.statistics import Difference, Interval, Paired, Spread

GENERAL, MEMORISED = "general", "memorised"
HALF = 0.5  # of its repeats, above which a question counts as passed

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """`passed` of `asked` answers were right."""

    passed: int = 0
    asked: int = 0

    @property
    def share(self) -> float:
        return self.passed / self.asked if self.asked else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's, at 95 per cent."""
        return statistics.wilson(self.passed, self.asked)

    def __str__(self) -> str:
        return f"{self.passed}/{self.asked}" if self.asked else "–"


@dataclass(frozen=True, slots=True)
class Line:
    """A kind, a fact or a question: its rate for each subject, and which questions (by place) stand behind it."""

    name: str
    text: str
    rates: list[Rate]
    questions: tuple[int, ...]

    def change(self, subject: int, against: int = 0) -> int:
        """1 where `subject` mostly passes and `against` mostly fails, -1 the other way round, 0 where either was not asked."""
        mine, other = self.rates[subject], self.rates[against]
        if not mine.asked or not other.asked:
            return 0
        return (mine.share > HALF) - (other.share > HALF)


@dataclass(frozen=True, slots=True)
class Total:
    """One subject's result: `held` over the held-out questions, `general` over everyday knowledge.

    `per_thousand` is US dollars for a thousand questions as they were asked; None where nobody knows the price.
    """

    subject: Subject
    held: Rate
    general: Rate
    memorised: Rate
    score: float
    spread: Spread
    unmarked: int
    sent: int
    received: int
    seconds: float
    per_thousand: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two subjects, paired by question over the held-out ones: `passing` by McNemar, `scoring` by the bootstrap."""

    subject: int
    against: int
    passing: Paired
    scoring: Difference
    gained: list[Line]
    lost: list[Line]
    small: bool


@dataclass
class Result:
    """`asked`, `passed` and `scored` are questions × subjects, over the repeats; `scored` sums scores from 0 to 1."""

    run: Run
    questions: list[Question]
    texts: dict[str, str]  # of the facts, by name
    asked: Numbers
    passed: Numbers
    scored: Numbers
    totals: list[Total]
    _compared: dict[tuple[int, int], Comparison] = field(default_factory=dict, repr=False)

    @cached_property
    def kinds(self) -> list[Line]:
        present = {question.kind for question in self.questions}
        named = [kind for kind in KINDS if kind in present] + sorted(present - set(KINDS))
        return [self._line(kind, "", self._where(lambda question, k=kind: question.kind == k)) for kind in named]

    @cached_property
    def facts(self) -> list[Line]:
        """Facts by name, without the memorised questions: those prove nothing of it."""
        places: dict[str, list[int]] = {}
        for place, question in enumerate(self.questions):
            if question.kind != MEMORISED:
                for name in dict.fromkeys(question.facts.split()):
                    places.setdefault(name, []).append(place)
        return [self._line(name, self.texts.get(name, ""), places[name]) for name in sorted(places)]

    @cached_property
    def lines(self) -> list[Line]:
        """Each question by itself."""
        return [self._line(one.kind, one.question, [place]) for place, one in enumerate(self.questions)]

    @cached_property
    def general(self) -> list[Line]:
        return [line for line in self.lines if line.name == GENERAL]

    @property
    def leaks(self) -> list[Question]:
        """Questions that a training row asks as well; what is right there proves nothing."""
        return [question for question in self.questions if question.leak and question.kind != MEMORISED]

    def _where(self, wanted: object) -> list[int]:
        assert callable(wanted)
        return [place for place, question in enumerate(self.questions) if wanted(question)]

    def _line(self, name: str, text: str, places: Sequence[int]) -> Line:
        return Line(name, text, _rates(self.passed, self.asked, places), tuple(places))

    def compare(self, subject: int, against: int = 0) -> Comparison:
        """What parts two subjects, over the held-out questions that both have answered."""
        if (subject, against) not in self._compared:
            self._compared[subject, against] = self._compare(subject, against)
        return self._compared[subject, against]

    def _compare(self, subject: int, against: int) -> Comparison:
        places = [
            place for place in held_out(self.questions) if self.asked[place, subject] and self.asked[place, against]
        ]
        shares = self.passed[places] / np.maximum(self.asked[places], 1)
        means = self.scored[places] / np.maximum(self.asked[places], 1)
        pairs = zip(shares[:, against] > HALF, shares[:, subject] > HALF, strict=True)
        known = [*self.facts, *self.general]
        return Comparison(
            subject,
            against,
            statistics.mcnemar((bool(one), bool(other)) for one, other in pairs),
            statistics.bootstrap_difference(list(means[:, against]), list(means[:, subject])),
            [line for line in known if line.change(subject, against) > 0],
            [line for line in known if line.change(subject, against) < 0],
            statistics.is_small(len(places)),
        )


def held_out(questions: Sequence[Question]) -> list[int]:
    """The places of what proves that something was learned: neither repeated from the training nor everyday knowledge."""
    return [place for place, one in enumerate(questions) if one.kind not in (MEMORISED, GENERAL)]


def _rates(passed: Numbers, asked: Numbers, places: Sequence[int]) -> list[Rate]:
    right, all_of = passed[list(places)].sum(axis=0), asked[list(places)].sum(axis=0)
    return [Rate(int(one), int(other)) for one, other in zip(right, all_of, strict=True)]


def result(db: sqlite3.Connection, run: Run, by: str = "", without_leaks: bool = False) -> Result:
    """The rates of a run by its own grader (''), its judge or a person (core/judges.py).

    `without_leaks` leaves out the questions that a training row asks as well.
    """
    questions = evals.questions(db, run.id)
    if without_leaks:
        questions = [one for one in questions if not one.leak or one.kind == MEMORISED]
    rows = {question.id: place for place, question in enumerate(questions)}
    columns = {subject.id: place for place, subject in enumerate(run.subjects)}
    asked, passed, scored, squares = (np.zeros((len(rows), len(columns))) for _ in range(4))
    for question, subject, count, right, points, squared in db.execute(_SUMS[bool(by)], _values(run, by)):
        if question in rows:
            at = rows[question], columns[subject]
            asked[at], passed[at], scored[at], squares[at] = count, right, points, squared
    sums = {subject: values for subject, *values in db.execute(_TOTALS, (run.id,))}
    texts = {fact.name: fact.text for fact in facts.load(db)}
    found = Result(run, questions, texts, asked, passed, scored, [])
    found.totals = [
        _total(found, place, squares[:, place], sums.get(subject.id, [0, 0, 0, 0.0, 0]))
        for place, subject in enumerate(run.subjects)
    ]
    return found


_SUMS = {
    False: "SELECT question, subject, count(passed), total(passed), total(score), total(score * score) FROM eval_answer "
    "WHERE run = ? GROUP BY subject, question",
    True: "SELECT a.question, a.subject, count(*), total(m.passed), total(m.score), total(m.score * m.score) FROM eval_answer a "
    "JOIN eval_mark m ON m.answer = a.id AND m.grader = ? WHERE a.run = ? GROUP BY a.subject, a.question",
}
_TOTALS = """SELECT subject, count(*), sum(sent), sum(received), sum(seconds), sum(passed IS NULL) FROM eval_answer
WHERE run = ? GROUP BY subject"""


def _values(run: Run, by: str) -> tuple[object, ...]:
    assert by in ("", judges.JUDGE, judges.PERSON)
    return (by, run.id) if by else (run.id,)


def _total(found: Result, column: int, squares: Numbers, sums: Sequence[float]) -> Total:
    answers, sent, received, seconds, unmarked = sums
    subject = found.run.subjects[column]
    asked, passed, scored = found.asked[:, column], found.passed[:, column], found.scored[:, column]

    def rate(places: Sequence[int]) -> Rate:
        return Rate(int(passed[places].sum()), int(asked[places].sum()))

    held = held_out(found.questions)
    kinds = {kind: [at for at, one in enumerate(found.questions) if one.kind == kind] for kind in (GENERAL, MEMORISED)}
    whole = asked[held].sum()
    return Total(
        subject,
        rate(held),
        rate(kinds[GENERAL]),
        rate(kinds[MEMORISED]),
        float(scored[held].sum() / whole) if whole else 0.0,
        _spread(asked, passed, scored, squares),
        int(unmarked),
        int(sent),
        int(received),
        float(seconds),
        _per_thousand(found.run, subject, int(answers), int(sent), int(received)),
    )


def _spread(asked: Numbers, passed: Numbers, scored: Numbers, squares: Numbers) -> Spread:
    """How the repeats of a question differ, from their sums."""
    repeated = asked > 1
    if not repeated.any():
        return Spread(0.0, 0.0, 0)
    n = asked[repeated]
    variance = np.maximum(0.0, (squares[repeated] - scored[repeated] ** 2 / n) / (n - 1))
    disagreeing = (passed[repeated] > 0) & (passed[repeated] < n)
    return Spread(float(np.sqrt(variance.mean())), float(disagreeing.mean()), int(repeated.sum()))


def _per_thousand(run: Run, subject: Subject, answers: int, sent: int, received: int) -> float | None:
    if subject.provider == LOCAL:
        return 0.0
    if not answers or not (sent or received):
        return None
    price = prices.chat_price(sent, received, subject.model, run.batch)
    return None if price is None else 1000 * price / answers


def names(lines: Iterable[Line]) -> list[str]:
    """The facts among some lines, by name."""
    return [line.name for line in lines if line.name != GENERAL]
