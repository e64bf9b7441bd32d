"""Routes for fine-tuning jobs, their events and checkpoints."""

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import job_request
from core.engine.http.job_request import ADAPTER_HYPERPARAMETERS, JobRequest
from core.engine.http.parameters import find_duplicate, read_json
from core.engine.http.protocol import Json, bad_request, paginate
from core.engine.http.services import Services, get_services


async def create(request: Request) -> Response:
    """Create a job, or return the one created before with the same idempotency key. Raises a 400 error for a wrong parameter."""
    services = get_services(request)
    job = job_request.parse_job(await read_json(request))
    if duplicate := find_duplicate(services.store.jobs.all(), job.metadata):
        return JSONResponse(duplicate)
    _check_file(services, "training_file", job.training_file)
    _check_file(services, "validation_file", job.validation_file)
    _check_model(services, job.model)
    _check_adapter(services, job)
    services.check_new_job()
    return JSONResponse(services.jobs.create(job, services.user.id))


def _check_file(services: Services, name: str, file_id: str | None) -> None:
    """Raise a 400 error unless the parameter `name` is absent or a file for fine-tuning."""
    files = services.store.files
    if file_id is not None and (file_id not in files or files.get(file_id)["purpose"] != "fine-tune"):
        raise bad_request(f"invalid {name}: {file_id}", name, "invalid_value")


def _check_model(services: Services, model: str) -> None:
    """Raise a 400 error unless the model is here, or ready after a conversion."""
    found = services.store.models.get(model)
    base = found[0]["base"] if found else model
    if base not in services.catalog.entries:
        message = f"The specified model `{model}` is not available for fine-tuning."
        raise bad_request(message, "model", "model_not_available")
    services.catalog.check_available(base)


def _check_adapter(services: Services, job: JobRequest) -> None:
    """Raise a 400 error for hyperparameters of the adapter where the model has one already."""
    if services.store.models.get(job.model):
        for name in ADAPTER_HYPERPARAMETERS:
            if name in job.hyperparameter_values:
                path = f"{job.hyperparameters_path}.{name}"
                message = f"'{path}' cannot be set: the adapter of `{job.model}` is trained further as it is."
                raise bad_request(message, path, "invalid_value")


async def index(request: Request) -> Response:
    """The jobs, newest first. Filters: `metadata[k]=v`, and `metadata=null` for those without metadata.

    Raises a 400 error for a wrong parameter.
    """
    query = request.query_params
    jobs = [job for job in get_services(request).store.jobs.all() if _matches(job["metadata"], query)]
    return JSONResponse(paginate(jobs, query, 20))


def _matches(metadata: Json, query: QueryParams) -> bool:
    if query.get("metadata") == "null":
        return not metadata
    wanted = [(key[9:-1], value) for key, value in query.items() if key.startswith("metadata[") and key[-1] == "]"]
    return all(metadata.get(key) == value for key, value in wanted)


async def retrieve(request: Request) -> Response:
    """One job. Raises the protocol's 404 error for an unknown id."""
    return JSONResponse(get_services(request).store.jobs.get(request.path_params["id"]))


async def cancel(request: Request) -> Response:
    """Cancel a job. Raises the protocol's 404 error for an unknown id, and a 400 error for a job that has ended."""
    return JSONResponse(await get_services(request).jobs.cancel(request.path_params["id"]))


async def pause(request: Request) -> Response:
    """Pause a job; the response comes when its state is on disk.

    Raises the protocol's 404 error for an unknown id, and a 400 error for a job that is neither queued nor running.
    """
    return JSONResponse(await get_services(request).jobs.pause(request.path_params["id"]))


async def resume(request: Request) -> Response:
    """Resume a paused job from its saved state.

    Raises the protocol's 404 error for an unknown id, and a 400 error for a job that is not paused.
    """
    return JSONResponse(await get_services(request).jobs.resume(request.path_params["id"]))


async def events(request: Request) -> Response:
    """The events of a job, newest first. Raises the protocol's 404 error for an unknown id, and a 400 error for a wrong parameter."""
    jobs, job_id = get_services(request).store.jobs, request.path_params["id"]
    return JSONResponse(paginate(jobs.events(job_id), request.query_params, 20, 1000))


async def checkpoints(request: Request) -> Response:
    """The last checkpoints of a job, newest first.

    Raises the protocol's 404 error for an unknown id, and a 400 error for a wrong parameter.
    """
    store, job_id = get_services(request).store, request.path_params["id"]
    store.jobs.get(job_id)
    found = [_checkpoint(value) for value in store.models.checkpoints(job_id)]
    return JSONResponse(paginate(found, request.query_params, 10, with_ids=True))


def _checkpoint(value: Json) -> Json:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": value["checkpoint"],
        "created_at": value["created"],
        "fine_tuned_model_checkpoint": value["id"],
        "fine_tuning_job_id": value["job"],
        "step_number": value["step"],
        "metrics": {key: number for key, number in value["metrics"].items() if key != "total_steps"},
    }


async def limits(request: Request) -> Response:
    """The models that can be trained, and their limits of concurrent jobs. Not in OpenAI's published schema."""
    services = get_services(request)
    running = [job for job in services.store.jobs.all() if job["status"] == "running"]
    bases = [services.jobs.base_model(job) for job in running]
    models = {
        entry.id: {"max_concurrent_jobs": services.team.max_jobs(), "active_jobs": bases.count(entry.id)}
        for entry in services.catalog.trainable_entries()
    }
    return JSONResponse(models)


JOBS = "/v1/fine_tuning/jobs"
routes = [
    Route(JOBS, create, methods=["POST"]),
    Route(JOBS, index, methods=["GET"]),
    Route(JOBS + "/{id}", retrieve, methods=["GET"]),
    Route(JOBS + "/{id}/cancel", cancel, methods=["POST"]),
    Route(JOBS + "/{id}/pause", pause, methods=["POST"]),
    Route(JOBS + "/{id}/resume", resume, methods=["POST"]),
    Route("/v1/fine_tuning/model_limits", limits, methods=["GET"]),
    Route(JOBS + "/{id}/events", events, methods=["GET"]),
    Route(JOBS + "/{id}/checkpoints", checkpoints, methods=["GET"]),
]
