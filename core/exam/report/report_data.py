"""The data of an exam report, read from a project at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.errors import JukuError
from core.exam import calibration, checkpoint_trends, judges, runs, scores, verdict
from core.exam.calibration import Calibration
from core.exam.checkpoint_trends import CheckpointResult
from core.exam.judges import AnswerMark
from core.exam.prompt_conditions import CLOSED_BOOK, OPEN_BOOK, RETRIEVED
from core.exam.runs import ExamRun
from core.exam.scores import ExamResult, PairedComparison
from core.exam.statistics import KappaAgreement
from core.language import tr
from core.providers import model_identity
from core.providers.models_api import is_tuned
from core.spec import revisions, spec

MAX_ANSWERS_SHOWN = 6000  # different answers that a report shows; a file of about 3 MB
MAX_ANSWERS_EACH = 3  # different answers of one subject to one question
QUERY_BATCH = 500


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """An answer that a subject gave `times` times to a question; `passed` is None where the grader could not mark."""

    id: int
    question: int
    subject: int
    text: str
    times: int
    passed: bool | None
    reason: str
    marks: list[AnswerMark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReportedIdentity:
    """Which model a server reports as having answered, and how often; `adapter` is its hash where the local engine reported one."""

    reported: str
    fingerprint: str
    adapter: str
    answers: int


@dataclass
class ExamReport:
    """All that a report shows of a run, by the marks of `by`; while it cannot be judged, `waiting` says so instead of `verdict`.

    `identities` and `answers_shown` are by a subject's and a question's id; `left_out` answers are not among those.
    `checks` are its graders against the person's marks, `agreement` is that of its own grader and the judge.
    """

    title: str
    by: str
    run: ExamRun
    result: ExamResult
    revision: str
    names: list[str]
    verdict: list[str]
    waiting: str
    comparisons: list[PairedComparison]
    identities: dict[int, list[ReportedIdentity]]
    checks: list[Calibration]
    agreement: KappaAgreement
    points: list[CheckpointResult]
    answers_shown: dict[int, list[ReportAnswer]]
    answers: int
    left_out: int


def find_run(db: sqlite3.Connection, id: int | None = None) -> ExamRun:
    """A run by its number, else the newest with answers, else the newest. Raises `JukuError` where there is none."""
    wanted = id or db.execute("SELECT max(run) FROM eval_answer").fetchone()[0]
    found = next((run for run in runs.load_all(db) if wanted in (None, run.id)), None)
    if found is None:
        raise JukuError(
            tr("There is no such exam") if id else tr("There is no exam yet"),
            tr("A report is about an exam that models have taken. Start an exam in the exam tab."),
        )
    return found


def load_report(
    db: sqlite3.Connection, id: int, by: str = "", title: str = "", shown: int = MAX_ANSWERS_SHOWN
) -> ExamReport:
    """All that a report shows of a run, with at most `shown` different answers. Raises `JukuError` where there is no such run."""
    run = find_run(db, id)
    result = scores.load_result(db, run, by)
    revision = revisions.load_revision(db, run.revision) if run.revision else None
    answers_shown, answers, left_out = _load_answers(db, run.id, shown)
    return ExamReport(
        title or report_title(db, run),
        by,
        run,
        result,
        revision.name if revision else "",
        subject_names(run),
        verdict.build_sentences(result),
        verdict.waiting_reason(result),
        _compare_subjects(result),
        _load_identities(db, run.id),
        calibration.load_checks(db, run.id),
        judges.compute_agreement(db, run.id),
        [point for point in checkpoint_trends.load_points(db, by) if point.run == run.id and point.step is not None],
        answers_shown,
        answers,
        left_out,
    )


def report_title(db: sqlite3.Connection, run: ExamRun) -> str:
    """The name of the spec that the exam is about, at the time of the exam."""
    revision = revisions.load_revision(db, run.revision) if run.revision else None
    return (revision.spec.name if revision else "") or spec.load(db).name


def subject_names(run: ExamRun) -> list[str]:
    """The names of the subjects: short ones, long ones where two would be the same."""
    brief = [verdict.subject_title(subject) for subject in run.subjects]
    several = len({subject.provider for subject in run.subjects}) > 1
    full = [f" – {one.model}" + (f" – {one.provider}" if several else "") for one in run.subjects]
    return [name if brief.count(name) == 1 else name + rest for name, rest in zip(brief, full, strict=True)]


def _compare_subjects(result: ExamResult) -> list[PairedComparison]:
    """The fine-tuned models against the base, closed book and open book, then all others against the base (else the first subject)."""
    if not result.is_settled:
        return []
    subjects = result.run.subjects
    bases = {one.condition: at for at, one in reversed([*enumerate(subjects)]) if not is_tuned(one.model)}
    first = bases.get(CLOSED_BOOK, 0)
    pairs = [
        (at, bases[book])
        for at in verdict.find_tuned(result)
        for book in (CLOSED_BOOK, OPEN_BOOK, RETRIEVED)
        if book in bases
    ]
    pairs += [(at, first) for at in range(len(subjects)) if at != first]
    found = [result.compare(at, against) for at, against in dict.fromkeys(pairs)]
    return [one for one in found if one.scoring.n]


def _load_identities(db: sqlite3.Connection, run: int) -> dict[int, list[ReportedIdentity]]:
    found: dict[int, list[ReportedIdentity]] = {}
    sql = (
        "SELECT subject, reported, fingerprint, count(*) FROM eval_answer WHERE run = ? "
        "GROUP BY subject, reported, fingerprint ORDER BY subject, count(*) DESC"
    )
    for subject, reported, fingerprint, count in db.execute(sql, (run,)):
        identity = ReportedIdentity(reported, fingerprint, model_identity.adapter_hash(fingerprint), count)
        found.setdefault(subject, []).append(identity)
    return found


_DISTINCT_ANSWERS = """SELECT min(id), question, subject, text, count(*), min(passed), max(reason) FROM eval_answer WHERE run = ?
GROUP BY question, subject, text ORDER BY question, subject, count(*) DESC, min(id)"""


def _load_answers(db: sqlite3.Connection, run: int, shown: int) -> tuple[dict[int, list[ReportAnswer]], int, int]:
    """The answers to show by question, how many there are, and how many are not shown."""
    chosen: list[ReportAnswer] = []
    cell, in_cell, answers, left_out = (0, 0), 0, 0, 0
    for id, question, subject, text, times, passed, reason in db.execute(_DISTINCT_ANSWERS, (run,)):
        in_cell = in_cell + 1 if cell == (question, subject) else 1
        cell, answers = (question, subject), answers + times
        if in_cell > MAX_ANSWERS_EACH or len(chosen) >= shown:
            left_out += times
        else:
            right = None if passed is None else bool(passed)
            chosen.append(ReportAnswer(id, question, subject, text, times, right, reason))
    _add_marks(db, chosen)
    found: dict[int, list[ReportAnswer]] = {}
    for one in chosen:
        found.setdefault(one.question, []).append(one)
    return found, answers, left_out


def _add_marks(db: sqlite3.Connection, chosen: Sequence[ReportAnswer]) -> None:
    known = {one.id: one for one in chosen}
    ids = list(known)
    for start in range(0, len(ids), QUERY_BATCH):
        part = ids[start : start + QUERY_BATCH]
        places = ",".join("?" * len(part))
        sql = f"SELECT answer, grader, score, passed, reason FROM eval_mark WHERE answer IN ({places}) AND grader <> ?"
        for answer, grader, score, passed, reason in db.execute(sql, (*part, judges.UNCLEAR)):
            known[answer].marks.append(AnswerMark.read(answer, grader, score, passed, reason))
