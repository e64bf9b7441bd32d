"""Fireworks: datasets and supervised fine-tuning jobs by its own routes; questions go by OpenAI's protocol.

Source: docs.fireworks.ai/fine-tuning/fine-tuning-via-api and the types of the package fireworks-ai 1.2.30.
"""

from __future__ import annotations

import io
import re
from typing import Any, ClassVar

from core.errors import ProviderError
from core.language import tr
from core.providers.files_api import UPLOAD_SECONDS, CountedBytes
from core.providers.http_client import MISSING_ROUTE_STATUSES, PAGE_SIZE
from core.providers.models_api import is_tuned
from core.providers.own_jobs import OwnJobsProvider, chosen_numbers, read_time, require_supervised
from core.providers.protocol_types import (
    KEY,
    FileInfo,
    JobEvent,
    JobRequest,
    JobState,
    JobStatus,
    ModelOffer,
    OnBytes,
    read_fields,
)
from core.providers.retry_policy import ONCE_ONLY
from core.redaction import redact

INFERENCE_PATH = "/inference/v1"  # of the base URL; the other routes are under /v1
ID_PREFIX = "juku-"  # of jobs and datasets; the rest of a job's id is the token it was asked for with
MAX_PAGES = 20
NUMBERS = {
    "n_epochs": "epochs",
    "learning_rate": "learningRate",
    "lora_rank": "loraRank",
    "batch_size": "batchSize",
    "max_context_length": "maxContextLength",
    "learning_rate_warmup_steps": "learningRateWarmupSteps",
}
_SIZED_NAME = re.compile(r"(?P<name>.+) \((?P<bytes>\d+)\)")  # a dataset's display name as this adapter writes it


class FireworksProvider(OwnJobsProvider):
    """Fireworks' fine-tuning as a provider. A job's id is made of its token, so the service itself refuses a second one."""

    statuses: ClassVar = {
        "JOB_STATE_CREATING": JobStatus.VALIDATING_FILES,
        "JOB_STATE_CREATING_INPUT_DATASET": JobStatus.VALIDATING_FILES,
        "JOB_STATE_VALIDATING": JobStatus.VALIDATING_FILES,
        "JOB_STATE_PENDING": JobStatus.QUEUED,
        "JOB_STATE_RE_QUEUEING": JobStatus.QUEUED,
        "JOB_STATE_RUNNING": JobStatus.RUNNING,
        "JOB_STATE_WRITING_RESULTS": JobStatus.RUNNING,
        "JOB_STATE_COMPLETED": JobStatus.SUCCEEDED,
        "JOB_STATE_EARLY_STOPPED": JobStatus.SUCCEEDED,
        "JOB_STATE_FAILED": JobStatus.FAILED,
        "JOB_STATE_EXPIRED": JobStatus.FAILED,
        "JOB_STATE_CANCELLED": JobStatus.CANCELLED,
        "JOB_STATE_DELETING": JobStatus.CANCELLED,
        "JOB_STATE_PAUSED": JobStatus.PAUSED,
    }
    _account = ""  # its resource name, "accounts/…"

    @property
    def _root(self) -> str:
        return self.base_url.rstrip("/").removesuffix(INFERENCE_PATH) + "/v1"

    async def _url(self, path: str) -> str:
        """A route of the account that the key belongs to. Raises `ProviderError`."""
        if not self._account:
            found = self.read_list(await self.call_route("GET", f"{self._root}/accounts"), "accounts")
            names = [str(one.get("name") or "") for one in found]
            if not any(names):
                raise ProviderError(
                    tr("“{server}” names no account for this API key", server=self.title),
                    tr("Enter a key of an account that may train."),
                    status=403,
                )
            self._account = next(filter(None, names))
        return f"{self._root}/{self._account}/{path}"

    async def _list(self, path: str, name: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        url = path if path.startswith("http") else await self._url(path)
        items: list[dict[str, Any]] = []
        for _page in range(MAX_PAGES):
            found = await self.call_route("GET", url, pageSize=PAGE_SIZE, **query)
            items += self.read_list(found, name)
            if not (token := found.get("nextPageToken")):
                break
            query["pageToken"] = token
        return items

    async def upload(
        self, name: str, data: bytes, purpose: str = "fine-tune", on_bytes: OnBytes | None = None
    ) -> FileInfo:
        """Send a file as a dataset: its record first, then its bytes, each once. Raises `ProviderError`."""
        id = name.removesuffix(".jsonl").lower()
        dataset = {
            "displayName": f"{name} ({len(data)})",
            "exampleCount": str(data.count(b"\n")),
            "format": "CHAT",
            "userUploaded": {},
        }
        try:
            await self.call_route("POST", await self._url("datasets"), {"datasetId": id, "dataset": dataset})
        except ProviderError as error:
            if error.status != 409:  # its record is there already: the bytes were cut off
                raise
        client, url = (
            (await self.client()).with_options(timeout=UPLOAD_SECONDS),
            await self._url(f"datasets/{id}:upload"),
        )
        body = CountedBytes(data, on_bytes) if on_bytes else io.BytesIO(data)

        def send() -> Any:
            return client.post(
                url, cast_to=object, body={}, files=[("file", (name, body, "application/jsonl"))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )  # fmt: skip

        await self._await_and_note("files", self.request_json(send, ONCE_ONLY))
        return FileInfo(id, name, len(data), 0.0, purpose, "processed")

    async def files(self, purpose: str | None = None) -> list[FileInfo]:  # noqa: ARG002 - it has but one
        """The datasets of the account, the newest first. Raises `ProviderError`."""
        found = [self.read_answer(_file, item) for item in await self._list("datasets", "datasets")]
        return sorted(found, key=lambda file: -file.created_at)

    async def look_at_files(self) -> None:
        """Ask for the list of datasets, to see whether the key may. Raises `ProviderError`."""
        await self.files()

    async def file(self, id: str) -> FileInfo:
        """What the service reports of a dataset. Raises `ProviderError`."""
        return self.read_answer(_file, await self.call_route("GET", await self._url(f"datasets/{id}")))

    async def delete_file(self, id: str) -> None:
        """Delete a dataset, for good; sent once. Raises `ProviderError`."""
        client, url = await self.client(), await self._url(f"datasets/{id}")
        await self.request_json(lambda: client.delete(url, cast_to=object), ONCE_ONLY)

    async def offers(self) -> list[ModelOffer]:
        """The models that answer, and those that can be tuned. Raises `ProviderError`."""
        offers = [ModelOffer(model.id, model.id, tuned=is_tuned(model.id)) for model in await self.models()]
        try:
            bases = await self._list(f"{self._root}/accounts/fireworks/models", "models")
        except ProviderError as error:
            if error.status not in MISSING_ROUTE_STATUSES:
                raise
            bases = []
        known = {offer.id for offer in offers}
        names = [str(one.get("name")) for one in bases if one.get("tunable") and one.get("name")]
        return [*offers, *(ModelOffer(name, name.rpartition("/")[2]) for name in names if name not in known)]

    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once, as `JobsApi.create_job` does."""
        self.preset.check(request.method, request.hyperparameters, request.suffix or "")
        require_supervised(self.title, request.method)
        url, id = await self._url("supervisedFineTuningJobs"), f"{ID_PREFIX}{request.token}"
        body = build_body(request, self._account)
        sent = self.call_route("POST", url, body, supervisedFineTuningJobId=id)
        try:
            return self.read_answer(_state, await self._await_and_note("jobs", sent))
        except ProviderError as error:
            if error.status != 409:
                raise
        return await self.job(id)  # an earlier request was received after all

    async def jobs(self, most: int = 1000, **_chosen: Any) -> list[JobState]:
        """The jobs of the account, the newest first. Raises `ProviderError`."""
        found = [
            self.read_answer(_state, item)
            for item in await self._list("supervisedFineTuningJobs", "supervisedFineTuningJobs")
        ]
        return sorted(found, key=lambda state: -state.created_at)[:most]

    async def find_jobs(self, token: str) -> list[JobState]:
        """The job whose id is made of `token`. Raises `ProviderError`."""
        try:
            return [await self.job(f"{ID_PREFIX}{token}")]
        except ProviderError as error:
            if error.status != 404:
                raise
            return []

    async def job(self, id: str) -> JobState:
        """The state of a job. Raises `ProviderError`."""
        return self.read_answer(_state, await self.call_route("GET", await self._url(f"supervisedFineTuningJobs/{id}")))

    async def cancel_job(self, id: str) -> JobState:
        """Cancel a job; sent once. Raises `ProviderError`."""
        await self.call_route("POST", await self._url(f"supervisedFineTuningJobs/{id}:cancel"))
        return await self.job(id)

    async def events(self, job: str, known: set[str]) -> list[JobEvent]:  # noqa: ARG002
        """None: the service reports no events, only a state."""
        return []


def build_body(request: JobRequest, account: str) -> dict[str, Any]:
    """The body of a request for a job of the account with that resource name."""
    numbers = chosen_numbers(request.hyperparameters)
    body: dict[str, Any] = {
        "baseModel": request.model,
        "dataset": f"{account}/datasets/{request.training_file}",
        "displayName": request.suffix or request.token,
    }
    if request.validation_file:
        body["evaluationDataset"] = f"{account}/datasets/{request.validation_file}"
    return body | {NUMBERS.get(name, name): value for name, value in numbers.items()}


def _file(item: dict[str, Any]) -> FileInfo:
    """A dataset; it is told as damaged while its bytes have not come."""
    title = str(item.get("displayName") or "")
    sized = _SIZED_NAME.fullmatch(title)
    name, size = (sized["name"], int(sized["bytes"])) if sized else (title or str(item.get("name") or ""), 0)
    status = "processed" if item.get("state") in ("READY", None) else "error"
    id = str(item.get("name") or "").rpartition("/")[2]
    return FileInfo(id, name, size, read_time(item.get("createTime")), "fine-tune", status)


def _state(item: dict[str, Any]) -> JobState:
    status = FireworksProvider.read_status(item.get("state"))
    id = str(item.get("name") or "").rpartition("/")[2]
    told = read_fields(item.get("status"))
    is_failed = status == JobStatus.FAILED
    names = {theirs: ours for ours, theirs in NUMBERS.items()}
    datasets = [str(item.get(name) or "").rpartition("/")[2] or None for name in ("dataset", "evaluationDataset")]
    token = id.removeprefix(ID_PREFIX) if id.startswith(ID_PREFIX) else ""
    return JobState(
        id=id,
        status=status,
        fine_tuned_model=(item.get("outputModel") or None) if status == JobStatus.SUCCEEDED else None,
        finished_at=read_time(item.get("completedTime")) or None,
        error=redact(str(told.get("message") or "")) if is_failed else "",
        error_code=str(told.get("code") or "").lower() if is_failed else "",
        result_files=[],
        model=str(item.get("baseModel") or ""),
        created_at=read_time(item.get("createTime")),
        training_file=datasets[0],
        validation_file=datasets[1],
        hyperparameters={names[name]: value for name, value in item.items() if name in names and value},
        metadata={KEY: token} if token else {},
    )
