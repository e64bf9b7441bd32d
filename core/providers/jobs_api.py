"""Fine-tuning jobs at a server: asked for once, found again, followed, stopped."""

from __future__ import annotations

from typing import Any

from core.errors import ProviderError
from core.providers.connection import Connection
from core.providers.protocol import KEY, Checkpoint, Event, JobRequest, JobState
from core.redaction import redacted, redacted_in

MOST_JOBS = 1000


class JobsApi(Connection):
    async def create_job(self, request: JobRequest) -> JobState:
        """Ask for a job, once. After an error it may exist all the same: look for it with `jobs_of`.

        Raises `JukuError` for hyperparameters that the server would refuse.
        """
        from openai.types.fine_tuning import FineTuningJob

        self.preset.check(request.method, request.hyperparameters, request.suffix or "")
        client = await self.once()
        create = client.fine_tuning.jobs.create(
            model=request.model, training_file=request.training_file, **self._wanted(request)
        )
        return _state(await self._able("jobs", self._answer(create, FineTuningJob)))

    def _wanted(self, request: JobRequest) -> dict[str, Any]:
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

    async def jobs_of(self, token: str) -> list[JobState]:
        """The jobs that were created with `token`: at most one, if all went well.

        A server may not know the filter: then all are looked at.
        """
        client = await self.client()

        def fetch(**page: Any) -> Any:
            return client.fine_tuning.jobs.list(metadata={KEY: token}, **page)

        pages = self._pages(fetch, MOST_JOBS)
        return [_state(job) async for job in pages if (job.metadata or {}).get(KEY) == token]

    async def job(self, id: str) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        return _state(await self._answer((await self.client()).fine_tuning.jobs.retrieve(id), FineTuningJob))

    async def jobs(self, most: int = MOST_JOBS) -> list[JobState]:
        """The jobs at the server, the newest first."""
        client = await self.client()
        return [_state(job) async for job in self._pages(client.fine_tuning.jobs.list, most)]

    async def cancel_job(self, id: str) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        return _state(await self._answer((await self.client()).fine_tuning.jobs.cancel(id), FineTuningJob))

    async def pause_job(self, id: str) -> JobState:
        return await self._pausing((await self.client()).fine_tuning.jobs.pause(id), id)

    async def resume_job(self, id: str) -> JobState:
        return await self._pausing((await self.client()).fine_tuning.jobs.resume(id), id)

    async def _pausing(self, call: Any, id: str) -> JobState:
        from openai.types.fine_tuning import FineTuningJob

        try:
            return _state(await self._able("pause", self._answer(call, FineTuningJob)))
        except ProviderError as error:
            if error.status == 404:
                await self.job(id)  # raises where it is the job that is missing, not the route
                self._note("pause", False)
            raise

    async def events(self, job: str, known: set[str]) -> list[Event]:
        """The job's events that are not `known` yet, the oldest first."""
        found: list[Event] = []
        client = await self.client()
        async for event in self._pages(lambda **page: client.fine_tuning.jobs.list_events(job, **page)):
            if event.id in known:
                break
            found.append(_event(event))
        return found[::-1]

    async def checkpoints(self, job: str) -> list[Checkpoint]:
        """The models saved on the way, the newest first. A server without checkpoints has none."""
        client = await self.client()
        try:
            found = [
                _checkpoint(item)
                async for item in self._pages(lambda **page: client.fine_tuning.jobs.checkpoints.list(job, **page))
            ]
        except ProviderError as error:
            if error.status not in (404, 405, 501):
                raise
            self._note("checkpoints", False)
            return []
        return sorted(found, key=lambda checkpoint: -checkpoint.step)


def _state(job: Any) -> JobState:
    # A healthy job may carry an error object whose fields are all null.
    error = job.error
    code = str(getattr(error, "code", None) or "")
    reason = str(getattr(error, "message", None) or "") or code
    method, numbers = _method(job)
    return JobState(
        id=job.id,
        status=str(job.status),
        fine_tuned_model=job.fine_tuned_model,
        finished_at=float(job.finished_at) if job.finished_at else None,
        error=redacted(reason),
        result_files=[str(file) for file in job.result_files or []],
        model=str(job.model or ""),
        created_at=float(job.created_at or 0),
        estimated_finish=float(job.estimated_finish) if job.estimated_finish else None,
        error_code=code,
        training_file=job.training_file,
        validation_file=job.validation_file,
        method=method,
        hyperparameters=numbers,
        trained_tokens=job.trained_tokens,
        seed=job.seed,
        metadata=dict(job.metadata or {}),
    )


def _method(job: Any) -> tuple[str, dict[str, Any]]:
    """How the job trains; the hyperparameters stand beside the method, in it, or nowhere."""
    method = job.method
    kind = str(getattr(method, "type", None) or "supervised")
    part = getattr(method, kind, None) if method else None
    for holder in (job.hyperparameters, getattr(part, "hyperparameters", None)):
        numbers = _fields(holder)
        if numbers:
            return kind, numbers
    return kind, {}


def _fields(holder: Any) -> dict[str, Any]:
    found = holder.to_dict() if hasattr(holder, "to_dict") else holder
    return {name: value for name, value in found.items() if value is not None} if isinstance(found, dict) else {}


def _event(event: Any) -> Event:
    data = event.data if isinstance(event.data, dict) else {}
    message = redacted(str(event.message or ""))
    return Event(event.id, float(event.created_at or 0), str(event.level or "info"), message, redacted_in(data))


def _checkpoint(item: Any) -> Checkpoint:
    return Checkpoint(
        item.id,
        str(item.fine_tuned_model_checkpoint or ""),
        int(item.step_number or 0),
        float(item.created_at or 0),
        _fields(item.metrics),
    )
