"""Fine-tuning jobs: made from the project's rows, followed to their end, and never lost or doubled."""

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import dataset, revisions, versions
from core.errors import JukuError, ProviderError
from core.language import tr, trn
from core.project import Changes, Project
from core.providers import TERMINAL, Event, JobRequest, JobState, Provider

CREATING = "creating"  # asked for, and no answer yet: the only status that is not the protocol's
MINIMUM_ROWS = 10
LARGEST = 2**31
PACE = 20  # metrics from which the time left is told
GRACE = 60  # seconds in which a job that was asked for may still appear in the server's list
PATIENCE = 10  # failed polls in a row before following is given up; the job itself goes on

OnChanges = Callable[[Changes], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: which rows (a tag, or '' for all), on which model, with which hyperparameters."""

    model: str
    rows: str = ""
    hyperparameters: dict[str, Any] | None = None
    seed: int | None = None
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    provider: str
    token: str
    remote_id: str | None
    model: str
    rows: str
    row_count: int
    settings: str
    created_at: float
    finished_at: float | None
    status: str
    fine_tuned_model: str | None
    error: str

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Metric:
    step: int
    total: int | None
    loss: float
    at: float  # Unix seconds


def jobs(db: sqlite3.Connection) -> list[Job]:
    """All jobs, the newest first."""
    names = ", ".join(Job.__slots__)
    return [Job(*row) for row in db.execute(f"SELECT {names} FROM job ORDER BY id DESC")]


def job(db: sqlite3.Connection, id: int) -> Job:
    names = ", ".join(Job.__slots__)
    return Job(*db.execute(f"SELECT {names} FROM job WHERE id = ?", (id,)).fetchone())


def events(db: sqlite3.Connection, job: int) -> list[Event]:
    """What the server told of a job, the oldest first."""
    rows = db.execute(
        "SELECT remote_id, created_at, level, message, data FROM job_event WHERE job = ? ORDER BY id", (job,)
    )
    return [Event(id, created, level, message, json.loads(data)) for id, created, level, message, data in rows]


def metrics(db: sqlite3.Connection, job: int) -> list[Metric]:
    """The training loss by step."""
    found = []
    for event in events(db, job):
        data: Any = event.data
        step, loss, total = data.get("step"), data.get("train_loss"), data.get("total_steps")
        if isinstance(step, int) and _is_sane(step) and _is_sane(loss):
            whole = total if isinstance(total, int) and _is_sane(total) else None
            found.append(Metric(step, whole, float(loss), event.created_at))
    return sorted(found, key=lambda metric: metric.step)


def _is_sane(value: object) -> bool:
    """Whether a server's number can be shown: no NaN, nothing endless."""
    return isinstance(value, int | float) and 0 <= value < LARGEST


def seconds_left(found: list[Metric]) -> float | None:
    """How long the steps to come will take at the pace of the last ones; None while that cannot be told."""
    recent = found[-PACE:]
    if len(recent) < 2 or not recent[-1].total or recent[-1].step == recent[0].step:
        return None
    first, last = recent[0], recent[-1]
    return (last.at - first.at) / (last.step - first.step) * max(0, recent[-1].total - last.step)


def trained(tag: str) -> dataset.Filter:
    """The rows that a job on `tag` trains on: those that somebody approved."""
    return dataset.Filter(split="train", status="approved", tag=tag)


def training_rows(db: sqlite3.Connection, tag: str) -> list[str]:
    """The JSON texts that a job on `tag` trains on. Raises `JukuError` for too few rows or rows with errors."""
    chosen = trained(tag)
    rows = list(dataset.texts(db, chosen))
    if len(rows) < MINIMUM_ROWS:
        raise JukuError(
            trn("There is {n} row to train on", "There are {n} rows to train on", len(rows)),
            tr("At least {minimum} are needed; 50 to 100 are advised. Nothing was sent.", minimum=MINIMUM_ROWS),
        )
    wrong = dataset.count_errors(db, chosen)
    if wrong:
        raise JukuError(
            trn("{n} of the rows has an error", "{n} of the rows have errors", wrong),
            tr("Nothing was sent. Repair them in the examples tab: choose “With problems” there."),
        )
    return rows


async def create(project: Project, provider: Provider, plan: Plan) -> int:
    """Ask `provider` for a job; returns its id in the project.

    The wish is written down before it is sent. When the answer is lost, `recover` finds out what happened.
    """
    rows = await project.read(training_rows, plan.rows)
    token = uuid.uuid4().hex
    data = "".join(f"{row}\n" for row in rows).encode()
    file = (await provider.upload("juku.jsonl", data)).id
    await project.write("", _insert, provider.id, token, plan, len(rows))
    id = await project.read(_by_token, token)
    request = JobRequest(plan.model, file, token, None, plan.suffix or None, plan.seed, plan.hyperparameters or {})
    try:
        state = await provider.create_job(request)
    except ProviderError as error:
        if error.status is None:
            raise  # nobody knows whether it was made: it stays `creating`, and recover() looks for it
        await project.write("", _fail, id, str(error))
        raise
    await project.write("", _store, id, state, [])
    return id


async def recover(project: Project, provider: Provider, id: int) -> None:
    """Find out what became of a job whose creation was never answered."""
    record = await project.read(job, id)
    state = await provider.find_job(record.token)
    if state is None and time.time() - record.created_at < GRACE:
        return  # a slow server may still be making it; asking again would make it twice
    if state is None:
        await project.write("", _fail, id, tr("The server never received it. Nothing was charged; start it again."))
    else:
        await project.write("", _store, id, state, [])


async def follow(project: Project, provider: Provider, id: int, on_changes: OnChanges) -> Job:
    """Keep the record of a job up to date until it has ended; returns it."""
    failures = 0
    while True:
        try:
            on_changes(await update(project, provider, id))
            failures = 0
        except ProviderError as error:
            failures += 1
            if failures >= PATIENCE or error.status in (401, 403, 404):
                raise
        record = await project.read(job, id)
        if record.ended:
            return record
        await asyncio.sleep(provider.poll_seconds * min(1 + failures, 6))


async def update(project: Project, provider: Provider, id: int) -> Changes:
    """Ask the server once how a job is, and record it."""
    record = await project.read(job, id)
    if record.remote_id is None:
        await recover(project, provider, id)
        record = await project.read(job, id)
        if record.remote_id is None:
            return Changes("", records={"job"})
    known = {event.id for event in await project.read(events, id)}
    # The state first: events that come between the two calls are fetched then, and none is missed at the end.
    state = await provider.job(record.remote_id)
    new = await provider.events(record.remote_id, known)
    return await project.write("", _store, id, state, new)


async def cancel(project: Project, provider: Provider, id: int) -> Changes:
    record = await project.read(job, id)
    if record.remote_id is None:
        return await project.write("", _fail, id, tr("Cancelled before it was sent."))
    state = await provider.cancel_job(record.remote_id)
    return await project.write("", _store, id, state, [])


def _by_token(db: sqlite3.Connection, token: str) -> int:
    id: int = db.execute("SELECT id FROM job WHERE token = ?", (token,)).fetchone()[0]
    return id


def _insert(db: sqlite3.Connection, provider: str, token: str, plan: Plan, row_count: int) -> None:
    settings = {"hyperparameters": plan.hyperparameters or {}, "seed": plan.seed}
    name = tr("Trained on {model}", model=plan.model)
    version, revision = versions.current(db, name), revisions.current(db, name)
    db.execute(
        "INSERT INTO job (provider, token, model, rows, row_count, settings, created_at, status, error, version, revision) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)",
        (
            provider,
            token,
            plan.model,
            plan.rows,
            row_count,
            json.dumps(settings),
            time.time(),
            CREATING,
            version,
            revision,
        ),
    )


def _store(db: sqlite3.Connection, id: int, state: JobState, new: list[Event]) -> None:
    db.execute(
        "UPDATE job SET remote_id = ?, status = ?, fine_tuned_model = ?, finished_at = ?, error = ? WHERE id = ?",
        (state.id, state.status, state.fine_tuned_model, state.finished_at, state.error, id),
    )
    db.executemany(
        "INSERT INTO job_event (job, remote_id, created_at, level, message, data) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (job, remote_id) DO NOTHING",
        [(id, event.id, event.created_at, event.level, event.message, json.dumps(event.data)) for event in new],
    )


def _fail(db: sqlite3.Connection, id: int, error: str) -> None:
    db.execute("UPDATE job SET status = 'failed', error = ?, finished_at = ? WHERE id = ?", (error, time.time(), id))
