"""The result of an exam: rates by kind, fact and question for each subject, and what was gained and lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from core.exam import calibration, degenerate_answers, judges, runs, statistics
from core.exam.calibration import Calibration
from core.exam.degenerate_answers import Flaw
from core.exam.runs import KINDS, ExamQuestion, ExamRun, ExamSubject
from core.exam.statistics import CorrectedRate, MeanDifference, PairedTest, PassRate, RepeatSpread
from core.language import tr
from core.lazy_numpy import np, npt
from core.providers import LOCAL, prices
from core.spec import facts

# The parts of an exam; only what is held out proves that something was learned.
GENERAL, MEMORISED, LEAKED, HELD = "general", "memorised", "leaked", "held"
NO_KIND = "no_kind"  # the line of questions that have no kind
PASS_SHARE = 0.5  # of its repeats, above which a question counts as passed

FloatArray: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A kind, a fact or a question: its rate for each subject, and the places of its questions.

    `shares` has for each question and subject the share of right answers, None where it was not asked.
    """

    name: str
    text: str
    rates: list[PassRate]
    questions: tuple[int, ...]
    shares: list[list[float | None]] = field(repr=False)

    def change(self, subject: int, against: int = 0) -> int:
        """1 where `subject` mostly passes and `against` mostly fails, -1 for the reverse, else 0; over what both were asked."""
        both = [
            (mine, other) for row in self.shares if (mine := row[subject]) is not None and (other := row[against]) is not None
        ]  # fmt: skip
        passes, passed = (
            (sum(side) > PASS_SHARE * len(both) for side in zip(*both, strict=True)) if both else (False, False)
        )
        return passes - passed


@dataclass(frozen=True, slots=True)
class SubjectTotal:
    """One subject's result: `held` over the held-out questions, `general` over general knowledge.

    `memorised` and `leaked` questions were trained on, on purpose and by mistake: they are counted apart and prove
    nothing. `score` is the mean of the held-out questions' mean scores. `per_thousand` is US dollars for a thousand
    questions; None where the price is not known. `flaws`: how many answers are degenerate, and how.
    """

    subject: ExamSubject
    held: PassRate
    general: PassRate
    memorised: PassRate
    leaked: PassRate
    score: float
    spread: RepeatSpread
    unmarked: int
    sent: int
    received: int
    seconds: float
    per_thousand: float | None
    flaws: dict[Flaw, int]


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Two subjects, paired by question over the held-out ones that both have answered; `missing` are those they have not.

    `mine` and `other` are their rates over these, `passing` is McNemar's test.
    """

    subject: int
    against: int
    mine: PassRate
    other: PassRate
    missing: int
    passing: PairedTest
    scoring: MeanDifference
    gained: list[ResultLine]
    lost: list[ResultLine]
    small: bool


@dataclass
class ExamResult:
    """`asked`, `passed` and `scored` are questions × subjects, over the repeats; `scored` sums scores from 0 to 1.

    `checked` is its grader held against the person's marks; None where the marks are the person's.
    """

    run: ExamRun
    questions: list[ExamQuestion]
    texts: dict[str, str]  # of the facts, by name
    asked: FloatArray
    passed: FloatArray
    scored: FloatArray
    totals: list[SubjectTotal]
    checked: Calibration | None = None
    _compared: dict[tuple[int, int], PairedComparison] = field(default_factory=dict, repr=False)

    @property
    def is_settled(self) -> bool:
        """Whether subjects may be judged: the run has ended, or everyone has answered all of its questions."""
        return self.run.status != runs.ExamStatus.RUNNING or bool((self.asked >= self.run.repeats).all())

    @cached_property
    def kinds(self) -> list[ResultLine]:
        """A line for each kind, those that count for nothing apart."""
        places: dict[str, list[int]] = {}
        for place, question in enumerate(self.questions):
            places.setdefault(kind_line(question), []).append(place)
        order = {name: at for at, name in enumerate((*KINDS, *sorted(set(places) - {*KINDS, NO_KIND, LEAKED})))}
        named = sorted(places, key=lambda name: (name == LEAKED, name == NO_KIND, order.get(name, 0)))
        return [self._line(name, "", places[name]) for name in named]

    @cached_property
    def facts(self) -> list[ResultLine]:
        """Facts by name, by the questions that prove something of them: what the text does not say proves nothing."""
        places: dict[str, list[int]] = {}
        for place, question in enumerate(self.questions):
            if question_part(question) in (HELD, GENERAL) and question.kind != "not_stated":
                for name in dict.fromkeys(question.facts.split()):
                    places.setdefault(name, []).append(place)
        return [self._line(name, self.texts.get(name, ""), places[name]) for name in sorted(places)]

    @cached_property
    def lines(self) -> list[ResultLine]:
        """Each question by itself."""
        return [self._line(one.kind or NO_KIND, one.question, [place]) for place, one in enumerate(self.questions)]

    @cached_property
    def general(self) -> list[ResultLine]:
        """The lines of the questions of general knowledge."""
        return [line for line, one in zip(self.lines, self.questions, strict=True) if question_part(one) == GENERAL]

    @property
    def leaks(self) -> list[ExamQuestion]:
        """Questions that a training row asks as well; what is right there proves nothing."""
        return [question for question in self.questions if question_part(question) == LEAKED]

    def correct_held(self, subject: int) -> CorrectedRate | None:
        """A subject's held-out rate corrected for the grader's errors; None where it can't be (`Calibration.correct`)."""
        return self.checked.correct(self.totals[subject].held) if self.checked else None

    def _line(self, name: str, text: str, places: Sequence[int]) -> ResultLine:
        passed, asked = self.passed[list(places)], self.asked[list(places)]
        shares = [
            [float(right / every) if every else None for right, every in zip(*both, strict=True)]
            for both in zip(passed, asked, strict=True)
        ]
        rates = [PassRate.of(passed[:, at], asked[:, at]) for at in range(passed.shape[1])]
        return ResultLine(name, text, rates, tuple(places), shares)

    def compare(self, subject: int, against: int = 0) -> PairedComparison:
        """The comparison of two subjects, over the held-out questions that both have answered."""
        if (subject, against) not in self._compared:
            self._compared[subject, against] = self._compare(subject, against)
        return self._compared[subject, against]

    def _compare(self, subject: int, against: int) -> PairedComparison:
        held = find_places(self.questions, HELD)
        both = [place for place in held if self.asked[place, subject] and self.asked[place, against]]
        shares = self.passed[both] / np.maximum(self.asked[both], 1)
        means = self.scored[both] / np.maximum(self.asked[both], 1)
        pairs = zip(shares[:, against] > PASS_SHARE, shares[:, subject] > PASS_SHARE, strict=True)
        known = [*self.facts, *self.general]
        return PairedComparison(
            subject,
            against,
            PassRate.of(self.passed[both, subject], self.asked[both, subject]),
            PassRate.of(self.passed[both, against], self.asked[both, against]),
            len(held) - len(both),
            statistics.mcnemar((bool(one), bool(other)) for one, other in pairs),
            statistics.paired_difference(means[:, against].tolist(), means[:, subject].tolist()),
            [line for line in known if line.change(subject, against) > 0],
            [line for line in known if line.change(subject, against) < 0],
            statistics.is_small(len(both)),
        )


def compare_with_search(result: ExamResult, subject: int) -> tuple[PassRate, MeanDifference] | None:
    """What a search alone has right of the held-out questions that a subject answered, and how much more the subject has.

    None where no such question was searched for.
    """
    held = find_places(result.questions, HELD)
    both = [place for place in held if result.asked[place, subject] and result.questions[place].found is not None]
    if not both:
        return None
    found = [float(bool(result.questions[place].found)) for place in both]
    shares = result.passed[both, subject] / result.asked[both, subject]
    return PassRate.of(found, [1] * len(both)), statistics.paired_difference(found, shares.tolist())


def question_part(question: ExamQuestion) -> str:
    """What a question can prove: HELD that something was learned, GENERAL what was forgotten, the others nothing."""
    if question.kind == MEMORISED:
        return MEMORISED
    return LEAKED if question.leak else GENERAL if question.kind == GENERAL else HELD


def kind_line(question: ExamQuestion) -> str:
    """The line of `Result.kinds` that a question belongs to."""
    return LEAKED if question_part(question) == LEAKED else question.kind or NO_KIND


def kind_title(kind: str) -> str:
    """What a kind of question, or a line of `ExamResult.kinds`, is called."""
    return {
        "": tr("No kind"),
        NO_KIND: tr("No kind"),
        LEAKED: tr("Leaked: also in the training rows, not counted in the result"),
        "memorised": tr("Memorised: a question from training, not counted in the result"),
        "direct": tr("Direct"),
        "statement": tr("Statement"),
        "reworded": tr("Reworded"),
        "reverse": tr("Reverse"),
        "applied": tr("Applied"),
        "combined": tr("Combined"),
        "not_stated": tr("Not stated"),
        "false_premise": tr("False premise"),
        "general": tr("General"),
    }.get(kind, kind)


def find_places(questions: Sequence[ExamQuestion], wanted: str) -> list[int]:
    """The places of the questions of a part."""
    return [place for place, one in enumerate(questions) if question_part(one) == wanted]


def load_result(db: sqlite3.Connection, run: ExamRun, by: str = "") -> ExamResult:
    """The rates of a run by its own grader (''), its judge or a person (core/exam/judges.py)."""
    questions = runs.load_questions(db, run.id)
    rows = {question.id: place for place, question in enumerate(questions)}
    columns = {subject.id: place for place, subject in enumerate(run.subjects)}
    asked, passed, scored, squares = (np.zeros((len(rows), len(columns))) for _ in range(4))
    for question, subject, count, right, points, squared in db.execute(_QUESTION_SUMS[bool(by)], _sql_values(run, by)):
        if question in rows:
            at = rows[question], columns[subject]
            asked[at], passed[at], scored[at], squares[at] = count, right, points, squared
    sums = {subject: values for subject, *values in db.execute(_SUBJECT_SUMS, (run.id,))}
    flaws = degenerate_answers.count_flaws(db, run.id, run.sampling.max_tokens)
    texts = {fact.name: fact.text for fact in facts.load(db)}
    checked = None if by == judges.PERSON else calibration.load(db, run.id, by)
    found = ExamResult(run, questions, texts, asked, passed, scored, [], checked)
    found.totals = [
        _build_total(
            found, place, squares[:, place], sums.get(subject.id, [0, 0, 0, 0.0, 0]), flaws.get(subject.id, {})
        )
        for place, subject in enumerate(run.subjects)
    ]
    return found


_QUESTION_SUMS = {
    False: "SELECT question, subject, count(passed), total(passed), total(score), total(score * score) FROM eval_answer "
    "WHERE run = ? GROUP BY subject, question",
    True: "SELECT a.question, a.subject, count(*), total(m.passed), total(m.score), total(m.score * m.score) FROM eval_answer a "
    "JOIN eval_mark m ON m.answer = a.id AND m.grader = ? WHERE a.run = ? GROUP BY a.subject, a.question",
}
_SUBJECT_SUMS = """SELECT subject, count(*), sum(sent), sum(received), sum(seconds), sum(passed IS NULL) FROM eval_answer
WHERE run = ? GROUP BY subject"""


def _sql_values(run: ExamRun, by: str) -> tuple[object, ...]:
    assert by in ("", judges.JUDGE, judges.PERSON)
    return (by, run.id) if by else (run.id,)


def _build_total(
    found: ExamResult, column: int, squares: FloatArray, sums: Sequence[float], flaws: dict[Flaw, int]
) -> SubjectTotal:
    answers, sent, received, seconds, unmarked = sums
    subject = found.run.subjects[column]
    asked, passed, scored = found.asked[:, column], found.passed[:, column], found.scored[:, column]

    rates = {
        name: PassRate.of(passed[where], asked[where])
        for name in (HELD, GENERAL, MEMORISED, LEAKED)
        for where in (find_places(found.questions, name),)
    }
    held = [place for place in find_places(found.questions, HELD) if asked[place]]
    return SubjectTotal(
        subject,
        rates[HELD],
        rates[GENERAL],
        rates[MEMORISED],
        rates[LEAKED],
        float((scored[held] / asked[held]).mean()) if held else 0.0,
        _compute_spread(asked, passed, scored, squares),
        int(unmarked),
        int(sent),
        int(received),
        float(seconds),
        _price_per_thousand(found.run, subject, int(answers), int(sent), int(received)),
        flaws,
    )


def _compute_spread(asked: FloatArray, passed: FloatArray, scored: FloatArray, squares: FloatArray) -> RepeatSpread:
    """How the repeats of a question differ, from their sums."""
    repeated = asked > 1
    if not repeated.any():
        return RepeatSpread(0.0, 0.0, 0)
    n = asked[repeated]
    variance = np.maximum(0.0, (squares[repeated] - scored[repeated] ** 2 / n) / (n - 1))
    disagreeing = (passed[repeated] > 0) & (passed[repeated] < n)
    return RepeatSpread(float(np.sqrt(variance.mean())), float(disagreeing.mean()), int(repeated.sum()))


def _price_per_thousand(run: ExamRun, subject: ExamSubject, answers: int, sent: int, received: int) -> float | None:
    if subject.provider == LOCAL:
        return 0.0
    if not answers or not (sent or received):
        return None
    price = prices.chat_price(sent, received, subject.model, run.batch)
    return None if price is None else 1000 * price / answers


def fact_names(lines: Iterable[ResultLine]) -> list[str]:
    """The facts among some lines, by name."""
    return [line.name for line in lines if line.name != GENERAL]
