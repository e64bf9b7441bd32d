"""Routes for models, and for the catalog of those that can be had (an extension of the protocol)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import request_body, services
from core.engine.http.parameters import flag, known
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found
from core.engine.models.catalog import entries

# 2024-11-01: bases have no date of their own on this computer, the protocol wants one.
BASE_DATE = 1730419200


def _all(parts: services.Engine) -> list[Json]:
    tuned = [_model(value["id"], value["created"], "user-local") for value in parts.store.tuned.all()]
    return tuned + [_model(entry.id, BASE_DATE, "juku") for entry, _ in parts.catalog.ready()]


def _model(model: str, created: int, owner: str) -> Json:
    return {"id": model, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


async def index(request: Request) -> Response:
    """Every model that can answer now: tuned ones, their checkpoints, and bases."""
    return JSONResponse({"object": "list", "data": _all(services.of(request))})


async def retrieve(request: Request) -> Response:
    """One model."""
    model = request.path_params["id"]
    found = next((one for one in _all(services.of(request)) if one["id"] == model), None)
    if not found:
        raise model_not_found(model)
    return JSONResponse(found)


async def delete(request: Request) -> Response:
    """Delete a tuned model or checkpoint; a base is refused."""
    model, tuned = request.path_params["id"], services.of(request).store.tuned
    if model in entries():
        raise ApiError(403, "Only fine-tuned models can be deleted.", param="model")
    if not tuned.get(model):
        raise model_not_found(model)
    tuned.delete(model)
    return JSONResponse({"id": model, "object": "model", "deleted": True})


async def catalog(request: Request) -> Response:
    """The models that can be had, and how far away each is."""
    known_models = services.of(request).catalog
    data = [known_models.describe(entry) for entry in entries().values()]
    return JSONResponse({"object": "list", "data": data, "has_more": False})


async def prepare(request: Request) -> Response:
    """Begin to convert or fetch a model whose licence the person accepts; asked again: says how far it is."""
    entry = entries().get(request.path_params["id"])
    if not entry:
        raise model_not_found(request.path_params["id"])
    if not flag(known(await request_body.read(request), ("accept_licence",)), "accept_licence"):
        what = f"Accept the licence of {entry.title} first: {entry.licence}, {entry.licence_url}"
        raise bad_request(what, "accept_licence", "licence_not_accepted")
    parts = services.of(request).catalog
    if parts.describe(entry)["state"] != "ready":
        parts.start(entry)
    return JSONResponse(parts.describe(entry))


routes = [
    Route("/v1/models", index, methods=["GET"]),
    Route("/v1/models/{id}", retrieve, methods=["GET"]),
    Route("/v1/models/{id}", delete, methods=["DELETE"]),
    Route("/v1/catalog", catalog, methods=["GET"]),
    Route("/v1/catalog/{id}/prepare", prepare, methods=["POST"]),
]
