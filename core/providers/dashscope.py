"""Alibaba Cloud Model Studio (DashScope): fine-tuning of Qwen by its own routes; files and questions go by OpenAI's protocol.

Source: alibabacloud.com/help/en/model-studio/create-fine-tuning-job-api and its neighbours (2026-06-06), and the types of
the package dashscope 2.0.2.
"""

from __future__ import annotations

from typing import Any, ClassVar

from core.providers.http_client import PAGE_SIZE
from core.providers.own_jobs import (
    OwnJobsProvider,
    build_mark,
    chosen_numbers,
    event_id,
    read_time,
    require_supervised,
)
from core.providers.protocol_types import KEY, JobEvent, JobRequest, JobState, JobStatus, read_entries, read_fields
from core.redaction import redact

COMPATIBLE_PATH = "/compatible-mode/v1"  # of the base URL; the other routes are under /api/v1
SUFFIX_CHARACTERS = 8  # of the fine-tuned model's name
MAX_PAGES = 20
LOG_LINES = 1000
DEFAULT_TYPE = "efficient_sft"  # LoRA; "sft" trains all parameters


class DashScopeProvider(OwnJobsProvider):
    """Model Studio's fine-tuning as a provider. A job is found again by the suffix of its model, which is all made of the token."""

    statuses: ClassVar = {
        "PENDING": JobStatus.QUEUED,
        "QUEUING": JobStatus.QUEUED,
        "RUNNING": JobStatus.RUNNING,
        "SUCCEEDED": JobStatus.SUCCEEDED,
        "FAILED": JobStatus.FAILED,
        "CANCELED": JobStatus.CANCELLED,
        "CANCELLED": JobStatus.CANCELLED,
    }

    def _url(self, path: str) -> str:
        return self.base_url.rstrip("/").removesuffix(COMPATIBLE_PATH) + f"/api/v1/{path}"

    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once, as `JobsApi.create_job` does."""
        self.preset.check(request.method, request.hyperparameters, request.suffix or "")
        require_supervised(self.title, request.method)
        sent = self.call_route("POST", self._url("fine-tunes"), build_body(request))
        return self.read_answer(_state, await self._await_and_note("jobs", sent))

    async def jobs(self, most: int = 1000, **_chosen: Any) -> list[JobState]:
        """The jobs of the account, the newest first. Raises `ProviderError`."""
        states: list[JobState] = []
        for page in range(1, MAX_PAGES + 1):
            answer = await self.call_route("GET", self._url("fine-tunes"), page_no=page, page_size=PAGE_SIZE)
            items, total = self.read_answer(_page, answer)
            states += [self.read_answer(_state, {"output": item}) for item in items]
            if not items or len(states) >= min(most, total):
                break
        return sorted(states, key=lambda state: -state.created_at)[:most]

    async def find_jobs(self, token: str) -> list[JobState]:
        """The jobs whose model has the suffix that is made of `token`. Raises `ProviderError`."""
        mark = build_short_mark(token)
        return [job for job in await self.jobs() if job.metadata.get(KEY) == mark]

    async def job(self, id: str) -> JobState:
        """The state of a job. Raises `ProviderError`."""
        return self.read_answer(_state, await self.call_route("GET", self._url(f"fine-tunes/{id}")))

    async def cancel_job(self, id: str) -> JobState:
        """Cancel a job; sent once. Raises `ProviderError`."""
        await self.call_route("POST", self._url(f"fine-tunes/{id}/cancel"))
        return await self.job(id)

    async def events(self, job: str, known: set[str]) -> list[JobEvent]:
        """The lines of the job's log that are not `known` yet, the oldest first. Raises `ProviderError`."""
        found = await self.call_route("GET", self._url(f"fine-tunes/{job}/logs"), offset=1, line=LOG_LINES)
        lines = self.read_answer(_log_lines, found)
        events = [JobEvent(event_id(job, at, line), 0.0, "info", redact(line), {}) for at, line in enumerate(lines)]
        return [event for event in events if event.id not in known]


def build_short_mark(token: str) -> str:
    """A token's mark in as many characters as the service allows."""
    return build_mark(token)[:SUFFIX_CHARACTERS]


def build_body(request: JobRequest) -> dict[str, Any]:
    """The body of a request for a job."""
    numbers = chosen_numbers(request.hyperparameters)
    kind = numbers.pop("training_type", DEFAULT_TYPE)
    if "learning_rate" in numbers:
        numbers["learning_rate"] = f"{numbers['learning_rate']:g}"  # the service wants a text
    body: dict[str, Any] = {
        "model": request.model,
        "training_file_ids": [request.training_file],
        "training_type": kind,
        "finetuned_output_suffix": build_short_mark(request.token),
    }
    if request.validation_file:
        body["validation_file_ids"] = [request.validation_file]
    return body | ({"hyper_parameters": numbers} if numbers else {})


def _page(answer: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The jobs on a page of the list, and how many there are on all. An error with status 200 has no output."""
    found = answer["output"]
    return read_entries(found.get("jobs")), int(found.get("total") or 0)


def _log_lines(answer: dict[str, Any]) -> list[str]:
    return [str(line) for line in answer["output"].get("logs") or []]


def _state(answer: dict[str, Any]) -> JobState:
    item = read_fields(answer.get("output"))
    status = DashScopeProvider.read_status(item.get("status"))
    result = str(item.get("finetuned_output") or "")
    base = str(item.get("base_model") or item.get("model") or "")
    failed = status == JobStatus.FAILED
    return JobState(
        id=str(item.get("job_id") or ""),
        status=status,
        fine_tuned_model=result or None if status == JobStatus.SUCCEEDED else None,
        finished_at=read_time(item.get("end_time")) or None,
        error=redact(str(item.get("message") or "")) if failed else "",
        error_code=str(item.get("code") or "") if failed else "",
        result_files=[],
        model=base,
        created_at=read_time(item.get("create_time")),
        training_file=next(iter(item.get("training_file_ids") or []), None),
        validation_file=next(iter(item.get("validation_file_ids") or []), None),
        hyperparameters=dict(item.get("hyper_parameters") or {}),
        trained_tokens=item.get("usage") if isinstance(item.get("usage"), int) else None,
        metadata={KEY: mark} if (mark := _find_short_mark(base, item)) else {},
    )


def _find_short_mark(base: str, item: dict[str, Any]) -> str:
    """The suffix in the name of the job's model, `BASE-SUFFIX-ft-…`, or as the service repeats it."""
    name = str(item.get("finetuned_output") or "")
    found = str(item.get("finetuned_output_suffix") or "") or name.removeprefix(f"{base}-").partition("-ft-")[0]
    return found if len(found) == SUFFIX_CHARACTERS and found.startswith("j") else ""
