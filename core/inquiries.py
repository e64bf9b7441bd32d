"""Many requests to one chat model, recorded as they are answered: stopped, crashed or refused, nothing is paid twice."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import batches
from core.errors import ProviderError
from core.language import tr
from core.progress import Cancelled, Reporter
from core.project import Changes, Project
from core.providers import BatchAnswer, Message, Provider, Sampling, chat_body

PARALLEL = 4  # requests at once
TRIES = 5  # times that a server which says it is busy is asked
PAUSE = 2.0  # seconds before it is asked again, doubled each time
FAILURES = 5  # in a row, after which the rest is not sent
REFUSED = (401, 403, 404)  # the server refuses whatever it is asked
BUSY = (429, 500, 502, 503, 504, 529)  # nothing was answered, so nothing was paid
NO_SCHEMA = (400, 404, 415, 422, 501)  # what a server without structured output answers
PURPOSE = "inquiry"  # of a batch (core/batches.py)
ROUNDS = 2  # batches of one run: what the first did not answer is asked once more

OnChanges = Callable[[Changes], None]


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
    """

    label: Callable[[], str]
    messages: Callable[[sqlite3.Connection, Request], list[Message]]
    land: Callable[[sqlite3.Connection, Sequence[Request]], str]
    sampling: Callable[[Request], Sampling]
    schema: dict[str, Any] | None = None
    role: str = "writer"


@dataclass(slots=True)
class Outcome:
    """What came of a run, in a sentence for the person; `failed` requests can be sent again. `error` is the last one."""

    message: str = ""
    answered: int = 0
    failed: int = 0
    error: str = ""


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
    status = "failed"
    try:
        await session.ask()
        status = "failed" if session.outcome.failed else "succeeded"
    except (asyncio.CancelledError, Cancelled):
        status = "cancelled"
        raise
    finally:
        on_changes(await asyncio.shield(land(project, inquiry, tasks, session.outcome, status)))
    if session.error:
        if not session.outcome.answered:
            raise session.error
        session.outcome.error = str(session.error)
    return session.outcome


async def land(project: Project, inquiry: Inquiry, tasks: dict[str, Task], outcome: Outcome, status: str) -> Changes:
    """Make what is to be made of the answers that have arrived, in one undoable step."""
    task = tasks[inquiry.task]
    return await project.write(task.label(), _land, task, inquiry.id, outcome, status)


def _land(db: sqlite3.Connection, task: Task, id: int, outcome: Outcome, status: str) -> None:
    arrived = requests(db, id, "answered")
    if arrived:
        outcome.message = task.land(db, arrived)
    db.execute("UPDATE inquiry_request SET status = 'landed' WHERE inquiry = ? AND status = 'answered'", (id,))
    db.execute("UPDATE inquiry SET status = ?, finished_at = ? WHERE id = ?", (status, time.time(), id))


class _Session:
    """One run of an inquiry against its provider."""

    def __init__(self, project: Project, provider: Provider, inquiry: Inquiry, task: Task, reporter: Reporter) -> None:
        self._project, self._provider, self._inquiry, self._task = project, provider, inquiry, task
        self._reporter = reporter
        self._schema = task.schema
        self._done = self._total = 0
        self._failures = 0  # since the last answer
        self.outcome = Outcome()
        self.error: ProviderError | None = None  # the last one

    async def ask(self) -> None:
        """Ask what has not been answered; first comes what batches of an earlier run may still answer."""
        if self._inquiry.batch:
            await self._ask_as_batch()
        else:
            await self._ask_all(await self._unanswered())

    async def _unanswered(self) -> list[Request]:
        return await self._project.read(requests, self._inquiry.id, "waiting", "failed")

    async def _ask_as_batch(self) -> None:
        id = self._inquiry.id
        await self._follow()
        for _round in range(ROUNDS):
            unanswered = await self._unanswered()
            if not unanswered:
                break
            lines = [(str(one.id), await self._body(one)) for one in unanswered]
            await batches.send(self._project, self._provider, PURPOSE, id, lines)
            await self._follow()
        self.outcome.failed = len(await self._unanswered())
        refused = [one.error for one in await self._project.read(batches.of, PURPOSE, id) if one.error]
        if self.outcome.failed and refused:
            self.error = ProviderError(tr("The batch was not answered"), refused[-1])

    async def _body(self, request: Request) -> dict[str, Any]:
        messages = await self._project.read(self._task.messages, request)
        return chat_body(self._inquiry.model, messages, self._task.sampling(request), self._schema)

    async def _follow(self) -> None:
        await batches.follow(self._project, self._provider, PURPOSE, self._inquiry.id, self._merge, self._reporter)

    def _merge(self, db: sqlite3.Connection, answers: Sequence[BatchAnswer]) -> None:
        """Keep what a batch has answered. Ids that are not of this inquiry's open requests are nobody's."""
        open_ones = {str(one.id): one.id for one in requests(db, self._inquiry.id, "waiting", "failed")}
        for answer in answers:
            id = open_ones.pop(answer.custom_id, None)
            if id is None:
                continue
            if any(text.strip() for text in answer.texts):
                _keep(db, id, answer.texts, answer.tokens)
                self.outcome.answered += 1
            else:
                _fail(db, id, answer.error or tr("The model answered nothing"))
                if answer.status in NO_SCHEMA:
                    self._schema = None  # the next round asks without it

    async def _ask_all(self, waiting: Sequence[Request]) -> None:
        self._total = len(waiting)
        gate = asyncio.Semaphore(PARALLEL)

        async def ask(request: Request) -> None:
            async with gate:
                if not self._is_hopeless():
                    await self._ask(request)

        try:
            async with asyncio.TaskGroup() as group:
                for request in waiting:
                    group.create_task(ask(request))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def _is_hopeless(self) -> bool:
        """Whether the server has refused so plainly that asking the rest would be refused alike."""
        return self.error is not None and (self.error.status in REFUSED or self._failures >= FAILURES)

    async def _ask(self, request: Request) -> None:
        messages = await self._project.read(self._task.messages, request)
        try:
            replies, tokens = await self._answered(messages, self._task.sampling(request))
        except ProviderError as error:
            self.error = error
            self.outcome.failed += 1
            self._failures += 1
            await self._project.write("", _fail, request.id, str(error))
        else:
            # Written at once, on its own: an answer that has been paid for is never lost.
            await asyncio.shield(self._project.write("", _keep, request.id, replies, tokens))
            self.outcome.answered += 1
            self._failures = 0
        self._done += 1
        self._reporter.update(self._done, self._total)

    async def _answered(self, messages: list[Message], sampling: Sampling) -> tuple[list[str], int]:
        """The replies. A server without structured output is asked without it; one that is busy, again after a while."""
        schema, attempt = self._schema, 0
        while True:
            try:
                found = await self._chat(messages, sampling, schema)
            except ProviderError as error:
                if schema and error.status in NO_SCHEMA:
                    schema = None
                    continue
                attempt += 1
                if error.status not in BUSY or attempt == TRIES:
                    raise
                await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
            else:
                self._schema = schema  # as it was answered, so the others are asked
                return found

    async def _chat(
        self, messages: list[Message], sampling: Sampling, schema: dict[str, Any] | None
    ) -> tuple[list[str], int]:
        reply = await self._provider.chat(self._inquiry.model, messages, sampling, schema=schema, once=True)
        if not any(text.strip() for text in reply.texts):
            raise ProviderError(tr("The model answered nothing"), tr("Ask it again, or choose another model."))
        return reply.texts, reply.tokens


def _keep(db: sqlite3.Connection, id: int, replies: list[str], tokens: int) -> None:
    # With escapes: a reply may hold half a character, which a database takes in no other way.
    sql = "UPDATE inquiry_request SET status = 'answered', replies = ?, tokens = ?, error = '' WHERE id = ?"
    db.execute(sql, (json.dumps(replies), tokens, id))


def _fail(db: sqlite3.Connection, id: int, error: str) -> None:
    whole = error.encode(errors="replace").decode()
    db.execute("UPDATE inquiry_request SET status = 'failed', error = ? WHERE id = ?", (whole, id))
