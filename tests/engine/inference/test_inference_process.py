"""The models live in a child process: it ends when nobody asks, and takes only its own requests with it when it dies."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import APIError, AsyncOpenAI

from tests.support.engine import RunningEngine, prompt, start

pytestmark = pytest.mark.anyio
MAX_IDLE_BYTES = 60 * 1024 * 1024


@pytest.fixture
async def forgetful(tmp_path: Path, cache: Path) -> AsyncIterator[RunningEngine]:
    """An engine that ends the child at once."""
    running = start(tmp_path, "--answerer", "torch", "--idle-seconds", "0", HF_HOME=str(cache))
    yield running
    assert running.stop() == 0


async def ask(client: AsyncOpenAI, model: str, **settings: Any) -> Any:
    settings = {"model": model, "messages": prompt("Who?"), "max_tokens": 2, **settings}
    return await client.chat.completions.create(**settings)


async def wait_until_gone(process: psutil.Process) -> None:
    await asyncio.to_thread(process.wait)


def answering_child(engine: RunningEngine) -> psutil.Process:
    children = psutil.Process(engine.pid).children()
    return next(child for child in children if "core.engine.inference.worker" in child.cmdline())


async def test_it_ends_when_nobody_asks_and_the_engine_is_small(forgetful: RunningEngine, tiny: str) -> None:
    async with forgetful.client() as client:
        stream = await ask(client, tiny, max_tokens=4000, temperature=2, seed=3, stop=["\x00"], stream=True)
        await anext(aiter(stream))
        child = answering_child(forgetful)
        await stream.close()
        await wait_until_gone(child)
        assert psutil.Process(forgetful.pid).memory_info().rss <= MAX_IDLE_BYTES
        assert (await ask(client, tiny)).choices[0].finish_reason == "length"  # another one was started


@pytest.mark.logs
async def test_a_crash_fails_its_requests_only(engine: RunningEngine, client: AsyncOpenAI, tiny: str) -> None:
    stream = await ask(client, tiny, max_tokens=4000, temperature=2, seed=3, stop=["\x00"], stream=True)
    answering_child(engine).kill()
    with pytest.raises(APIError, match=r"SIGKILL.*The next request starts it again"):
        async for _ in stream:
            pass
    assert (await ask(client, tiny)).choices[0].message.content
