"""The one thread that computes: it takes waiting requests for the same model together, and people before batches."""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core.engine.http.chat_request import Chat
from core.engine.http.protocol import ApiError, bad_request
from core.engine.inference.embedding_requests import Reading
from core.engine.inference.generate import Row, Writing
from core.engine.inference.loaded_models import Loaded, Models, Source
from core.engine.models.chat_template import TemplateError

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
    """What becomes of one request: first a Started or an ApiError, then Pieces until every choice is finished.

    `aside`: nobody sits before it; it is written when nothing else is asked.
    """

    source: Source
    chat: Chat
    loop: asyncio.AbstractEventLoop
    aside: bool = False
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

    def hang_up(self, error: ApiError) -> None:
        """Stop computing, and end the wait of who listens here; on the event loop."""
        self.leave()
        self.inbox.put_nowait(error)


@dataclass(eq=False)
class _Line:
    """A row to write, and the request it belongs to."""

    answer: Answer
    loaded: Loaded
    row: Row


class Answers:
    """Requests go in by `ask` and `read`; a daemon thread answers them, what is asked `aside` last."""

    def __init__(self, dtype: str) -> None:
        self._models = Models(dtype)
        self._asked: queue.SimpleQueue[Answer | Reading | None] = queue.SimpleQueue()
        self._waiting: list[_Line] = []
        self._readings: list[Reading] = []
        self._aside: tuple[Writing, list[_Line]] | None = None
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)
        self._thread.start()

    def ask(self, source: Source, chat: Chat, aside: bool = False) -> Answer:
        """Put a conversation into the queue; to be called on the event loop."""
        answer = Answer(source, chat, asyncio.get_running_loop(), aside)
        self._asked.put(answer)
        return answer

    def read(self, source: Source, texts: list[str], aside: bool = False) -> Reading:
        """Put texts to be made vectors of into the queue; to be called on the event loop."""
        reading = Reading(source, texts, asyncio.get_running_loop(), aside)
        self._asked.put(reading)
        return reading

    def stop(self) -> None:
        """End the thread after the batch under way."""
        self._asked.put(None)

    def _work(self) -> None:
        while self._take_in():
            self._turn()

    def _turn(self) -> None:
        """The next piece of work: a batch that people wait for to its end, of the rest a little."""
        if batch := self._next_batch(aside=False):
            self._write(batch)
        elif reading := next((one for one in self._readings if not one.aside), None):
            self._read(reading)
        elif self._aside:
            self._write_on(*self._aside)
        elif batch := self._next_batch(aside=True):
            self._begin_aside(batch)
        elif self._readings:
            self._read(self._readings[0])

    def _take_in(self) -> bool:
        """Read what was asked; wait for it when there is nothing to do. A moment's patience fills a batch."""
        patience = 0.0 if self._waiting or self._readings or self._aside else None
        while True:
            try:
                one = self._asked.get(timeout=patience) if patience is None or patience else self._asked.get_nowait()
            except queue.Empty:
                return True
            if one is None:
                return False
            self._accept(one)
            patience = GATHER if len(self._waiting) < BATCH else 0.0

    def _accept(self, asked: Answer | Reading) -> None:
        """Load the model, read the prompt, and line up what is to be done."""
        try:
            loaded = self._models.get(asked.source)
            if isinstance(asked, Answer):
                self._line_up(asked, loaded)
            else:
                asked.begin(loaded)
                self._readings.append(asked)
        except ApiError as error:
            asked.tell(error)
        except Exception as error:
            log.exception("loading %s", asked.source.id)
            asked.tell(ApiError(500, f"The model could not be loaded: {error}", code="server_error"))

    def _line_up(self, answer: Answer, loaded: Loaded) -> None:
        prompt = _prompt(loaded, answer.chat)
        answer.tell(Started(loaded.fingerprint, len(prompt)))
        rows = [_row(answer, loaded, prompt, index) for index in range(answer.chat.n)]
        self._waiting += [_Line(answer, loaded, row) for row in rows]

    def _next_batch(self, aside: bool) -> list[_Line]:
        """The longest waiting row and up to seven others for the same model."""
        self._waiting = [one for one in self._waiting if not one.answer.gone.is_set()]
        fit = [one for one in self._waiting if one.answer.aside == aside]
        batch = [one for one in fit if one.loaded is fit[0].loaded][:BATCH]
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    @staticmethod
    def _write(batch: list[_Line]) -> None:
        try:
            writing = Writing(batch[0].loaded, [one.row for one in batch])
            while writing.step():
                pass
        except Exception as error:
            _fail(batch, error)

    def _begin_aside(self, batch: list[_Line]) -> None:
        try:
            self._aside = Writing(batch[0].loaded, [one.row for one in batch]), batch
        except Exception as error:
            _fail(batch, error)

    def _write_on(self, writing: Writing, batch: list[_Line]) -> None:
        """One more token of what is written aside."""
        try:
            if writing.step():
                return
        except Exception as error:
            _fail(batch, error)
        self._aside = None

    def _read(self, reading: Reading) -> None:
        """One portion of a reading."""
        try:
            if reading.go_on():
                return
        except Exception as error:
            log.exception("reading")
            reading.tell(ApiError(500, f"The vectors could not be computed: {error}", code="server_error"))
        self._readings.remove(reading)


def _fail(batch: list[_Line], error: Exception) -> None:
    log.error("answering", exc_info=error)
    for one in batch:
        one.answer.tell(ApiError(500, f"The answer could not be computed: {error}", code="server_error"))


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
