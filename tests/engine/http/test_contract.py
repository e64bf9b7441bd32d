"""Every answer of the engine fits OpenAI's published schema: jobs in all states, streams, batches, errors.

All clients of these tests check each answer (`faithful.check`); here are the requests that no other test makes.
"""

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.support import contract, faithful
from tests.support.engine import BASE, PREFERENCE_ROWS, RunningEngine, prompt, upload

pytestmark = pytest.mark.anyio


async def test_a_job_fits_in_every_state(engine: RunningEngine, tiny: str) -> None:
    """What the tests of training leave out: a DPO job while it runs and when it is paused, its models and child jobs."""
    async with engine.client(strict=False) as client:
        jobs, seen = client.fine_tuning.jobs, set[str]()
        training, valid = await upload(client, PREFERENCE_ROWS), await upload(client, PREFERENCE_ROWS[:2])
        numbers: Any = {"n_epochs": 50, "batch_size": 2, "beta": 0.5, "learning_rate_multiplier": "auto"}
        method: Any = {"type": "dpo", "dpo": {"hyperparameters": numbers}}
        job = await jobs.create(model=tiny, training_file=training, validation_file=valid, method=method, suffix="x")
        while not (await jobs.checkpoints.list(job.id)).data:
            seen.add((await jobs.retrieve(job.id)).status)
            await asyncio.sleep(0.05)
        seen.add((await jobs.pause(job.id)).status)
        assert {"running", "paused"} <= seen
        assert [one.status async for one in jobs.list() if one.id == job.id] == ["paused"]
        assert {event.type async for event in jobs.list_events(job.id)} == {"message", "metrics"}
        points = [point async for point in jobs.checkpoints.list(job.id)]
        assert [point.metrics.step for point in points] == [point.step_number for point in points]
        model = points[0].fine_tuned_model_checkpoint
        assert (await client.models.retrieve(model)).owned_by == "user-local"
        child = await jobs.create(model=model, training_file=training, method=method)
        assert (await jobs.cancel(child.id)).status == "cancelled"
        answer = await client.chat.completions.create(model=model, messages=prompt("Who?"), max_tokens=2)
        assert (answer.system_fingerprint or "").startswith(tiny + "+")  # a paused job's checkpoint answers
        assert (await client.models.delete(model)).deleted
        assert (await jobs.cancel(job.id)).status == "cancelled"


async def test_every_chunk_of_a_stream_fits(client: AsyncOpenAI, tiny: str) -> None:
    body: Any = {"model": tiny, "messages": prompt("Who?"), "max_tokens": 3, "n": 2, "stream": True}
    body["stream_options"] = {"include_usage": True}
    assert not contract.request_errors("POST", "/chat/completions", body)
    async with client.chat.completions.with_streaming_response.create(**body) as response:
        text = await response.text()
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]" and len(lines) > 6
    for line in lines[:-1]:
        assert not contract.schema_errors("CreateChatCompletionStreamResponse", json.loads(line)), line


async def test_the_rest_fits(engine: RunningEngine, client: AsyncOpenAI, tiny: str) -> None:
    assert (await client.chat.completions.create(model=tiny, messages=prompt("Who?"), max_tokens=2, n=2)).choices
    line = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": tiny, "input": "a"}}
    file = await upload(client, [line], purpose="batch")
    batch = await client.batches.create(input_file_id=file, endpoint="/v1/embeddings", completion_window="24h")
    while (batch := await client.batches.retrieve(batch.id)).status != "completed":
        await asyncio.sleep(0.05)
    text = (await client.files.content(batch.output_file_id or "")).text
    answer = json.loads(text)
    assert not contract.schema_errors("BatchRequestOutput", answer)
    assert not contract.response_errors("POST", "/embeddings", answer["response"]["body"])
    assert (await client.files.delete(file)).deleted
    assert not (await client.fine_tuning.jobs.list(metadata={"none": "such"})).data
    models = await client.models.list()
    assert {BASE, tiny} <= {model.id for model in models.data}


def test_a_wrong_answer_would_be_noticed() -> None:
    job = {"object": "fine_tuning.job", "id": 7, "status": "paused", "seed": "x"}
    found = faithful.faults("GET", "/fine_tuning/jobs/ftjob-1", 200, job)
    assert any(one.startswith("id:") for one in found) and any(one.startswith("seed:") for one in found)
    assert not any("paused" in one for one in found)
    assert faithful.faults("GET", "/fine_tuning/jobs", 400, {"detail": "x"})
    assert faithful.faults("GET", "/models", 200, {"object": "list", "data": [{"id": "a"}]})
