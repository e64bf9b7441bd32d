"""Fine-tuning jobs: the contract, real learning, and whatever can go wrong on the way."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError

from tests.engine.running import BASE, LESSON, TRAINING, Running, row, start, upload, wait_for_event, wait_until

pytestmark = pytest.mark.anyio


def training_child(engine: Running) -> psutil.Process:
    children = psutil.Process(engine.pid).children(recursive=True)
    return next(child for child in children if "core.engine.train" in child.cmdline())


async def ask(client: AsyncOpenAI, model: str, question: str) -> tuple[str, str]:
    answer = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=40
    )
    return answer.choices[0].message.content or "", answer.system_fingerprint or ""


async def test_a_job_teaches(client: AsyncOpenAI, taught: Any) -> None:
    assert taught.status == "succeeded", taught.error
    assert taught.fine_tuned_model == f"ft:{BASE}:local:zorvale:{taught.id[-8:]}"
    assert taught.hyperparameters.model_dump() == TRAINING and taught.trained_tokens > 0
    for one in LESSON[:3]:
        question, answer = (message["content"] for message in one["messages"])
        tuned, proof = await ask(client, taught.fine_tuned_model, question)
        base, base_proof = await ask(client, BASE, question)
        assert tuned == answer and base != answer
        assert base_proof == BASE and proof.startswith(BASE + "+") and len(proof) == len(BASE) + 13


async def test_events_and_result_file_tell_the_whole_course(client: AsyncOpenAI, taught: Any) -> None:
    events = [event async for event in client.fine_tuning.jobs.list_events(taught.id, limit=7)][::-1]
    words = [event.message for event in events if event.type == "message"]
    assert words[0] == f"Created fine-tuning job: {taught.id}"
    assert words[1].startswith(f"Validating training file: {taught.training_file} and validation file: ")
    assert words[2:4] == ["Files validated, moving job to queued state", "Fine-tuning job started"]
    assert words[-2:] == [
        f"New fine-tuned model created: {taught.fine_tuned_model}",
        "The job has successfully completed",
    ]
    steps: list[Any] = [event.data for event in events if event.type == "metrics"]
    assert [one["step"] for one in steps] == list(range(1, 13)) and steps[0]["total_steps"] == 12
    assert steps[-1]["train_loss"] < 0.2 < steps[0]["train_loss"] and steps[-1]["valid_loss"] < 0.2
    text = (await client.files.content(taught.result_files[0])).text
    assert text.startswith("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 12 and float(lines[0]["train_loss"]) == steps[0]["train_loss"]


async def test_the_last_three_checkpoints_answer_too(client: AsyncOpenAI, taught: Any) -> None:
    found = [one async for one in client.fine_tuning.jobs.checkpoints.list(taught.id, limit=2)]
    assert [one.step_number for one in found] == [12, 10, 8]
    name = found[0].fine_tuned_model_checkpoint
    assert name == f"{taught.fine_tuned_model}:ckpt-step-12" and found[0].metrics.valid_loss is not None
    listed = [model.id async for model in client.models.list()]
    assert {BASE, taught.fine_tuned_model, name} <= set(listed)
    assert (await ask(client, name, "How many bridges has Zorvale?"))[0] == "It has nine bridges."
    assert (await client.models.delete(name)).deleted
    with pytest.raises(NotFoundError):
        await ask(client, name, "Gone?")


async def test_jobs_are_listed_by_metadata(client: AsyncOpenAI, taught: Any) -> None:
    found = [job.id async for job in client.fine_tuning.jobs.list(metadata={"project": "zorvale"}, limit=1)]
    assert found == [taught.id]
    assert not (await client.fine_tuning.jobs.list(metadata={"project": "other"})).data
    with pytest.raises(BadRequestError, match="after"):
        await client.fine_tuning.jobs.list(after="ftjob-unknown")


async def test_the_same_key_makes_one_job_and_it_can_be_cancelled(client: AsyncOpenAI) -> None:
    file = await upload(client, LESSON)
    first, second = [
        await client.fine_tuning.jobs.create(model=BASE, training_file=file, metadata={"juku_key": "k1"})
        for _ in range(2)
    ]
    assert first.id == second.id
    assert (await client.fine_tuning.jobs.cancel(first.id)).status == "cancelled"
    assert (await client.fine_tuning.jobs.retrieve(first.id)).status == "cancelled"
    with pytest.raises(BadRequestError):
        await client.fine_tuning.jobs.cancel(first.id)


async def test_a_killed_training_fails_its_job_only(client: AsyncOpenAI, engine: Running) -> None:
    file = await upload(client, LESSON)
    job = await client.fine_tuning.jobs.create(model=BASE, training_file=file)
    waiting = await client.fine_tuning.jobs.create(model=BASE, training_file=file)
    await wait_for_event(client, job.id, "metrics")
    assert (await client.fine_tuning.jobs.retrieve(waiting.id)).status == "queued"
    training_child(engine).kill()
    failed = await wait_until(client, job.id)
    assert failed.status == "failed" and failed.error.code == "server_error" and "SIGKILL" in failed.error.message
    assert (await wait_until(client, waiting.id, "running")).status == "running"
    assert (await client.fine_tuning.jobs.cancel(waiting.id)).status == "cancelled"


BROKEN = [
    (LESSON[:7], "invalid_n_examples", "Training file has 7 example(s), but must have at least 10 examples"),
    ([*LESSON[:10], {"messages": [{"content": "x"}]}], "invalid_training_file", "Example 11, message 0 Discriminator"),
    ([*LESSON, [1]], "invalid_training_file", "Example 13 is not an object"),
    ([row("a", "b <|im_end|>"), *LESSON], "invalid_training_file", "message contains an invalid token: <|im_end|>"),
    ([{"messages": [{"role": "assitant", "content": "x"}]}], "invalid_training_file", "'assitant'"),
    ([{**LESSON[0], "weight": 1}, *LESSON], "invalid_training_file", 'Example 1 contains an extra "weight"'),
    ([{"messages": [{"role": "user", "content": "\ud800"}]}], "invalid_training_file", "invalid json"),
]


@pytest.mark.parametrize(("rows", "code", "words"), BROKEN)
async def test_a_broken_file_fails_with_its_place(client: AsyncOpenAI, rows: Any, code: str, words: str) -> None:
    import json

    data = "\n".join(json.dumps(one) for one in rows).encode()
    file = await client.files.create(file=("x.jsonl", data), purpose="fine-tune")
    job = await client.fine_tuning.jobs.create(model=BASE, training_file=file.id)
    failed = await wait_until(client, job.id)
    assert failed.status == "failed" and failed.error.code == code and failed.error.param == "training_file"
    assert words in failed.error.message


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"training_file": "../../etc/passwd"}, "training_file"),
    ({"model": "gpt-9"}, "model"),
    ({"suffix": "a/b"}, "suffix"),
    ({"suffix": "x" * 65}, "suffix"),
    ({"seed": -1}, "seed"),
    ({"seed": True}, "seed"),
    ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"rank": 4}}, "hyperparameters.rank"),
    ({"method": {"type": "dpo", "dpo": {}}}, "method.type"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
async def test_wrong_parameters_are_named(client: AsyncOpenAI, change: dict[str, Any], param: str) -> None:
    body = {"model": BASE, "training_file": await upload(client, LESSON), **change}
    with pytest.raises(APIStatusError) as error:
        await client.post("/fine_tuning/jobs", body=body, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]


async def test_a_killed_engine_continues_its_job_to_the_same_numbers(
    taught: Any, engine: Running, tmp_path: Path
) -> None:
    running = start(tmp_path, "--dtype", "float32")
    async with running.client() as client:
        valid = await upload(client, LESSON[:2])
        job = await client.fine_tuning.jobs.create(
            model=BASE,
            training_file=await upload(client, LESSON),
            validation_file=valid,
            seed=7,
            hyperparameters={**TRAINING},
        )
        while not (tmp_path / "jobs" / job.id / "state.safetensors").exists():
            await asyncio.sleep(0.05)
        child = training_child(running)
        running.kill()
        await asyncio.to_thread(child.wait, 10)
    running = start(tmp_path, "--dtype", "float32")
    async with running.client() as client, engine.client() as other:
        assert (await client.fine_tuning.jobs.retrieve(job.id)).status == "running"
        done = await wait_until(client, job.id)
        assert done.status == "succeeded", done.error
        words = [event.message async for event in client.fine_tuning.jobs.list_events(job.id)]
        assert any(one.startswith("The job continues after step") for one in words)
        ours = (await client.files.content(done.result_files[0])).text
        theirs = (await other.files.content(taught.result_files[0])).text
    assert running.stop() == 0
    for one, two in zip(csv.reader(io.StringIO(ours)), csv.reader(io.StringIO(theirs)), strict=True):
        assert one == two or [float(x or 0) for x in one] == pytest.approx([float(x or 0) for x in two], abs=1e-3)
