"""An answerer whose tokens come from another engine as chunks of text: llama.cpp in this process, vLLM over HTTP."""

import threading
from collections.abc import Callable
from typing import Protocol

from core.engine.http.protocol import Json
from core.engine.inference.generate import GeneratedSequence
from core.engine.inference.grammar import GrammarState
from core.engine.inference.model_text import ModelText
from core.engine.inference.prefix_slots import common_length
from core.engine.inference.sampling import SamplingParams


class CompletionStream(Protocol):
    """Another engine that answers OpenAI's legacy completions from token ids."""

    name: str
    max_sequences: int
    max_tokens: int  # of prompts and completions that run together

    def stream(self, body: Json, prefix_length: int, on_chunk: Callable[[Json], bool]) -> None:
        """Compute one completion: `on_chunk` gets each chunk and returns whether to stop. Other prompts may begin with
        the first `prefix_length` tokens. Raises what goes wrong."""

    def find_obstacle(self, params: SamplingParams, num_prompt_tokens: int) -> str | None:
        """What it cannot do of what is asked, in words; None when it can answer."""

    def build_body(self, prompt_ids: list[int], params: SamplingParams) -> Json:
        """The body of a request."""


class StreamedAnswerer:
    """Has a thread for each running sequence, which waits for the other engine. `on_finished` is called from it.

    Requests of people find room where those of batches find none: what runs there cannot be made to rest.
    """

    def __init__(
        self, engine: CompletionStream, on_finished: Callable[[], None], text: ModelText | None = None
    ) -> None:
        """`text`: of the model, for an engine that is asked for forms; every piece of such an answer is checked."""
        self._engine, self._on_finished, self._text = engine, on_finished, text
        self._forms: dict[int, GrammarState] = {}
        self._running: dict[bool, list[GeneratedSequence]] = {False: [], True: []}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The other engine, and how it holds the weights."""
        return self._engine.name

    def find_obstacle(self, params: SamplingParams, num_prompt_tokens: int) -> str | None:
        """What the other engine cannot do of what is asked; None when it can answer."""
        return self._engine.find_obstacle(params, num_prompt_tokens)

    def prepare(self, sequence: GeneratedSequence) -> None:
        """Read the form that is asked for. Raises a 400 error for one that cannot be followed."""
        if sequence.params.grammar and self._text:
            self._forms[id(sequence)] = GrammarState(sequence.params.grammar, self._text)

    def select(self, sequences: list[GeneratedSequence], background: bool) -> list[GeneratedSequence]:
        """The first of the sequences: those of batches get three quarters of what people may have."""
        share = 0.75 if background else 1.0
        with self._lock:
            running = self._running[False] + self._running[True]
        count = max(1, int(self._engine.max_sequences * share)) - len(running)
        tokens = self._engine.max_tokens * share - sum(map(_reserved_tokens, running))
        selected: list[GeneratedSequence] = []
        for sequence in sequences[: max(0, count)]:
            tokens -= _reserved_tokens(sequence)
            if tokens < 0 and (running or selected):
                break
            selected.append(sequence)
        return selected

    def start(self, sequences: list[GeneratedSequence], background: bool) -> None:
        """Start a thread for each sequence."""
        with self._lock:
            self._running[background] += sequences
        for sequence in sequences:
            others = (common_length(sequence.prompt_ids, one.prompt_ids) for one in sequences if one is not sequence)
            sequence.prefix_length = max([sequence.prefix_length, *others])
            try:
                threading.Thread(target=self._run, args=(sequence, background), name="stream", daemon=True).start()
            except RuntimeError as error:  # too little memory for another thread
                with self._lock:
                    self._running[background].remove(sequence)
                sequence.on_failure(error)

    def is_running(self, background: bool) -> bool:
        """Whether sequences of this kind are not finished yet."""
        with self._lock:
            return bool(self._running[background])

    def step(self, _background: bool) -> bool:
        """False: the other engine computes."""
        return False

    def _run(self, sequence: GeneratedSequence, background: bool) -> None:
        receiver = _Receiver(sequence, self._forms.pop(id(sequence), None))
        try:
            body = self._engine.build_body(sequence.prompt_ids, sequence.params)
            self._engine.stream(body, sequence.prefix_length, receiver.take)
            receiver.finish()
        except Exception as error:
            sequence.on_failure(error)
        finally:
            with self._lock:
                self._running[background].remove(sequence)
            self._on_finished()


def _reserved_tokens(sequence: GeneratedSequence) -> int:
    return len(sequence.prompt_ids) + sequence.params.max_tokens


class _Receiver:
    """Passes the chunks of one completion on."""

    def __init__(self, sequence: GeneratedSequence, form: GrammarState | None) -> None:
        self._sequence, self._form = sequence, form
        self._num_tokens = 0
        self._finish_reason = ""
        self._error: Exception | None = None

    def take(self, chunk: Json) -> bool:
        """Take a chunk; True to stop the other engine."""
        try:
            self._read(chunk)
        except Exception as error:  # the caller's frames are those of C++
            self._error = error
        return bool(self._error) or self._sequence.cancelled.is_set()

    def _read(self, chunk: Json) -> None:
        if "choices" not in chunk:
            error = chunk.get("error", chunk)
            raise ValueError(error.get("message") or "it sent something that is no chunk of a completion")
        usage = chunk.get("usage") or {}
        for choice in chunk["choices"]:
            self._num_tokens += 1
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            if choice["text"]:
                if self._form:
                    self._form.accept_text(choice["text"])
                self._sequence.on_token(choice["text"], None, self._num_tokens, [])
        self._num_tokens = usage.get("completion_tokens", self._num_tokens)

    def finish(self) -> None:
        """Report the end. Raises what went wrong."""
        if self._error:
            raise self._error
        if self._sequence.cancelled.is_set():
            return
        if not self._finish_reason:
            raise ValueError("the answer ended before its end")
        if self._form and self._finish_reason == "stop" and not self._sequence.params.stop:
            self._form.check_end()
        self._sequence.on_token("", self._finish_reason, self._num_tokens, [])
