"""The engine's services, created once for the server."""

from dataclasses import dataclass, replace
from pathlib import Path

from starlette.requests import Request

from core.engine import damaged_records
from core.engine.disk_store import DiskStore
from core.engine.export.runner import ExportRunner
from core.engine.http.protocol import bad_request, model_not_found_error
from core.engine.inference.batch_queue import BatchQueue
from core.engine.inference.inference_process import InferenceProcess
from core.engine.inference.metered_inference import MeteredInference
from core.engine.inference.model_source import ModelSource
from core.engine.models.catalog import ModelCatalog
from core.engine.team.team import Team
from core.engine.team.users import OWNER, User
from core.engine.training.estimator import Estimator
from core.engine.training.job_runner import JobRunner

SCOPE_SERVICES = "juku.services"


@dataclass(frozen=True)
class Services:
    """What every route works with, as one user sees it: the objects of others are not there.

    `serves_only_this_computer`: whether the server listens on loopback only.
    """

    store: DiskStore
    catalog: ModelCatalog
    jobs: JobRunner
    batches: BatchQueue
    exports: ExportRunner
    process: InferenceProcess
    inference: MeteredInference
    estimator: Estimator
    serves_only_this_computer: bool
    team: Team
    user: User = OWNER

    def for_user(self, user: User) -> "Services":
        """The services as `user` sees them. Only those of the engine's own person can be asked for it."""
        inference = MeteredInference(self.process, self.team, user)
        if user == OWNER:
            return replace(self, inference=inference)
        store, exports = self.store.seen_by(user), self.exports.seen_by(user)
        return replace(self, user=user, store=store, exports=exports, inference=inference)

    def for_owner(self, user_id: str) -> "Services":
        """The services as the owner of an object sees them."""
        return self.for_user(self.team.users.get(user_id))

    def check_bytes(self, more: int = 0) -> None:
        """Raise a 429 error when the user's files and exports would be larger than allowed with `more` bytes."""
        self.team.quotas.check_bytes(self.user, self._count_bytes, more)

    def _count_bytes(self) -> int:
        files = [*self.store.files.all(), *(file for one in self.exports.store.all() for file in one["files"])]
        return sum(int(file["bytes"]) for file in files)

    def check_new_job(self) -> None:
        """Raise a 429 error when the user has too many jobs now, or had too many today."""
        self.team.quotas.check_new_job(self.user, self.store.jobs.all())

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
        await self.process.stop()
        self.team.stop()


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
    team, estimator = Team(options.home), Estimator(options.dtype, options.home / "estimates.log")
    process = InferenceProcess(arguments, options.idle_seconds)
    return Services(
        store,
        catalog,
        JobRunner(store, catalog, options.dtype, estimator, options.accelerate_config, team.max_jobs),
        BatchQueue(store),
        ExportRunner(options.home / "exports"),
        process,
        MeteredInference(process, team, OWNER),
        estimator,
        options.serves_only_this_computer,
        team,
    )


def get_services(request: Request) -> Services:
    """The services as the user of this request sees them."""
    services: Services = request.scope[SCOPE_SERVICES]
    return services
