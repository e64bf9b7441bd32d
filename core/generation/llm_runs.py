"""LLM runs: many requests to one chat model, each reply stored at once, so that nothing is paid twice after a stop or a crash."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from core.progress import Cancelled, Reporter
from core.providers import Message, Provider, Reply, Sampling
from core.providers.request_runner import PendingRequest, RequestRunner
from core.storage.project import Changes, OnChanges, Project

BATCH_PURPOSE = "inquiry"  # of a batch (core/providers/batches.py): the name of an LLM run in the project's file


class LlmRunStatus(StrEnum):
    """The state of an LLM run, as it is stored. A dropped one is not offered again."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DROPPED = "dropped"


class RequestStatus(StrEnum):
    """What has become of a request, as it is stored; a landed one's reply was applied to the project."""

    WAITING = "waiting"
    ANSWERED = "answered"
    LANDED = "landed"
    FAILED = "failed"


UNANSWERED = (RequestStatus.WAITING, RequestStatus.FAILED)


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """One request of an LLM run. `subject` is what it is about, in the task's own keys; `replies` are the texts as they came
    from the `model`."""

    id: int
    subject: dict[str, Any]
    status: RequestStatus = RequestStatus.WAITING
    replies: list[str] = field(default_factory=list)
    tokens: int = 0
    error: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class LlmRun:
    """Requests of one task to one model; `waiting`, `answered` and `failed` count them. A `batch` is sent as one file."""

    id: int
    task: str
    created_at: float
    provider: str
    model: str
    status: LlmRunStatus
    waiting: int
    answered: int
    failed: int
    batch: int = 0


@dataclass(frozen=True, slots=True)
class LlmTask:
    """The kind of an LLM run: how its messages are built, and how its replies are applied, in one write.

    `label` names that write. `apply` returns a sentence for the person. `role` says which model is asked
    (core/settings.py). `makes` is the table in which a useful run changes something, '' where none need change.
    `expected_tokens` tells about how long all replies to a request are; the limits of `sampling` are far above that.
    `schema_of` is the schema of one request, where it is not `schema`. `find_missing` returns the subjects that the
    replies to these requests of the run lack, which are then asked, too.
    """

    label: Callable[[], str]
    messages: Callable[[sqlite3.Connection, LlmRequest], list[Message]]
    apply: Callable[[sqlite3.Connection, Sequence[LlmRequest]], str]
    sampling: Callable[[LlmRequest], Sampling]
    expected_tokens: Callable[[LlmRequest], int]
    schema: dict[str, Any] | None = None
    role: str = "writer"
    makes: str = ""
    schema_of: Callable[[LlmRequest], dict[str, Any] | None] = lambda _request: None
    find_missing: Callable[[sqlite3.Connection, Sequence[LlmRequest]], list[dict[str, Any]]] | None = None


@dataclass(slots=True)
class LlmRunOutcome:
    """The result of a run, in a sentence for the person; `failed` requests can be sent again. `error` is the last one.

    `is_empty`: replies arrived, and nothing could be made of them.
    """

    message: str = ""
    answered: int = 0
    failed: int = 0
    error: str = ""
    is_empty: bool = False


def begin(
    db: sqlite3.Connection,
    task: str,
    provider: str,
    model: str,
    subjects: Iterable[dict[str, Any]],
    batch: bool = False,
) -> int:
    """Store an LLM run with a request for each of `subjects`, before anything is sent; returns the run's id."""
    sql = (
        "INSERT INTO inquiry (task, created_at, provider, model, status, batch) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
    )
    id: int = db.execute(sql, (task, time.time(), provider, model, LlmRunStatus.RUNNING, batch)).fetchone()[0]
    _add_requests(db, id, subjects)
    return id


def _add_requests(db: sqlite3.Connection, id: int, subjects: Iterable[dict[str, Any]]) -> None:
    db.executemany(
        "INSERT INTO inquiry_request (inquiry, about, status, replies, tokens, error) VALUES (?, ?, ?, '[]', 0, '')",
        ((id, json.dumps(subject, ensure_ascii=False), RequestStatus.WAITING) for subject in subjects),
    )


def load_all(db: sqlite3.Connection) -> list[LlmRun]:
    """All LLM runs, the newest first."""
    return [_read_llm_run(row) for row in db.execute(f"{_LLM_RUNS} GROUP BY i.id ORDER BY i.id DESC")]


def load(db: sqlite3.Connection, id: int) -> LlmRun:
    """One LLM run. Raises `KeyError` where there is none of this id."""
    row = db.execute(f"{_LLM_RUNS} WHERE i.id = ? GROUP BY i.id", (id,)).fetchone()
    if row is None:
        raise KeyError(id)
    return _read_llm_run(row)


def _read_llm_run(row: tuple[Any, ...]) -> LlmRun:
    id, task, created_at, provider, model, status, *counts = row
    return LlmRun(id, task, created_at, provider, model, LlmRunStatus(status), *counts)


_LLM_RUNS = """SELECT i.id, i.task, i.created_at, i.provider, i.model, i.status, coalesce(sum(r.status = 'waiting'), 0),
coalesce(sum(r.status = 'answered'), 0), coalesce(sum(r.status = 'failed'), 0), i.batch
FROM inquiry i LEFT JOIN inquiry_request r ON r.inquiry = i.id"""


def load_requests(db: sqlite3.Connection, id: int, *statuses: RequestStatus) -> list[LlmRequest]:
    """The requests of an LLM run that have one of these statuses."""
    marks = ",".join("?" * len(statuses))
    rows = db.execute(
        "SELECT r.id, r.about, r.status, r.replies, r.tokens, r.error, i.model FROM inquiry_request r "
        f"JOIN inquiry i ON i.id = r.inquiry WHERE r.inquiry = ? AND r.status IN ({marks}) ORDER BY r.id",
        (id, *statuses),
    )
    return [
        LlmRequest(number, json.loads(subject), RequestStatus(status), json.loads(replies), tokens, error, model)
        for number, subject, status, replies, tokens, error, model in rows
    ]


def load_replies(db: sqlite3.Connection, id: int) -> list[LlmRequest]:
    """The requests of an LLM run to which a model has replied, whether or not the replies were of use."""
    return [one for one in load_requests(db, id, RequestStatus.ANSWERED, RequestStatus.LANDED) if one.replies]


async def run(
    project: Project,
    provider: Provider,
    id: int,
    tasks: dict[str, LlmTask],
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
) -> LlmRunOutcome:
    """Send the requests that were not answered, then apply all replies in one undoable step.

    Cancelled, or stopped by an error, it applies the replies that have arrived before it raises. Raises `ProviderError`
    where no request at all was answered, `Cancelled` when the reporter is cancelled, `ProjectError`, and `KeyError`
    where there is no such run.
    """
    llm_run = await project.read(load, id)
    session = _Session(project, provider, llm_run, tasks[llm_run.task], reporter)
    outcome, status = LlmRunOutcome(), LlmRunStatus.FAILED
    try:
        await session.ask()
        status = LlmRunStatus.FAILED if session.runner.failed else LlmRunStatus.SUCCEEDED
    except (asyncio.CancelledError, Cancelled):
        status = LlmRunStatus.CANCELLED
        raise
    finally:
        outcome = session.outcome()
        on_changes(await asyncio.shield(apply_replies(project, llm_run, tasks, outcome, status)))
    if session.runner.error:
        if not outcome.answered:
            raise session.runner.error
        outcome.error = str(session.runner.error)
    return outcome


async def apply_replies(
    project: Project, llm_run: LlmRun, tasks: dict[str, LlmTask], outcome: LlmRunOutcome, status: LlmRunStatus
) -> Changes:
    """Apply the replies that have arrived, in one undoable step; `outcome` gets the message and `is_empty`. Raises `ProjectError`."""
    task = tasks[llm_run.task]
    changes = await project.write(task.label(), _apply_replies, task, llm_run.id, outcome, status)
    outcome.is_empty = bool(outcome.message and task.makes) and task.makes not in changes.counts
    return changes


def _apply_replies(
    db: sqlite3.Connection, task: LlmTask, id: int, outcome: LlmRunOutcome, status: LlmRunStatus
) -> None:
    arrived = load_requests(db, id, RequestStatus.ANSWERED)
    if arrived:
        outcome.message = task.apply(db, arrived)
    sql = "UPDATE inquiry_request SET status = ? WHERE inquiry = ? AND status = ?"
    db.execute(sql, (RequestStatus.LANDED, id, RequestStatus.ANSWERED))
    db.execute("UPDATE inquiry SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), id))


class _Session:
    """An LLM run that is sent to its provider."""

    def __init__(
        self, project: Project, provider: Provider, llm_run: LlmRun, task: LlmTask, reporter: Reporter
    ) -> None:
        self._project, self._llm_run, self._task = project, llm_run, task
        self.runner = RequestRunner(
            project, provider, llm_run.model, _store_reply, reporter, _store_error, task.schema
        )  # fmt: skip

    async def ask(self) -> None:
        """Send the requests that were not answered, then requests for what the replies lack."""
        if self._llm_run.batch:
            await self.runner.ask_as_batch(BATCH_PURPOSE, self._llm_run.id, self._load_pending)
        else:
            await self.runner.ask(await self._load_pending())
        if missing := await self._project.read(self._find_missing):
            await self._project.write("", _add_requests, self._llm_run.id, missing)
            # In a batch, too: another one for a few requests would take hours. Those that failed are not repeated.
            await self.runner.ask(await self._load_pending(RequestStatus.WAITING))

    def _find_missing(self, db: sqlite3.Connection) -> list[dict[str, Any]]:
        find = self._task.find_missing
        return find(db, load_requests(db, self._llm_run.id, *RequestStatus)) if find else []

    async def _load_pending(self, *statuses: RequestStatus) -> list[PendingRequest]:
        found = await self._project.read(load_requests, self._llm_run.id, *(statuses or UNANSWERED))
        return [
            PendingRequest(
                str(one.id), partial(self._build_messages, one), self._task.sampling(one), self._task.schema_of(one)
            )
            for one in found
        ]

    async def _build_messages(self, request: LlmRequest) -> list[Message]:
        return await self._project.read(self._task.messages, request)

    def outcome(self) -> LlmRunOutcome:
        return LlmRunOutcome("", self.runner.answered, self.runner.failed)


def _store_reply(db: sqlite3.Connection, key: str, reply: Reply) -> None:
    # With escapes: a reply may hold half a character, which a database takes in no other way.
    sql = "UPDATE inquiry_request SET status = ?, replies = ?, tokens = ?, error = '' WHERE id = ?"
    db.execute(sql, (RequestStatus.ANSWERED, json.dumps(reply.texts), reply.tokens, int(key)))


def _store_error(db: sqlite3.Connection, key: str, error: str) -> None:
    sql = "UPDATE inquiry_request SET status = ?, error = ? WHERE id = ?"
    db.execute(sql, (RequestStatus.FAILED, error.encode(errors="replace").decode(), int(key)))
