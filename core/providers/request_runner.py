"""Many requests to one model: a few at a time or as a batch; each answer is stored at once, and none is paid for twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.errors import ProviderError
from core.language import tr
from core.progress import Reporter
from core.providers import BatchAnswer, Message, Provider, Reply, Sampling, batches, chat_body
from core.providers.retry_policy import BLOCKING_STATUSES, MAX_PAUSE_SECONDS
from core.storage.project import Changes, Project

MAX_FAILURES_IN_A_ROW = 5  # in a row, after which the rest is not sent
HOPELESS_STATUSES = (*BLOCKING_STATUSES, 404)  # the server refuses whatever it is asked
NO_SCHEMA_STATUSES = (400, 404, 415, 422, 501)  # what a server without structured output answers
GATHER_SECONDS = 0.02  # that a reply waits for others which come at the same time: one commit for them
MAX_BATCH_ROUNDS = 2  # batches of one run: what the first did not answer is asked once more


async def run_together(provider: Provider, works: Iterable[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Do all of the works, as many at a time as the provider allows. The first error ends the others, and is raised."""

    async def run_one(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with provider.limiter.slot():
            await work()

    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(run_one(work))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def ask_with_schema(
    chat: Callable[[dict[str, Any] | None], Awaitable[Reply]], schema: dict[str, Any] | None
) -> tuple[Reply, dict[str, Any] | None]:
    """The reply of `chat(schema)`, and the schema that it was asked with: a server that refuses it is asked without.

    Raises `ProviderError`.
    """
    try:
        return await chat(schema), schema
    except ProviderError as error:
        if not schema or error.status not in NO_SCHEMA_STATUSES:
            raise
    return await chat(None), None


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request to be made: `key` names it, in a batch too; its messages are made when it is sent."""

    key: str
    messages: Callable[[], Awaitable[list[Message]]]
    sampling: Sampling
    schema: dict[str, Any] | None = None  # in place of the runner's


@dataclass(eq=False)
class _UnstoredReply:
    """A reply on its way into the project; `error` says why it could not be stored."""

    key: str
    reply: Reply
    error: Exception | None = None


@dataclass
class RequestRunner:
    """Asks `model` of `provider`; `store_reply` and `store_error` record the result of each request.

    A reply is written as soon as it is there; those that arrive during a write share the next one.

    With `stores_empty` an answer without any text is an answer, too; else it is a failure.

    Without `store_error`, nothing is stored for a request that was not answered: the caller asks again for what is missing.

    `answered` and `failed` count; `error` is the last one.
    """

    project: Project
    provider: Provider
    model: str
    store_reply: Callable[[sqlite3.Connection, str, Reply], None]
    reporter: Reporter
    store_error: Callable[[sqlite3.Connection, str, str], None] = lambda _db, _key, _error: None
    schema: dict[str, Any] | None = None
    on_changes: Callable[[Changes], None] = lambda _changes: None
    stores_empty: bool = False
    answered: int = 0
    failed: int = 0
    error: ProviderError | None = None

    def __post_init__(self) -> None:
        self._done = self._total = 0
        self._failures = 0  # since the last answer
        self._unstored: list[_UnstoredReply] = []
        self._storing = asyncio.Lock()

    async def ask(self, requests: Sequence[PendingRequest]) -> None:
        """Send all requests, a few at a time; an error of one is stored and does not stop the others, unless the server refuses all.

        `error` has the last one afterwards. Raises `ProjectError`, and `Cancelled` when the reporter is cancelled.
        """
        self._total = self._done + len(requests)

        async def one(request: PendingRequest) -> None:
            if not self._is_hopeless():
                await self._ask(request)

        try:
            await run_together(self.provider, [partial(one, request) for request in requests])
        finally:
            await (
                self._store_waiting()
            )  # what had come when this was cancelled: an answer that is paid for is never lost

    def _is_hopeless(self) -> bool:
        """Whether the server has refused so plainly that asking the rest would be refused alike."""
        error = self.error
        return error is not None and (
            error.status in HOPELESS_STATUSES
            or self._failures >= MAX_FAILURES_IN_A_ROW
            or (error.retry_after or 0.0) > MAX_PAUSE_SECONDS
        )

    async def _ask(self, request: PendingRequest) -> None:
        try:
            # Messages may be asked for, too: for retrieved passages a server embeds the question.
            reply = await self._request_reply(request)
        except ProviderError as error:
            self.error = error
            self.failed += 1
            self._failures += 1
            self.on_changes(await self.project.write("", self.store_error, request.key, str(error)))
        else:
            await self._store(_UnstoredReply(request.key, reply))
            self.answered += 1
            self._failures = 0
        self._done += 1
        self.reporter.update(self._done, self._total)

    async def _store(self, one: _UnstoredReply) -> None:
        """Write a reply, and with it all that have come since the last write began: one commit for them."""
        self._unstored.append(one)
        async with self._storing:
            if one in self._unstored:
                await asyncio.sleep(GATHER_SECONDS)
                await self._store_waiting()
        if one.error:
            raise one.error

    async def _store_waiting(self) -> None:
        """Write the replies that wait. When it is cancelled, those that are not written wait on."""
        together = [*self._unstored]
        try:
            if together:
                await self._write(together)
        except Exception:
            for one in together:  # one that cannot be stored does not keep the others from it
                try:
                    await self._write([one])
                except Exception as error:
                    one.error = error
                    self._unstored.remove(one)

    async def _write(self, replies: list[_UnstoredReply]) -> None:
        def store(db: sqlite3.Connection) -> None:
            for one in replies:
                self.store_reply(db, one.key, one.reply)

        # A write that has begun is done to its end, also when this is cancelled meanwhile.
        self.on_changes(await self.project.write("", store))
        self._unstored = [one for one in self._unstored if one not in replies]

    async def _request_reply(self, request: PendingRequest) -> Reply:
        """The reply. A server without structured output is asked without it; one that is busy, when it wants to be."""
        chat = partial(self._chat, await request.messages(), request.sampling)
        found, schema = await ask_with_schema(chat, self._choose_schema(request))
        self.schema = schema and self.schema  # the others are asked as this was answered
        return found

    def _choose_schema(self, request: PendingRequest) -> dict[str, Any] | None:
        """The schema of a request: none where the server has refused one."""
        return self.schema and (request.schema or self.schema)

    async def _chat(self, messages: list[Message], sampling: Sampling, schema: dict[str, Any] | None) -> Reply:
        reply = await self.provider.chat(self.model, messages, sampling, schema=schema, on_pause=self.reporter.pause)
        if not self._is_answer(reply.texts):
            raise ProviderError(tr("The model returned an empty answer"), tr("Ask it again, or choose another model."))
        return reply

    def _is_answer(self, texts: Sequence[str]) -> bool:
        return bool(texts) if self.stores_empty else any(text.strip() for text in texts)

    async def ask_as_batch(
        self, purpose: str, reference: int, unanswered: Callable[[], Awaitable[Sequence[PendingRequest]]]
    ) -> None:
        """Send what is `unanswered` as a file; first wait for batches of an earlier run that may still answer.

        Raises `ProviderError` when the server refuses, `ProjectError`, and `Cancelled` when the reporter is cancelled.
        """
        await self._follow(purpose, reference, unanswered)
        for _round in range(MAX_BATCH_ROUNDS):
            requests = await unanswered()
            if not requests:
                break
            lines = [(request.key, await self._body(request)) for request in requests]
            await batches.send(self.project, self.provider, purpose, reference, lines)
            await self._follow(purpose, reference, unanswered)
        self.failed = len(await unanswered())
        refused = [one.error for one in await self.project.read(batches.list_batches, purpose, reference) if one.error]
        if self.failed and refused:
            self.error = ProviderError(tr("The batch was not answered"), refused[-1])

    async def _body(self, request: PendingRequest) -> dict[str, Any]:
        return chat_body(self.model, await request.messages(), request.sampling, self._choose_schema(request))

    async def _follow(
        self, purpose: str, reference: int, unanswered: Callable[[], Awaitable[Sequence[PendingRequest]]]
    ) -> None:
        open_ones = {request.key for request in await unanswered()}

        def merge(db: sqlite3.Connection, answers: Sequence[BatchAnswer]) -> None:
            for answer in answers:
                # Keys that are not of this work's open requests belong to nobody.
                if answer.custom_id in open_ones:
                    self._merge(db, answer, open_ones)

        await batches.follow(self.project, self.provider, purpose, reference, merge, self.reporter)

    def _merge(self, db: sqlite3.Connection, answer: BatchAnswer, open_ones: set[str]) -> None:
        if self._is_answer(answer.texts) and not answer.error:
            open_ones.discard(answer.custom_id)
            self.store_reply(db, answer.custom_id, answer.reply(self.model))
            self.answered += 1
        else:
            self.store_error(db, answer.custom_id, answer.error or tr("The model returned an empty answer"))
            if answer.status in NO_SCHEMA_STATUSES:
                self.schema = None  # the next round asks without it
