"""The engine's parts, put together once for the server."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from core.engine.disk_store import Store
from core.engine.http.protocol import model_not_found
from core.engine.inference.batches import BatchQueue
from core.engine.inference.loaded_models import Source
from core.engine.inference.request_scheduler import Answers
from core.engine.models.catalog import Catalog, entries
from core.engine.training.job_queue import Queue


@dataclass(frozen=True)
class Engine:
    """What every route works with."""

    store: Store
    catalog: Catalog
    queue: Queue
    batches: BatchQueue
    answers: Answers

    async def source(self, model: str) -> Source:
        """Where the weights of a model lie; converts a base on first use. 404 or `model_not_ready` else."""
        found = self.store.tuned.get(model)
        base = str(found[0]["base"]) if found else model
        if base not in entries():
            raise model_not_found(model)
        folder = await self.catalog.ensure(base)
        return Source(model, entries()[base], folder, found[1] if found else None)

    async def stop(self) -> None:
        """End all work; nothing is left running."""
        await self.queue.stop()
        await self.batches.stop()
        await self.catalog.stop()
        self.answers.stop()


def build(home: Path, models: Path, dtype: str) -> Engine:
    """The engine on its home folder, with base models in `models`. Quick: loads no model."""
    store, catalog = Store(home), Catalog(models)
    return Engine(store, catalog, Queue(store, catalog, dtype), BatchQueue(store), Answers(dtype))


def of(request: Request) -> Engine:
    """The engine that serves this request."""
    engine: Engine = request.app.state.engine
    return engine
