"""Together: fine-tuning by its own routes, `/fine-tunes` and `/files/upload`; everything else is OpenAI's protocol.

Source: its OpenAPI document (github.com/togethercomputer/openapi, 2026-04-28), compared with the package together 3.1.1.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

from core.errors import JukuError, ProviderError
from core.language import tr
from core.providers.files_api import UPLOAD_SECONDS, CountedBytes, file_info
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.providers.models_api import is_tuned
from core.providers.own_jobs import (
    OwnJobsProvider,
    build_suffix,
    chosen_numbers,
    event_id,
    find_mark,
    read_time,
)
from core.providers.protocol_types import (
    KEY,
    METRICS,
    FileInfo,
    JobEvent,
    JobRequest,
    JobState,
    JobStatus,
    ModelInfo,
    ModelOffer,
    OnBytes,
    read_entries,
    read_fields,
)
from core.providers.retry_policy import ONCE_ONLY
from core.redaction import redact

SUFFIX_CHARACTERS = 40  # as its documentation says; 64 in other places of it
LORA = ("lora_r", "lora_alpha", "lora_dropout")
METHODS = {"sft": "supervised", "dpo": "dpo"}
METRIC_NAMES = {"train/loss": "train_loss", "eval/loss": "full_valid_loss", "train/learning_rate": "learning_rate"}


class TogetherProvider(OwnJobsProvider):
    """Together's fine-tuning as a provider. A job is found again by its suffix."""

    statuses: ClassVar = {
        "pending": JobStatus.QUEUED,
        "queued": JobStatus.QUEUED,
        "running": JobStatus.RUNNING,
        "compressing": JobStatus.RUNNING,
        "uploading": JobStatus.RUNNING,
        "completed": JobStatus.SUCCEEDED,
        "error": JobStatus.FAILED,
        "user_error": JobStatus.FAILED,
        "cancelled": JobStatus.CANCELLED,
    }

    async def upload(
        self, name: str, data: bytes, purpose: str = "fine-tune", on_bytes: OnBytes | None = None
    ) -> FileInfo:
        """Send a file, as `FilesApi.upload` does."""
        client = (await self.client()).with_options(timeout=UPLOAD_SECONDS)
        body = CountedBytes(data, on_bytes) if on_bytes else io.BytesIO(data)

        def send() -> Any:
            return client.post(
                "/files/upload", cast_to=object, body={"purpose": purpose, "file_name": name, "file_type": "jsonl"},
                files=[("file", (name, body, "application/jsonl"))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )  # fmt: skip

        return self.read_answer(file_info, await self._await_and_note("files", self.request_json(send, ONCE_ONLY)))

    async def _list_models(self) -> list[ModelInfo]:
        """Its list is an array, not an object with one."""
        client = await self.client()
        found: Any = await self._request(lambda: client.get("/models", cast_to=object), object)
        items = self.read_list(found, "data") if isinstance(found, dict) else self.read_answer(read_entries, found)
        return [
            ModelInfo(str(item["id"]), read_time(item.get("created")), str(item.get("organization") or ""))
            for item in items
            if item.get("id")
        ]

    async def offers(self) -> list[ModelOffer]:
        """The models that answer, and those that can be trained: these have names of their own. Raises `ProviderError`."""
        offers = [ModelOffer(model.id, model.id, tuned=is_tuned(model.id)) for model in await self.models()]
        try:
            found = await self.call_route("GET", "/fine-tunes/models/supported")
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES:
                raise
            found = {}
        known = {offer.id for offer in offers}
        return [*offers, *(ModelOffer(id, id) for id in self.read_answer(_trainable, found) if id not in known)]

    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once, as `JobsApi.create_job` does."""
        self.preset.check(request.method, request.hyperparameters, request.suffix or "")
        body = build_body(request)
        return self.read_answer(
            _state, await self._await_and_note("jobs", self.call_route("POST", "/fine-tunes", body))
        )

    async def jobs(self, most: int = 1000, **_chosen: Any) -> list[JobState]:
        """The jobs of the account, the newest first. Raises `ProviderError`."""
        found = await self.call_route("GET", "/fine-tunes")
        states = [self.read_answer(_state, item) for item in self.read_list(found, "data")]
        return sorted(states, key=lambda state: -state.created_at)[:most]

    async def job(self, id: str) -> JobState:
        """The state of a job. Raises `ProviderError`."""
        return self.read_answer(_state, await self.call_route("GET", f"/fine-tunes/{id}"))

    async def cancel_job(self, id: str) -> JobState:
        """Cancel a job; sent once. Raises `ProviderError`."""
        await self.call_route("POST", f"/fine-tunes/{id}/cancel")
        return await self.job(id)

    async def events(self, job: str, known: set[str]) -> list[JobEvent]:
        """The job's events and the numbers of its steps that are not `known` yet, the oldest first. Raises `ProviderError`."""
        found = await self.call_route("GET", f"/fine-tunes/{job}/events")
        events = [self.read_answer(_event, item) for item in self.read_list(found, "data")]
        try:
            metrics = self.read_list(await self.call_route("GET", f"/fine-tunes/{job}/metrics"), "metrics")
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES:
                raise
            metrics = []
        last = max((event.created_at for event in events), default=0.0)
        events += [self.read_answer(_metrics_event, item, job, last) for item in metrics]
        return [event for event in events if event.id not in known]


def build_body(request: JobRequest) -> dict[str, Any]:
    """The body of a request for a job. Raises `JukuError` where half of the LoRA settings are chosen."""
    numbers = chosen_numbers(request.hyperparameters)
    body: dict[str, Any] = {"model": request.model, "training_file": request.training_file}
    body["suffix"] = build_suffix(request.suffix, request.token, SUFFIX_CHARACTERS)
    if request.validation_file:
        body |= {
            "validation_file": request.validation_file,
            "n_evals": numbers.get("n_epochs", 1),
        }  # else it is not used
    if request.seed is not None:
        body["random_seed"] = request.seed
    lora = {name: numbers.pop(name) for name in LORA if name in numbers}
    if lora:
        if not {"lora_r", "lora_alpha"} <= set(lora):
            raise JukuError(
                tr("lora_r and lora_alpha belong together"), tr("Nothing was sent. Set both, or none of them.")
            )
        body["training_type"] = {"type": "Lora", **lora}
    if request.method == "dpo":
        beta = {"dpo_beta": numbers.pop("dpo_beta")} if "dpo_beta" in numbers else {}
        body["training_method"] = {"method": "dpo", **beta}
    else:
        body["training_method"] = {"method": "sft", "train_on_inputs": "auto"}
    return body | numbers


def _trainable(answer: dict[str, Any]) -> list[str]:
    return [str(id) for id in answer.get("models") or []]


def _state(item: dict[str, Any]) -> JobState:
    status = TogetherProvider.read_status(item.get("status"))
    events = read_entries(item.get("events"))
    errors = [str(one.get("message") or "") for one in events if str(one.get("level")) in ("error", "legacy_error")]
    names = ("n_epochs", "batch_size", "learning_rate", "warmup_ratio", "weight_decay", "n_checkpoints", "n_evals")
    method = read_fields(item.get("training_method")).get("method")
    succeeded = status == JobStatus.SUCCEEDED
    ended = succeeded or status in (JobStatus.FAILED, JobStatus.CANCELLED)
    return JobState(
        id=str(item.get("id") or ""),
        status=status,
        fine_tuned_model=(item.get("model_output_name") or None) if succeeded else None,
        finished_at=read_time(item.get("updated_at")) if ended else None,
        error=redact(errors[-1]) if errors and status == JobStatus.FAILED else "",
        result_files=[],
        model=str(item.get("model") or ""),
        created_at=read_time(item.get("created_at")),
        training_file=item.get("training_file") or None,
        validation_file=item.get("validation_file") or None,
        method=METHODS.get(str(method), "supervised"),
        hyperparameters={name: item[name] for name in names if item.get(name) is not None},
        trained_tokens=item.get("token_count") if succeeded else None,
        seed=item.get("random_seed"),
        metadata={KEY: mark} if (mark := find_mark(item.get("suffix") or item.get("model_output_name"))) else {},
    )


def _event(item: dict[str, Any]) -> JobEvent:
    step = item.get("step") or 0
    data = {"step": step, "total_steps": item.get("total_steps") or 0} if step else {}
    parts = (item.get("created_at"), item.get("type"), item.get("message"), step)
    level = "error" if "error" in str(item.get("level")) else "warn" if "warn" in str(item.get("level")) else "info"
    return JobEvent(
        event_id(*parts), read_time(item.get("created_at")), level, redact(str(item.get("message") or "")), data
    )


def _metrics_event(item: dict[str, Any], job: str, last: float) -> JobEvent:
    """A snapshot of numbers, under the protocol's names where it has some; it bears no time."""
    step = int(item.get("train/global_step") or 0)
    data = {METRIC_NAMES[name]: value for name, value in item.items() if name in METRIC_NAMES}
    return JobEvent(event_id(job, step, sorted(data)), last, "info", "", {"step": step, **data}, METRICS)
