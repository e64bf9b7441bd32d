"""Several processes train one job: the same losses and the same adapter as one; a lost one fails the job."""

import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import psutil
import pytest
import torch
from openai import AsyncOpenAI
from safetensors.torch import load_file

from core.engine.training.launch import build_launch, machines_to_start, read_config
from core.paths import ROOT
from tests.engine.training.test_damaged_jobs import arguments
from tests.support.engine import LONG_JOB, TRAINING_ROWS, lines, start, upload, wait_until
from tests.support.patience import PATIENCE

CONFIG = "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_CPU\nuse_cpu: true\nnum_machines: 1\nnum_processes: {}\n"


def write_config(folder: Path, size: int) -> Path:
    path = folder / "accelerate.yaml"
    path.write_text(CONFIG.format(size))
    return path


def prepare_job(folder: Path, plan: Any) -> None:
    folder.mkdir()
    (folder / "training.jsonl").write_bytes(lines(TRAINING_ROWS))
    (folder / "validation.jsonl").write_bytes(lines(TRAINING_ROWS[:3]))
    (folder / "plan.json").write_text(json.dumps(vars(plan)))


def run(arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The messages of a job's process, or of the first of several. They end when their standard input does."""
    command, values = [sys.executable, "-m", *arguments], {**os.environ, **(environment or {})}
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, env=values, stdin=PIPE, stdout=PIPE, stderr=errors) as process,
    ):
        assert process.stdout
        messages = [json.loads(line) for line in process.stdout]
        process.wait(PATIENCE)
    assert messages, log.read_text()[-3000:]
    return messages


def train(folder: Path, config: Path | None) -> list[dict[str, Any]]:
    how = build_launch(folder, config)
    return run([how.module, *how.arguments], folder / "train.log", how.environment)


# The last batch of an epoch has two items, one for each process; and one item, which leaves a process with none.
@pytest.mark.parametrize(
    ("method", "batch_size", "more"),
    [
        ("supervised", 4, {}),
        pytest.param("dpo", 9, {}, marks=pytest.mark.proof),
        pytest.param("supervised", 4, {"distillation_weight": 0.5, "on_policy_share": 0.6}, marks=pytest.mark.proof),
    ],
)
def test_two_processes_train_as_one(
    tmp_path: Path, tiny_folder: Path, tiny: str, method: str, batch_size: int, more: dict[str, Any]
) -> None:
    wanted = {"n_epochs": 2, "batch_size": batch_size, **more}
    plan = arguments(tiny_folder, tiny, hyperparameters=wanted, method=method)
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in (alone, together):
        prepare_job(folder, plan)
        if more:
            told = [{"role": "system", "content": "Mira Quell founded Zorvale."}]
            (folder / "training.jsonl").write_bytes(lines([{**row, "teacher_messages": told} for row in TRAINING_ROWS]))
        if method == "dpo":
            for name in ("training", "validation"):
                rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
                (folder / f"{name}.jsonl").write_bytes(lines([to_preference(row) for row in rows]))
    one, two = train(alone, None), train(together, write_config(tmp_path, 2))
    assert [message["event"] for message in one] == [message["event"] for message in two] and one[-1]["event"] == "done"
    for first, second in zip(one, two, strict=True):
        for name, value in first.items():
            if method == "dpo" and name == "train_accuracy" and first["step"] == 1:
                continue  # the sign of margins that are 0 but for rounding
            assert second[name] == (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value)
    tensors = [load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (alone, together)]
    assert set(tensors[0]) == set(tensors[1])
    assert all(torch.allclose(tensors[0][name], tensors[1][name], atol=1e-4) for name in tensors[0])


def to_preference(row: Any) -> dict[str, Any]:
    *prompt, answer = row["messages"]
    worse = {"role": "assistant", "content": "I do not know."}
    return {"input": {"messages": prompt}, "preferred_output": [answer], "non_preferred_output": [worse]}


def test_fewer_processes_than_configured_fail_the_job(tmp_path: Path, tiny_folder: Path, tiny: str) -> None:
    """`accelerate launch --cpu --num_processes 2` starts one without a word: half of the rows would be lost."""
    prepare_job(tmp_path / "job", arguments(tiny_folder, tiny))
    how = build_launch(tmp_path / "job", write_config(tmp_path, 2))
    single = how.arguments[how.arguments.index("core.engine.training.train") :]
    (message,) = run(single, tmp_path / "log")
    assert message["event"] == "error" and "has 2 processes, but 1 were started" in message["message"]


@pytest.mark.parametrize("text", ["", "num_processes: many", "num_processes: 3\nnum_machines: 2", "- 1"])
def test_a_configuration_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accelerate.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"accelerate\.yaml"):
        read_config(path)


def test_other_machines_are_told_what_to_start(tmp_path: Path) -> None:
    path = write_config(tmp_path, 4)
    assert machines_to_start(path) == machines_to_start(None) == 0
    path.write_text(path.read_text().replace("num_machines: 1", "num_machines: 2\nmain_process_ip: 10.0.0.5"))
    assert machines_to_start(path) == 1
    words = build_launch(tmp_path, path).command
    assert "python -m torch.distributed.run --nproc-per-node 2 --nnodes 2 --node-rank 0" in words
    assert "--rdzv-endpoint 10.0.0.5:29500" in words and words.endswith("--world-size 4")


def test_graphics_cards_are_left_to_accelerate(tmp_path: Path) -> None:
    path = tmp_path / "accelerate.yaml"
    path.write_text("distributed_type: FSDP\nnum_processes: 4\nfsdp_config:\n  fsdp_version: 2\n")
    how = build_launch(tmp_path, path)
    assert how.module == "accelerate.commands.launch" and how.arguments[-2:] == ["--world-size", "4"]
    assert how.arguments[:2] == ["--config_file", str(path)]


@pytest.mark.anyio
async def test_a_lost_process_fails_the_job(tmp_path: Path, cache: Path, tiny_folder: Path, tiny: str) -> None:
    assert tiny_folder.is_dir()
    config = write_config(tmp_path, 2)
    running = start(tmp_path / "home", "--dtype", "float32", "--accelerate-config", str(config), HF_HOME=str(cache))
    async with running.client(strict=False) as client:
        job = await create(client, tiny)
        async for _ in steps(client, job):
            break
        ranks = [one for one in psutil.Process(running.pid).children(recursive=True) if "--world-size" in one.cmdline()]
        workers = [one for one in ranks if "torch.distributed.run" not in one.cmdline()]
        assert len(workers) == 2
        workers[1].kill()
        failed = await wait_until(client, job)
        assert failed.status == "failed"
        # The launcher may end the other process before that one notices.
        assert "status 1" in failed.error.message or "One of the job's 2 processes failed" in failed.error.message
        assert not psutil.Process(running.pid).children()
    assert running.stop() == 0


async def create(client: AsyncOpenAI, model: str) -> str:
    file = await upload(client, TRAINING_ROWS)
    job = await client.fine_tuning.jobs.create(
        model=model, training_file=file, seed=7, hyperparameters={**LONG_JOB, "n_epochs": 50}
    )
    return job.id


async def steps(client: AsyncOpenAI, job: str) -> Any:
    """The metrics events of a job, as they come."""
    import asyncio

    while True:
        for event in (await client.fine_tuning.jobs.list_events(job, limit=100)).data:
            if event.type == "metrics":
                yield event
        assert (await client.fine_tuning.jobs.retrieve(job)).status != "failed"
        await asyncio.sleep(0.1)
