"""The queue of batches: each is a file of requests, answered in the background."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from core.engine import failures
from core.engine.disk_store import DiskStore
from core.engine.http import batch_input
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now
from core.engine.record_files import append_line, read_lines, to_json_line

MAX_CONCURRENT_REQUESTS = 8
UNFINISHED_STATUSES = ("validating", "in_progress", "finalizing", "cancelling")


class BatchEndpoints(Protocol):
    """Answers the requests of batches."""

    async def check_model(self, owner: str, model: str) -> None:
        """Raise the ApiError of a model that cannot answer this user."""

    async def answer(self, owner: str, endpoint: str, body: Json) -> Json:
        """The response body. Raises the ApiError of a request that is refused or fails."""


class BatchQueue:
    """Runs batches, one at a time for each user. Every answer is on disk before the next request: none is computed twice."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store
        self._endpoints: BatchEndpoints | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._owner_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def resume_unfinished(self, endpoints: BatchEndpoints) -> None:
        """Start: resume the batches that an earlier engine left unfinished, oldest first."""
        self._endpoints = endpoints
        for batch in reversed(self._store.batches.all()):
            if batch["status"] in UNFINISHED_STATUSES:
                self._start_task(batch["id"])

    def create(
        self,
        input_file_id: str,
        endpoint: str,
        completion_window: str,
        metadata: Json,
        output_expires_after: int | None = None,
        owner: str = "",
    ) -> Json:
        """Create and start a batch of a user; returns the protocol's batch object.

        `output_expires_after`: seconds until its result files are deleted; None for never. Raises OSError.
        """
        batch: Json = {
            "id": new_id("batch_"),
            "object": "batch",
            "endpoint": endpoint,
            "input_file_id": input_file_id,
            "completion_window": completion_window,
            "status": "validating",
            "created_at": now(),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": metadata,
        }
        if output_expires_after is not None:
            seconds = {"anchor": "created_at", "seconds": output_expires_after}
            batch["output_expires_after"] = seconds
        self._store.batches.add(batch, owner)
        self._start_task(batch["id"])
        return batch

    async def cancel(self, batch_id: str) -> Json:
        """Cancel a batch; requests that are answered stay in the output file. Raises a 400 error when it has ended."""
        status = self._store.batches.get(batch_id)["status"]
        if status not in ("validating", "in_progress"):
            raise bad_request(f"Cannot cancel a batch with status '{status}'.", code="invalid_request_error")
        batch = self._store.batches.update(batch_id, status="cancelling", cancelling_at=now())
        task = self._tasks.get(batch_id)
        if task:
            task.cancel()
            await asyncio.wait([task])
        self._start_task(batch_id)
        return batch

    async def stop(self) -> None:
        """Stop all work; the next engine resumes unfinished batches."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_task(self, batch_id: str) -> None:
        task = self._tasks[batch_id] = asyncio.create_task(self._run(batch_id), name=batch_id)
        task.add_done_callback(lambda done: self._tasks.pop(batch_id) if self._tasks.get(batch_id) is done else None)

    async def _run(self, batch_id: str) -> None:
        """Run a batch from its current status to its end."""
        batches = self._store.batches
        try:
            if batches.get(batch_id)["status"] == "validating":
                await self._validate(batch_id)
            if batches.get(batch_id)["status"] == "in_progress":
                async with self._owner_locks[batches.owner(batch_id)]:
                    await self._answer_requests(batch_id)
                batches.update(batch_id, status="finalizing", finalizing_at=now())
            if batches.get(batch_id)["status"] in UNFINISHED_STATUSES:
                await self._finish(batch_id)
        except Exception as raised:
            failure = failures.report("The batch failed.", raised, batches.folder(batch_id) / "batch.log")
            self._fail(batch_id, [_build_error(failure.code, failure.words)])

    def _fail(self, batch_id: str, errors: list[Json]) -> None:
        error_list = {"object": "list", "data": errors}
        self._store.batches.update_or_remember(batch_id, status="failed", failed_at=now(), errors=error_list)

    async def _validate(self, batch_id: str) -> None:
        batch, copy = self._store.batches.get(batch_id), self._store.batches.folder(batch_id) / "input.jsonl"
        try:
            await asyncio.to_thread(self._store.files.read_whole, batch["input_file_id"], copy)
            report = await asyncio.to_thread(batch_input.validate_input, copy, batch["endpoint"])
            if not report.errors and self._endpoints:
                await self._endpoints.check_model(self._store.batches.owner(batch_id), report.model)
        except ApiError as error:
            return self._fail(batch_id, [_build_error(error.code or "invalid_request", error.message, error.param)])
        if report.errors:
            return self._fail(batch_id, report.errors)
        counts = {"total": report.total, "completed": 0, "failed": 0}
        self._store.batches.update(batch_id, status="in_progress", in_progress_at=now(), request_counts=counts)
        return None

    async def _answer_requests(self, batch_id: str) -> None:
        """Answer the requests that no earlier engine has answered, a few at once."""
        answered = self._load_answered_ids(batch_id)
        with closing(batch_input.read_requests(self._path(batch_id, "input"))) as requests:
            unanswered = (request for request in requests if request["custom_id"] not in answered)
            async with asyncio.TaskGroup() as group:
                for _ in range(MAX_CONCURRENT_REQUESTS):
                    group.create_task(self._answer_next(batch_id, unanswered))

    def _load_answered_ids(self, batch_id: str) -> set[str]:
        """The custom_ids with an answer on disk; sets the batch's counts by them."""
        answered = [
            {line["custom_id"] for line in read_lines(self._path(batch_id, name))} for name in ("output", "error")
        ]
        self._store.batches.set_counts(batch_id, *map(len, answered))
        return answered[0] | answered[1]

    async def _answer_next(self, batch_id: str, requests: Iterator[Json]) -> None:
        endpoint, owner = self._store.batches.get(batch_id)["endpoint"], self._store.batches.owner(batch_id)
        for request in requests:
            status, body = await self._handle_request(owner, endpoint, request["body"])
            is_success = status == 200
            response = {"status_code": status, "request_id": new_id("req_"), "body": body}
            line = {"id": new_id("batch_req_"), "custom_id": request["custom_id"], "response": response, "error": None}
            append_line(self._path(batch_id, "output" if is_success else "error"), line)
            counts = self._store.batches.get(batch_id)["request_counts"]
            self._store.batches.set_counts(
                batch_id, counts["completed"] + is_success, counts["failed"] + (not is_success)
            )

    async def _handle_request(self, owner: str, endpoint: str, body: Json) -> tuple[int, Json]:
        assert self._endpoints
        try:
            return 200, await self._endpoints.answer(owner, endpoint, body)
        except ApiError as error:
            return error.status, error.body()

    async def _finish(self, batch_id: str) -> None:
        """Create the output and error files; repeated after a crash, it creates no second ones."""
        batch = self._store.batches.get(batch_id)
        self._load_answered_ids(batch_id)
        for name in ("output", "error"):
            path, key = self._path(batch_id, name), f"{name}_file_id"
            if not path.exists():
                continue
            if key not in batch:
                batch = self._store.batches.update(batch_id, **{key: new_id("file-")})
            if batch[key] not in self._store.files:
                file_name = f"{batch_id}_{name}.jsonl"
                seconds, owner = (
                    batch.get("output_expires_after", {}).get("seconds"),
                    self._store.batches.owner(batch_id),
                )
                add = partial(self._store.files.add, file_id=batch[key], expires_after=seconds, owner=owner)
                await asyncio.to_thread(add, file_name, "batch_output", _copy_lines(path))
        status = "cancelled" if batch["status"] == "cancelling" else "completed"
        self._store.batches.update(batch_id, status=status, **{f"{status}_at": now()})
        for name in ("input", "output", "error"):
            self._path(batch_id, name).unlink(missing_ok=True)

    def _path(self, batch_id: str, name: str) -> Path:
        return self._store.batches.folder(batch_id) / f"{name}.jsonl"


def _copy_lines(source: Path) -> Any:
    """A function that writes the complete lines of `source`: a crash may have cut the last one off."""

    def write(target: Path) -> None:
        with target.open("wb") as file:
            for line in read_lines(source):
                file.write(to_json_line(line))

    return write


def _build_error(code: str, message: str, param: str | None = None) -> Json:
    return {"code": code, "message": message, "param": param, "line": None}
