"""The records of fine-tuning jobs: what was requested and what the server has reported, each once and in order."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.language import tr
from core.providers import TERMINAL, JobCheckpoint, JobEvent, JobState, JobStatus
from core.training import metrics as training_metrics

UNSENT = (JobStatus.WAITING, JobStatus.UPLOADING, JobStatus.CREATING)  # not known to the server, as far as Juku knows
ENDED = (*TERMINAL, JobStatus.MISSING)


@dataclass(frozen=True, slots=True)
class Job:
    """A job's record. `settings` is JSON: what was requested; `hyperparameters` is JSON: what the server uses. Times are Unix seconds."""

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
        """Whether nothing more will happen to it at the server."""
        return self.status in ENDED

    @property
    def is_over(self) -> bool:
        """Whether it has ended and all that its server reports of it was stored."""
        return self.ended and self.adopted != 1 and (bool(self.results_merged) or self.result_files == "[]")

    @property
    def files(self) -> list[str]:
        """The ids of its result files."""
        found: list[str] = json.loads(self.result_files)
        return found

    @property
    def request(self) -> dict[str, Any]:
        """What was requested: hyperparameters, seed, suffix, …"""
        found: dict[str, Any] = json.loads(self.settings)
        return found


_COLUMNS = ", ".join(Job.__slots__)


def load_all(db: sqlite3.Connection) -> list[Job]:
    """All jobs, the newest first."""
    return [Job(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM job ORDER BY id DESC")]


def load_own_models(db: sqlite3.Connection, provider: str) -> list[str]:
    """The models that this project's jobs made at a server, the newest first."""
    sql = "SELECT fine_tuned_model FROM job WHERE provider = ? AND fine_tuned_model IS NOT NULL ORDER BY id DESC"
    return [model for (model,) in db.execute(sql, (provider,))]


def load(db: sqlite3.Connection, id: int) -> Job:
    """The job `id`."""
    return Job(*db.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (id,)).fetchone())


def load_events(db: sqlite3.Connection, job: int) -> list[JobEvent]:
    """The events of a job, the oldest first."""
    rows = db.execute(
        "SELECT remote_id, created_at, level, message, data FROM job_event WHERE job = ? ORDER BY id", (job,)
    )
    return [JobEvent(id, created, level, message, json.loads(data)) for id, created, level, message, data in rows]


def load_first_event_times(db: sqlite3.Connection) -> dict[int, float]:
    """The time of each job's first event, in Unix seconds, by the job's id."""
    return dict(db.execute("SELECT job, min(created_at) FROM job_event GROUP BY job"))


def load_preparation(db: sqlite3.Connection, job: int) -> float | None:
    """The share of its base model that the engine has converted (0 to 1), where its newest event reports that; else None."""
    row = db.execute("SELECT data FROM job_event WHERE job = ? ORDER BY id DESC LIMIT 1", (job,)).fetchone()
    data = json.loads(row[0]) if row else None
    share = data.get("share") if isinstance(data, dict) and "preparing" in data else None
    return min(1.0, max(0.0, float(share))) if isinstance(share, int | float) else None


def load_checkpoints(db: sqlite3.Connection, job: int) -> list[JobCheckpoint]:
    """The checkpoints of a job, the newest first."""
    rows = db.execute(
        "SELECT remote_id, model, step, created_at, metrics FROM job_checkpoint WHERE job = ? ORDER BY step DESC",
        (job,),
    )
    return [JobCheckpoint(id, model, step, created, json.loads(metrics)) for id, model, step, created, metrics in rows]


def load_event_ids(db: sqlite3.Connection, job: int) -> set[str]:
    """The server's ids of a job's events."""
    return {id for (id,) in db.execute("SELECT remote_id FROM job_event WHERE job = ?", (job,))}


def load_unfinished(db: sqlite3.Connection) -> list[Job]:
    """The jobs that the queue follows, the oldest first: those that have not ended, or whose results were not downloaded."""
    marks = ",".join("?" * len(ENDED))
    sql = (
        f"SELECT {_COLUMNS} FROM job WHERE status NOT IN ({marks}) "
        "OR (result_files <> '[]' AND NOT results_merged) OR adopted = 1 ORDER BY id"
    )
    return [Job(*row) for row in db.execute(sql, ENDED)]


def insert(db: sqlite3.Connection, values: dict[str, Any]) -> int:
    """Insert a record; returns its id."""
    row = {"created_at": time.time(), "error": "", **values}
    marks = ", ".join(f":{name}" for name in row)
    id: int = db.execute(f"INSERT INTO job ({', '.join(row)}) VALUES ({marks}) RETURNING id", row).fetchone()[0]
    return id


def set_status(db: sqlite3.Connection, id: int, status: str) -> None:
    """Set one of Juku's own statuses; only of a job that the server does not know and that has not ended."""
    db.execute(
        "UPDATE job SET status = ? WHERE id = ? AND remote_id IS NULL AND status IN (?, ?, ?)", (status, id, *UNSENT)
    )


def begin_creation(db: sqlite3.Connection, id: int, training_file: str, validation_file: str | None) -> None:
    """Note that the job is being created now, with these files; not if it was cancelled meanwhile."""
    db.execute(
        "UPDATE job SET status = ?, training_file = ?, validation_file = ? WHERE id = ? AND status = ?",
        (JobStatus.CREATING, training_file, validation_file, id, JobStatus.UPLOADING),
    )


def note_failed_search(db: sqlite3.Connection, id: int, enough: int) -> None:
    """Count one more search of the server's list in vain; after `enough` the job waits in the queue again."""
    db.execute("UPDATE job SET looked = looked + 1 WHERE id = ?", (id,))
    record = load(db, id)
    if record.looked >= enough and record.wish == "cancel":
        fail(db, id, tr("Cancelled before it was sent."), status=JobStatus.CANCELLED)
    elif record.looked >= enough:
        set_status(db, id, JobStatus.WAITING)


def set_requested_action(db: sqlite3.Connection, id: int, action: str) -> None:
    """Record an action that the person requested: cancel, pause, resume, or '' for none.

    A job that was not sent yet is cancelled at once.
    """
    unsent = db.execute(
        "SELECT status IN (?, ?) FROM job WHERE id = ?", (JobStatus.WAITING, JobStatus.UPLOADING, id)
    ).fetchone()[0]
    if unsent and action == "cancel":
        fail(db, id, tr("Cancelled before it was sent."), status=JobStatus.CANCELLED)
    elif not unsent:
        db.execute("UPDATE job SET wish = ? WHERE id = ?", (action, id))


def store(
    db: sqlite3.Connection, id: int, state: JobState, new: Sequence[JobEvent] = (), found: Sequence[JobCheckpoint] = ()
) -> None:
    """Store a job's state, with new events and its checkpoints."""
    record = load(db, id)
    db.execute(
        f"UPDATE job SET {', '.join(f'{name} = ?' for name in _SERVER_COLUMNS)} WHERE id = ?",
        (*_server_values(record, state), id),
    )
    db.executemany(
        "INSERT INTO job_event (job, remote_id, created_at, level, message, data) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (job, remote_id) DO NOTHING",
        [(id, event.id, event.created_at, event.level, event.message, json.dumps(event.data)) for event in new],
    )
    db.execute("UPDATE job SET adopted = 2 WHERE id = ? AND adopted = 1", (id,))
    training_metrics.store_events(db, id, new)
    db.executemany(
        "INSERT OR REPLACE INTO job_checkpoint (job, remote_id, model, step, metrics, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        [(id, one.id, one.model, one.step, json.dumps(one.metrics), one.created_at) for one in found],
    )


_SERVER_COLUMNS = ("remote_id", "status", "fine_tuned_model", "finished_at", "error", "error_code", "trained_tokens",
         "estimated_finish", "hyperparameters", "result_files", "wish")  # fmt: skip


def _server_values(record: Job, state: JobState) -> tuple[Any, ...]:
    return (
        state.id,
        state.status,
        state.fine_tuned_model,
        state.finished_at,
        state.error,
        state.error_code,
        state.trained_tokens,
        state.estimated_finish,
        json.dumps(state.hyperparameters) if state.hyperparameters else record.hyperparameters,
        json.dumps(state.result_files) if state.result_files else record.result_files,
        "" if _is_fulfilled(record.wish, state) else record.wish,
    )


def _is_fulfilled(action: str, state: JobState) -> bool:
    if state.ended:
        return True
    return (state.status == JobStatus.PAUSED) is (action == "pause") if action in ("pause", "resume") else not action


def is_news(record: Job, state: JobState) -> bool:
    """Whether `state` differs from what is recorded."""
    return _server_values(record, state) != tuple(getattr(record, name) for name in _SERVER_COLUMNS)


def fail(db: sqlite3.Connection, id: int, error: str, code: str = "", status: str = JobStatus.FAILED) -> None:
    """End a job that the server does not have, or no longer."""
    db.execute(
        "UPDATE job SET status = ?, error = ?, error_code = ?, finished_at = ?, wish = '' WHERE id = ?",
        (status, error, code, time.time(), id),
    )


def mark_results_merged(db: sqlite3.Connection, id: int) -> None:
    """Note that the result files of a job were downloaded and merged."""
    db.execute("UPDATE job SET results_merged = 1 WHERE id = ?", (id,))


def adopt(db: sqlite3.Connection, provider: str, state: JobState) -> int:
    """Insert a record of a job that was made elsewhere; returns its id. `adopted` is 1 until the queue has polled it, then 2."""
    token = state.token or f"adopted-{state.id}"
    settings = {"hyperparameters": state.hyperparameters, "seed": state.seed}
    return insert(
        db,
        {
            "provider": provider, "token": token, "remote_id": state.id, "model": state.model, "rows": "", "row_count": 0,
            "settings": json.dumps(settings), "created_at": state.created_at or time.time(), "status": state.status,
            "method": state.method, "training_file": state.training_file, "validation_file": state.validation_file,
            "adopted": 1,
        },
    )  # fmt: skip


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a job with its events, metrics and checkpoints."""
    for table in ("job_event", "job_metric", "job_checkpoint"):
        db.execute(f"DELETE FROM {table} WHERE job = ?", (id,))
    db.execute("DELETE FROM job WHERE id = ?", (id,))
