"""Many requests to one chat model, recorded as they are answered: stopped, crashed or refused, nothing is paid twice."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from core.progress import Cancelled, Reporter
from core.providers import Message, Provider, Reply, Sampling, batches
from core.providers.request_runner import Asking, Wish
from core.storage.project import Changes, OnChanges, Project

PURPOSE = "inquiry"  # of a batch (core/providers/batches.py)


@dataclass(frozen=True, slots=True)
class Request:
    """`about` says what is asked about; `replies` are the answers, as they came."""

    id: int
    about: dict[str, Any]
    status: str = "waiting"
    replies: list[str] = field(default_factory=list)
    tokens: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """`status` is running, succeeded, cancelled or failed. As a `batch` its requests go out in one file."""

    id: int
    task: str
    created_at: float
    provider: str
    model: str
    status: str
    waiting: int
    answered: int
    failed: int
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What an inquiry is for: the question made of a request, and what becomes of the answers, in one write.

    `label` names that write. `land` returns a sentence for the person. `role` is who is asked (core/settings.py).
    `makes` is the table in which something must come of a run that was worth it, '' where nothing need.
    """

    label: Callable[[], str]
    messages: Callable[[sqlite3.Connection, Request], list[Message]]
    land: Callable[[sqlite3.Connection, Sequence[Request]], str]
    sampling: Callable[[Request], Sampling]
    schema: dict[str, Any] | None = None
    role: str = "writer"
    makes: str = ""


@dataclass(slots=True)
class Outcome:
    """What came of a run, in a sentence for the person; `failed` requests can be sent again. `error` is the last one.

    `is_empty`: answers arrived, and nothing could be made of them.
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
    abouts: Iterable[dict[str, Any]],
    batch: bool = False,
) -> int:
    """Write down what is to be asked, before anything is sent; the inquiry's id."""
    sql = (
        "INSERT INTO inquiry (task, created_at, provider, model, status, batch) "
        "VALUES (?, ?, ?, ?, 'running', ?) RETURNING id"
    )
    id: int = db.execute(sql, (task, time.time(), provider, model, batch)).fetchone()[0]
    db.executemany(
        "INSERT INTO inquiry_request (inquiry, about, status, replies, tokens, error) VALUES (?, ?, 'waiting', '[]', 0, '')",
        ((id, json.dumps(about, ensure_ascii=False)) for about in abouts),
    )
    return id


def load(db: sqlite3.Connection) -> list[Inquiry]:
    """All inquiries, the newest first."""
    return [Inquiry(*row) for row in db.execute(f"{_INQUIRIES} GROUP BY i.id ORDER BY i.id DESC")]


def unfinished(db: sqlite3.Connection) -> list[Inquiry]:
    """Those with requests that were not answered, or answers of which nothing has been made, the newest first."""
    return [one for one in load(db) if one.status != "dropped" and (one.waiting or one.answered or one.failed)]


_INQUIRIES = """SELECT i.id, i.task, i.created_at, i.provider, i.model, i.status, coalesce(sum(r.status = 'waiting'), 0),
coalesce(sum(r.status = 'answered'), 0), coalesce(sum(r.status = 'failed'), 0), i.batch
FROM inquiry i LEFT JOIN inquiry_request r ON r.inquiry = i.id"""


def requests(db: sqlite3.Connection, id: int, *statuses: str) -> list[Request]:
    """The requests of an inquiry that have one of these statuses."""
    marks = ",".join("?" * len(statuses))
    rows = db.execute(
        f"SELECT id, about, status, replies, tokens, error FROM inquiry_request WHERE inquiry = ? AND status IN ({marks}) "
        "ORDER BY id",
        (id, *statuses),
    )
    return [
        Request(number, json.loads(about), status, json.loads(replies), tokens, error)
        for number, about, status, replies, tokens, error in rows
    ]


def replies(db: sqlite3.Connection, id: int) -> list[Request]:
    """The requests of an inquiry to which a model has written something, whatever became of it."""
    return [one for one in requests(db, id, "answered", "landed") if one.replies]


def at_servers(db: sqlite3.Connection) -> list[Inquiry]:
    """Those whose batches are under way at a server, the oldest first."""
    return [one for one in reversed(unfinished(db)) if one.batch and batches.under_way(db, PURPOSE, one.id)]


def drop(db: sqlite3.Connection, id: int) -> None:
    """Give an inquiry up; what was answered stays recorded."""
    db.execute("UPDATE inquiry SET status = 'dropped' WHERE id = ?", (id,))


async def run(
    project: Project,
    provider: Provider,
    id: int,
    tasks: dict[str, Task],
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
) -> Outcome:
    """Send what has not been answered, then land all answers in one undoable step.

    Cancelled, or stopped by an error, it lands what has arrived before it raises. Raises `ProviderError` where no
    request at all was answered.
    """
    inquiry = next(one for one in await project.read(load) if one.id == id)
    session = _Session(project, provider, inquiry, tasks[inquiry.task], reporter)
    outcome, status = Outcome(), "failed"
    try:
        await session.ask()
        status = "failed" if session.asking.failed else "succeeded"
    except (asyncio.CancelledError, Cancelled):
        status = "cancelled"
        raise
    finally:
        outcome = session.outcome()
        on_changes(await asyncio.shield(land(project, inquiry, tasks, outcome, status)))
    if session.asking.error:
        if not outcome.answered:
            raise session.asking.error
        outcome.error = str(session.asking.error)
    return outcome


async def land(project: Project, inquiry: Inquiry, tasks: dict[str, Task], outcome: Outcome, status: str) -> Changes:
    """Make what is to be made of the answers that have arrived, in one undoable step."""
    task = tasks[inquiry.task]
    changes = await project.write(task.label(), _land, task, inquiry.id, outcome, status)
    outcome.is_empty = bool(outcome.message and task.makes) and task.makes not in changes.counts
    return changes


def _land(db: sqlite3.Connection, task: Task, id: int, outcome: Outcome, status: str) -> None:
    arrived = requests(db, id, "answered")
    if arrived:
        outcome.message = task.land(db, arrived)
    db.execute("UPDATE inquiry_request SET status = 'landed' WHERE inquiry = ? AND status = 'answered'", (id,))
    db.execute("UPDATE inquiry SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), id))


class _Session:
    """One run of an inquiry against its provider."""

    def __init__(self, project: Project, provider: Provider, inquiry: Inquiry, task: Task, reporter: Reporter) -> None:
        self._project, self._inquiry, self._task = project, inquiry, task
        self.asking = Asking(project, provider, inquiry.model, _keep, reporter, _fail, task.schema)

    async def ask(self) -> None:
        """Ask what has not been answered."""
        if self._inquiry.batch:
            await self.asking.ask_as_batch(PURPOSE, self._inquiry.id, self._unanswered)
        else:
            await self.asking.ask(await self._unanswered())

    async def _unanswered(self) -> list[Wish]:
        found = await self._project.read(requests, self._inquiry.id, "waiting", "failed")
        return [Wish(str(one.id), partial(self._messages, one), self._task.sampling(one)) for one in found]

    async def _messages(self, request: Request) -> list[Message]:
        return await self._project.read(self._task.messages, request)

    def outcome(self) -> Outcome:
        return Outcome("", self.asking.answered, self.asking.failed)


def _keep(db: sqlite3.Connection, key: str, reply: Reply) -> None:
    # With escapes: a reply may hold half a character, which a database takes in no other way.
    sql = "UPDATE inquiry_request SET status = 'answered', replies = ?, tokens = ?, error = '' WHERE id = ?"
    db.execute(sql, (json.dumps(reply.texts), reply.tokens, int(key)))


def _fail(db: sqlite3.Connection, key: str, error: str) -> None:
    whole = error.encode(errors="replace").decode()
    db.execute("UPDATE inquiry_request SET status = 'failed', error = ? WHERE id = ?", (whole, int(key)))
