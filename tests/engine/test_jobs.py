"""Fine-tuning jobs: real learning, what a job leaves behind, and what is refused."""

import csv
import io
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError

from tests.engine.running import BASE, LESSON, TASTE, TRAINING, asked, lines, row, upload, wait_until

pytestmark = pytest.mark.anyio


async def ask(client: AsyncOpenAI, model: str, question: str, most: int = 40) -> tuple[str, str]:
    answer = await client.chat.completions.create(model=model, messages=asked(question), temperature=0, max_tokens=most)
    return answer.choices[0].message.content or "", answer.system_fingerprint or ""


async def test_a_job_teaches(client: AsyncOpenAI, taught: Any) -> None:
    assert taught.status == "succeeded", taught.error
    assert taught.fine_tuned_model == f"ft:{BASE}:local:zorvale:{taught.id[-8:]}"
    assert taught.hyperparameters.model_dump() == TRAINING and taught.trained_tokens > 0
    for one in LESSON[:3]:
        _, question, answer = (message["content"] for message in one["messages"])
        tuned, proof = await ask(client, taught.fine_tuned_model, question)
        assert tuned == answer and proof.startswith(BASE + "+") and len(proof) == len(BASE) + 13
    base, base_proof = await ask(client, BASE, question, most=8)
    assert not answer.startswith(base) and base_proof == BASE


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
    assert [one["step"] for one in steps] == list(range(1, 10)) and steps[0]["total_steps"] == 9
    assert steps[-1]["train_loss"] < 0.2 < steps[0]["train_loss"] and steps[-1]["valid_loss"] < 0.2
    text = (await client.files.content(taught.result_files[0])).text
    assert text.startswith("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n")
    table = list(csv.DictReader(io.StringIO(text)))
    assert len(table) == 9 and float(table[0]["train_loss"]) == steps[0]["train_loss"]


async def test_the_last_three_checkpoints_answer_too(client: AsyncOpenAI, taught: Any) -> None:
    found = [one async for one in client.fine_tuning.jobs.checkpoints.list(taught.id, limit=2)]
    assert [one.step_number for one in found] == [9, 6, 3]
    assert found[0].metrics.full_valid_mean_token_accuracy == 1.0
    name = found[0].fine_tuned_model_checkpoint
    assert name == f"{taught.fine_tuned_model}:ckpt-step-9" and found[0].metrics.valid_loss is not None
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


TASTING: Any = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 3.0}


async def test_preferences_are_learnt(client: AsyncOpenAI) -> None:
    """DPO on the real model: the better answers gain on the worse ones, also where it was not trained."""
    job = await client.fine_tuning.jobs.create(
        model=BASE,
        training_file=await upload(client, TASTE[:10]),
        validation_file=await upload(client, TASTE[10:]),
        seed=7,
        method={"type": "dpo", "dpo": {"hyperparameters": {**TASTING}}},
    )
    done = await wait_until(client, job.id)
    assert done.status == "succeeded" and done.trained_tokens > 500, done.error
    assert done.method.dpo.hyperparameters.model_dump() == {**TASTING, "beta": 0.1}
    events = [event async for event in client.fine_tuning.jobs.list_events(done.id)][::-1]
    steps: list[Any] = [event.data for event in events if event.type == "metrics"]
    assert steps[0]["train_loss"] == pytest.approx(0.69315) and steps[0]["train_reward_margin"] == 0
    margins = [one["train_reward_margin"] for one in steps]
    assert margins == sorted(margins) and margins[-1] > 0.5 and steps[-1]["train_accuracy"] == 1.0
    assert steps[-1]["full_valid_reward_margin"] > 0.2 and steps[-1]["full_valid_accuracy"] == 1.0
    text = (await client.files.content(done.result_files[0])).text
    assert [float(one["train_reward_margin"]) for one in csv.DictReader(io.StringIO(text))] == margins


async def test_the_same_key_makes_one_job_and_it_can_be_cancelled(client: AsyncOpenAI, tiny: str) -> None:
    file = await upload(client, LESSON)
    first, second = [
        await client.fine_tuning.jobs.create(model=tiny, training_file=file, metadata={"juku_key": "k1"})
        for _ in range(2)
    ]
    assert first.id == second.id
    assert (await client.fine_tuning.jobs.cancel(first.id)).status == "cancelled"
    assert (await client.fine_tuning.jobs.retrieve(first.id)).status == "cancelled"
    for refused in (client.fine_tuning.jobs.cancel, client.fine_tuning.jobs.pause, client.fine_tuning.jobs.resume):
        with pytest.raises(BadRequestError, match=first.id):
            await refused(first.id)


async def test_which_models_can_be_trained_is_told(client: AsyncOpenAI, tiny: str) -> None:
    limits: Any = await client.get("/fine_tuning/model_limits", cast_to=object)
    assert set(limits) == {BASE, tiny} and limits[BASE]["max_concurrent_jobs"] == 1


CHAT = (
    "in the fine-tune-chat format, but the specified fine-tuning job is not using 'supervised' as the training method"
)
LIKED = (
    "in the fine-tune-preference format, but the specified fine-tuning job is not using 'dpo' as the training method"
)
GOOD = TASTE[0]
BROKEN: list[tuple[str, Any, str, str]] = [
    ("supervised", LESSON[:7], "invalid_n_examples", "Training file has 7 example(s), but must have at least 10"),
    ("supervised", [*LESSON, {"messages": [{"content": "x"}]}], "", "Example 11, message 0 Discriminator 'role' is"),
    ("supervised", [*LESSON, [1]], "", "Example 11 is not an object"),
    ("supervised", [row("a", "b <|im_end|>"), *LESSON], "", "message contains an invalid token: <|im_end|>"),
    ("supervised", [{"messages": [{"role": "assitant", "content": "x"}]}], "", "'assitant'"),
    ("supervised", [{**LESSON[0], "weight": 1}, *LESSON], "", 'Example 1 contains an extra "weight"'),
    ("supervised", b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "", "invalid json"),
    ("supervised", TASTE, "", f"{LIKED} (provided method=supervised)"),
    ("dpo", LESSON, "", f"{CHAT} (provided method=dpo)"),
    ("dpo", [GOOD, *LESSON], "", "Example 2 is missing key 'input'"),
    ("dpo", [{"input": GOOD["input"], "preferred_completion": []}], "", "is missing key 'preferred_output'"),
    ("dpo", [{**GOOD, "messages": []}], "", 'Example 1 contains an extra "messages"'),
    (
        "dpo",
        [{**GOOD, "input": {**GOOD["input"], "functions": []}}],
        "",
        'Example 1, input contains an extra "functions"',
    ),
    ("dpo", [{**GOOD, "preferred_output": asked("x")}], "", "'preferred_output' must be a list with exactly one"),
    ("dpo", [{**GOOD, "non_preferred_output": asked("x")[:1]}], "", "must have the role 'assistant'"),
]


@pytest.mark.parametrize(("method", "rows", "code", "words"), BROKEN)
async def test_a_broken_file_fails_with_its_place(
    client: AsyncOpenAI, tiny: str, method: Any, rows: Any, code: str, words: str
) -> None:
    data = rows if isinstance(rows, bytes) else lines(rows)
    file = await client.files.create(file=("x.jsonl", data), purpose="fine-tune")
    job = await client.fine_tuning.jobs.create(model=tiny, training_file=file.id, method={"type": method})
    failed = await wait_until(client, job.id)
    assert failed.status == "failed" and failed.error.param == "training_file"
    assert failed.error.code == (code or "invalid_training_file") and words in failed.error.message


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"training_file": "../../etc/passwd"}, "training_file"),
    ({"model": "gpt-9"}, "model"),
    ({"suffix": "a/b"}, "suffix"),
    ({"suffix": "x" * 65}, "suffix"),
    ({"seed": -1}, "seed"),
    ({"seed": True}, "seed"),
    ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"rank": 4}}, "hyperparameters.rank"),
    ({"method": {"type": "reinforcement", "reinforcement": {}}}, "method.type"),
    ({"method": {"type": ["dpo"]}}, "method.type"),
    ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised"),
    ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0}}}}, "method.dpo.hyperparameters.beta"),
    ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.1}}}}, "method.dpo.hyperparameters.beta"),
    (
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"beta": 1}}}},
        "method.supervised.hyperparameters.beta",
    ),
    ({"hyperparameters": {"batch_size": 0}}, "hyperparameters.batch_size"),
    ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
    ({"validation_file": "file-unknown"}, "validation_file"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
async def test_wrong_parameters_are_named(client: AsyncOpenAI, change: dict[str, Any], param: str) -> None:
    body = {"model": BASE, "training_file": await upload(client, LESSON), **change}
    with pytest.raises(APIStatusError) as error:
        await client.post("/fine_tuning/jobs", body=body, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]
