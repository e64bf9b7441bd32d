"""The exam that exported files sit again: what each gained and lost against the model it was made from."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from core.exam import runs, scores
from core.exam.runs import Connect, ExamPlan, ExamSubject
from core.exam.scores import ExamResult
from core.progress import Reporter
from core.providers import ExportState
from core.providers.model_kinds import split_exported
from core.storage.project import OnChanges, Project


@dataclass(frozen=True, slots=True)
class ExportedScore:
    """One model's result over the held-out questions. `precision`: of the exported file, '' for the original.

    `low` and `high` bound the 95 % interval of `share`. `gained` and `lost` count facts, `same` is the share of answers
    that are the same to the letter; None for the original, and where nothing was answered. `error`: why it was not.
    """

    model: str
    precision: str
    right: int
    asked: int
    share: float
    low: float
    high: float
    gained: int | None
    lost: int | None
    same: float | None
    error: str = ""


def build_plan(provider: str, export: ExportState) -> ExamPlan:
    """An exam of the original and of each exported file that can answer, without chance in the answers."""
    models = [export.model, *export.models.values()]
    return ExamPlan([ExamSubject(provider, model) for model in models])


async def examine(
    project: Project, connect: Connect, plan: ExamPlan, reporter: Reporter, on_changes: OnChanges
) -> list[ExportedScore]:
    """Sit the exam; returns the score of each subject. Raises as `runs.examine` does."""
    id = await runs.examine(project, connect, plan, reporter, on_changes)
    return await project.read(load_scores, id)


def load_scores(db: sqlite3.Connection, run: int) -> list[ExportedScore]:
    """The scores of a run of `build_plan`, the original first. Raises `KeyError` where there is no such run."""
    result = scores.load_result(db, runs.load(db, run))
    same = _load_same_answers(db, run)
    return [_build_score(result, at, same) for at in range(len(result.run.subjects))]


def _build_score(result: ExamResult, at: int, same: dict[int, float]) -> ExportedScore:
    subject, held = result.run.subjects[at], result.totals[at].held
    low, high = held.interval
    compared = result.compare(at) if at and result.asked[:, at].any() else None
    return ExportedScore(
        subject.model,
        split_exported(subject.model)[1],
        held.passed,
        held.asked,
        held.share,
        low,
        high,
        len(compared.gained) if compared else None,
        len(compared.lost) if compared else None,
        same.get(subject.id) if at else None,
        subject.error,
    )


def _load_same_answers(db: sqlite3.Connection, run: int) -> dict[int, float]:
    """By subject: the share of its answers that are those of the first subject, of all questions that both answered."""
    rows = db.execute(
        "SELECT b.subject, avg(a.text = b.text) FROM eval_answer a JOIN eval_answer b "
        "ON b.run = a.run AND b.question = a.question AND b.sample = a.sample "
        "WHERE a.run = ? AND a.subject = (SELECT id FROM eval_subject WHERE run = ? ORDER BY position LIMIT 1) "
        "GROUP BY b.subject",
        (run, run),
    )
    return dict(rows)


def build_card_rows(found: list[ExportedScore], original: str) -> list[dict[str, Any]]:
    """The scores as the rows of a model card. `original`: what the first is called."""
    rows = []
    for score in found:
        row: dict[str, Any] = {
            "subject": f"GGUF {score.precision}" if score.precision else original,
            "right": score.right,
            "asked": score.asked,
            "low": max(0.0, score.low),
            "high": min(1.0, score.high),
        }
        if score.gained is not None:
            row |= {"gained": score.gained, "lost": score.lost, "same": score.same}
        rows.append(row)
    return rows
