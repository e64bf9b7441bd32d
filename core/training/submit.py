"""Submits fine-tuning jobs with the project's rows: recorded before they are sent, never lost and never made twice."""

import asyncio
import json
import sqlite3
import uuid
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import __version__
from core.dataset import versions
from core.errors import QUOTA_CODES, JukuError, ProviderError
from core.language import tr
from core.providers import JobRequest, JobState, JobStatus, OnBytes, Provider, own_jobs, uploads
from core.providers.retry_policy import MAX_SEARCHES, may_have_been_made
from core.providers.server_presets import preset
from core.spec import revisions
from core.storage.project import Changes, Project
from core.training import jobs, row_selection, teacher_messages
from core.training.jobs import Job

RETRY_LATER = (401, 429)  # nothing was made: it can be sent later


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What to train on: which rows (a tag, or '' for all; of a kept version or as they are), on which model, how.

    `validation` sends the rows with that split along.
    """

    model: str
    rows: str = ""
    hyperparameters: dict[str, Any] | None = None
    seed: int | None = None
    suffix: str = ""
    method: str = "supervised"
    validation: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    version: int | None = None


async def enqueue(project: Project, provider: str, plans: Sequence[TrainingPlan], sweep: str = "") -> list[int]:
    """Put jobs into the queue, all or none, with a frozen copy of their rows; returns their ids, in the order of `plans`.

    Raises `JukuError` for rows that cannot be trained on. Nothing is sent.
    """
    ids: list[int] = []
    await project.write("", lambda db: ids.extend(add_to_queue(db, provider, plans, sweep)))
    return ids


def add_to_queue(db: sqlite3.Connection, provider: str, plans: Sequence[TrainingPlan], sweep: str = "") -> list[int]:
    """Do what `enqueue` does, as a part of another write. Raises `JukuError`."""
    return list(_enqueue(db, provider, plans, sweep))


def _enqueue(db: sqlite3.Connection, provider: str, plans: Sequence[TrainingPlan], sweep: str) -> Iterator[int]:
    known: dict[tuple[str, str, int | None], tuple[int, int, str]] = {}  # the jobs of a sweep share their rows
    for plan in plans:
        name = tr("Used to train {model}", model=plan.model)
        key = plan.rows, plan.method, plan.version
        if key not in known:
            rows = row_selection.load_trainable_rows(db, *key)
            version = plan.version or versions.save_current(db, name)
            known[key] = version, len(rows), uploads.sha256_of(row_selection.to_jsonl(rows))
        version, count, digest = known[key]
        if teacher_messages.are_wanted(plan.hyperparameters):
            teacher_messages.require_teachers(teacher_messages.load_rows(db, plan.rows, version=version))
        other_settings = {name: getattr(plan, name) for name in ("seed", "suffix", "validation", "metadata")}
        values = {
            "provider": provider,
            "token": uuid.uuid4().hex,
            "model": plan.model,
            "rows": plan.rows,
            "row_count": count,
            "settings": json.dumps({"hyperparameters": plan.hyperparameters or {}, **other_settings}),
            "status": JobStatus.WAITING,
            "version": version,
            "revision": revisions.save_current(db, name),
            "method": plan.method,
            "sweep": sweep,
            "digest": digest,
            "app": __version__,
        }
        yield jobs.insert(db, values)


def load_training_file(db: sqlite3.Connection, record: Job, split: str = "train") -> bytes:
    """Returns the JSONL file of a job from its frozen copy: to the byte what was queued. Raises `JukuError` where that has changed.

    The rows of a job that distils get their teacher messages here.
    """
    assert record.version is not None
    data = row_selection.to_jsonl(row_selection.load_rows(db, record.rows, split, record.version))
    if split == "train" and uploads.sha256_of(data) != record.digest:
        raise JukuError(
            tr("The saved copy of the job's rows has changed"),
            tr("Nothing was sent. Start the job again from the rows as they are now."),
        )
    if teacher_messages.are_wanted(record.request["hyperparameters"]):
        return row_selection.to_jsonl(teacher_messages.load_rows(db, record.rows, split, record.version))
    return data


async def create(project: Project, provider: Provider, plan: TrainingPlan) -> int:
    """Queue one job and send it at once; returns its id. A job that could not be sent is not kept. Raises `JukuError`."""
    (id,) = await enqueue(project, provider.id, [plan])
    try:
        await send(project, provider, id)
    except BaseException:
        if (await project.read(jobs.load, id)).status in (JobStatus.WAITING, JobStatus.UPLOADING):
            await asyncio.shield(project.write("", jobs.delete, id))
        raise
    return id


async def send(project: Project, provider: Provider, id: int, on_bytes: OnBytes | None = None) -> None:
    """Send a waiting job: its files, then the request for it, each recorded before it is sent.

    When an answer is lost the job stays as it was written, and `recover` finds out what happened. Raises
    `ProviderError`, `ProjectError`, and `JukuError` for settings that the server would refuse.
    """
    record = await project.read(jobs.load, id)
    _check_request(provider, record)
    await project.write("", jobs.set_status, id, JobStatus.UPLOADING)
    try:
        files = await _upload(project, provider, record, on_bytes)
    except ProviderError as error:
        await _record_refusal(project, id, error)
        raise
    await project.write("", jobs.begin_creation, id, *files)
    record = await project.read(jobs.load, id)
    if record.status != JobStatus.CREATING:
        return  # withdrawn meanwhile
    await _create(project, provider, record)


def _check_request(provider: Provider, record: Job) -> None:
    settings = record.request
    (provider.preset or preset("custom")).check(
        record.method, settings["hyperparameters"], settings.get("suffix") or ""
    )


async def _upload(
    project: Project, provider: Provider, record: Job, on_bytes: OnBytes | None
) -> tuple[str, str | None]:
    mark = BOM_UTF8 if provider.preset.bom else b""
    data = await project.read(load_training_file, record)
    training = await uploads.ensure_uploaded(project, provider, mark + data, on_bytes=on_bytes)
    if not record.request.get("validation"):
        return training, None
    data = await project.read(load_training_file, record, "validation")
    return training, await uploads.ensure_uploaded(project, provider, mark + data, on_bytes=on_bytes) if data else None


async def _create(project: Project, provider: Provider, record: Job) -> None:
    settings = record.request
    assert record.training_file
    request = JobRequest(
        record.model,
        record.training_file,
        record.token,
        record.validation_file,
        settings.get("suffix") or None,
        settings.get("seed"),
        settings["hyperparameters"],
        record.method,
        settings.get("metadata") or {},
    )
    try:
        state = await provider.create_job(request)
    except ProviderError as error:
        # Without a status, or after a fault, nobody knows whether it was made: recover() looks for it.
        if not may_have_been_made(error):
            await _record_refusal(project, record.id, error)
        raise
    await project.write("", jobs.store, record.id, state)


async def _record_refusal(project: Project, id: int, error: ProviderError) -> None:
    """No job was made: it waits in the queue where that can help; where the server refuses it, it has failed."""
    if may_have_been_made(error) or error.status in RETRY_LATER or error.code in QUOTA_CODES:
        await project.write("", jobs.set_status, id, JobStatus.WAITING)
    else:
        await project.write("", jobs.fail, id, str(error), error.code or "")


async def recover(project: Project, provider: Provider, id: int) -> Changes:
    """Search the server for a job whose creation was never answered. Raises `ProviderError`.

    A slow server may still be making it, so it is searched for `MAX_SEARCHES` times. Only then it waits in the queue
    again; `cancel_duplicates` cancels one that was made after all.
    """
    record = await project.read(jobs.load, id)
    state = next(iter(await provider.find_jobs(record.token)), None)
    if state is not None:
        return await project.write("", jobs.store, id, state)
    return await project.write("", jobs.note_failed_search, id, MAX_SEARCHES)


async def cancel_duplicates(provider: Provider, record: Job) -> None:
    """Cancel a job that was made after all, though its creation counted as never received. Raises `ProviderError`."""
    if record.looked >= MAX_SEARCHES:
        for twin in await provider.find_jobs(record.token):
            if twin.id != record.remote_id and not twin.ended:
                await provider.cancel_job(twin.id)


async def update(project: Project, provider: Provider, id: int, state: JobState | None = None) -> Changes:
    """Load a job's state from the server (unless `state` is given), with new events and checkpoints, and record it. Raises `ProviderError`."""
    record = await project.read(jobs.load, id)
    if record.status in (JobStatus.WAITING, JobStatus.UPLOADING):
        await send(project, provider, id)
        return Changes("", records={"job"})
    if record.remote_id is None:
        return await recover(project, provider, id)
    # The state first: events that come between the two calls are fetched then, and none is missed at the end.
    state = state or await provider.job(record.remote_id)
    known = await project.read(jobs.load_event_ids, id)
    new = await provider.events(record.remote_id, known)
    # A new checkpoint has no type of event of its own: any that is more than the numbers of a step may report one.
    may_have_saved = state.ended or record.status != state.status or not all(event.is_metrics for event in new)
    found = await provider.checkpoints(record.remote_id) if may_have_saved else []
    return await project.write("", jobs.store, id, state, new, found)


async def cancel(project: Project, provider: Provider, id: int) -> Changes:
    """Cancel a job. The request is recorded first, so that it is sent even after a crash. Raises `ProviderError` and `ProjectError`."""
    return await _request_action(project, provider, id, "cancel")


async def pause(project: Project, provider: Provider, id: int) -> Changes:
    """Pause a job, as `cancel` does. Raises `ProviderError`."""
    return await _request_action(project, provider, id, "pause")


async def resume(project: Project, provider: Provider, id: int) -> Changes:
    """Resume a paused job, as `cancel` does. Raises `ProviderError`."""
    return await _request_action(project, provider, id, "resume")


async def _request_action(project: Project, provider: Provider, id: int, action: str) -> Changes:
    changes = await project.write("", jobs.set_requested_action, id, action)
    record = await project.read(jobs.load, id)
    return await send_requested_action(project, provider, record) if record.wish and record.remote_id else changes


async def send_requested_action(project: Project, provider: Provider, record: Job) -> Changes:
    """Send the action that the person requested (cancel, pause, resume). One that is refused is deleted. Raises `ProviderError`."""
    assert record.remote_id
    ask = {"cancel": provider.cancel_job, "pause": provider.pause_job, "resume": provider.resume_job}[record.wish]
    try:
        state = await ask(record.remote_id)
    except ProviderError as error:
        if error.status is not None and error.status < 500 and error.status != 429:
            await project.write("", jobs.set_requested_action, record.id, "")
        raise
    # With its last events, which nobody would ask for once it has ended.
    return await update(project, provider, record.id, state)


async def withdraw(project: Project, id: int) -> Changes:
    """Cancel a job in the queue that was not sent yet. Raises `ProjectError`."""
    return await project.write("", jobs.set_requested_action, id, "cancel")


async def cancel_or_withdraw(project: Project, connect: Callable[[str], Awaitable[Provider]], job: Job) -> Changes:
    """Cancel a job that has not ended: at its server, or only here where it was not sent yet. Raises as `cancel` does."""
    if job.remote_id is None:
        return await withdraw(project, job.id)
    return await cancel(project, await connect(job.provider), job.id)


async def forget(project: Project, id: int) -> Changes:
    """Delete the record of a job that has ended; the server keeps its own. Raises `ProjectError`."""
    return await project.write("", jobs.delete, id)


async def list_adoptable(project: Project, provider: Provider) -> list[JobState]:
    """Returns the jobs at the server that the project has no record of. Raises `ProviderError`."""
    known = await project.read(jobs.load_all)
    ids, tokens = {job.remote_id for job in known}, {job.token for job in known}
    marks = {own_jobs.build_mark(token) for token in tokens}  # what a service without metadata keeps of a token

    def is_own(state: JobState) -> bool:
        return state.token in tokens or (bool(state.token) and any(mark.startswith(state.token) for mark in marks))

    return [state for state in await provider.jobs() if state.id not in ids and not is_own(state)]


async def adopt(project: Project, provider: str, states: Sequence[JobState]) -> Changes:
    """Record jobs that were made elsewhere: the queue follows them from now on. Raises `ProjectError`."""

    def change(db: sqlite3.Connection) -> None:
        for state in states:
            jobs.adopt(db, provider, state)

    return await project.write("", change)
