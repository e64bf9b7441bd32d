"""Batches: many requests in one file, answered within a day for half the price. Recorded before they are sent, merged once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ProviderError
from core.language import tr
from core.progress import Reporter
from core.providers import BatchAnswer, BatchState, Provider, uploads
from core.providers.retry_policy import MAX_SEARCHES, PollTimer, may_have_been_made
from core.storage.project import Project

MAX_FILE_LINES, MAX_FILE_BYTES = 50_000, 200_000_000  # of one file, by OpenAI's limits
MAX_INTERVAL_FACTOR = 12  # times the usual interval between two looks: a batch takes minutes to a day
CHAT_ENDPOINT = "/v1/chat/completions"

# Juku's own statuses, before and beside the protocol's.
SENDING, CREATING, LOST = "sending", "creating", "lost"

BatchLine = tuple[str, dict[str, Any]]  # a custom id and the body of a request
MergeAnswers = Callable[[sqlite3.Connection, Sequence[BatchAnswer]], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's record. `purpose` is a kind of work and `reference` the id of one. `total`, `completed` and `failed` are requests."""

    id: int
    provider: str
    token: str
    purpose: str
    reference: int
    created_at: float
    remote_id: str | None
    output_file: str | None
    error_file: str | None
    status: str
    total: int
    completed: int
    failed: int
    merged: int
    looked: int
    error: str


_COLUMNS = ", ".join(Batch.__slots__)


def list_batches(db: sqlite3.Connection, purpose: str, reference: int) -> list[Batch]:
    """All batches of one piece of work, in the order in which they were sent."""
    sql = f"SELECT {_COLUMNS} FROM batch WHERE purpose = ? AND reference = ? ORDER BY id"
    return [Batch(*row) for row in db.execute(sql, (purpose, reference))]


def list_unmerged(db: sqlite3.Connection, purpose: str, reference: int) -> list[Batch]:
    """The batches whose answers were not merged yet."""
    return [batch for batch in list_batches(db, purpose, reference) if not batch.merged]


async def send(project: Project, provider: Provider, purpose: str, reference: int, lines: Sequence[BatchLine]) -> None:
    """Send requests to one model as batches, each recorded before it is sent.

    After an uncertain answer the record stays as it is, and `follow` finds out what happened. Raises `ProviderError`
    where the server refuses, and `ProjectError`.
    """
    for data in _split_files(lines):
        await _send(project, provider, purpose, reference, data)


async def _send(project: Project, provider: Provider, purpose: str, reference: int, data: bytes) -> None:
    token, ids = uuid.uuid4().hex, list[int]()
    values = (provider.id, token, purpose, reference, time.time(), SENDING, data.count(b"\n"))
    await project.write("", lambda db: ids.append(_insert_batch(db, values)))
    (id,) = ids
    try:
        file = await uploads.ensure_uploaded(project, provider, data, "batch")
    except BaseException:
        await asyncio.shield(project.write("", _set_status, id, LOST))  # nothing was asked for
        raise
    await project.write("", _set_status, id, CREATING)
    try:
        state = await provider.create_batch(file, CHAT_ENDPOINT, token)
    except ProviderError as error:
        if may_have_been_made(error):
            return
        await project.write("", _set_status, id, LOST, str(error))
        raise
    await project.write("", _store_state, id, state)


def _split_files(lines: Sequence[BatchLine]) -> Iterator[bytes]:
    """The lines as files within the server's limits."""
    part: list[bytes] = []
    size = 0
    for custom_id, body in lines:
        wanted = {"custom_id": custom_id, "method": "POST", "url": CHAT_ENDPOINT, "body": body}
        line = json.dumps(wanted, ensure_ascii=False).encode() + b"\n"
        if part and (len(part) == MAX_FILE_LINES or size + len(line) > MAX_FILE_BYTES):
            yield b"".join(part)
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield b"".join(part)


async def follow(
    project: Project, provider: Provider, purpose: str, reference: int, merge: MergeAnswers, reporter: Reporter
) -> None:
    """Wait until all batches of one piece of work have ended, and `merge` the answers of each: in one write, once.

    Cancelling stops the waiting, not the batches. A server that cannot be reached is asked again later. Raises
    `ProviderError` where that is no use, `ProjectError`, and `Cancelled` when the reporter is cancelled.
    """
    timer, rounds = PollTimer(), 0
    while open_ones := await project.read(list_unmerged, purpose, reference):
        interval = provider.poll_seconds * min(MAX_INTERVAL_FACTOR, 1 + rounds // 4)
        try:
            for batch in open_ones:
                await _poll_batch(project, provider, batch, merge)
            timer.failures = 0
        except ProviderError as error:
            interval = timer.note_failure(error, interval)
            if timer.blocked:
                raise
        every = await project.read(list_batches, purpose, reference)
        reporter.update(sum(one.completed + one.failed for one in every), sum(one.total for one in every))
        if all(one.merged for one in every):
            return
        rounds += 1
        timer.schedule(interval)
        await timer.wait()


async def _poll_batch(project: Project, provider: Provider, batch: Batch, merge: MergeAnswers) -> None:
    if batch.status == SENDING:  # the program ended while the file was on its way
        await project.write("", _set_status, batch.id, LOST)
        return
    try:
        state = await (provider.batch(batch.remote_id) if batch.remote_id else provider.find_batch(batch.token))
    except ProviderError as error:
        if error.status != 404 or not batch.remote_id:
            raise
        await project.write("", _set_status, batch.id, LOST, tr("The server no longer knows this batch."))
        return
    if state is None:
        await project.write("", _note_failed_search, batch.id)
        return
    answers = await _download_answers(provider, state) if state.ended else None

    def change(db: sqlite3.Connection) -> None:
        _store_state(db, batch.id, state)
        if answers is not None:
            merge(db, answers)
            db.execute("UPDATE batch SET merged = 1 WHERE id = ?", (batch.id,))

    await asyncio.shield(project.write("", change))


async def _download_answers(provider: Provider, state: BatchState) -> list[BatchAnswer]:
    """Returns the answers of a batch that has ended; a file that no longer exists has none."""
    found: list[BatchAnswer] = []
    for file in (state.output_file, state.error_file):
        try:
            found += await provider.batch_answers(file) if file else []
        except ProviderError as error:
            if error.status != 404:
                raise
    return found


async def cancel(project: Project, provider: Provider, purpose: str, reference: int) -> None:
    """Cancel the batches of one piece of work; `follow` merges what they have answered. Raises `ProviderError`."""
    for batch in await project.read(list_unmerged, purpose, reference):
        remote_id = batch.remote_id
        if remote_id is None and batch.status == CREATING:  # stopped before the server had answered
            found = await provider.find_batch(batch.token)
            remote_id = found.id if found else None
        if remote_id:
            await project.write("", _store_state, batch.id, await provider.cancel_batch(remote_id))


def _insert_batch(db: sqlite3.Connection, values: Sequence[object]) -> int:
    sql = (
        "INSERT INTO batch (provider, token, purpose, reference, created_at, status, total) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"
    )
    id: int = db.execute(sql, values).fetchone()[0]
    return id


def _set_status(db: sqlite3.Connection, id: int, status: str, error: str = "") -> None:
    # Nothing comes of a batch that was never made: there is nothing to merge.
    db.execute("UPDATE batch SET status = ?, error = ?, merged = ? WHERE id = ?", (status, error, status == LOST, id))


def _note_failed_search(db: sqlite3.Connection, id: int) -> None:
    db.execute("UPDATE batch SET looked = looked + 1 WHERE id = ?", (id,))
    db.execute("UPDATE batch SET status = ?, merged = 1 WHERE id = ? AND looked >= ?", (LOST, id, MAX_SEARCHES))


def _store_state(db: sqlite3.Connection, id: int, state: BatchState) -> None:
    db.execute(
        "UPDATE batch SET remote_id = ?, status = ?, output_file = ?, error_file = ?, completed = ?, failed = ?, "
        "total = max(total, ?), error = ? WHERE id = ?",
        (
            state.id,
            state.status,
            state.output_file,
            state.error_file,
            state.completed,
            state.failed,
            state.total,
            state.error,
            id,
        ),
    )
