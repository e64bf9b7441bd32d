"""The one thread that computes answers: takes waiting requests for the same model together."""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core.engine.generate import Row, write
from core.engine.models import Loaded, Models, Source
from core.engine.parameters import Chat
from core.engine.protocol import ApiError, bad_request
from core.engine.template import TemplateError

BATCH = 8
GATHER = 0.02
DEFAULT_MOST = 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Started:
    """The request was accepted: which weights answer, and how long the prompt is, in tokens."""

    fingerprint: str
    prompt_tokens: int


@dataclass(frozen=True)
class Piece:
    """A bit of the answer number `index`; with `finish` it is the last one, `tokens` written in all."""

    index: int
    text: str
    finish: str | None
    tokens: int


@dataclass(eq=False)
class Answer:
    """What becomes of one request: first a Started or an ApiError, then Pieces until every choice is finished."""

    source: Source
    chat: Chat
    loop: asyncio.AbstractEventLoop
    inbox: asyncio.Queue[Started | Piece | ApiError] = field(default_factory=asyncio.Queue)
    gone: threading.Event = field(default_factory=threading.Event)

    def tell(self, event: Started | Piece | ApiError) -> None:
        """Pass an event from the computing thread to the event loop."""
        if not self.gone.is_set():
            self.loop.call_soon_threadsafe(self.inbox.put_nowait, event)

    async def started(self) -> Started:
        """Wait until the model is loaded and the prompt is read; raises the ApiError."""
        event = await self.inbox.get()
        if isinstance(event, ApiError):
            raise event
        assert isinstance(event, Started)
        return event

    async def pieces(self) -> AsyncIterator[Piece]:
        """The pieces of all choices, as they come."""
        left = self.chat.n
        while left:
            event = await self.inbox.get()
            if isinstance(event, ApiError):
                raise event
            assert isinstance(event, Piece)
            left -= event.finish is not None
            yield event

    def leave(self) -> None:
        """Nobody listens any more: stop computing."""
        self.gone.set()


class Answers:
    """Requests go in by `ask`; a daemon thread answers them in the order of their coming."""

    def __init__(self, dtype: str) -> None:
        self._models = Models(dtype)
        self._asked: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._waiting: list[tuple[Answer, Loaded, Row]] = []
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)
        self._thread.start()

    def ask(self, source: Source, chat: Chat) -> Answer:
        """Put a request into the queue; to be called on the event loop."""
        answer = Answer(source, chat, asyncio.get_running_loop())
        self._asked.put(answer)
        return answer

    def stop(self) -> None:
        """End the thread after the batch under way."""
        self._asked.put(None)

    def _work(self) -> None:
        while self._take_in():
            if batch := self._next_batch():
                self._write(batch)

    def _take_in(self) -> bool:
        """Read what was asked; wait for it when there is nothing to do. A moment's patience fills a batch."""
        patience = None if not self._waiting else 0.0
        while True:
            try:
                answer = self._asked.get(timeout=patience) if patience is None or patience else self._asked.get_nowait()
            except queue.Empty:
                return True
            if answer is None:
                return False
            self._accept(answer)
            patience = GATHER if len(self._waiting) < BATCH else 0.0

    def _accept(self, answer: Answer) -> None:
        """Load the model, read the prompt, and line up a row for each choice."""
        try:
            loaded = self._models.get(answer.source)
            prompt = _prompt(loaded, answer.chat)
        except ApiError as error:
            return answer.tell(error)
        except Exception as error:
            log.exception("loading %s", answer.source.id)
            return answer.tell(ApiError(500, f"The model could not be loaded: {error}", code="server_error"))
        answer.tell(Started(loaded.fingerprint, len(prompt)))
        rows = [_row(answer, loaded, prompt, index) for index in range(answer.chat.n)]
        self._waiting += [(answer, loaded, row) for row in rows]
        return None

    def _next_batch(self) -> list[tuple[Answer, Loaded, Row]]:
        """The longest waiting row and up to seven others for the same model."""
        self._waiting = [one for one in self._waiting if not one[0].gone.is_set()]
        batch = [one for one in self._waiting if one[1] is self._waiting[0][1]][:BATCH]
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    @staticmethod
    def _write(batch: list[tuple[Answer, Loaded, Row]]) -> None:
        try:
            write(batch[0][1], [row for _, _, row in batch])
        except Exception as error:
            log.exception("answering")
            for answer, _, _ in batch:
                answer.tell(ApiError(500, f"The answer could not be computed: {error}", code="server_error"))


def _prompt(loaded: Loaded, chat: Chat) -> list[int]:
    try:
        prompt = loaded.template.encode(loaded.template.render(chat.messages, True))
    except TemplateError as error:
        raise bad_request(f"Invalid 'messages': {error}.", "messages", "invalid_value") from error
    if len(prompt) >= loaded.limit:
        what = f"This model's maximum context length is {loaded.limit} tokens, your messages have {len(prompt)}."
        raise bad_request(what, "messages", "context_length_exceeded")
    return prompt


def _row(answer: Answer, loaded: Loaded, prompt: list[int], index: int) -> Row:
    chat = answer.chat
    return Row(
        prompt=prompt,
        most=min(chat.most or DEFAULT_MOST, loaded.limit - len(prompt)),
        temperature=chat.temperature,
        top_p=chat.top_p,
        seed=None if chat.seed is None else chat.seed + index,
        stops=chat.stop,
        hear=lambda text, finish, tokens: answer.tell(Piece(index, text, finish, tokens)),
        gone=answer.gone,
    )
