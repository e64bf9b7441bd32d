"""llama.cpp answers as torch does, from the same token ids; what it cannot do goes to torch."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import AsyncOpenAI

from tests.support.engine import BASE, RunningEngine, prompt, start

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
pytestmark = pytest.mark.anyio
QUESTIONS = [
    "What is the capital of France?",
    "Name three fruits.",
    "Count from one to five, then tell me why people count at all.",
    "Who wrote Hamlet?",
    "Write the school's name: 塾の蛇🐍",
    "What is two plus two?",
    "Where does the sun rise?",
    "Name a colour.",
]
MIN_EQUAL = 0.9  # of the tokens, until the first that differs: Q8_0 rounds the weights


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[RunningEngine]:
    running = start(tmp_path_factory.mktemp("fast"), "--answerer", "llama.cpp")
    yield running
    assert running.stop() == 0


async def ask(client: AsyncOpenAI, question: str, **settings: Any) -> Any:
    settings = {"model": BASE, "temperature": 0, "max_tokens": 12, **settings}
    return await client.chat.completions.create(messages=prompt(question), **settings)


async def test_it_answers_as_torch_and_no_port_is_open(fast: RunningEngine, client: AsyncOpenAI) -> None:
    async with fast.client() as quick:
        for question in QUESTIONS:
            a, b = await asyncio.gather(ask(client, question), ask(quick, question))
            print(a.choices[0].message.content, '|', b.choices[0].message.content, b.system_fingerprint, a.usage, b.usage, b.choices[0].finish_reason)
    for child in psutil.Process(fast.pid).children():
        print(child.cmdline(), child.net_connections())
