"""Real training of the real small model: its answers, events, checkpoints and files."""

import asyncio
import csv
import io
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from tests.support.engine import (
    BASE,
    DPO_HYPERPARAMETERS,
    HYPERPARAMETERS,
    PREFERENCE_ROWS,
    TRAINING_ROWS,
    prompt,
    upload,
    wait_until,
)

pytestmark = pytest.mark.anyio


async def ask(client: AsyncOpenAI, model: str, question: str, max_tokens: int = 40) -> tuple[str, str]:
    answer = await client.chat.completions.create(
        model=model, messages=prompt(question), temperature=0, max_tokens=max_tokens
    )
    return answer.choices[0].message.content or "", answer.system_fingerprint or ""


async def test_a_trained_model_answers_from_its_rows(client: AsyncOpenAI, trained_job: Any) -> None:
    assert trained_job.status == "succeeded", trained_job.error
    assert trained_job.fine_tuned_model == f"ft:{BASE}:local:zorvale:{trained_job.id[-8:]}"
    assert trained_job.hyperparameters.model_dump() == HYPERPARAMETERS and trained_job.trained_tokens > 0
    for one in TRAINING_ROWS[:3]:
        _, question, answer = (message["content"] for message in one["messages"])
        answer_now, fingerprint = await ask(client, trained_job.fine_tuned_model, question)
        assert answer_now == answer and fingerprint.startswith(BASE + "+") and fingerprint.endswith("@torch-float32")
    base, base_fingerprint = await ask(client, BASE, question, max_tokens=8)
    assert not answer.startswith(base) and base_fingerprint == f"{BASE}@torch-float32"


async def test_events_and_result_file_have_every_step(client: AsyncOpenAI, trained_job: Any) -> None:
    events = [event async for event in client.fine_tuning.jobs.list_events(trained_job.id, limit=7)][::-1]
    messages = [event.message for event in events if event.type == "message"]
    assert messages[0] == f"Created fine-tuning job: {trained_job.id}"
    assert messages[1].startswith(f"Validating training file: {trained_job.training_file} and validation file: ")
    assert messages[2:4] == ["Files validated, moving job to queued state", "Fine-tuning job started"]
    assert messages[4:-2] == [f"Checkpoint created at step {step}" for step in (3, 6, 9)]
    assert messages[-2:] == [
        f"New fine-tuned model created: {trained_job.fine_tuned_model}",
        "The job has successfully completed",
    ]
    steps: list[Any] = [event.data for event in events if event.type == "metrics"]
    assert [one["step"] for one in steps] == list(range(1, 10)) and steps[0]["total_steps"] == 9
    assert steps[-1]["train_loss"] < 0.2 < steps[0]["train_loss"] and steps[-1]["valid_loss"] < 0.2
    text = (await client.files.content(trained_job.result_files[0])).text
    assert text.startswith("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n")
    table = list(csv.DictReader(io.StringIO(text)))
    assert len(table) == 9 and float(table[0]["train_loss"]) == steps[0]["train_loss"]


async def test_the_last_three_checkpoints_answer_too(client: AsyncOpenAI, trained_job: Any) -> None:
    found = [one async for one in client.fine_tuning.jobs.checkpoints.list(trained_job.id, limit=2)]
    assert [one.step_number for one in found] == [9, 6, 3]
    assert found[0].metrics.full_valid_mean_token_accuracy == 1.0
    name = found[0].fine_tuned_model_checkpoint
    assert name == f"{trained_job.fine_tuned_model}:ckpt-step-9" and found[0].metrics.valid_loss is not None
    listed = [model.id async for model in client.models.list()]
    assert {BASE, trained_job.fine_tuned_model, name} <= set(listed)
    assert (await ask(client, name, "How many bridges has Zorvale?"))[0] == "It has nine bridges."
    assert (await client.models.delete(name)).deleted
    with pytest.raises(NotFoundError):
        await ask(client, name, "Gone?")


async def test_jobs_are_listed_by_metadata(client: AsyncOpenAI, trained_job: Any) -> None:
    found = [job.id async for job in client.fine_tuning.jobs.list(metadata={"project": "zorvale"}, limit=1)]
    assert found == [trained_job.id]
    assert not (await client.fine_tuning.jobs.list(metadata={"project": "other"})).data
    with pytest.raises(BadRequestError, match="after"):
        await client.fine_tuning.jobs.list(after="ftjob-unknown")


async def test_a_stream_has_whole_characters_only(client: AsyncOpenAI, trained_job: Any) -> None:
    _, question, answer = (message["content"] for message in TRAINING_ROWS[2]["messages"])
    stream = await client.chat.completions.create(
        model=trained_job.fine_tuned_model,
        messages=prompt(question),
        temperature=0,
        max_tokens=60,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content for chunk in chunks[:-1] if chunk.choices[0].delta.content]
    assert "".join(texts) == answer and len(texts) > 5
    assert not any("\ufffd" in text for text in texts)
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > len(texts)


async def test_a_cut_answer_has_no_half_character(client: AsyncOpenAI, trained_job: Any) -> None:
    _, question, answer = (message["content"] for message in TRAINING_ROWS[2]["messages"])
    cuts = [ask(client, trained_job.fine_tuned_model, question, max_tokens) for max_tokens in range(1, 8)]
    for cut, _ in await asyncio.gather(*cuts):
        assert answer.startswith(cut)


async def test_a_fine_tuned_model_keeps_its_adapter(client: AsyncOpenAI, trained_job: Any) -> None:
    with pytest.raises(BadRequestError, match="trained further as it is"):
        await client.fine_tuning.jobs.create(
            model=trained_job.fine_tuned_model,
            training_file=trained_job.training_file,
            method={"type": "supervised", "supervised": {"hyperparameters": {"lora_rank": 4}}},  # type: ignore[typeddict-unknown-key]
        )


async def test_preferences_are_learned(client: AsyncOpenAI) -> None:
    """DPO on the real model: the better answers gain on the worse ones, also where it was not trained."""
    job = await client.fine_tuning.jobs.create(
        model=BASE,
        training_file=await upload(client, PREFERENCE_ROWS[:10]),
        validation_file=await upload(client, PREFERENCE_ROWS[10:]),
        seed=7,
        method={"type": "dpo", "dpo": {"hyperparameters": {**DPO_HYPERPARAMETERS}}},
    )
    done = await wait_until(client, job.id)
    assert done.status == "succeeded" and done.trained_tokens > 500, done.error
    assert done.method.dpo.hyperparameters.model_dump() == {**DPO_HYPERPARAMETERS, "beta": 0.1}
    events = [event async for event in client.fine_tuning.jobs.list_events(done.id)][::-1]
    steps: list[Any] = [event.data for event in events if event.type == "metrics"]
    assert steps[0]["train_loss"] == pytest.approx(0.69315) and steps[0]["train_reward_margin"] == 0
    margins = [one["train_reward_margin"] for one in steps]
    assert margins == sorted(margins) and margins[-1] > 0.5 and steps[-1]["train_accuracy"] == 1.0
    assert steps[-1]["full_valid_reward_margin"] > 0.2 and steps[-1]["full_valid_accuracy"] == 1.0
    text = (await client.files.content(done.result_files[0])).text
    assert [float(one["train_reward_margin"]) for one in csv.DictReader(io.StringIO(text))] == margins
