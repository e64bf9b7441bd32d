"""The engine's side of the process that answers: starts it when it is needed, and ends it when nobody asks."""

import asyncio
import itertools
import sys
from asyncio.subprocess import Process
from collections.abc import Callable

import numpy as np

from core.engine import child_lifetime, failures
from core.engine.http.protocol import ApiError
from core.engine.inference import messages
from core.engine.inference.completions import PendingCompletion
from core.engine.inference.embeddings import Embeddings, PendingEmbeddings
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.model_source import ModelSource

IDLE_SECONDS = 300.0


class InferenceProcess:
    """Takes requests; one child process computes them. Everything here is called on the event loop.

    `arguments`: of the child, see `worker`. Its models leave the memory with it, `idle_seconds` after the last answer.
    """

    def __init__(self, arguments: list[str], idle_seconds: float = IDLE_SECONDS) -> None:
        self._arguments, self._idle_seconds = arguments, idle_seconds
        self._numbers = itertools.count()
        self._child: _Child | None = None
        self._ending: set[_Child] = set()

    @property
    def preparing(self) -> dict[str, float]:
        """The base models whose file for llama.cpp is made now, with the progress from 0 to 1; answers wait for it."""
        return self._child.preparing if self._child else {}

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        process = self._child.process if self._child else None
        return process.pid if process else None

    def submit(
        self, source: ModelSource, request: GenerationRequest, background: bool = False, owner: str = ""
    ) -> PendingCompletion:
        """Queue a request for completions. `background`: computed only when no person waits for anything.

        `owner`: the id of the user; users take turns.
        """
        child, number = self._running_child(), next(self._numbers)
        pending = PendingCompletion(source=source, request=request, on_cancel=lambda: child.cancel(number))
        child.ask(messages.CompletionMessage(number, source, request, background, owner), pending)
        return pending

    def submit_embeddings(
        self, source: ModelSource, texts: list[str | list[int]], background: bool = False, owner: str = ""
    ) -> PendingEmbeddings:
        """Queue a request for embeddings; as `submit`."""
        child, number = self._running_child(), next(self._numbers)
        pending = PendingEmbeddings(on_cancel=lambda: child.cancel(number))
        child.ask(messages.EmbeddingsMessage(number, source, texts, background, owner), pending)
        return pending

    async def stop(self) -> None:
        """End the child; requests that are not answered yet fail."""
        children = [*self._ending, *([self._child] if self._child else [])]
        for child in children:
            child.task.cancel()
        await asyncio.gather(*(child.task for child in children), return_exceptions=True)

    def _running_child(self) -> "_Child":
        if self._child is None or self._child.task.done():
            self._child = _Child(self._arguments, self._idle_seconds, self._retire)
        return self._child

    def _retire(self, child: "_Child") -> None:
        """The child ends: whoever asks from now on gets another one."""
        if self._child is child:
            self._child = None
        self._ending.add(child)
        child.task.add_done_callback(lambda _done: self._ending.discard(child))


class _Child:
    """One child process and the requests it has not answered yet."""

    def __init__(self, arguments: list[str], idle_seconds: float, retire: Callable[["_Child"], None]) -> None:
        self._idle_seconds, self._retire = idle_seconds, retire
        self.process: Process | None = None
        self.preparing: dict[str, float] = {}
        self._unsent: list[messages.RequestMessage] = []
        self._pending: dict[int, PendingCompletion | PendingEmbeddings] = {}
        self._unfinished_choices: dict[int, int] = {}
        self._idle_timer: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._run(arguments), name="inference")

    def ask(
        self,
        message: messages.CompletionMessage | messages.EmbeddingsMessage,
        pending: PendingCompletion | PendingEmbeddings,
    ) -> None:
        """Send a request; `pending` receives the events."""
        self._pending[message.id] = pending
        self._unfinished_choices[message.id] = (
            message.request.n if isinstance(message, messages.CompletionMessage) else 1
        )
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None
        self._send(message)

    def cancel(self, number: int) -> None:
        """Tell the child that nobody waits for this answer any longer; nothing when it is finished."""
        if number in self._pending:
            self._send(messages.Cancelled(number))
            self._forget(number)

    def _send(self, message: messages.RequestMessage) -> None:
        if self.process is None:
            self._unsent.append(message)
        elif self.process.stdin and not self.process.stdin.is_closing():
            self.process.stdin.write(messages.to_frame(message))

    async def _run(self, arguments: list[str]) -> None:
        try:
            self.process = await child_lifetime.start_child(
                "core.engine.inference.worker", *arguments, log=sys.stderr.fileno()
            )
            unsent, self._unsent = self._unsent, []
            for message in unsent:
                self._send(message)
            await self._read(self.process)
        finally:
            self._retire(self)
            if self.process:
                await child_lifetime.kill_child(self.process)
            self._fail_pending()

    async def _read(self, process: Process) -> None:
        """Pass events on until the child ends."""
        assert process.stdout
        try:
            while True:
                length = int.from_bytes(await process.stdout.readexactly(messages.LENGTH_BYTES), "little")
                self._dispatch(messages.decode_event(await process.stdout.readexactly(length)))
        except asyncio.IncompleteReadError:
            await process.wait()

    def _dispatch(self, message: messages.EventMessage) -> None:
        if isinstance(message, messages.Preparing):
            self.preparing[message.model] = message.progress
            if message.progress == 1:
                del self.preparing[message.model]
            return
        pending = self._pending.get(message.id)
        if pending is None:
            return  # cancelled
        if isinstance(message, messages.Failed):
            error = ApiError(message.status, message.message, param=message.param, code=message.code)
            pending.receive(error)
            self._forget(message.id)
        elif isinstance(message, messages.Embedded):
            assert isinstance(pending, PendingEmbeddings)
            vectors = [np.frombuffer(vector, np.float32) for vector in message.vectors]
            pending.receive(Embeddings(vectors, message.num_tokens))
            self._forget(message.id)
        else:
            assert isinstance(pending, PendingCompletion)
            pending.receive(message.event)
            if isinstance(message, messages.Continued) and message.event.finish_reason:
                self._unfinished_choices[message.id] -= 1
                if not self._unfinished_choices[message.id]:
                    self._forget(message.id)

    def _forget(self, number: int) -> None:
        del self._pending[number], self._unfinished_choices[number]
        if not self._pending:
            self._idle_timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._end)

    def _end(self) -> None:
        """Let the child end; its models leave the memory."""
        self._retire(self)
        if self.process and self.process.stdin:
            self.process.stdin.close()

    def _fail_pending(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
        error = ApiError(500, _describe_end(self.process), code="server_error")
        for pending in self._pending.values():
            pending.receive(error)
        self._pending.clear()


def _describe_end(process: Process | None) -> str:
    """How the child ended, in words."""
    code = process.returncode if process else None
    if code is None:
        return "The process that answers could not be started."
    return f"The answer was not computed. {failures.describe_exit(code)} The next request starts it again."
