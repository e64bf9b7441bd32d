"""A request for completions that is being answered, as its route sees it: the events of its choices."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core.engine.http.protocol import ApiError, Json
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.loaded_models import ModelSource


@dataclass(frozen=True)
class CompletionStarted:
    """The request was accepted. `prompt_tokens`: the prompt's length."""

    fingerprint: str
    prompt_tokens: int


@dataclass(frozen=True)
class CompletionDelta:
    """New text of the choice `index`. The last delta of a choice has a finish reason. `num_tokens`: so far.
    `logprobs`: the protocol's entries of the tokens since the last delta, where the request asks for them."""

    index: int
    text: str
    finish_reason: str | None
    num_tokens: int
    logprobs: list[Json] = field(default_factory=list)


@dataclass(eq=False)
class PendingCompletion:
    """A request for completions: first a CompletionStarted or an ApiError comes, then deltas until every choice is finished.

    `background`: computed only when no person waits for anything.
    """

    source: ModelSource
    request: GenerationRequest
    loop: asyncio.AbstractEventLoop
    background: bool = False
    inbox: asyncio.Queue[CompletionStarted | CompletionDelta | ApiError] = field(default_factory=asyncio.Queue)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def send(self, event: CompletionStarted | CompletionDelta | ApiError) -> None:
        """Pass an event from the computing thread to the event loop."""
        if not self.cancelled.is_set():
            self.loop.call_soon_threadsafe(self.inbox.put_nowait, event)

    async def wait_until_started(self) -> CompletionStarted:
        """Wait until the model is loaded and the prompt is tokenized. Raises the ApiError when that fails."""
        event = await self.inbox.get()
        if isinstance(event, ApiError):
            raise event
        assert isinstance(event, CompletionStarted)
        return event

    async def deltas(self) -> AsyncIterator[CompletionDelta]:
        """The deltas of all choices, as they come. Raises the ApiError when the model fails."""
        unfinished = self.request.n
        while unfinished:
            event = await self.inbox.get()
            if isinstance(event, ApiError):
                raise event
            assert isinstance(event, CompletionDelta)
            unfinished -= event.finish_reason is not None
            yield event

    def cancel(self) -> None:
        """Stop computing."""
        self.cancelled.set()

    def abort(self, error: ApiError) -> None:
        """Stop computing, and let whoever waits here raise `error`; to be called on the event loop."""
        self.cancel()
        self.inbox.put_nowait(error)
