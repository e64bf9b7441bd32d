"""Jobs that are paused and resumed, killed and continued: no trained step is lost."""

import asyncio
import csv
import io
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import AsyncOpenAI, BadRequestError

from core.engine.models import catalog
from core.engine.training.train import Trainer, TrainingArguments
from tests.support.engine import (
    LONG_JOB,
    TRAINING_ROWS,
    RunningEngine,
    lines,
    start,
    training_child,
    upload,
    wait_until,
)
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio
VALID = TRAINING_ROWS[:2]


async def create(client: AsyncOpenAI, model: str) -> str:
    training, valid = await upload(client, TRAINING_ROWS), await upload(client, VALID)
    job = await client.fine_tuning.jobs.create(
        model=model, training_file=training, validation_file=valid, seed=7, hyperparameters={**LONG_JOB}
    )
    return job.id


async def event_messages(client: AsyncOpenAI, job: str) -> list[str]:
    return [one.message async for one in client.fine_tuning.jobs.list_events(job) if one.type == "message"][::-1]


def count_continued(messages: list[str]) -> int:
    return sum(one.startswith("The job continues after step") for one in messages)


async def kill(running: RunningEngine) -> None:
    child = training_child(running)
    running.kill()
    await asyncio.to_thread(child.wait, PATIENCE)


def train_in_one_run(folder: Path, base: Path, model: str) -> list[dict[str, Any]]:
    """The step messages of the same job, trained here without an interruption."""
    entry, messages = catalog.load_catalog()[model], list[dict[str, Any]]()
    folder.mkdir()
    (folder / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    (folder / "validation.jsonl").write_bytes(lines(VALID))
    plan = TrainingArguments(
        method="supervised",
        base=str(base),
        parent=None,
        context_length=entry.context_length,
        supports_tools=entry.supports_tools,
        chat_template_kwargs=entry.chat_template_kwargs,
        learning_rates=entry.learning_rates,
        hyperparameters=LONG_JOB,
        seed=7,
        dtype="float32",
    )
    Trainer(folder, plan, messages.append, threading.Event()).run()
    return [one for one in messages if one["event"] == "step"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
async def test_no_step_is_lost(tmp_path: Path, cache: Path, tiny_folder: Path, tiny: str) -> None:
    """The engine is killed, the job paused, the engine ended, the job resumed: the metrics are those of one run."""
    home = tmp_path / "home"
    running = start(home, "--dtype", "float32", HF_HOME=str(cache))
    async with running.client(strict=False) as client:
        job, other = await create(client, tiny), await create(client, tiny)
        assert (await wait_until(client, other, "queued")).status == "queued"
        assert (await client.fine_tuning.jobs.pause(other)).status == "paused"  # it has not begun
        while not (home / "jobs" / job / "state.safetensors").exists():
            await asyncio.sleep(0.05)
        await kill(running)

    running = start(home, "--dtype", "float32", HF_HOME=str(cache))
    async with running.client(strict=False) as client:
        assert (await client.fine_tuning.jobs.retrieve(job)).status in ("queued", "running")
        while not count_continued(messages := await event_messages(client, job)):
            assert messages[-1] != "The job has successfully completed"
            await asyncio.sleep(0.05)
        paused = await client.fine_tuning.jobs.pause(job)
        assert paused.status == "paused" and paused.estimated_finish is None and paused.finished_at is None
        assert not psutil.Process(running.pid).children()
        point = (await client.fine_tuning.jobs.checkpoints.list(job)).data[0]
        assert point.fine_tuned_model_checkpoint in [model.id async for model in client.models.list()]
        with pytest.raises(BadRequestError, match="paused"):
            await client.fine_tuning.jobs.pause(job)
    assert running.stop() == 0

    running = start(home, "--dtype", "float32", HF_HOME=str(cache))
    async with running.client(strict=False) as client:
        assert [one.status async for one in client.fine_tuning.jobs.list()] == ["paused", "paused"]
        assert not psutil.Process(running.pid).children()
        assert (await client.fine_tuning.jobs.resume(job)).status == "queued"
        done = await wait_until(client, job)
        assert done.status == "succeeded", done.error
        text = (await client.files.content(done.result_files[0])).text
        messages = await event_messages(client, job)
    assert running.stop() == 0
    assert "The job was paused" in messages and "Fine-tuning job resumed" in messages and count_continued(messages) == 2
    saved = [message for message in messages if message.startswith("Checkpoint created at step ")]
    assert f"Checkpoint created at step {point.step_number}" in saved and len(set(saved)) == len(saved)
    require_same_metrics(text, train_in_one_run(tmp_path / "alone", tiny_folder, tiny))


def require_same_metrics(text: str, numbers: list[dict[str, Any]]) -> None:
    for line, alone in zip(csv.DictReader(io.StringIO(text)), numbers, strict=True):
        assert float(line["train_loss"]) == pytest.approx(alone["train_loss"], abs=1e-3)
        assert float(line["valid_loss"] or 0) == pytest.approx(alone.get("valid_loss", 0), abs=1e-3)


async def test_a_killed_training_fails_its_job_only(engine: RunningEngine, tiny: str) -> None:
    async with engine.client(strict=False) as client:
        jobs = client.fine_tuning.jobs
        first, second = await create(client, tiny), await create(client, tiny)
        assert (await wait_until(client, first, "running")).status == "running"
        assert (await jobs.pause(first)).status == "paused"  # its process still loads the model
        assert not (await jobs.checkpoints.list(first)).data
        assert (await wait_until(client, second, "running")).status == "running"
        assert (await jobs.resume(first)).status == "queued"
        (await a_training_child(engine)).kill()
        failed = await wait_until(client, second)
        assert failed.status == "failed" and failed.error.code == "server_error" and "SIGKILL" in failed.error.message
        assert (await wait_until(client, first, "running")).status == "running"
        assert (await jobs.pause(first)).status == "paused"
        assert (await jobs.cancel(first)).status == "cancelled"
        with pytest.raises(BadRequestError, match="cancelled"):
            await jobs.resume(first)


async def a_training_child(engine: RunningEngine) -> psutil.Process:
    """It appears a moment after the job says that it runs."""
    while True:
        try:
            return training_child(engine)
        except StopIteration:
            await asyncio.sleep(0.02)
