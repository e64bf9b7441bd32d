"""The scheduler of chat and embedding requests: one thread computes, requests of people before those of batches.

Sequences of one model are generated together, token by token, and a new one joins after any token: a short question
does not wait for a long answer. Batches of several models take turns.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from core.engine.http.protocol import ApiError, Json, bad_request
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion
from core.engine.inference.embeddings import PendingEmbeddings
from core.engine.inference.generate import GeneratedSequence, GenerationBatch, can_join
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.loaded_models import LoadedModel, ModelCache, ModelSource
from core.engine.models.chat_template import ChatTemplateError

MAX_BATCH_SIZE = 8  # sequences
BATCH_WAIT_SECONDS = 0.02  # for more requests, before an incomplete batch starts

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _QueuedSequence:
    """A sequence to generate, and the request it belongs to."""

    completion: PendingCompletion
    loaded: LoadedModel
    sequence: GeneratedSequence


class _RunningBatch:
    """The sequences of one model that are generated now, for people or for batches."""

    def __init__(self, loaded: LoadedModel, background: bool) -> None:
        self.loaded, self.background = loaded, background
        self._generation = GenerationBatch(loaded)
        self._queued: list[_QueuedSequence] = []

    @property
    def room(self) -> int:
        """How many sequences may join."""
        size = len(self._generation.sequences)
        return MAX_BATCH_SIZE - size if not size or can_join(self.loaded) else 0

    def add(self, queued: list[_QueuedSequence]) -> None:
        """Let sequences join; where that fails, they are told, and those that run go on."""
        try:
            self._generation.add([one.sequence for one in queued])
        except Exception as error:
            _send_failure(queued, error)
        else:
            self._queued += queued

    def step(self) -> bool:
        """One more token of each sequence; False when all are finished, or the model failed and they are told."""
        try:
            goes_on = self._generation.step()
        except Exception as error:
            _send_failure([one for one in self._queued if one.sequence in self._generation.sequences], error)
            return False
        self._queued = [one for one in self._queued if one.sequence in self._generation.sequences]
        return goes_on


class RequestScheduler:
    """Takes requests from the event loop; a daemon thread computes them in batches, `background` ones last."""

    def __init__(self, dtype: str) -> None:
        self._models = ModelCache(dtype)
        self._requests: queue.SimpleQueue[PendingCompletion | PendingEmbeddings | None] = queue.SimpleQueue()
        self._sequences: list[_QueuedSequence] = []
        self._embeddings: list[PendingEmbeddings] = []
        self._running: list[_RunningBatch] = []
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, source: ModelSource, request: GenerationRequest, background: bool = False) -> PendingCompletion:
        """Queue a request for completions; to be called on the event loop."""
        completion = PendingCompletion(source, request, asyncio.get_running_loop(), background)
        self._requests.put(completion)
        return completion

    def submit_embeddings(self, source: ModelSource, texts: list[str], background: bool = False) -> PendingEmbeddings:
        """Queue a request for embeddings; to be called on the event loop."""
        embeddings = PendingEmbeddings(source, texts, asyncio.get_running_loop(), background)
        self._requests.put(embeddings)
        return embeddings

    def stop(self) -> None:
        """End the thread after the current token."""
        self._requests.put(None)

    def _run(self) -> None:
        while self._receive():
            self._schedule()

    def _schedule(self) -> None:
        """The next piece of work: a token of each sequence of people, or a micro-batch of vectors for them; else of others."""
        self._sequences = [one for one in self._sequences if not one.completion.cancelled.is_set()]
        background = not self._has_foreground_work()
        self._start_sequences(background)
        if batch := next((one for one in self._running if one.background == background), None):
            self._running.remove(batch)
            if batch.step():
                self._running.append(batch)  # those of other models come first now
        if embeddings := next((one for one in self._embeddings if one.background == background), None):
            self._embed(embeddings)

    def _has_foreground_work(self) -> bool:
        background = [
            *(one.completion.background for one in self._sequences),
            *(one.background for one in self._running),
            *(one.background for one in self._embeddings),
        ]
        return not all(background)

    def _start_sequences(self, background: bool) -> None:
        """Let queued sequences join the running batch of their model, oldest first; a model without one gets one."""
        for loaded in {id(one.loaded): one.loaded for one in self._sequences}.values():
            found = [one for one in self._running if one.loaded is loaded and one.background == background]
            batch = found[0] if found else _RunningBatch(loaded, background)
            candidates = [
                one for one in self._sequences if one.loaded is loaded and one.completion.background == background
            ]
            if joining := candidates[: batch.room]:
                self._sequences = [one for one in self._sequences if one not in joining]
                batch.add(joining)
                self._running += [] if found else [batch]

    def _receive(self) -> bool:
        """Take new requests in, waiting for one when there is no work; False when the scheduler stops."""
        timeout = 0.0 if self._sequences or self._embeddings or self._running else None
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
            is_full = self._running or len(self._sequences) >= MAX_BATCH_SIZE
            timeout = 0.0 if is_full else BATCH_WAIT_SECONDS

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
        sequences = [_build_sequence(completion, loaded, prompt_ids, index) for index in range(completion.request.n)]
        for sequence in sequences:
            sequence.start(loaded)
        completion.send(CompletionStarted(loaded.fingerprint, len(prompt_ids)))
        self._sequences += [_QueuedSequence(completion, loaded, sequence) for sequence in sequences]

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
    for completion in {id(one.completion): one.completion for one in batch}.values():
        _send_error(completion, error)


def _send_error(completion: PendingCompletion, error: Exception) -> None:
    log.error("generating", exc_info=error)
    completion.send(ApiError(500, f"The answer could not be computed: {error}", code="server_error"))
    completion.cancel()  # its other choices


def _tokenize_prompt(loaded: LoadedModel, request: GenerationRequest) -> list[int]:
    """The prompt's token ids; 400 when the template refuses the messages or they are longer than the context."""
    param = "messages" if request.prompt is None else "prompt"
    prompt_ids = _render_messages(loaded, request) if request.prompt is None else _read_prompt(loaded, request.prompt)
    if len(prompt_ids) >= loaded.context_length:
        limit = f"This model's maximum context length is {loaded.context_length} tokens"
        raise bad_request(f"{limit}, your {param} has {len(prompt_ids)}.", param, "context_length_exceeded")
    return prompt_ids


def _render_messages(loaded: LoadedModel, request: GenerationRequest) -> list[int]:
    try:
        text = loaded.chat_template.render(list(request.messages), True, list(request.tools))
    except ChatTemplateError as error:
        raise bad_request(f"Invalid 'messages': {error}.", "messages", "invalid_value") from error
    return loaded.chat_template.tokenize(text)


def _read_prompt(loaded: LoadedModel, prompt: str | Sequence[int]) -> list[int]:
    """The token ids of a prompt that is no conversation. An empty text begins a new document."""
    ids = loaded.chat_template.tokenize(prompt) if isinstance(prompt, str) else list(prompt)
    if wrong := [token_id for token_id in ids if not 0 <= token_id < loaded.vocab_size]:
        message = f"Invalid 'prompt': this model has no token {wrong[0]}, only 0 to {loaded.vocab_size - 1}."
        raise bad_request(message, "prompt", "invalid_value")
    return ids or [loaded.pad_token_id]


def _build_sequence(
    completion: PendingCompletion, loaded: LoadedModel, prompt_ids: list[int], index: int
) -> GeneratedSequence:
    def send(text: str, finish_reason: str | None, num_tokens: int, logprobs: list[Json]) -> None:
        completion.send(CompletionDelta(index, text, finish_reason, num_tokens, logprobs))

    return GeneratedSequence(
        prompt_ids=prompt_ids,
        params=completion.request.choice_params(index, loaded.context_length - len(prompt_ids)),
        on_token=send,
        on_failure=lambda error: _send_error(completion, error),
        cancelled=completion.cancelled,
    )
