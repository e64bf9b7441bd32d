"""An exam's answers as a CSV table and as JSON, a line for each, without a limit."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from core import __version__, replies
from core.exam import calibration, prompt_conditions, runs, scores
from core.exam.degenerate_answers import Flaw
from core.exam.judges import JUDGE
from core.exam.prompt_conditions import CONDITIONS
from core.exam.report import report_data
from core.exam.scores import ExamResult, PairedComparison, ResultLine
from core.exam.statistics import PassRate
from core.formats import csv_cells
from core.providers.model_identity import adapter_hash

FORMAT = "juku-exam-1"
QUESTION_COLUMNS = ("number", "kind", "facts", "question", "reference", "key_points", "leak")
SUBJECT_COLUMNS = ("provider", "model", "condition")
ANSWER_COLUMNS = ("repeat", "answer", "score", "passed", "reason", "judge_score", "judge_passed", "judge_reason", "person_score",
          "person_passed", "person_note", "reported", "fingerprint", "adapter", "seconds", "sent", "received", "passages")  # fmt: skip

_ANSWERS = """SELECT a.question, a.subject, a.sample + 1, a.text, a.score, a.passed, a.reason, j.score, j.passed, j.reason, p.score,
p.passed, p.reason, a.reported, a.fingerprint, '', a.seconds, a.sent, a.received, a.passages FROM eval_answer a
LEFT JOIN eval_mark j ON j.answer = a.id AND j.grader = 'judge'
LEFT JOIN eval_mark p ON p.answer = a.id AND p.grader = 'person'
WHERE a.run = ? ORDER BY a.question, a.subject, a.sample"""


def write_csv(db: sqlite3.Connection, id: int) -> Iterator[str]:
    """Yield the answers as CSV, a line for each; a text that a spreadsheet would run as a formula is escaped.

    Raises `JukuError` where there is no such run.
    """
    run = report_data.find_run(db, id)
    questions = {one.id: _question_values(number, one) for number, one in enumerate(runs.load_questions(db, run.id), 1)}
    subjects = {one.id: (one.provider, one.model, one.condition) for one in run.subjects}
    yield csv_cells.BOM + csv_cells.write_record([*QUESTION_COLUMNS, *SUBJECT_COLUMNS, *ANSWER_COLUMNS], ",")
    for question, subject, *answer in _load_answers(db, run.id):
        values = [*questions[question], *subjects[subject], *answer[:-1], _format_passages(answer[-1])]
        yield csv_cells.write_record([_format_cell(value) for value in values], ",")


def _question_values(number: int, one: runs.ExamQuestion) -> list[object]:
    return [number, *(getattr(one, name) for name in QUESTION_COLUMNS[1:])]


def _load_answers(db: sqlite3.Connection, run: int) -> Iterator[list[Any]]:
    """Rows of `_ANSWERS`: question, subject, then `ANSWER`."""
    adapter, fingerprint, judged = (
        2 + ANSWER_COLUMNS.index(name) for name in ("adapter", "fingerprint", "judge_reason")
    )
    truths = [2 + at for at, name in enumerate(ANSWER_COLUMNS) if name.endswith("passed")]
    for row in db.execute(_ANSWERS, (run,)):
        values = list(row)
        values[adapter] = adapter_hash(values[fingerprint])
        values[judged] = None if values[judged] is None else replies.format_reason(values[judged])
        for at in truths:
            values[at] = None if values[at] is None else bool(values[at])
        yield values


def _format_passages(stored: str) -> str:
    return "\n\n".join(one.passage.whole for one in prompt_conditions.parse_passages(stored))


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return csv_cells.escape_formula(str(value)) if isinstance(value, str) else str(value)


def write_json(db: sqlite3.Connection, id: int, by: str = "") -> Iterator[str]:
    """Yield one JSON value in pieces: the result by the marks of `by`, the questions, and each answer on a line of its own.

    Raises `JukuError` where there is no such run.
    """
    run = report_data.find_run(db, id)
    result = scores.load_result(db, run, by)
    places = {one.id: at for at, one in enumerate(run.subjects)}
    numbers = {one.id: number for number, one in enumerate(result.questions, 1)}
    head = json.dumps(_build_head(db, result, by), ensure_ascii=False, indent=1)
    yield head.removesuffix("\n}") + ',\n "answers": ['
    for count, (question, subject, *answer) in enumerate(_load_answers(db, run.id)):
        values = dict(zip(ANSWER_COLUMNS, answer, strict=True), passages=json.loads(answer[-1] or "[]"))
        line = {"question": numbers[question], "subject": places[subject], **values}
        yield f"{',' if count else ''}\n  {json.dumps(line, ensure_ascii=False)}"
    yield "\n ]\n}\n"


def _build_head(db: sqlite3.Connection, result: ExamResult, by: str) -> dict[str, Any]:
    """All but the answers; a subject is its place in `subjects`."""
    run = result.run
    compared = report_data.load_report(db, run.id, by, shown=0)
    return {
        "format": FORMAT,
        "made_by": f"Juku {__version__}",
        "title": compared.title,
        "run": {
            "id": run.id, "created_at": run.created_at, "finished_at": run.finished_at, "status": run.status,
            "repeats": run.repeats, "settings": run.settings, "grader": run.grader, "judge": run.judge, "batch": run.batch,
            "marks_by": by or run.grader,
        },
        "verdict": compared.verdict,
        "verdict_waits_for": compared.waiting,
        "subjects": [_subject_data(result, at) for at in range(len(run.subjects))],
        "kinds": [_line_data(line) for line in result.kinds],
        "facts": [_line_data(line) for line in result.facts],
        "comparisons": [_comparison_data(one) for one in compared.comparisons],
        "checked_on_your_marks": [calibration.check_data(one) | {"grader": one.by or run.grader} for one in compared.checks],
        "agreement": {"one": run.grader, "other": JUDGE, **dataclasses.asdict(compared.agreement)},
        "questions": [dict(zip(QUESTION_COLUMNS, _question_values(number, one), strict=True)) for number, one in enumerate(result.questions, 1)],
    }  # fmt: skip


def _subject_data(result: ExamResult, at: int) -> dict[str, Any]:
    one, total = result.run.subjects[at], result.totals[at]
    return {
        "provider": one.provider, "model": one.model, "condition": one.condition, "about": CONDITIONS[one.condition].description(),
        "error": one.error, "held_out": rate_data(total.held), "held_out_corrected": corrected_data(result, at), "general": rate_data(total.general),
        "memorised": rate_data(total.memorised), "leaked": rate_data(total.leaked), "score": total.score, "spread": dataclasses.asdict(total.spread),
        "unmarked": total.unmarked, "sent": total.sent, "received": total.received, "seconds": total.seconds,
        "dollars_per_thousand": total.per_thousand, "degenerate": {flaw.value: total.flaws.get(flaw, 0) for flaw in Flaw},
    }  # fmt: skip


def rate_data(rate: PassRate) -> dict[str, Any]:
    """A rate in JSON; its interval takes the questions for the sample."""
    return {
        "passed": rate.passed,
        "asked": rate.asked,
        "questions": rate.questions,
        "share": rate.share,
        "interval": list(rate.interval),
    }


def corrected_data(result: ExamResult, subject: int) -> dict[str, Any] | None:
    """A subject's corrected held-out rate in JSON; None where it can't be corrected."""
    found = result.correct_held(subject)
    return None if found is None else {"share": found.share, "interval": list(found.interval)}


def _line_data(line: ResultLine) -> dict[str, Any]:
    rates = [[rate.passed, rate.asked] for rate in line.rates]
    return {
        "name": line.name,
        "text": line.text,
        "passed_of_asked": rates,
        "questions": [at + 1 for at in line.questions],
    }


def _comparison_data(one: PairedComparison) -> dict[str, Any]:
    difference = {"mean": one.scoring.mean, "interval": list(one.scoring.interval), "questions": one.scoring.n}
    return {
        "subject": one.subject, "against": one.against, "rates": [rate_data(one.mine), rate_data(one.other)],
        "questions_not_answered_by_both": one.missing, "mcnemar": dataclasses.asdict(one.passing), "score": difference,
        "facts_gained": scores.fact_names(one.gained), "facts_lost": scores.fact_names(one.lost), "small_sample": one.small,
    }  # fmt: skip
