"""A sequence joins a running batch after any token, and answers as it would alone."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.engine.inference.answerer_choice import AnswererOptions
from core.engine.inference.completions import CompletionDelta, CompletionWork
from core.engine.inference.generate import GeneratedSequence, GenerationBatch
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.loaded_models import LoadedModel, load_model
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import load_text
from core.engine.inference.request_scheduler import RequestScheduler
from core.engine.inference.sampling import SamplingParams
from core.engine.models.catalog import load_catalog
from tests.support.engine import BASE, MODELS, prompt
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
LONG, SHORT = "Count from one to five, then tell me why people count at all.", "What is the capital of France?"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[RequestScheduler]:
    running = RequestScheduler(AnswererOptions("torch", "float32", MODELS / "gguf"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def source(base: Path) -> ModelSource:
    return ModelSource(BASE, load_catalog()[BASE], base, None)


@pytest.fixture(scope="module")
def loaded(source: ModelSource) -> LoadedModel:
    return load_model(source, load_text(source), "float32")


class Asked:
    """A request, and the events that came for it."""

    def __init__(self, scheduler: RequestScheduler, source: ModelSource, question: str, max_tokens: int) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        params = SamplingParams(max_tokens=max_tokens, temperature=0.0)
        request = GenerationRequest(messages=prompt(question), params=params)
        self.work = CompletionWork(source, request, self.take)
        scheduler.submit(self.work)

    def take(self, event: Any) -> None:
        self.events.put(event)

    def next_text(self) -> tuple[str, bool]:
        """The next new text, and whether it is the last."""
        while not isinstance(event := self.events.get(timeout=PATIENCE), CompletionDelta):
            assert not isinstance(event, Exception), event
        return event.text, event.finish_reason is not None

    def read(self) -> str:
        text, is_last = self.next_text()
        return text if is_last else text + self.read()


def test_who_asks_later_joins_and_both_answer_as_alone(scheduler: RequestScheduler, source: ModelSource) -> None:
    """A short question waited for the end of a long answer."""
    alone = [Asked(scheduler, source, *one).read() for one in ((LONG, 48), (SHORT, 8))]
    long = Asked(scheduler, source, LONG, 48)
    text, _ = long.next_text()
    assert Asked(scheduler, source, SHORT, 8).read() == alone[1]
    assert long.events.qsize() < 40  # it is not finished yet
    assert text + long.read() == alone[0]


@pytest.mark.logs
def test_a_failure_of_one_ends_that_one(scheduler: RequestScheduler, source: ModelSource) -> None:
    """Everybody in the batch got an error."""
    alone = Asked(scheduler, source, SHORT, 8).read()
    broken, good = Asked(scheduler, source, LONG, 8), Asked(scheduler, source, SHORT, 8)
    broken.work.send = fail_at_third(broken.work.send)
    assert good.read() == alone


def fail_at_third(send: Any) -> Any:
    calls = []

    def failing(event: Any) -> None:
        calls.append(event)
        if len(calls) == 3:
            raise RuntimeError("a broken tokenizer")
        send(event)

    return failing


def test_what_is_padding_for_all_is_dropped(loaded: LoadedModel) -> None:
    sequences = [make(loaded, question, length) for question, length in ((LONG * 3, 2), (SHORT, 12))]
    batch = GenerationBatch(loaded)
    batch.add([one for one, _ in sequences])
    while batch.step():
        pass
    later = GenerationBatch(loaded)
    (again, texts), (first, other) = make(loaded, SHORT, 12), make(loaded, LONG * 3, 2)
    later.add([again])
    later.add([first])
    while later.step():
        pass
    assert "".join(texts) == "".join(sequences[1][1]) and "".join(other) == "".join(sequences[0][1])


def test_a_shared_beginning_is_read_once_and_changes_no_answer(loaded: LoadedModel) -> None:
    reads = list[int]()
    loaded.model.register_forward_pre_hook(
        lambda _model, _arguments, named: reads.append(named["input_ids"].numel()), with_kwargs=True
    )
    book = "The heron guards the gate. " * 40
    questions = [f"{book} {question}" for question in ("Who?", "What is guarded by the bird?", "Why is that so?")]
    length = len(make(loaded, questions[0], 1)[0].prompt_ids)
    alone = [answer(GenerationBatch(loaded), loaded, [one])[0] for one in questions]
    assert max(reads) > length - 1
    batch = GenerationBatch(loaded)
    reads.clear()
    assert answer(batch, loaded, questions) == alone  # three at once
    assert sum(one >= length // 2 for one in reads) == 1
    assert [answer(batch, loaded, [one])[0] for one in questions] == alone  # one after another
    assert sum(one >= length // 2 for one in reads) == 1


def test_the_first_question_about_a_book_keeps_it(loaded: LoadedModel) -> None:
    """The book was read once more for the second question."""
    reads = list[int]()
    hook = loaded.model.register_forward_pre_hook(
        lambda _model, _arguments, named: reads.append(named["input_ids"].numel()), with_kwargs=True
    )
    system = {"role": "system", "content": "The heron guards the gate. " * 40}
    batch = GenerationBatch(loaded)
    for question in ("Who?", "What is guarded by the bird?"):
        request = GenerationRequest(
            messages=[system, {"role": "user", "content": question}], params=SamplingParams(max_tokens=2)
        )
        tokenized = loaded.text.tokenize_prompt(request)
        sequence = GeneratedSequence(
            tokenized.ids, request.params, lambda *_: None, pytest.fail, threading.Event(), tokenized.prefix_length
        )
        sequence.start(loaded)
        batch.add([sequence])
    hook.remove()
    assert 200 < reads[0] == tokenized.prefix_length and max(reads[1:]) < 30


def answer(batch: GenerationBatch, loaded: Any, questions: list[str]) -> list[str]:
    made = [make(loaded, question, 8) for question in questions]
    batch.add([sequence for sequence, _ in made])
    while batch.step():
        pass
    return ["".join(texts) for _, texts in made]


def make(loaded: Any, question: str, max_tokens: int) -> tuple[Any, list[str]]:
    texts: list[str] = []
    template = loaded.text.chat_template
    prompt_ids = template.tokenize(template.render(prompt(question), True))
    keep = lambda text, _reason, _tokens, _logprobs: texts.append(text)  # noqa: E731
    params = SamplingParams(max_tokens=max_tokens, temperature=0.0)
    sequence = GeneratedSequence(prompt_ids, params, keep, pytest.fail, threading.Event())
    sequence.start(loaded)
    return sequence, texts
