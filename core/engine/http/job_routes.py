"""Routes for fine-tuning jobs, their events and checkpoints."""

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import job_request, request_body, services
from core.engine.http.parameters import repeated
from core.engine.http.protocol import Json, bad_request, page
from core.engine.models.catalog import entries


async def create(request: Request) -> Response:
    """A new job, or the one made before with the same client-chosen key."""
    parts = services.of(request)
    asked = job_request.read(await request_body.read(request))
    if made := repeated(parts.store.jobs.all(), asked["metadata"]):
        return JSONResponse(made)
    _check_files(parts, asked)
    _check_model(parts, asked["model"])
    return JSONResponse(parts.queue.create(asked))


def _check_files(parts: services.Engine, asked: Json) -> None:
    purposes = {file["id"]: file["purpose"] for file in parts.store.files.all()}
    for name in ("training_file", "validation_file"):
        if asked[name] is not None and purposes.get(asked[name]) != "fine-tune":
            raise bad_request(f"invalid {name}: {asked[name]}", name, "invalid_value")


def _check_model(parts: services.Engine, model: str) -> None:
    found = parts.store.tuned.get(model)
    base = found[0]["base"] if found else model
    if base not in entries():
        what = f"The specified model `{model}` is not available for fine-tuning."
        raise bad_request(what, "model", "model_not_available")
    parts.catalog.check(base)


async def index(request: Request) -> Response:
    """The jobs, newest first; `metadata[k]=v` picks, `metadata=null` picks those without any."""
    query = request.query_params
    jobs = [job for job in services.of(request).store.jobs.all() if _matches(job["metadata"], query)]
    return JSONResponse(page(jobs, query, 20))


def _matches(metadata: Json, query: QueryParams) -> bool:
    if query.get("metadata") == "null":
        return not metadata
    wanted = [(key[9:-1], value) for key, value in query.items() if key.startswith("metadata[") and key[-1] == "]"]
    return all(metadata.get(key) == value for key, value in wanted)


async def retrieve(request: Request) -> Response:
    """One job."""
    return JSONResponse(services.of(request).store.jobs.get(request.path_params["id"]))


async def cancel(request: Request) -> Response:
    """End a job; the answer is the cancelled job."""
    return JSONResponse(await services.of(request).queue.cancel(request.path_params["id"]))


async def pause(request: Request) -> Response:
    """Stop a job for now; answers when what it has learned is on disk."""
    return JSONResponse(await services.of(request).queue.pause(request.path_params["id"]))


async def resume(request: Request) -> Response:
    """Let a paused job go on from where it stood."""
    return JSONResponse(await services.of(request).queue.resume(request.path_params["id"]))


async def events(request: Request) -> Response:
    """What happened to a job, newest first."""
    jobs, job_id = services.of(request).store.jobs, request.path_params["id"]
    return JSONResponse(page(jobs.events(job_id), request.query_params, 20, 1000))


async def checkpoints(request: Request) -> Response:
    """The last checkpoints of a job, newest first."""
    store, job_id = services.of(request).store, request.path_params["id"]
    store.jobs.get(job_id)
    found = [_checkpoint(value) for value in store.tuned.checkpoints(job_id)]
    return JSONResponse(page(found, request.query_params, 10, ends=True))


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
    """Which models can be trained now, and how many jobs of each at a time. Not in the published document."""
    parts = services.of(request)
    running = [job for job in parts.store.jobs.all() if job["status"] == "running"]
    bases = [parts.queue.base(job) for job in running]
    found = {
        entry.id: {"max_concurrent_jobs": 1, "active_jobs": bases.count(entry.id)}
        for entry in parts.catalog.teachable()
    }
    return JSONResponse(found)


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
