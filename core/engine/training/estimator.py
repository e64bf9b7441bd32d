"""Estimates jobs in a child process, one at a time, and remembers what a step of them costs."""

import asyncio
import hashlib
import json
import tempfile
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path

from core.engine import child_lifetime
from core.engine.http.protocol import ApiError, Json
from core.engine.models import device
from core.engine.models.catalog import CatalogEntry

MAX_REMEMBERED = 32


@dataclass(frozen=True)
class JobOutline:
    """A job to estimate. `base`: the base model's folder, None before it is downloaded. `rows`: a sample of `num_rows`."""

    entry: CatalogEntry
    base: str | None
    method: str
    hyperparameters: Json
    rows: list[Json]
    num_rows: int
    num_validation_rows: int


class Estimator:
    """Estimates of jobs. One that was estimated before is answered at once, with the memory that is free now."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._known: OrderedDict[str, Json] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def estimate(self, outline: JobOutline) -> Json:
        """The protocol's extension object `fine_tuning.estimate`. Raises a 500 ApiError when its process fails."""
        values = json.dumps({**asdict(outline), "dtype": self._dtype}, sort_keys=True)
        key = hashlib.sha256(values.encode()).hexdigest()
        async with self._one_at_a_time:
            if key not in self._known:
                self._known[key] = await self._run(values)
                if len(self._known) > MAX_REMEMBERED:
                    self._known.popitem(last=False)
        found = self._known[key]
        if found["device"] == "cuda":  # only a process that uses the card knows what is free there
            return self._known.pop(key)
        available = device.available_ram_bytes()
        return {**found, "available_bytes": available, "fits": found["memory_bytes"] <= available}

    async def _run(self, values: str) -> Json:
        with tempfile.TemporaryDirectory(prefix="juku-estimate-") as folder:
            path = Path(folder) / "request.json"
            await asyncio.to_thread(path.write_text, values, "utf-8")
            child = await child_lifetime.start_child("core.engine.training.estimate", str(path))
            message: Json = {}
            try:
                assert child.stdout
                async for line in child.stdout:
                    message = json.loads(line)
                await child.wait()
            finally:
                await child_lifetime.kill_child(child)
        if "estimate" not in message:
            reason = message.get("error", f"its process ended with {child.returncode}")
            raise ApiError(500, f"The job could not be estimated: {reason}", code="server_error")
        estimate: Json = message["estimate"]
        return estimate
