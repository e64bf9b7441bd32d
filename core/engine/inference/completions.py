"""A request for completions that is being answered: the events of its choices, and what its route and the computing process hold."""

import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from core.engine.http.protocol import ApiError, Json
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.model_source import ModelSource
from core.engine.inference.pending import Pending


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


CompletionEvent = CompletionStarted | CompletionDelta | ApiError


@dataclass(eq=False)
class CompletionWork:
    """A request for completions where it is computed. `background`: computed only when no person waits for anything.

    `send` gets a CompletionStarted first, then deltas until every choice is finished; or an ApiError, once.
    """

    source: ModelSource
    request: GenerationRequest
    send: Callable[[CompletionEvent], None]
    background: bool = False
    owner: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False, kw_only=True)
class PendingCompletion(Pending[CompletionStarted | CompletionDelta]):
    """A request for completions where the answer is awaited."""

    source: ModelSource
    request: GenerationRequest

    async def wait_until_started(self) -> CompletionStarted:
        """Wait until the model is loaded and the prompt is tokenized. Raises the ApiError when that fails."""
        event = await self.next_event()
        assert isinstance(event, CompletionStarted)
        return event

    async def deltas(self) -> AsyncIterator[CompletionDelta]:
        """The deltas of all choices, as they come. Raises the ApiError when the model fails."""
        unfinished = self.request.n
        while unfinished:
            event = await self.next_event()
            assert isinstance(event, CompletionDelta)
            unfinished -= event.finish_reason is not None
            yield event
