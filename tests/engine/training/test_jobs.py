"""Creating fine-tuning jobs: once for each key, refused with the name of what is wrong."""

from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError

from tests.support.engine import BASE, PREFERENCE_ROWS, TRAINING_ROWS, chat_row, lines, prompt, upload, wait_until

pytestmark = pytest.mark.anyio


async def test_the_same_key_makes_one_job_and_it_can_be_cancelled(client: AsyncOpenAI, tiny: str) -> None:
    file = await upload(client, TRAINING_ROWS)
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


async def test_trainable_models_are_listed(client: AsyncOpenAI, tiny: str) -> None:
    limits: Any = await client.get("/fine_tuning/model_limits", cast_to=object)
    assert {BASE, tiny} <= set(limits) and limits[BASE]["max_concurrent_jobs"] == 1


CHAT = (
    "in the fine-tune-chat format, but the specified fine-tuning job is not using 'supervised' as the training method"
)
PREFERENCE = (
    "in the fine-tune-preference format, but the specified fine-tuning job is not using 'dpo' as the training method"
)
GOOD = PREFERENCE_ROWS[0]
BROKEN: list[tuple[str, Any, str, str]] = [
    (
        "supervised",
        TRAINING_ROWS[:7],
        "invalid_n_examples",
        "Training file has 7 example(s), but must have at least 10",
    ),
    (
        "supervised",
        [*TRAINING_ROWS, {"messages": [{"content": "x"}]}],
        "",
        "Example 11, message 0 Discriminator 'role' is",
    ),
    ("supervised", [*TRAINING_ROWS, [1]], "", "Example 11 is not an object"),
    (
        "supervised",
        [chat_row("a", "b <|im_end|>"), *TRAINING_ROWS],
        "",
        "message contains an invalid token: <|im_end|>",
    ),
    ("supervised", [{"messages": [{"role": "assitant", "content": "x"}]}], "", "'assitant'"),
    ("supervised", [{**TRAINING_ROWS[0], "weight": 1}, *TRAINING_ROWS], "", 'Example 1 contains an extra "weight"'),
    ("supervised", b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "", "invalid json"),
    ("supervised", PREFERENCE_ROWS, "", f"{PREFERENCE} (provided method=supervised)"),
    ("dpo", TRAINING_ROWS, "", f"{CHAT} (provided method=dpo)"),
    ("dpo", [GOOD, *TRAINING_ROWS], "", "Example 2 is missing key 'input'"),
    ("dpo", [{"input": GOOD["input"], "preferred_completion": []}], "", "is missing key 'preferred_output'"),
    ("dpo", [{**GOOD, "messages": []}], "", 'Example 1 contains an extra "messages"'),
    (
        "dpo",
        [{**GOOD, "input": {**GOOD["input"], "functions": []}}],
        "",
        'Example 1, input contains an extra "functions"',
    ),
    ("dpo", [{**GOOD, "preferred_output": prompt("x")}], "", "'preferred_output' must be a list with exactly one"),
    ("dpo", [{**GOOD, "non_preferred_output": prompt("x")[:1]}], "", "must have the role 'assistant'"),
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
    body = {"model": BASE, "training_file": await upload(client, TRAINING_ROWS), **change}
    with pytest.raises(APIStatusError) as error:
        await client.post("/fine_tuning/jobs", body=body, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]
