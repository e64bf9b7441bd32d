"""Estimates jobs in a child process, one at a time, and remembers what a step of them costs."""

import asyncio
import hashlib
import json
import tempfile
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.engine import child_lifetime
from core.engine.http.protocol import ApiError, Json
from core.engine.models import device
from core.engine.models.catalog import CatalogEntry

MAX_REMEMBERED = 32
# Hyperparameters that a step costs the same with: the jobs of a sweep differ in them, and are timed once.
CHEAP_NAMES = (
    "n_epochs",
    "learning_rate_multiplier",
    "beta",
    "lr_scheduler_type",
    "warmup_steps",
    "average_checkpoints",
    "metric_for_best_model",
    "token_replacement",
    "kl_mask_target",
    "distillation_temperature",
)


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

    def __init__(self, dtype: str, log: Path) -> None:
        """`log`: where its processes write what went wrong."""
        self._dtype, self._log = dtype, log
        self._known: OrderedDict[str, Json] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def estimate(self, outline: JobOutline) -> Json:
        """The protocol's extension object `fine_tuning.estimate`. Raises a 500 ApiError when its process fails."""
        wanted = outline.hyperparameters
        timed = replace(outline, hyperparameters={name: wanted[name] for name in wanted if name not in CHEAP_NAMES})
        values = json.dumps({**asdict(timed), "dtype": self._dtype}, sort_keys=True)
        key = hashlib.sha256(values.encode()).hexdigest()
        async with self._one_at_a_time:
            if key not in self._known:
                self._known[key] = await self._run(values)
                if len(self._known) > MAX_REMEMBERED:
                    self._known.popitem(last=False)
        found = _set_epochs(self._known[key], wanted.get("n_epochs"))
        if found["device"] == "cuda":  # only a process that uses the card knows what is free there
            del self._known[key]
            return found
        available = device.available_ram_bytes()
        return {**found, "available_bytes": available, "fits": found["memory_bytes"] <= available}

    async def _run(self, values: str) -> Json:
        with tempfile.TemporaryDirectory(prefix="juku-estimate-") as folder:
            path = Path(folder) / "request.json"
            await asyncio.to_thread(path.write_text, values, "utf-8")
            message = await child_lifetime.run_child("core.engine.training.estimate", str(path), log=self._log)
        if "estimate" not in message:
            reason = message.get("error", "Its process said nothing.")
            raise ApiError(500, f"The job could not be estimated. {reason}", code=message.get("code", "server_error"))
        estimate: Json = message["estimate"]
        return estimate


def _set_epochs(found: Json, epochs: object) -> Json:
    """The estimate for another number of epochs; unchanged where the number is left to the engine."""
    if not isinstance(epochs, int):
        return found
    ratio, startup = epochs / found["epochs"], found["startup_seconds"]
    return {
        **found,
        "epochs": epochs,
        "steps": round(found["steps"] * ratio),
        "trained_tokens": round(found["trained_tokens"] * ratio),
        "seconds": round(startup + (found["seconds"] - startup) * ratio, 1),
    }
