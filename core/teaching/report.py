"""What a run of teaching until learned has brought, in words: the rounds, the exam at its end, and what did not help."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.exam import runs, scores, statistics
from core.exam.scores import ExamResult
from core.exam.statistics import PassRate
from core.language import tr, trn
from core.teaching import probes, records, stopping
from core.teaching.records import TeachingRun, TeachingStatus
from core.teaching.stopping import OWN_QUESTIONS, RULES, RoundResult, StopReason

MAX_FACTS_NAMED = 12  # facts that a sentence names


@dataclass(frozen=True, slots=True)
class TeachingReport:
    """A run with the result of its exam (None before it), and facts whose probe questions are of a kind that their exam asks."""

    run: TeachingRun
    exam: ExamResult | None
    examined_kinds: tuple[str, ...]


def load(db: sqlite3.Connection, run: TeachingRun) -> TeachingReport:
    """The report of a run."""
    exam = None
    if run.exam is not None and any(one.id == run.exam for one in runs.load_all(db)):  # a person may have deleted it
        exam = scores.load_result(db, runs.load(db, run.exam))
    examined = probes.load_examined_kinds(db)
    same = {one.fact for one in records.load_probes(db, run.id) if one.kind in examined.get(one.fact, ())}
    return TeachingReport(run, exam, tuple(name for name in run.facts if name in same))


def means_title(means: str) -> str:
    """How the rows of a round were made, in words; '' for none."""
    return {RULES: tr("questions by rules"), OWN_QUESTIONS: tr("questions that a small model writes")}.get(means, "")


def round_title(number: int) -> str:
    """What the screen calls a round."""
    return tr("Round {number}", number=number) if number else tr("Before any training")


def format_round(result: RoundResult, facts: int) -> str:
    """A round as one line: what it got, and what was learned after it, with the interval and the minutes."""
    low, high = statistics.wilson_interval(len(result.learned) / max(1, facts), facts)
    rows = trn("{n} row", "{n} rows", result.rows) if result.number else tr("the base model")
    learned = tr("{learned} of {facts} facts learned ({low}–{high})", learned=len(result.learned), facts=facts,
                 low=f"{low:.0%}", high=f"{high:.0%}")  # fmt: skip
    recall = tr("{share} of the questions right", share=f"{result.recall.share:.0%}")
    minutes = tr("{minutes} min", minutes=f"{result.seconds / 60:.1f}")
    return " · ".join(
        filter(None, (round_title(result.number), means_title(result.means), rows, learned, recall, minutes))
    )


def build_sentences(report: TeachingReport) -> list[str]:
    """What came of the run: why it ended, what was learned, what the exam says, and what did not help."""
    run = report.run
    return [
        *_describe_end(run),
        *_describe_learning(run),
        *(_describe_exam(report.exam) if report.exam else ()),
        *_describe_failures(run),
        *_describe_limits(report),
    ]


def _describe_end(run: TeachingRun) -> Iterator[str]:
    if run.status == TeachingStatus.FAILED:
        yield run.error
    if run.status == TeachingStatus.CANCELLED:
        yield tr("Stopped. It can be continued.")
    rules = run.plan.stopping_rules
    texts = {
        StopReason.LEARNED: tr("The target is reached: {share} of the facts.", share=f"{rules.target:.0%}"),
        StopReason.MAX_ROUNDS: trn("The round is done.", "All {n} rounds are done.", rules.rounds),
        StopReason.NO_GAIN: trn("The last round brought no more facts.", "The last {n} rounds brought no more facts.",
                                stopping.MAX_ROUNDS_WITHOUT_GAIN),
        StopReason.BUDGET: tr("The time is used up, or another round would take longer than what is left."),
        StopReason.NO_ROWS: tr("No other questions can be made of the facts that are not learned."),
    }  # fmt: skip
    if run.reason:
        yield texts[run.reason]


def _describe_learning(run: TeachingRun) -> Iterator[str]:
    if not run.results:
        return
    best = stopping.find_best(run.results)
    if best is None:
        yield tr("Nothing was trained: the base model answers for {learned} of {facts} facts.",
                 learned=len(run.results[0].learned), facts=len(run.facts))  # fmt: skip
        return
    yield tr(
        "By the questions that were kept for this, {learned} of {facts} facts are learned after round {number}; before, {before} were. "
        "These questions chose the model, so they flatter it.",
        learned=len(best.learned), facts=len(run.facts), number=best.number, before=len(run.results[0].learned),
    )  # fmt: skip


def _describe_exam(exam: ExamResult) -> Iterator[str]:
    if not exam.is_settled or len(exam.totals) < 2:
        return
    before, after = exam.totals[0], exam.totals[1]
    yield tr("Exam, asked once at the end: {after} of the held-out questions right, before {before}.",
             after=_format_rate(after.held), before=_format_rate(before.held))  # fmt: skip
    if after.general.asked:
        yield tr("General questions: {after} right, before {before}.", after=_format_rate(after.general),
                 before=_format_rate(before.general))  # fmt: skip


def _format_rate(rate: PassRate) -> str:
    if not rate.questions:
        return tr("none")
    low, high = rate.interval
    return tr("{rate} ({low}–{high})", rate=str(rate), low=f"{low:.0%}", high=f"{high:.0%}")


def _describe_failures(run: TeachingRun) -> Iterator[str]:
    """What did not help."""
    if stubborn := stopping.find_stubborn_facts(run.results):
        yield trn("{n} fact got rows in {rounds} rounds and is not learned: {names}.",
                  "{n} facts got rows in {rounds} rounds and are not learned: {names}.", len(stubborn),
                  rounds=stopping.ROUNDS_TO_GIVE_UP, names=_format_names(stubborn))  # fmt: skip
    for one in stopping.find_useless_rounds(run.results, run.facts):
        yield tr("Round {number} ({means}) taught none of its facts.", number=one.number, means=means_title(one.means))
    if OWN_QUESTIONS in run.plan.means and run.results and not any(one.means == OWN_QUESTIONS for one in run.rounds):
        yield tr(
            "No questions were written by a small model: there is no writer for this base model, or its turn did not come."
        )


def _describe_limits(report: TeachingReport) -> Iterator[str]:
    run = report.run
    if drafts := sum(one.drafts for one in run.rounds):
        yield trn("{n} row may not follow from its fact and stayed a draft.",
                  "{n} rows may not follow from their facts and stayed drafts.", drafts)  # fmt: skip
    if run.left_out:
        yield trn("{n} fact could not be followed, since no wording was free to ask: {names}.",
                  "{n} facts could not be followed, since no wording was free to ask: {names}.", len(run.left_out),
                  names=_format_names(run.left_out))  # fmt: skip
    if report.examined_kinds:
        yield trn("Of {n} fact the questions are of a kind that the exam asks, too, in other words.",
                  "Of {n} facts the questions are of a kind that the exam asks, too, in other words.",
                  len(report.examined_kinds))  # fmt: skip


def _format_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_FACTS_NAMED])
    return f"{shown}, …" if len(names) > MAX_FACTS_NAMED else shown
