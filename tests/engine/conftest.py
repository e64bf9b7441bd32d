"""One engine for the session, a strict client for it, and one trained job."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from core.engine.models.catalog import load_catalog
from tests.support.engine import (
    BASE,
    HYPERPARAMETERS,
    MEMORIZED_ROWS,
    MODELS,
    TINY,
    RunningEngine,
    start,
    tiny_qwen,
    upload,
    wait_until,
)

ACCEPT = {"accept_licence": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's engines keep what they fetch from a hub."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[RunningEngine]:
    """One engine for all tests that leave it alive; torch in fp32 answers, so that answers can be compared exactly.

    Its base model is converted from its package, where this is the first session here, before any test: none
    depends on which comes first.
    """
    running = start(tmp_path_factory.mktemp("engine"), "--answerer", "torch", "--dtype", "float32", HF_HOME=str(cache))
    asyncio.run(_prepare(running))
    yield running
    assert running.stop() == 0


async def _prepare(engine: RunningEngine) -> None:
    async with engine.client() as one:
        while (await one.post(f"/catalog/{BASE}/prepare", body=ACCEPT, cast_to=dict))["state"] != "ready":
            await asyncio.sleep(0.5)


@pytest.fixture
async def client(engine: RunningEngine) -> AsyncIterator[AsyncOpenAI]:
    async with engine.client() as one:
        yield one


@pytest.fixture(scope="session")
def base(engine: RunningEngine) -> Path:
    """The base model's folder; the engine has converted it."""
    return MODELS / BASE


@pytest.fixture(scope="session")
def tiny_folder(base: Path, cache: Path) -> Path:
    """A model with a few random weights, where one that was fetched from a hub would lie."""
    folder = cache / "hub" / "models--Qwen--Qwen2.5-0.5B-Instruct"
    hub = load_catalog()[TINY].hub
    assert hub
    snapshot = folder / "snapshots" / hub.revision
    tiny_qwen(base, snapshot)
    return snapshot


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> str:
    """The id of that model."""
    return TINY


@pytest.fixture(scope="session")
def trained_job(engine: RunningEngine) -> Any:
    """The one job that is trained to its end, with a validation file."""

    async def train() -> Any:
        async with engine.client() as one:
            training, valid = await upload(one, MEMORIZED_ROWS), await upload(one, MEMORIZED_ROWS[:2], "valid.jsonl")
            job = await one.fine_tuning.jobs.create(
                model=BASE,
                training_file=training,
                validation_file=valid,
                suffix="zorvale",
                seed=7,
                metadata={"project": "zorvale"},
                method={"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},
            )
            assert job.status == "validating_files"
            return await wait_until(one, job.id)

    return asyncio.run(train())
