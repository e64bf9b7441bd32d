"""How far a grader can be trusted: its marks against those that a person gave the same answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from core.exam import statistics
from core.exam.judges import JUDGE
from core.exam.questions import GENERAL
from core.exam.statistics import CorrectedRate, KappaAgreement, PassRate

MIN_MARKS = 20  # of a person, from which a grader is called checked


@dataclass(frozen=True, slots=True)
class CheckedMark:
    """An answer to a question that both have marked: whether it passed with the `grader` and with the `person`."""

    question: str
    kind: str
    grader: bool
    person: bool


@dataclass(frozen=True, slots=True)
class KindErrors:
    """Of one kind of question: the `wrong` answers by the person's marks, those of them passed; the `right` ones, those failed."""

    kind: str
    wrong: int
    wrong_passed: int
    right: int
    right_failed: int


@dataclass(frozen=True)
class Calibration:
    """A grader ('' is the run's own, else JUDGE) checked on a person's marks, which are from `exams` exams."""

    by: str
    marks: Sequence[CheckedMark]
    exams: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough marks to say anything."""
        return len(self.marks) >= MIN_MARKS

    @cached_property
    def agreement(self) -> PassRate:
        """The marks that are the same; the questions are the sample, as everywhere."""
        return _rate((one.question, one.grader == one.person) for one in self.marks)

    @cached_property
    def kappa(self) -> KappaAgreement:
        """Cohen's kappa of grader and person."""
        return statistics.kappa([one.grader for one in self.marks], [one.person for one in self.marks])

    @cached_property
    def kinds(self) -> list[KindErrors]:
        """The grader's errors by kind of question, in the order of the kinds' names."""
        return [_count_errors(kind, [*marks]) for kind, marks in groupby(sorted(self.marks, key=_kind), key=_kind)]

    @property
    def about_text(self) -> list[CheckedMark]:
        """The marks of questions about the text: what the correction of a held-out rate stands on."""
        return [one for one in self.marks if one.kind != GENERAL]

    @cached_property
    def sensitivity(self) -> PassRate:
        """How many of the right answers about the text it passes."""
        return _rate((one.question, one.grader) for one in self.about_text if one.person)

    @cached_property
    def specificity(self) -> PassRate:
        """How many of the wrong answers about the text it fails."""
        return _rate((one.question, not one.grader) for one in self.about_text if not one.person)

    @property
    def can_correct(self) -> bool:
        """Whether rates can be corrected for its errors."""
        return self.correct(PassRate.of([1], [1])) is not None

    def correct(self, rate: PassRate) -> CorrectedRate | None:
        """A rate of held-out questions corrected for the grader's errors (`statistics.correct_rate`).

        None where nothing was asked, with fewer than `MIN_MARKS` marks about the text, and for a grader that is not
        clearly better than chance. It takes the errors to be the same for all subjects and kinds of question.
        """
        if len(self.about_text) < MIN_MARKS:
            return None
        return statistics.correct_rate(rate, self.sensitivity, self.specificity)


def _kind(mark: CheckedMark) -> str:
    return mark.kind


def _rate(marks: Iterable[tuple[str, bool]]) -> PassRate:
    """The rate of marks by question."""
    found: dict[str, list[bool]] = {}
    for question, holds in marks:
        found.setdefault(question, []).append(holds)
    return PassRate.of([sum(one) for one in found.values()], [len(one) for one in found.values()])


def _count_errors(kind: str, marks: Sequence[CheckedMark]) -> KindErrors:
    wrong, right = ([one.grader for one in marks if one.person is is_right] for is_right in (False, True))
    return KindErrors(kind, len(wrong), sum(wrong), len(right), right.count(False))


# The same answer to the same question counts once, by the person's newest mark. The grader and the judge are those
# of the run, so that their marks of earlier exams count, too.
_PAIRS = """SELECT q.question, q.kind, {mark}, p.passed, a.run, max(p.created_at) FROM eval_mark p
CROSS JOIN eval_answer a ON a.id = p.answer JOIN eval_run r ON r.id = a.run JOIN eval_question q ON q.id = a.question
LEFT JOIN eval_mark j ON j.answer = a.id AND j.grader = 'judge'
WHERE p.grader = 'person' AND {mark} IS NOT NULL AND {same} GROUP BY q.question, q.reference, q.key_points, a.text"""
_OF_JUDGE = "j.passed", "r.judge = (SELECT judge FROM eval_run WHERE id = ?)"
_OF_GRADER = "a.passed", "r.grader = (SELECT grader FROM eval_run WHERE id = ?)"


def load(db: sqlite3.Connection, run: int, by: str) -> Calibration:
    """Check a run's own grader ('') or its judge on the person's marks, those of the project's other exams included."""
    mark, same = _OF_JUDGE if by == JUDGE else _OF_GRADER
    rows = db.execute(_PAIRS.format(mark=mark, same=same), (run,)).fetchall()
    marks = [CheckedMark(question, kind, bool(grader), bool(person)) for question, kind, grader, person, *_rest in rows]
    return Calibration(by, marks, len({exam for *_mark, exam, _time in rows}))


def load_checks(db: sqlite3.Connection, run: int) -> list[Calibration]:
    """The same for both graders of a run, without one that shares no mark with the person."""
    found = [load(db, run, by) for by in ("", JUDGE)]
    return [one for one in found if one.marks]


def check_data(found: Calibration) -> dict[str, Any]:
    """A check in JSON: agreement and kappa, then the rates that correct others, and the errors by kind of question."""
    return {
        "grader": found.by,
        "marks": len(found.marks),
        "exams": found.exams,
        "enough": found.is_enough,
        "agreed": found.agreement.passed,
        "interval": list(found.agreement.interval),
        "kappa": found.kappa.value,
        "sensitivity": [found.sensitivity.passed, found.sensitivity.asked],
        "specificity": [found.specificity.passed, found.specificity.asked],
        "kinds": [asdict(one) for one in found.kinds],
    }
