"""Takes each batch from its creation to its end: many requests in one file, answered when nobody waits for others."""

import asyncio
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from core.engine.disk_store import Store, append, read_lines, to_line
from core.engine.http import batch_input
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now

AT_ONCE = 8
UNFINISHED = ("validating", "in_progress", "finalizing", "cancelling")

log = logging.getLogger(__name__)


class Work(Protocol):
    """How a request of a batch is answered."""

    async def check(self, model: str) -> None:
        """Raise the ApiError of a model that cannot answer."""

    async def answer(self, endpoint: str, body: Json) -> Json:
        """The body of the answer; raises the ApiError."""


class BatchQueue:
    """Runs batches, one at a time. Every answer is on disk before the next is asked for: none is computed twice."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._work: Work | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    def take_up(self, work: Work) -> None:
        """Begin: take up again, oldest first, what an earlier engine left unfinished."""
        self._work = work
        for batch in reversed(self._store.batches.all()):
            if batch["status"] in UNFINISHED:
                self._follow(batch["id"])

    def create(self, asked: Json) -> Json:
        """A new batch for checked parameters, with its own copy of the input file; the protocol's object."""
        batch = {
            "id": new_id("batch_"),
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "status": "validating",
            "created_at": now(),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked["metadata"],
        }
        self._store.batches.add(batch)
        self._follow(batch["id"])
        return batch

    async def cancel(self, batch_id: str) -> Json:
        """End a batch; what is answered already is given out. 400 when it has ended."""
        status = self._store.batches.get(batch_id)["status"]
        if status not in ("validating", "in_progress"):
            raise bad_request(f"Cannot cancel a batch with status '{status}'.", code="invalid_request_error")
        batch = self._store.batches.update(batch_id, status="cancelling", cancelling_at=now())
        task = self._tasks.get(batch_id)
        if task:
            task.cancel()
            await asyncio.wait([task])
        self._follow(batch_id)
        return batch

    async def stop(self) -> None:
        """Stop all work; unfinished batches stay so, for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, batch_id: str) -> None:
        task = self._tasks[batch_id] = asyncio.create_task(self._run(batch_id), name=batch_id)
        task.add_done_callback(lambda done: self._tasks.pop(batch_id) if self._tasks.get(batch_id) is done else None)

    async def _run(self, batch_id: str) -> None:
        """The batch's whole life, from where it stands."""
        batches = self._store.batches
        try:
            if batches.get(batch_id)["status"] == "validating":
                await self._validate(batch_id)
            if batches.get(batch_id)["status"] == "in_progress":
                async with self._turn:
                    await self._answer(batch_id)
                batches.update(batch_id, status="finalizing", finalizing_at=now())
            if batches.get(batch_id)["status"] in UNFINISHED:
                await self._finish(batch_id)
        except Exception as raised:
            log.exception("batch %s", batch_id)
            error = raised.exceptions[0] if isinstance(raised, ExceptionGroup) else raised
            self._fail(batch_id, [_fault("server_error", f"The batch failed due to an internal error: {error}")])

    def _fail(self, batch_id: str, errors: list[Json]) -> None:
        listed = {"object": "list", "data": errors}
        self._store.batches.update(batch_id, status="failed", failed_at=now(), errors=listed)

    async def _validate(self, batch_id: str) -> None:
        batch, copy = self._store.batches.get(batch_id), self._store.batches.folder(batch_id) / "input.jsonl"
        try:
            await asyncio.to_thread(shutil.copyfile, self._store.files.path(batch["input_file_id"]), copy)
            found = await asyncio.to_thread(batch_input.check, copy, batch["endpoint"])
            if not found.errors and self._work:
                await self._work.check(found.model)
        except ApiError as error:
            return self._fail(batch_id, [_fault(error.code or "invalid_request", error.message, error.param)])
        if found.errors:
            return self._fail(batch_id, found.errors)
        counts = {"total": found.total, "completed": 0, "failed": 0}
        self._store.batches.update(batch_id, status="in_progress", in_progress_at=now(), request_counts=counts)
        return None

    async def _answer(self, batch_id: str) -> None:
        """Ask what no earlier engine has answered, a few at once."""
        done = self._done(batch_id)
        left = (one for one in batch_input.requests(self._path(batch_id, "input")) if one["custom_id"] not in done)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._ask(batch_id, left))

    def _done(self, batch_id: str) -> set[str]:
        """What is answered, read from the answers themselves; the counts follow from it."""
        known = [{line["custom_id"] for line in read_lines(self._path(batch_id, name))} for name in ("output", "error")]
        self._store.batches.count(batch_id, *map(len, known))
        return known[0] | known[1]

    async def _ask(self, batch_id: str, left: Iterator[Json]) -> None:
        endpoint = self._store.batches.get(batch_id)["endpoint"]
        for request in left:
            status, body = await self._one(endpoint, request["body"])
            good = status == 200
            response = {"status_code": status, "request_id": new_id("req_"), "body": body}
            line = {"id": new_id("batch_req_"), "custom_id": request["custom_id"], "response": response, "error": None}
            append(self._path(batch_id, "output" if good else "error"), line)
            counts = self._store.batches.get(batch_id)["request_counts"]
            self._store.batches.count(batch_id, counts["completed"] + good, counts["failed"] + (not good))

    async def _one(self, endpoint: str, body: Json) -> tuple[int, Json]:
        assert self._work
        try:
            return 200, await self._work.answer(endpoint, body)
        except ApiError as error:
            return error.status, error.body()

    async def _finish(self, batch_id: str) -> None:
        """Make files of the answers; begun again after a crash it makes no second ones."""
        batch = self._store.batches.get(batch_id)
        self._done(batch_id)
        for name in ("output", "error"):
            path, key = self._path(batch_id, name), f"{name}_file_id"
            if not path.exists():
                continue
            if key not in batch:
                batch = self._store.batches.update(batch_id, **{key: new_id("file-")})
            if batch[key] not in self._store.files:
                title = f"{batch_id}_{name}.jsonl"
                await asyncio.to_thread(self._store.files.add, title, "batch_output", _copy(path), batch[key])
        end = "cancelled" if batch["status"] == "cancelling" else "completed"
        self._store.batches.update(batch_id, status=end, **{f"{end}_at": now()})
        for name in ("input", "output", "error"):
            self._path(batch_id, name).unlink(missing_ok=True)

    def _path(self, batch_id: str, name: str) -> Path:
        return self._store.batches.folder(batch_id) / f"{name}.jsonl"


def _copy(source: Path) -> Any:
    """Writes the whole lines of `source`: a crash may have left half a one."""

    def write(target: Path) -> None:
        with target.open("wb") as file:
            for line in read_lines(source):
                file.write(to_line(line))

    return write


def _fault(code: str, message: str, param: str | None = None) -> Json:
    return {"code": code, "message": message, "param": param, "line": None}
