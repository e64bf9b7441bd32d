"""Fine-tuning jobs at a server: created once, found again, polled, cancelled."""

from __future__ import annotations

from functools import partial
from typing import Any

from core.errors import ProviderError
from core.providers.http_client import Connection, SendRequest
from core.providers.protocol_types import KEY, JobCheckpoint, JobEvent, JobRequest, JobState
from core.providers.retry_policy import ONCE_ONLY, READING, RetryPolicy
from core.redaction import redact, redact_json

MAX_JOBS = 1000
JOBS_ROUTE = "/fine_tuning/jobs"


class JobsApi(Connection):
    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once. Raises `JukuError` for hyperparameters that the server would refuse, before anything is sent.

        Raises `ProviderError`; the job may exist all the same: look for it with `find_jobs`.
        """
        self.preset.check(request.method, request.hyperparameters, request.suffix or "")
        client = await self.client()
        from openai.types.fine_tuning import FineTuningJob

        wanted = {"model": request.model, "training_file": request.training_file, **self._request_body(request)}
        create = partial(client.fine_tuning.jobs.create, **wanted)
        return self.read_answer(
            _state,
            (await self._await_and_note("jobs", self._request(create, FineTuningJob, ONCE_ONLY))).to_dict(
                warnings=False
            ),
        )

    def _request_body(self, request: JobRequest) -> dict[str, Any]:
        wanted: dict[str, Any] = {"metadata": {**request.metadata, KEY: request.token}}
        for name in ("validation_file", "suffix", "seed"):
            if (value := getattr(request, name)) is not None:
                wanted[name] = value
        numbers = request.hyperparameters
        if self.preset.style == "hyperparameters":
            if numbers:
                wanted["hyperparameters"] = numbers
        elif numbers or request.method != "supervised":
            wanted["method"] = {"type": request.method, request.method: {"hyperparameters": numbers}}
        return wanted

    async def find_jobs(self, token: str) -> list[JobState]:
        """The jobs that were created with `token`: one at most, if all went well. Raises `ProviderError`.

        A server may not know the filter: then all jobs are read.
        """
        return [job for job in await self.jobs(metadata={KEY: token}) if job.token == token]

    async def look_at_jobs(self) -> None:
        """Ask for the list of jobs, to see whether the server has one. Raises `ProviderError`."""
        client = await self.client()
        await self.request_json(
            lambda: client.get(JOBS_ROUTE, cast_to=object, options={"params": {"limit": 1}}), ONCE_ONLY
        )

    async def job(self, id: str) -> JobState:
        """The state of a job. Raises `ProviderError`."""
        client = await self.client()
        return await self._request_job(lambda: client.fine_tuning.jobs.retrieve(id))

    async def jobs(self, most: int = MAX_JOBS, **chosen: Any) -> list[JobState]:
        """The jobs at the server, the newest first, at most `most`; `chosen` are parameters of the route that leave some out.

        They are read as plain data: the package's objects would cost ten times as much, in each round of the queue.
        Raises `ProviderError`.
        """
        client = await self.client()
        from openai.pagination import AsyncCursorPage

        def fetch(**page: Any) -> Any:
            options: Any = {"params": {**chosen, **page}}
            return client.get_api_list(JOBS_ROUTE, page=AsyncCursorPage[object], model=object, options=options)

        return [self.read_answer(_state, job) async for job in self._pages(fetch, most) if isinstance(job, dict)]

    async def _request_job(self, ask: SendRequest, policy: RetryPolicy = READING) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        return self.read_answer(_state, (await self._request(ask, FineTuningJob, policy)).to_dict(warnings=False))

    async def cancel_job(self, id: str) -> JobState:
        """Cancel a job; sent once. Raises `ProviderError`; after a lost answer, `job` returns the state."""
        client = await self.client()
        return await self._request_job(lambda: client.fine_tuning.jobs.cancel(id), ONCE_ONLY)

    async def pause_job(self, id: str) -> JobState:
        """Pause a job; sent once. Raises `ProviderError`."""
        client = await self.client()
        return await self._pause_or_resume(lambda: client.fine_tuning.jobs.pause(id), id)

    async def resume_job(self, id: str) -> JobState:
        """Resume a paused job; sent once. Raises `ProviderError`."""
        client = await self.client()
        return await self._pause_or_resume(lambda: client.fine_tuning.jobs.resume(id), id)

    async def _pause_or_resume(self, ask: SendRequest, id: str) -> JobState:
        try:
            return await self._await_and_note("pause", self._request_job(ask, ONCE_ONLY))
        except ProviderError as error:
            if error.status == 404:
                await self.job(id)  # raises where it is the job that is missing, not the route
                self._note_capability("pause", False)
            raise

    async def events(self, job: str, known: set[str]) -> list[JobEvent]:
        """The job's events that are not `known` yet, the oldest first. Raises `ProviderError`."""
        found: list[JobEvent] = []
        client = await self.client()
        async for event in self._pages(lambda **page: client.fine_tuning.jobs.list_events(job, **page)):
            if str(event.id) in known:
                break
            found.append(self.read_answer(_event, event))
        return found[::-1]

    async def checkpoints(self, job: str) -> list[JobCheckpoint]:
        """The models saved during training, the newest first; empty for a server without checkpoints. Raises `ProviderError`."""
        client = await self.client()
        try:
            found = [
                self.read_answer(_checkpoint, item)
                async for item in self._pages(lambda **page: client.fine_tuning.jobs.checkpoints.list(job, **page))
            ]
        except ProviderError as error:
            if error.status not in (404, 405, 501):
                raise
            self._note_capability("checkpoints", False)
            return []
        return sorted(found, key=lambda checkpoint: -checkpoint.step)


def _state(job: dict[str, Any]) -> JobState:
    # A healthy job may carry an error object whose fields are all null.
    error = _fields(job.get("error"))
    code = str(error.get("code") or "")
    method, numbers = _method(job)
    finished, estimated = job.get("finished_at"), job.get("estimated_finish")
    return JobState(
        id=str(job.get("id") or ""),
        status=str(job.get("status")),
        fine_tuned_model=job.get("fine_tuned_model"),
        finished_at=float(finished) if finished else None,
        error=redact(str(error.get("message") or "") or code),
        result_files=[str(file) for file in job.get("result_files") or []],
        model=str(job.get("model") or ""),
        created_at=float(job.get("created_at") or 0),
        estimated_finish=float(estimated) if estimated else None,
        error_code=code,
        training_file=job.get("training_file"),
        validation_file=job.get("validation_file"),
        method=method,
        hyperparameters=numbers,
        trained_tokens=job.get("trained_tokens"),
        seed=job.get("seed"),
        metadata=_fields(job.get("metadata")),
    )


def _method(job: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The job's method and hyperparameters; a server has the latter beside the method, in it, or nowhere."""
    method = _fields(job.get("method"))
    kind = str(method.get("type") or "supervised")
    numbers = _fields(job.get("hyperparameters")) or _fields(_fields(method.get(kind)).get("hyperparameters"))
    return kind, numbers


def _fields(holder: Any) -> dict[str, Any]:
    found = holder.to_dict() if hasattr(holder, "to_dict") else holder
    return {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else {}


def _event(event: Any) -> JobEvent:
    data = event.data if isinstance(event.data, dict) else {}
    message = redact(str(event.message or ""))
    return JobEvent(
        str(event.id),
        float(event.created_at or 0),
        str(event.level or "info"),
        message,
        redact_json(data),
        str(event.type or "message"),
    )


def _checkpoint(item: Any) -> JobCheckpoint:
    return JobCheckpoint(
        str(item.id),
        str(item.fine_tuned_model_checkpoint or ""),
        int(item.step_number or 0),
        float(item.created_at or 0),
        _fields(item.metrics),
    )
