"""The memory of jobs that wait or run, estimated from their validated rows."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from core.engine.disk_store import DiskStore
from core.engine.http.protocol import Json, model_not_found_error
from core.engine.models import device
from core.engine.models.catalog import ModelCatalog
from core.engine.record_files import read_lines, to_json_line
from core.engine.training.estimator import Estimator, JobOutline
from core.engine.training.job_slots import MemoryNeed

MAX_SAMPLE_ROWS = 500


class JobMemory:
    """Estimates the memory of jobs. `find_pid`: the process of a job that runs, or None."""

    def __init__(
        self, store: DiskStore, catalog: ModelCatalog, estimator: Estimator, find_pid: Callable[[str], int | None]
    ) -> None:
        self._store, self._catalog, self._estimator, self._find_pid = store, catalog, estimator, find_pid
        self._totals: dict[str, int] = {}  # of jobs that were estimated

    async def estimate(self, job_id: str) -> MemoryNeed:
        """The memory of a job. Raises an ApiError when it cannot be estimated, and ValueError for a job without rows."""
        if job_id not in self._totals:
            found = await self._estimator.estimate(await self._outline(job_id))
            total = int(found["memory_bytes"])
            if found["device"] == "cuda":
                # Only a process that uses a graphics card knows what is free there, and how much of it is its own: all
                # of the job is reserved.
                return MemoryNeed(total, total, int(found["available_bytes"]))
            self._totals[job_id] = total
        total = self._totals[job_id]
        used = _resident_bytes(self._find_pid(job_id))
        return MemoryNeed(total, max(0, total - used), device.available_ram_bytes())

    async def _outline(self, job_id: str) -> JobOutline:
        job, folder = self._store.jobs.get(job_id), self._store.jobs.folder(job_id)
        found = self._store.models.get(job["model"])
        base = str(found[0]["base"]) if found else job["model"]
        entry = self._catalog.entries.get(base)
        if not entry:
            raise model_not_found_error(base)
        path, method = self._catalog.find_ready_folder(entry), job["method"]["type"]
        rows, num_rows = await asyncio.to_thread(_read_sample, folder / "training.jsonl")
        return JobOutline(
            entry=entry,
            base=str(path) if path else None,
            method=method,
            hyperparameters=job["method"][method]["hyperparameters"],
            rows=rows,
            num_rows=num_rows,
            num_validation_rows=0,  # they are read without gradients, with less memory
        )


def _read_sample(path: Path) -> tuple[list[Json], int]:
    """The longest row, which decides how much memory is needed, with the first ones; and how many rows there are."""
    rows: list[Json] = []
    longest, length, count = None, 0, 0
    for row in read_lines(path):
        count += 1
        if len(rows) < MAX_SAMPLE_ROWS:
            rows.append(row)
        if (new_length := len(to_json_line(row))) > length:
            longest, length = row, new_length
    if longest is None:
        raise ValueError(f"{path} has no rows")
    return [longest, *rows[: count - 1]], count


def _resident_bytes(pid: int | None) -> int:
    """The memory that a process has now; 0 when it has not begun, or has just ended."""
    import psutil

    if pid is None:
        return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
