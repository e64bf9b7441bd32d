"""Users take turns: many requests of one do not hold up the single one of another."""

import queue
import threading
from pathlib import Path
from typing import Any

from core.engine.inference.answerer_choice import AnswererOptions
from core.engine.inference.completions import CompletionDelta, CompletionWork
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import TokenizedPrompt
from core.engine.inference.request_scheduler import RequestScheduler
from core.engine.inference.sampling import SamplingParams
from core.engine.models.catalog import load_catalog
from tests.support.engine import BASE
from tests.support.patience import PATIENCE


class OneAtATime:
    """Answers one sequence at a time, at once, but none before all are asked. Answerer, model text and choice in one."""

    name, context_length = "fake", 100

    def __init__(self) -> None:
        self.all_are_asked = threading.Event()
        self._sequences: list[Any] = []

    def text(self, _source: ModelSource) -> "OneAtATime":
        return self

    def answerer(self, *_: Any) -> "OneAtATime":
        return self

    def running(self) -> list["OneAtATime"]:
        return [self] if self._sequences else []

    def tokenize_prompt(self, _request: GenerationRequest) -> TokenizedPrompt:
        return TokenizedPrompt([1])

    def prepare(self, _sequence: Any) -> None:
        """Nothing to prepare."""

    def is_running(self, background: bool) -> bool:
        return bool(self._sequences) and not background

    def select(self, sequences: list[Any], _background: bool) -> list[Any]:
        return sequences[: 1 - len(self._sequences)]

    def start(self, sequences: list[Any], _background: bool) -> None:
        self._sequences = list(sequences)

    def step(self, _background: bool) -> bool:
        assert self.all_are_asked.wait(PATIENCE)
        for sequence in self._sequences:
            sequence.on_token("", "stop", 1, [])
        self._sequences = []
        return True


def test_a_single_request_comes_after_one_of_the_many() -> None:
    scheduler, fake = RequestScheduler(AnswererOptions("torch", "float32", Path())), OneAtATime()
    scheduler._choice = fake  # type: ignore[assignment]
    finished: queue.SimpleQueue[str] = queue.SimpleQueue()
    source = ModelSource(BASE, load_catalog()[BASE], Path(), None)
    for name in ("a1", "a2", "a3", "a4", "b1", "c1"):

        def finish(event: Any, name: str = name) -> None:
            if isinstance(event, CompletionDelta):
                finished.put(name)

        request = GenerationRequest(prompt=name, params=SamplingParams())
        scheduler.submit(CompletionWork(source, request, finish, owner=name[0]))
    fake.all_are_asked.set()
    assert [finished.get(timeout=PATIENCE) for _ in range(6)] == ["a1", "b1", "c1", "a2", "a3", "a4"]
    scheduler.stop()
