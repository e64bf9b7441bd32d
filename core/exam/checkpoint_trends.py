"""The results of fine-tuned models over time: at each checkpoint, and after each version of the rows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from core.exam import judges
from core.exam.scores import GENERAL, MEMORISED
from core.exam.statistics import PassRate


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """The result of one exam run for a model that a job made, under one condition.

    `step` is the checkpoint's, for the job's final model (`is_final`) the last one reported; None where it is not
    known. `version` and `version_name` are of the rows it was trained on, None and '' where no copy was stored; `rows`
    is their number.
    """

    run: int
    subject: int
    provider: str
    model: str
    condition: str
    job: int
    title: str
    step: int | None
    is_final: bool
    version: int | None
    version_name: str
    rows: int
    held: PassRate
    general: PassRate


# Every model that a job has made; of jobs that claim the same (one was adopted twice), the first.
_MODELS_OF_JOBS = """WITH made AS (
  SELECT provider, fine_tuned_model AS model, id AS job, 1 AS is_final,
    (SELECT max(step) FROM job_metric WHERE job_metric.job = job.id) AS step
  FROM job WHERE fine_tuned_model IS NOT NULL
  UNION ALL
  SELECT job.provider, c.model, job.id, 0, c.step FROM job_checkpoint c JOIN job ON job.id = c.job
  WHERE c.model <> coalesce(job.fine_tuned_model, '')
)
SELECT s.run, s.id, s.provider, s.model, s.condition, made.job,
  coalesce(nullif(job.sweep, ''), json_extract(job.settings, '$.suffix'), ''), made.step, made.is_final, job.version,
  coalesce(version.name, ''), job.row_count
FROM eval_subject s JOIN made ON made.model = s.model AND made.provider = s.provider JOIN job ON job.id = made.job
LEFT JOIN version ON version.id = job.version
GROUP BY s.id HAVING made.job = min(made.job) ORDER BY made.job, made.step IS NULL, made.step, s.run, s.position"""

# Summed by question out of the index before their kinds are looked up: one look for all repeats.
_QUESTION_SUMS = {
    False: "SELECT subject, question, count(passed) AS asked, total(passed) AS passed FROM eval_answer "
    "WHERE run = ? AND subject = ? GROUP BY question",
    True: "SELECT a.subject, a.question, count(*) AS asked, total(m.passed) AS passed FROM eval_answer a "
    "JOIN eval_mark m ON m.answer = a.id AND m.grader = ? WHERE a.run = ? AND a.subject = ? GROUP BY a.question",
}
# The parts are those of `scores.question_part`; a share for each question.
_RATES = """SELECT part, total(passed), total(asked), count(*), total(share), total(share * share) FROM (
  SELECT CASE WHEN q.kind = ? OR q.leak <> '' THEN '' WHEN q.kind = ? THEN 'general' ELSE 'held' END AS part,
    s.passed, s.asked, s.passed / s.asked AS share
  FROM ({sums}) s JOIN eval_question q ON q.id = s.question WHERE s.asked > 0
) GROUP BY 1"""


def load_points(db: sqlite3.Connection, by: str = "") -> list[CheckpointResult]:
    """The result of every subject that a job has made, in the order of the jobs and their steps; without those not asked yet.

    `by` is whose marks count: the run's own grader (''), its judge or a person (core/exam/judges.py).
    """
    assert by in ("", judges.JUDGE, judges.PERSON)
    found = [_load_point(db, by, *row) for row in db.execute(_MODELS_OF_JOBS).fetchall()]
    return [point for point in found if point.held.asked or point.general.asked]


def _load_point(
    db: sqlite3.Connection, by: str, run: int, subject: int, provider: str, model: str, condition: str, job: int,
    suffix: str, step: int | None, is_final: int, version: int | None, name: str, rows: int,
) -> CheckpointResult:  # fmt: skip
    values = (MEMORISED, GENERAL, *((by,) if by else ()), run, subject)
    rates = {
        part: PassRate(int(passed), int(asked), *sums)
        for part, passed, asked, *sums in db.execute(_RATES.format(sums=_QUESTION_SUMS[bool(by)]), values)
    }
    return CheckpointResult(
        run, subject, provider, model, condition, job, suffix or f"#{job}", step, bool(is_final), version, name, rows,
        rates.get("held", PassRate()), rates.get("general", PassRate()),
    )  # fmt: skip
