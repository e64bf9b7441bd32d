"""What a rescue has done and how the new model compares with the old one, in sentences; and the days that are left."""

import datetime
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.exam import runs, scores
from core.exam.scores import ExamResult, PairedComparison, ResultLine
from core.exam.verdict import SIGNIFICANCE_LEVEL
from core.language import tr, trn
from core.providers import shutdown_dates
from core.rescue import records
from core.rescue.records import RescueRun, RescueStatus, RescueStep

MAX_NAMED = 8  # facts that a sentence names
OLD, NEW = 0, 1  # the places of both models in the exam


@dataclass(frozen=True, slots=True)
class RescueReport:
    """A rescue with the result of its exam; None before it, or where a person has deleted it."""

    run: RescueRun
    exam: ExamResult | None

    @property
    def comparison(self) -> PairedComparison | None:
        """The new model against the old one, over the questions that both have answered; None before both have."""
        if self.exam is None or len(self.exam.run.subjects) <= NEW:
            return None
        found = self.exam.compare(NEW, OLD)
        return found if found.mine.asked and found.other.asked else None

    @property
    def is_parity(self) -> bool:
        """Whether the new model answers as many questions right as the old one."""
        found = self.comparison
        return found is not None and 0 < found.mine.share >= found.other.share


def load(db: sqlite3.Connection, run: RescueRun) -> RescueReport:
    """The report of a rescue."""
    exam = None
    if run.exam is not None and any(one.id == run.exam for one in runs.load_all(db)):
        exam = scores.load_result(db, runs.load(db, run.exam))
    return RescueReport(run, exam)


def load_newest(db: sqlite3.Connection) -> RescueReport | None:
    """The report of the rescue that was begun last; None where there is none."""
    run = records.load_newest(db)
    return load(db, run) if run else None


def step_title(step: RescueStep, run: RescueRun | None = None) -> str:
    """What is done in a step, as a heading."""
    base = run.plan.base if run else tr("another model")
    return {
        RescueStep.FILES: tr("Save its files and import their rows"),
        RescueStep.OLD_EXAM: tr("The old model sits the exam"),
        RescueStep.JOB: tr("Teach {model}", model=base),
        RescueStep.NEW_EXAM: tr("The new model sits the same exam"),
        RescueStep.DONE: tr("Done"),
    }[step]


def format_deadline(model: str, closing: datetime.date | None, preset: str, today: datetime.date) -> str:
    """How many days a model still answers, and how long its server still trains; '' where no end is known."""
    parts = []
    if closing:
        left = shutdown_dates.format_days_left((closing - today).days)
        parts.append(tr("{model}: {left} (until {day})", model=model, left=left, day=closing))
    last = shutdown_dates.last_day(preset)
    if last:
        left = shutdown_dates.format_days_left((last - today).days)
        parts.append(tr("new training there: {left} (until {day})", left=left, day=last))
    return " · ".join(parts)


def build_sentences(report: RescueReport) -> list[str]:
    """How both models compare, or why the rescue has stopped, then what was done."""
    run = report.run
    lines = list(_describe_parity(report))
    if run.status == RescueStatus.FAILED:
        lines.append(tr("Stopped at “{step}”: {reason}", step=step_title(run.step, run), reason=run.error))
    if run.fine_tuned_model:
        lines.append(tr("The new model is {model}.", model=run.fine_tuned_model))
    return [*lines, *run.notes]


def _describe_parity(report: RescueReport) -> Iterator[str]:
    found = report.comparison
    if found is None:
        if report.run.is_over:
            yield tr("Both models could not be compared: no held-out question was answered by both.")
        return
    values = {"new": f"{found.mine.share:.0%}", "old": f"{found.other.share:.0%}", "n": found.mine.questions}
    if not found.mine.passed and not found.other.passed:
        yield tr("Neither model answers one of {n} exam questions right: they cannot be compared by it.", **values)
    elif report.is_parity:
        yield tr("Parity: the new model answers {new} of {n} exam questions right, the old one {old}.", **values)
    else:
        yield tr("Not as good: the new model answers {new} of {n} exam questions right, the old one {old}.", **values)
        if found.passing.p > SIGNIFICANCE_LEVEL:
            yield tr("So small a difference may be chance.")
        else:
            yield tr("Teach it with more rows or epochs, or a larger base model, and rescue again.")
    if found.small:
        yield tr("These are few questions: another sample could look different.")
    if found.lost:
        yield tr("Lost: {names}", names=_format_names(found.lost))
    if found.gained:
        yield tr("Gained: {names}", names=_format_names(found.gained))


def _format_names(lines: Sequence[ResultLine]) -> str:
    names = [line.text or line.name for line in lines[:MAX_NAMED]]
    left = len(lines) - len(names)
    return "; ".join([*names, trn("and {n} more", "and {n} more", left)] if left else names)
