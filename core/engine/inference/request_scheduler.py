"""The scheduler of chat and embedding requests: one thread computes, requests of people before those of batches."""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core.engine.http.chat_request import ChatRequest
from core.engine.http.protocol import ApiError, bad_request
from core.engine.inference.embeddings import PendingEmbeddings
from core.engine.inference.generate import GeneratedSequence, GenerationBatch
from core.engine.inference.loaded_models import LoadedModel, ModelCache, ModelSource
from core.engine.models.chat_template import ChatTemplateError

MAX_BATCH_SIZE = 8
BATCH_WAIT_SECONDS = 0.02  # for more requests, before an incomplete batch starts
DEFAULT_MAX_TOKENS = 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompletionStarted:
    """The request was accepted. `prompt_tokens`: the prompt's length."""

    fingerprint: str
    prompt_tokens: int


@dataclass(frozen=True)
class CompletionDelta:
    """New text of the choice `index`. The last delta of a choice has a finish reason. `num_tokens`: so far."""

    index: int
    text: str
    finish_reason: str | None
    num_tokens: int


@dataclass(eq=False)
class PendingCompletion:
    """A chat request: first a CompletionStarted or an ApiError comes, then deltas until every choice is finished.

    `background`: computed only when no person waits for anything.
    """

    source: ModelSource
    request: ChatRequest
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


@dataclass(eq=False)
class _QueuedSequence:
    """A sequence to generate, and the request it belongs to."""

    completion: PendingCompletion
    loaded: LoadedModel
    sequence: GeneratedSequence


class RequestScheduler:
    """Takes requests from the event loop; a daemon thread computes them in batches, `background` ones last."""

    def __init__(self, dtype: str) -> None:
        self._models = ModelCache(dtype)
        self._requests: queue.SimpleQueue[PendingCompletion | PendingEmbeddings | None] = queue.SimpleQueue()
        self._sequences: list[_QueuedSequence] = []
        self._embeddings: list[PendingEmbeddings] = []
        self._background: tuple[GenerationBatch, list[_QueuedSequence]] | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit_chat(self, source: ModelSource, request: ChatRequest, background: bool = False) -> PendingCompletion:
        """Queue a chat request; to be called on the event loop."""
        completion = PendingCompletion(source, request, asyncio.get_running_loop(), background)
        self._requests.put(completion)
        return completion

    def submit_embeddings(self, source: ModelSource, texts: list[str], background: bool = False) -> PendingEmbeddings:
        """Queue a request for embeddings; to be called on the event loop."""
        embeddings = PendingEmbeddings(source, texts, asyncio.get_running_loop(), background)
        self._requests.put(embeddings)
        return embeddings

    def stop(self) -> None:
        """End the thread after the current batch."""
        self._requests.put(None)

    def _run(self) -> None:
        while self._receive():
            self._schedule()

    def _schedule(self) -> None:
        """The next piece of work: a batch for people to its end; of everything else one step."""
        if batch := self._next_batch(background=False):
            self._generate(batch)
        elif embeddings := next((one for one in self._embeddings if not one.background), None):
            self._embed(embeddings)
        elif self._background:
            self._continue_background(*self._background)
        elif batch := self._next_batch(background=True):
            self._start_background(batch)
        elif self._embeddings:
            self._embed(self._embeddings[0])

    def _receive(self) -> bool:
        """Take new requests in, waiting for one when there is no work; False when the scheduler stops."""
        timeout = 0.0 if self._sequences or self._embeddings or self._background else None
        while True:
            try:
                if timeout is None or timeout:
                    request = self._requests.get(timeout=timeout)
                else:
                    request = self._requests.get_nowait()
            except queue.Empty:
                return True
            if request is None:
                return False
            self._accept(request)
            timeout = BATCH_WAIT_SECONDS if len(self._sequences) < MAX_BATCH_SIZE else 0.0

    def _accept(self, request: PendingCompletion | PendingEmbeddings) -> None:
        """Load the model, tokenize the prompt, and queue the sequences."""
        try:
            loaded = self._models.get(request.source)
            if isinstance(request, PendingCompletion):
                self._queue_sequences(request, loaded)
            else:
                request.start(loaded)
                self._embeddings.append(request)
        except ApiError as error:
            request.send(error)
        except Exception as error:
            log.exception("loading %s", request.source.id)
            request.send(ApiError(500, f"The model could not be loaded: {error}", code="server_error"))

    def _queue_sequences(self, completion: PendingCompletion, loaded: LoadedModel) -> None:
        prompt_ids = _tokenize_prompt(loaded, completion.request)
        completion.send(CompletionStarted(loaded.fingerprint, len(prompt_ids)))
        sequences = [_build_sequence(completion, loaded, prompt_ids, index) for index in range(completion.request.n)]
        self._sequences += [_QueuedSequence(completion, loaded, sequence) for sequence in sequences]

    def _next_batch(self, background: bool) -> list[_QueuedSequence]:
        """The oldest queued sequence and others for the same model, up to MAX_BATCH_SIZE."""
        self._sequences = [one for one in self._sequences if not one.completion.cancelled.is_set()]
        candidates = [one for one in self._sequences if one.completion.background == background]
        batch = [one for one in candidates if one.loaded is candidates[0].loaded][:MAX_BATCH_SIZE]
        self._sequences = [one for one in self._sequences if one not in batch]
        return batch

    @staticmethod
    def _generate(batch: list[_QueuedSequence]) -> None:
        try:
            generation = GenerationBatch(batch[0].loaded, [one.sequence for one in batch])
            while generation.step():
                pass
        except Exception as error:
            _send_failure(batch, error)

    def _start_background(self, batch: list[_QueuedSequence]) -> None:
        try:
            self._background = GenerationBatch(batch[0].loaded, [one.sequence for one in batch]), batch
        except Exception as error:
            _send_failure(batch, error)

    def _continue_background(self, generation: GenerationBatch, batch: list[_QueuedSequence]) -> None:
        """One more token of each background sequence."""
        try:
            if generation.step():
                return
        except Exception as error:
            _send_failure(batch, error)
        self._background = None

    def _embed(self, embeddings: PendingEmbeddings) -> None:
        """One micro-batch of a request for embeddings."""
        try:
            if embeddings.step():
                return
        except Exception as error:
            log.exception("computing embeddings")
            embeddings.send(ApiError(500, f"The vectors could not be computed: {error}", code="server_error"))
        self._embeddings.remove(embeddings)


def _send_failure(batch: list[_QueuedSequence], error: Exception) -> None:
    log.error("generating", exc_info=error)
    for one in batch:
        one.completion.send(ApiError(500, f"The answer could not be computed: {error}", code="server_error"))


def _tokenize_prompt(loaded: LoadedModel, request: ChatRequest) -> list[int]:
    """The prompt's token ids; 400 when the template refuses the messages or they are longer than the context."""
    try:
        prompt_ids = loaded.chat_template.tokenize(loaded.chat_template.render(request.messages, True))
    except ChatTemplateError as error:
        raise bad_request(f"Invalid 'messages': {error}.", "messages", "invalid_value") from error
    if len(prompt_ids) >= loaded.context_length:
        limit = f"This model's maximum context length is {loaded.context_length} tokens"
        raise bad_request(f"{limit}, your messages have {len(prompt_ids)}.", "messages", "context_length_exceeded")
    return prompt_ids


def _build_sequence(
    completion: PendingCompletion, loaded: LoadedModel, prompt_ids: list[int], index: int
) -> GeneratedSequence:
    request = completion.request
    return GeneratedSequence(
        prompt_ids=prompt_ids,
        max_new_tokens=min(request.max_new_tokens or DEFAULT_MAX_TOKENS, loaded.context_length - len(prompt_ids)),
        temperature=request.temperature,
        top_p=request.top_p,
        seed=None if request.seed is None else request.seed + index,
        stop_strings=request.stop_strings,
        on_token=lambda text, reason, num_tokens: completion.send(CompletionDelta(index, text, reason, num_tokens)),
        cancelled=completion.cancelled,
    )
