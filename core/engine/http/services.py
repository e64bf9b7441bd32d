"""The engine's services, created once for the server."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from core.engine.disk_store import DiskStore
from core.engine.export.runner import ExportRunner
from core.engine.http.protocol import model_not_found_error
from core.engine.inference.batch_queue import BatchQueue
from core.engine.inference.loaded_models import ModelSource
from core.engine.inference.request_scheduler import RequestScheduler
from core.engine.models.catalog import ModelCatalog
from core.engine.training.estimator import Estimator
from core.engine.training.job_runner import JobRunner


@dataclass(frozen=True)
class Services:
    """What every route works with. `serves_only_this_computer`: whether the server listens on loopback only."""

    store: DiskStore
    catalog: ModelCatalog
    jobs: JobRunner
    batches: BatchQueue
    exports: ExportRunner
    scheduler: RequestScheduler
    estimator: Estimator
    serves_only_this_computer: bool

    async def resolve_model(self, model: str) -> ModelSource:
        """The folders of a base or fine-tuned model; converts a base model on first use.

        Raises an ApiError: 404 for an unknown model, `model_not_ready` for one that is not on this computer.
        """
        found = self.store.models.get(model)
        base = str(found[0]["base"]) if found else model
        entry = self.catalog.entries.get(base)
        if not entry:
            raise model_not_found_error(model)
        folder = await self.catalog.ensure_ready(base)
        return ModelSource(model, entry, folder, found[1] if found else None)

    async def stop(self) -> None:
        """Stop all work; no thread and no process is left running."""
        await self.jobs.stop()
        await self.batches.stop()
        await self.exports.stop()
        await self.catalog.stop()
        self.scheduler.stop()


def build_services(
    home: Path, models: Path, dtype: str, serves_only_this_computer: bool, accelerate_config: Path | None = None
) -> Services:
    """The services on a home folder, with base models in `models`. Quick: loads no model.

    `accelerate_config`: of the processes that train a job together; None for one.
    """
    store, catalog = DiskStore(home), ModelCatalog(models, home / "models.json")
    return Services(
        store,
        catalog,
        JobRunner(store, catalog, dtype, accelerate_config),
        BatchQueue(store),
        ExportRunner(home / "exports"),
        RequestScheduler(dtype),
        Estimator(dtype),
        serves_only_this_computer,
    )


def get_services(request: Request) -> Services:
    """The services of the application that handles this request."""
    services: Services = request.app.state.services
    return services
