"""The engine's services, created once for the server."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from core.engine import damaged_records
from core.engine.disk_store import DiskStore
from core.engine.export.runner import ExportRunner
from core.engine.http.protocol import bad_request, model_not_found_error
from core.engine.inference.batch_queue import BatchQueue
from core.engine.inference.inference_process import InferenceProcess
from core.engine.inference.model_source import ModelSource
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
    inference: InferenceProcess
    estimator: Estimator
    serves_only_this_computer: bool

    def find_base(self, model: str) -> str:
        """The base of a fine-tuned model; any other name is returned as it is. Raises a 400 error for a damaged model."""
        found = self.store.models.get(model)
        if found and "damage" in found[0]:
            raise bad_request(f"The model `{model}` is damaged. {found[0]['damage']}", "model", damaged_records.CODE)
        return str(found[0]["base"]) if found else model

    async def resolve_model(self, model: str) -> ModelSource:
        """The folders of a base or fine-tuned model; converts a base model on first use.

        An exported GGUF file is a model, too, with the tokenizer of its base. Raises an ApiError: 404 for an unknown
        model, `model_not_ready` for one that is not on this computer.
        """
        if exported := self.exports.find_model(model):
            export, gguf = exported
            folder = await self.catalog.ensure_ready(export["base"])
            return ModelSource(model, self.catalog.entries[export["base"]], folder, None, gguf=gguf)
        base = self.find_base(model)
        entry, found = self.catalog.entries.get(base), self.store.models.get(model)
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
        await self.inference.stop()


@dataclass(frozen=True)
class EngineOptions:
    """How the engine was started. `models`: the folder of base models. `answerer`, `vllm_url`: see `AnswererOptions`.
    `accelerate_config`: of the processes that train a job together, None for one process."""

    home: Path
    models: Path
    dtype: str
    answerer: str
    vllm_url: str
    idle_seconds: float
    serves_only_this_computer: bool
    accelerate_config: Path | None


def build_services(options: EngineOptions) -> Services:
    """The services on a home folder. Quick: loads no model."""
    store, catalog = DiskStore(options.home), ModelCatalog(options.models, options.home / "models.json")
    arguments = [options.answerer, options.dtype, str(options.models / "gguf"), options.vllm_url]
    return Services(
        store,
        catalog,
        JobRunner(store, catalog, options.dtype, options.accelerate_config),
        BatchQueue(store),
        ExportRunner(options.home / "exports"),
        InferenceProcess(arguments, options.idle_seconds),
        Estimator(options.dtype),
        options.serves_only_this_computer,
    )


def get_services(request: Request) -> Services:
    """The services of the application that handles this request."""
    services: Services = request.app.state.services
    return services
