"""The process that answers: `python -m core.engine.inference.worker KIND DTYPE GGUF_FOLDER VLLM_URL`.

It holds the models, computes, and ends when its standard input ends: the engine itself stays small.
"""

import logging
import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch and llama.cpp: spinning threads starve all others

from core.engine import child_lifetime
from core.engine.http.protocol import ApiError
from core.engine.inference import messages
from core.engine.inference.answerer_choice import AnswererOptions
from core.engine.inference.completions import CompletionDelta, CompletionEvent, CompletionStarted, CompletionWork
from core.engine.inference.embeddings import EmbeddingsEvent, EmbeddingsWork
from core.engine.inference.request_scheduler import RequestScheduler


class Worker:
    """Passes requests to the scheduler and events back."""

    def __init__(self, options: AnswererOptions) -> None:
        # Whatever else writes to standard output goes to standard error from now on.
        self._channel = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._scheduler = RequestScheduler(options, self._send_progress)
        self._cancelled: dict[int, threading.Event] = {}

    def run(self) -> None:
        """Take requests until there is nobody left who could ask."""
        for message in messages.read_requests(sys.stdin.buffer):
            if isinstance(message, messages.Cancelled):
                if event := self._cancelled.pop(message.id, None):
                    event.set()
                    self._scheduler.wake()
            else:
                work = self._build_work(message)
                self._cancelled[message.id] = work.cancelled
                self._scheduler.submit(work)

    def _build_work(
        self, message: messages.CompletionMessage | messages.EmbeddingsMessage
    ) -> CompletionWork | EmbeddingsWork:
        number, background, owner = message.id, message.background, message.owner

        def send(event: CompletionEvent | EmbeddingsEvent) -> None:
            self._send(_build_event_message(number, event))

        if isinstance(message, messages.CompletionMessage):
            return CompletionWork(message.source, message.request, send, background, owner)
        return EmbeddingsWork(message.source, message.texts, send, background, owner)

    def _send_progress(self, model: str, progress: float) -> None:
        self._send(messages.Preparing(model, progress))

    def _send(self, message: messages.EventMessage) -> None:
        with self._lock:
            self._channel.write(messages.to_frame(message))
            self._channel.flush()


def _build_event_message(number: int, event: CompletionEvent | EmbeddingsEvent) -> messages.EventMessage:
    if isinstance(event, ApiError):
        return messages.Failed(number, event.status, event.message, event.param, event.code)
    if isinstance(event, CompletionStarted):
        return messages.Started(number, event)
    if isinstance(event, CompletionDelta):
        return messages.Continued(number, event)
    return messages.Embedded(number, [vector.tobytes() for vector in event.vectors], event.num_tokens)


def _end(thread: threading.ExceptHookArgs) -> None:
    """End the process when a thread of it fails: those who wait are told, and the next request starts it again."""
    threading.__excepthook__(thread)
    sys.stderr.flush()
    os._exit(1)


def main() -> None:
    """Answer until the engine has gone."""
    logging.basicConfig(level=logging.WARNING)
    threading.excepthook = _end
    kind, dtype, gguf_folder, vllm_url = sys.argv[1:]
    Worker(AnswererOptions(kind, dtype, Path(gguf_folder), vllm_url)).run()


if __name__ == "__main__":
    main()
    child_lifetime.exit_process(0)
