"""Batches: every line is answered once, whatever happens, and nobody who waits for an answer waits for them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError

from core.engine.disk_store import DiskStore
from core.engine.inference.batch_queue import BatchQueue
from tests.support.engine import BASE, lines, prompt, upload

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"


def line(name: str, model: str, **more: Any) -> dict[str, Any]:
    body = {"model": model, "messages": prompt("Who?"), "max_tokens": 4, "temperature": 0, **more}
    return {"custom_id": name, "method": "POST", "url": CHAT, "body": body}


async def create(client: AsyncOpenAI, rows: list[Any], endpoint: Any = CHAT, **metadata: str) -> Any:
    file = await upload(client, rows, purpose="batch")
    return await client.batches.create(
        input_file_id=file, endpoint=endpoint, completion_window="24h", metadata=metadata
    )


async def until(client: AsyncOpenAI, batch: str, *statuses: str) -> Any:
    while (found := await client.batches.retrieve(batch)).status not in (*statuses, "completed", "failed", "cancelled"):
        await asyncio.sleep(0.05)
    return found


async def read(client: AsyncOpenAI, file: str | None) -> dict[str, Any]:
    text = (await client.files.content(file)).text if file else ""
    return {one["custom_id"]: one for one in map(json.loads, text.splitlines())}


async def test_lines_are_answered_as_by_the_route(client: AsyncOpenAI, base: Any) -> None:
    rows = [line(f"line {n}", BASE) for n in range(3)] + [
        line("bad", BASE, temperature=3),
        line("s", BASE, stream=True),
    ]
    batch = await create(client, rows, juku_key="b1")
    assert batch.status == "validating" and (await create(client, rows, juku_key="b1")).id == batch.id
    done = await until(client, batch.id)
    assert done.status == "completed" and done.completed_at, done.errors
    assert done.request_counts and (done.request_counts.completed, done.request_counts.failed) == (3, 2)
    answers, errors = await read(client, done.output_file_id), await read(client, done.error_file_id)
    direct = await client.chat.completions.create(model=BASE, messages=prompt("Who?"), max_tokens=4, temperature=0)
    assert set(answers) == {"line 0", "line 1", "line 2"}
    body = answers["line 1"]["response"]["body"]
    assert body["choices"][0]["message"]["content"] == direct.choices[0].message.content
    assert {name: one["response"]["body"]["error"]["param"] for name, one in errors.items()} == {
        "bad": "temperature",
        "s": "stream",
    }
    assert (await client.files.retrieve(done.output_file_id or "")).purpose == "batch_output"
    assert (await client.batches.list(limit=1)).data[0].id == batch.id
    with pytest.raises(BadRequestError, match="completed"):
        await client.batches.cancel(batch.id)


@pytest.mark.parametrize("endpoint", ["/v1/completions", "/v1/responses"])
async def test_every_way_of_asking_comes_in_batches_and_results_may_expire(
    client: AsyncOpenAI, base: Any, endpoint: str
) -> None:
    asked = (
        {"prompt": "One,", "max_tokens": 2} if endpoint == "/v1/completions" else {"input": "x", "max_output_tokens": 2}
    )
    request = {"custom_id": "a", "method": "POST", "url": endpoint, "body": {"model": BASE, **asked}}
    body = {"input_file_id": await upload(client, [request], purpose="batch"), "endpoint": endpoint}
    body |= {"completion_window": "24h", "output_expires_after": {"anchor": "created_at", "seconds": 3600}}
    started: Any = await client.post("/batches", body=body, cast_to=object)
    done = await until(client, started["id"])
    assert (
        done.status == "completed" and (await read(client, done.output_file_id))["a"]["response"]["status_code"] == 200
    )
    output = await client.files.retrieve(done.output_file_id or "")
    assert output.expires_at == output.created_at + 3600


async def test_vectors_come_in_batches_too(client: AsyncOpenAI, base: Any) -> None:
    request = {
        "custom_id": "v",
        "method": "POST",
        "url": "/v1/embeddings",
        "body": {"model": BASE, "input": ["a", "b"]},
    }
    done = await until(client, (await create(client, [request], "/v1/embeddings")).id)
    answers = await read(client, done.output_file_id)
    assert len(answers["v"]["response"]["body"]["data"]) == 2 and done.error_file_id is None


async def test_who_waits_comes_first_and_a_batch_can_be_cancelled(client: AsyncOpenAI, tiny: str) -> None:
    long = [line(f"{n}", tiny, max_tokens=2000) for n in range(9)]
    batch = await create(client, [line("short", tiny, max_tokens=1), *long])
    await until(client, batch.id, "in_progress")
    while (await read_counts(client, batch.id)).completed < 1:
        await asyncio.sleep(0.02)
    await client.chat.completions.create(model=tiny, messages=prompt("Who?"), max_tokens=2)
    assert (await read_counts(client, batch.id)).completed == 1  # thousands of steps of the batch are still to be done
    assert (await client.batches.cancel(batch.id)).status == "cancelling"
    ended = await until(client, batch.id, "nothing else")
    assert ended.status == "cancelled" and set(await read(client, ended.output_file_id)) == {"short"}


async def read_counts(client: AsyncOpenAI, batch: str) -> Any:
    return (await client.batches.retrieve(batch)).request_counts


class FakeEndpoints:
    """Answers at once, or never after `max_answers`; records the requests."""

    def __init__(self, max_answers: int = 1000) -> None:
        self.requests: list[str] = []
        self.max_answers = max_answers

    async def check_model(self, owner: str, model: str) -> None:
        """Every model is there."""

    async def answer(self, owner: str, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        if len(self.requests) >= self.max_answers:
            await asyncio.get_running_loop().create_future()
        self.requests.append(body["n"])
        await asyncio.sleep(0)
        return {"n": body["n"]}


async def leave_off(queue: BatchQueue, done: Callable[[], bool]) -> None:
    """What a kill leaves: whatever is on disk at that moment."""
    while not done():
        await asyncio.sleep(0)
    await queue.stop()


async def test_a_line_that_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    rows = [line(f"{n}", "m", n=f"{n}") for n in range(40)]
    file = store.files.add("x.jsonl", "batch", lambda path: path.write_bytes(lines(rows)))
    first, queue = FakeEndpoints(max_answers=20), BatchQueue(store)
    queue.resume_unfinished(first)
    batch = queue.create(file["id"], CHAT, "24h", {})["id"]
    await leave_off(queue, lambda: store.batches.get(batch)["request_counts"]["completed"] == 20)
    assert not [one.path for one in psutil.Process().open_files() if batch in one.path]
    output = tmp_path / "batches" / batch / "output.jsonl"
    with output.open("ab") as part:
        part.write(b'{"custom_id": "39", "respo')  # what a power cut leaves of a line
    store.files.delete(file["id"])

    store, second = DiskStore(tmp_path), FakeEndpoints()
    queue = BatchQueue(store)
    queue.resume_unfinished(second)
    await leave_off(queue, lambda: store.batches.get(batch)["status"] == "completed")
    assert sorted(first.requests + second.requests, key=int) == [f"{n}" for n in range(40)]
    assert store.batches.get(batch)["request_counts"] == {"total": 40, "completed": 40, "failed": 0}
    text = store.files.path(store.batches.get(batch)["output_file_id"]).read_text()
    assert {json.loads(one)["custom_id"] for one in text.splitlines()} == set(first.requests + second.requests)
    assert len(text.splitlines()) == 40


async def test_an_engine_killed_at_the_end_makes_no_second_file(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    queue = BatchQueue(store)
    file = store.files.add("x.jsonl", "batch", lambda path: path.write_bytes(lines([line("a", "m", n="a")])))
    queue.resume_unfinished(FakeEndpoints())
    batch = queue.create(file["id"], CHAT, "24h", {})["id"]
    folder = tmp_path / "batches" / batch
    await leave_off(queue, lambda: store.batches.get(batch)["status"] == "completed")
    done = store.batches.get(batch)
    # As if the last word had never been written.
    content = store.files.path(done["output_file_id"]).read_bytes()
    (folder / "output.jsonl").write_bytes(content)
    store.batches.update(batch, status="finalizing")
    store, fake = DiskStore(tmp_path), FakeEndpoints()
    queue = BatchQueue(store)
    queue.resume_unfinished(fake)
    await leave_off(queue, lambda: store.batches.get(batch)["status"] == "completed")
    assert not fake.requests and store.batches.get(batch)["output_file_id"] == done["output_file_id"]
    assert {one["id"] for one in store.files.all()} == {file["id"], done["output_file_id"]}


GOOD = line("a", BASE)
BROKEN: list[tuple[bytes, str, int | None]] = [
    (b"", "empty_file", None),
    (b"{broken\n", "invalid_json_line", 1),
    (lines([GOOD]) + b"[1]\n", "invalid_json_line", 2),
    (lines([GOOD, GOOD]), "duplicate_custom_id", 2),
    (lines([{**GOOD, "custom_id": 7}]), "invalid_custom_id", 1),
    (lines([{**GOOD, "method": "GET"}]), "invalid_method", 1),
    (lines([{**GOOD, "url": "/v1/embeddings"}]), "invalid_url", 1),
    (lines([{**GOOD, "surprise": 1}]), "unknown_parameter", 1),
    (lines([{"custom_id": "a"}]), "missing_required_parameter", 1),
    (lines([{**GOOD, "body": {}}]), "invalid_request", 1),
    (lines([GOOD, line("b", "gpt-9")]), "mismatched_model", 2),
    (lines([line("b", "gpt-9")]), "model_not_found", None),
]


@pytest.mark.parametrize(("data", "code", "number"), BROKEN)
async def test_a_broken_file_fails_with_its_lines(
    client: AsyncOpenAI, base: Any, data: bytes, code: str, number: int | None
) -> None:
    file = await client.files.create(file=("x.jsonl", data), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    failed = await until(client, batch.id)
    assert failed.status == "failed" and failed.failed_at
    assert failed.errors and failed.errors.data
    assert [(one.code, one.line) for one in failed.errors.data] == [(code, number)]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input_file_id": "file-unknown"}, "input_file_id"),
    ({"input_file_id": None}, "input_file_id"),
    ({"endpoint": "/v1/moderations"}, "endpoint"),
    ({"completion_window": "1h"}, "completion_window"),
    ({"completion_window": ["24h"]}, "completion_window"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, "output_expires_after.seconds"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED)
async def test_wrong_parameters_are_named(client: AsyncOpenAI, change: dict[str, Any], param: str) -> None:
    file = await upload(client, [GOOD], purpose="batch")
    body = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h", **change}
    with pytest.raises(APIStatusError) as error:
        await client.post("/batches", body=body, cast_to=object)
    assert error.value.status_code == 400 and error.value.param == param  # type: ignore[attr-defined]
