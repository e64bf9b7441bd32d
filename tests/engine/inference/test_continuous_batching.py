"""A sequence joins a running batch after any token, and answers as it would alone."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.engine.inference.completions import PendingCompletion
from core.engine.inference.generate import GeneratedSequence, GenerationBatch
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.loaded_models import ModelSource
from core.engine.inference.request_scheduler import RequestScheduler
from core.engine.inference.sampling import SamplingParams
from core.engine.models.catalog import load_catalog
from tests.support.engine import BASE, prompt

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::FutureWarning")]
LONG, SHORT = "Count from one to five, then tell me why people count at all.", "What is the capital of France?"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[RequestScheduler]:
    running = RequestScheduler("float32")
    yield running
    running.stop()


@pytest.fixture
def source(base: Path) -> ModelSource:
    return ModelSource(BASE, load_catalog()[BASE], base, None)


def request(question: str, max_tokens: int) -> GenerationRequest:
    params = SamplingParams(max_tokens=max_tokens, temperature=0.0)
    return GenerationRequest(messages=prompt(question), params=params)


async def read(completion: PendingCompletion) -> str:
    await completion.wait_until_started()
    return "".join([delta.text async for delta in completion.deltas()])


async def test_who_asks_later_joins_and_both_answer_as_alone(scheduler: RequestScheduler, source: ModelSource) -> None:
    """A short question waited for the end of a long answer."""
    alone = [await read(scheduler.submit(source, request(*one))) for one in ((LONG, 48), (SHORT, 8))]
    long, finished = scheduler.submit(source, request(LONG, 48)), []
    await long.wait_until_started()
    deltas = long.deltas()
    text = (await anext(deltas)).text

    async def read_short() -> str:
        found = await read(scheduler.submit(source, request(SHORT, 8)))
        finished.append("short")
        return found

    short = asyncio.create_task(read_short())
    text += "".join([delta.text async for delta in deltas])
    finished.append("long")
    assert [text, await short] == alone and finished == ["short", "long"]


@pytest.mark.logs
async def test_a_failure_of_one_ends_that_one(
    scheduler: RequestScheduler, source: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody in the batch got an error."""
    (alone,) = [await read(scheduler.submit(source, request(SHORT, 8)))]
    broken = scheduler.submit(source, request(LONG, 8))
    good = scheduler.submit(source, request(SHORT, 8))
    monkeypatch.setattr(broken, "send", fail_at_third(broken.send))
    assert await read(good) == alone


def fail_at_third(send: Any) -> Any:
    calls = []

    def failing(event: Any) -> None:
        calls.append(event)
        if len(calls) == 3:
            raise RuntimeError("a broken tokenizer")
        send(event)

    return failing


async def test_models_take_turns_and_what_is_padding_for_all_is_dropped(
    scheduler: RequestScheduler, source: ModelSource
) -> None:
    loaded = scheduler._models.get(source)
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


def make(loaded: Any, question: str, max_tokens: int) -> tuple[Any, list[str]]:
    texts: list[str] = []
    prompt_ids = loaded.chat_template.tokenize(loaded.chat_template.render(prompt(question), True))
    keep = lambda text, _reason, _tokens, _logprobs: texts.append(text)  # noqa: E731
    params = SamplingParams(max_tokens=max_tokens, temperature=0.0)
    sequence = GeneratedSequence(prompt_ids, params, keep, pytest.fail, threading.Event())
    sequence.start(loaded)
    return sequence, texts
