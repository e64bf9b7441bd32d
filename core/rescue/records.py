"""The records of rescues: the plan, the step that comes next, and what was done, in the project."""

from __future__ import annotations

import datetime
import json
import sqlite3
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from core.storage.schema import Table

TABLES = {Table.RESCUE}


class RescueStep(StrEnum):
    """The steps of a rescue in their order. What can be lost first is done first."""

    FILES = "files"  # saved, and their rows imported
    OLD_EXAM = "old_exam"  # the old model sits the exam while it still answers
    JOB = "job"  # the new model is trained
    NEW_EXAM = "new_exam"  # and sits the same exam
    DONE = "done"


class RescueStatus(StrEnum):
    """The state of a rescue. One that is `RUNNING` though nothing works on it was interrupted, and can be continued."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RescuePlan:
    """Which model is rescued, and which base model is taught what it knows, where.

    `folder` is where its files are saved. `agreed`: the job starts whatever the check before it says, except errors.
    """

    provider: str
    model: str
    target: str
    base: str
    folder: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    agreed: bool = True


@dataclass(frozen=True, slots=True)
class RescueRun:
    """A rescue: its plan, state, next step and what was done.

    `closing` is the last day of the old model where it is known; `notes` are sentences about what was done, guessed or
    lost. `exam`, `job` and `fine_tuned_model` are those of the rescue, once they are there.
    """

    id: int
    created_at: float
    plan: RescuePlan
    status: RescueStatus
    step: RescueStep
    error: str
    closing: datetime.date | None
    exam: int | None
    job: int | None
    fine_tuned_model: str
    notes: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to continue."""
        return self.status == RescueStatus.ENDED


def add(db: sqlite3.Connection, plan: RescuePlan, closing: datetime.date | None) -> int:
    """Store a new rescue; returns its id."""
    sql = (
        "INSERT INTO rescue (created_at, plan, status, step, error, closing, model, notes) "
        "VALUES (?, ?, ?, ?, '', ?, '', '[]') RETURNING id"
    )
    values = time.time(), json.dumps(asdict(plan)), RescueStatus.RUNNING, RescueStep.FILES, str(closing or "")
    id: int = db.execute(sql, values).fetchone()[0]
    return id


def set_status(db: sqlite3.Connection, id: int, status: RescueStatus, error: str = "") -> None:
    """Set the state of a rescue, and why it failed."""
    db.execute("UPDATE rescue SET status = ?, error = ? WHERE id = ?", (status, error, id))


def agree(db: sqlite3.Connection, id: int) -> None:
    """Note that the person agrees to start the job whatever the check before it says, except errors."""
    db.execute("UPDATE rescue SET plan = json_set(plan, '$.agreed', json('true')) WHERE id = ?", (id,))


def end_step(db: sqlite3.Connection, id: int, step: RescueStep, *notes: str) -> None:
    """Note that `step` is done, and what there is to say of it."""
    steps = list(RescueStep)
    add_notes(db, id, *notes)
    db.execute("UPDATE rescue SET step = ? WHERE id = ?", (steps[steps.index(step) + 1], id))


def add_notes(db: sqlite3.Connection, id: int, *notes: str) -> None:
    """Add sentences about what was done; the same one is not added twice."""
    known = json.loads(db.execute("SELECT notes FROM rescue WHERE id = ?", (id,)).fetchone()[0])
    found = list(dict.fromkeys([*known, *notes]))
    db.execute("UPDATE rescue SET notes = ? WHERE id = ?", (json.dumps(found), id))


def set_exam(db: sqlite3.Connection, id: int, exam: int) -> None:
    """Note the exam that both models sit."""
    db.execute("UPDATE rescue SET exam = ? WHERE id = ?", (exam, id))


def set_job(db: sqlite3.Connection, id: int, job: int) -> None:
    """Note the training job."""
    db.execute("UPDATE rescue SET job = ? WHERE id = ?", (job, id))


def set_model(db: sqlite3.Connection, id: int, model: str) -> None:
    """Note under which name the new model answers: a deployment may have one of its own."""
    db.execute("UPDATE rescue SET model = ? WHERE id = ?", (model, id))


def end_training(db: sqlite3.Connection, id: int, model: str) -> None:
    """Note the model that the job has made; the step is done."""
    db.execute("UPDATE rescue SET model = ? WHERE id = ?", (model, id))
    end_step(db, id, RescueStep.JOB)


def load(db: sqlite3.Connection, id: int) -> RescueRun:
    """One rescue. Raises `KeyError` where there is none of this id."""
    row = db.execute(f"{_RUNS} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise KeyError(id)
    return _read_run(row)


def load_newest(db: sqlite3.Connection) -> RescueRun | None:
    """The rescue that was begun last; None where there is none."""
    row = db.execute(f"{_RUNS} ORDER BY id DESC LIMIT 1").fetchone()
    return _read_run(row) if row else None


_RUNS = "SELECT id, created_at, plan, status, step, error, closing, exam, job, model, notes FROM rescue"


def _read_run(row: tuple[Any, ...]) -> RescueRun:
    id, created_at, plan, status, step, error, closing, exam, job, model, notes = row
    day = datetime.date.fromisoformat(closing) if closing else None
    return RescueRun(
        id, created_at, RescuePlan(**json.loads(plan)), RescueStatus(status), RescueStep(step), error, day, exam, job,
        model, tuple(json.loads(notes)),
    )  # fmt: skip
