"""The records of fine-tuning jobs: what was asked for, what the server told, each once and in order."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from core.providers import TERMINAL, Checkpoint, Event

# Juku's own statuses, before and beside the protocol's.
WAITING = "waiting"  # in the queue, nothing sent
UPLOADING = "uploading"  # its files are on their way
CREATING = "creating"  # asked for, and no answer yet
MISSING = "missing"  # the server no longer knows it
OWN = (WAITING, UPLOADING, CREATING)
ENDED = (*TERMINAL, MISSING)


@dataclass(frozen=True, slots=True)
class Job:
    """`settings` is JSON: what the person asked for. `hyperparameters` is JSON: what the server made of it."""

    id: int
    provider: str
    token: str
    remote_id: str | None
    model: str
    rows: str  # the tag of the rows, '' for all
    row_count: int
    settings: str
    created_at: float
    finished_at: float | None
    status: str
    fine_tuned_model: str | None
    error: str
    version: int | None  # the frozen copy of the rows
    revision: int | None  # the spec at the time
    method: str
    sweep: str
    training_file: str | None
    validation_file: str | None
    digest: str  # SHA-256 of the bytes it trained on
    app: str
    adopted: int
    wish: str  # cancel, pause or resume: asked, not yet confirmed
    looked: int
    error_code: str
    trained_tokens: int | None
    estimated_finish: float | None
    hyperparameters: str
    result_files: str
    results_merged: int

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def asked(self) -> dict[str, Any]:
        """What the person asked for: hyperparameters, seed, suffix, …"""
        found: dict[str, Any] = json.loads(self.settings)
        return found


_COLUMNS = ", ".join(Job.__slots__)


def jobs(db: sqlite3.Connection) -> list[Job]:
    """All jobs, the newest first."""
    return [Job(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM job ORDER BY id DESC")]


def job(db: sqlite3.Connection, id: int) -> Job:
    return Job(*db.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (id,)).fetchone())


def events(db: sqlite3.Connection, job: int) -> list[Event]:
    """What the server told of a job, the oldest first."""
    rows = db.execute(
        "SELECT remote_id, created_at, level, message, data FROM job_event WHERE job = ? ORDER BY id", (job,)
    )
    return [Event(id, created, level, message, json.loads(data)) for id, created, level, message, data in rows]


def checkpoints(db: sqlite3.Connection, job: int) -> list[Checkpoint]:
    """The checkpoints of a job, the newest first."""
    rows = db.execute(
        "SELECT remote_id, model, step, created_at, metrics FROM job_checkpoint WHERE job = ? ORDER BY step DESC",
        (job,),
    )
    return [Checkpoint(id, model, step, created, json.loads(metrics)) for id, model, step, created, metrics in rows]
