"""The scheduler of chat and embedding requests: one thread computes, requests of people before those of batches.

Sequences of one model are generated together, token by token, and a new one joins after any token: a short question
does not wait for a long answer. Models take turns, and so do the people who ask.
"""

import queue
import threading
from dataclasses import dataclass

from core.engine import failures
from core.engine.damaged_records import CODE, DamagedAdapterError
from core.engine.http.protocol import ApiError, Json
from core.engine.inference.answerer import Answerer
from core.engine.inference.answerer_choice import AnswererChoice, AnswererOptions
from core.engine.inference.completions import CompletionDelta, CompletionStarted, CompletionWork
from core.engine.inference.embeddings import EmbeddingsWork
from core.engine.inference.generate import GeneratedSequence
from core.engine.inference.gguf_files import OnPreparing
from core.engine.inference.model_source import compute_fingerprint
from core.engine.inference.model_text import TokenizedPrompt
from core.engine.inference.sampling import SamplingParams
from core.engine.round_robin import RoundRobin

BATCH_WAIT_SECONDS = 0.02  # for more requests, before the first ones start
BATCH_SIZE = 8  # requests that are not waited for any longer


@dataclass(eq=False)
class _QueuedSequence:
    """A sequence to generate, the request it belongs to, and who computes it."""

    completion: CompletionWork
    answerer: Answerer
    sequence: GeneratedSequence


@dataclass(frozen=True)
class _SequenceFinished:
    """Wakes the thread: there may be room for another sequence."""


class RequestScheduler:
    """Takes requests from any thread; a daemon thread computes them, `background` ones last.

    `on_preparing` is called on that thread while a file is made for llama.cpp, see `GgufFiles`.
    """

    def __init__(self, options: AnswererOptions, on_preparing: OnPreparing = lambda _model, _progress: None) -> None:
        self._requests: queue.SimpleQueue[CompletionWork | EmbeddingsWork | _SequenceFinished | None] = (
            queue.SimpleQueue()
        )
        self._choice = AnswererChoice(options, self.wake, on_preparing)
        self._queued: list[_QueuedSequence] = []
        self._embeddings: list[EmbeddingsWork] = []
        self._turns: list[Answerer] = []
        self._owners = RoundRobin()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, work: CompletionWork | EmbeddingsWork) -> None:
        """Queue a request."""
        self._requests.put(work)

    def wake(self) -> None:
        """Look again at what waits: something has ended or was cancelled."""
        self._requests.put(_SequenceFinished())

    def stop(self) -> None:
        """End the thread after the current token."""
        self._requests.put(None)

    def _run(self) -> None:
        can_compute = False
        while self._receive(can_compute):
            can_compute = self._schedule()

    def _schedule(self) -> bool:
        """The next piece of work: a token of each sequence of people, or a micro-batch of vectors for them; else of
        others. False when nothing can be done on this thread until something comes."""
        self._queued = [one for one in self._queued if not one.completion.cancelled.is_set()]
        background = not self._has_foreground_work()
        self._start_sequences(background)
        has_computed = self._step(background)
        if embeddings := [one for one in self._embeddings if one.background == background]:
            self._embed(self._owners.order(embeddings, lambda one: one.owner)[0])
            has_computed = True
        return has_computed

    def _has_foreground_work(self) -> bool:
        return (
            any(not one.completion.background for one in self._queued)
            or any(not one.background for one in self._embeddings)
            or any(one.is_running(False) for one in self._choice.running())
        )

    def _start_sequences(self, background: bool) -> None:
        """Let queued sequences start where there is room, in the fair order."""
        for answerer in {id(one.answerer): one.answerer for one in self._queued}.values():
            queued = [
                one for one in self._queued if one.answerer is answerer and one.completion.background == background
            ]
            candidates = self._owners.order(queued, lambda one: one.completion.owner)
            if starting := answerer.select([one.sequence for one in candidates], background):
                for one in candidates[: len(starting)]:
                    self._owners.mark_served(one.completion.owner)
                self._queued = [one for one in self._queued if one.sequence not in starting]
                answerer.start(starting, background)

    def _step(self, background: bool) -> bool:
        """A token of each sequence of one model; the other models come first the next time."""
        running = self._choice.running()
        turns = [one for one in self._turns if one in running] + [one for one in running if one not in self._turns]
        for answerer in turns:
            if answerer.step(background):
                turns.remove(answerer)
                turns.append(answerer)
                self._turns = turns
                return True
        return False

    def _receive(self, can_compute: bool) -> bool:
        """Take new requests in, waiting for one when there is no work here; False when the scheduler stops."""
        timeout = 0.0 if can_compute else None
        while True:
            try:
                request = self._requests.get(timeout=timeout) if timeout != 0.0 else self._requests.get_nowait()
            except queue.Empty:
                return True
            if request is None:
                return False
            if not isinstance(request, _SequenceFinished):
                self._accept(request)
            is_urgent = isinstance(request, _SequenceFinished) or can_compute or len(self._queued) >= BATCH_SIZE
            timeout = 0.0 if is_urgent else BATCH_WAIT_SECONDS

    def _accept(self, request: CompletionWork | EmbeddingsWork) -> None:
        """Load the model, tokenize the prompt, and queue the sequences."""
        if request.cancelled.is_set():
            return
        try:
            if isinstance(request, CompletionWork):
                self._queue_sequences(request)
            else:
                request.start(self._choice.loaded_model(request.source))
                self._embeddings.append(request)
        except ApiError as error:
            request.send(error)
        except DamagedAdapterError as error:
            request.send(ApiError(400, f"The model is damaged. {error}", param="model", code=CODE))
        except Exception as error:
            folder = request.source.gguf or request.source.adapter or request.source.base
            what = f"The model could not be loaded from {folder}."
            request.send(_describe_error(what, error, "Its files, or those of its base model, may be damaged."))

    def _queue_sequences(self, completion: CompletionWork) -> None:
        source, request = completion.source, completion.request
        text = self._choice.text(source)
        prompt = text.tokenize_prompt(request)
        room = text.context_length - len(prompt.ids)
        params = [request.choice_params(index, room) for index in range(request.n)]
        answerer = self._choice.answerer(source, params[0], len(prompt.ids), request.is_streamed)
        sequences = [_build_sequence(completion, prompt, one, index) for index, one in enumerate(params)]
        for sequence in sequences:
            answerer.prepare(sequence)
        completion.send(CompletionStarted(compute_fingerprint(source, answerer.name), len(prompt.ids)))
        self._queued += [_QueuedSequence(completion, answerer, sequence) for sequence in sequences]

    def _embed(self, embeddings: EmbeddingsWork) -> None:
        """One micro-batch of a request for embeddings."""
        self._owners.mark_served(embeddings.owner)
        try:
            if embeddings.step():
                return
        except Exception as error:
            embeddings.send(_describe_error("The vectors could not be computed.", error))
        self._embeddings.remove(embeddings)


def _send_error(completion: CompletionWork, error: Exception) -> None:
    if completion.cancelled.is_set():
        return
    if not isinstance(error, ApiError):
        error = _describe_error("The answer could not be computed.", error)
    completion.send(error)
    completion.cancelled.set()  # its other choices


def _describe_error(what: str, error: Exception, otherwise: str = failures.UNKNOWN) -> ApiError:
    """The error of a request that failed here; the traceback goes to the engine's log."""
    failure = failures.report(what, error, otherwise=otherwise)
    return ApiError(503 if failure.code == failures.INSUFFICIENT_MEMORY else 500, failure.words, code=failure.code)


def _build_sequence(
    completion: CompletionWork, prompt: TokenizedPrompt, params: SamplingParams, index: int
) -> GeneratedSequence:
    texts, entries = list[str](), list[Json]()

    def send(text: str, finish_reason: str | None, num_tokens: int, logprobs: list[Json]) -> None:
        texts.append(text)
        entries.extend(logprobs)
        if finish_reason or completion.request.is_streamed:
            completion.send(CompletionDelta(index, "".join(texts), finish_reason, num_tokens, entries[:]))
            texts.clear()
            entries.clear()

    return GeneratedSequence(
        prompt_ids=prompt.ids,
        prefix_length=prompt.prefix_length,
        params=params,
        on_token=send,
        on_failure=lambda error: _send_error(completion, error),
        cancelled=completion.cancelled,
    )
