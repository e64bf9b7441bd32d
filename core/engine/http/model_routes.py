"""Routes for models, and for the catalog of base models (an extension of the protocol)."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import ApiError, Json, bad_request, model_not_found_error
from core.engine.http.services import Services, get_services
from core.engine.models.catalog import load_catalog

# 2024-11-01. The protocol requires a creation date; base models have none on this computer.
BASE_MODEL_CREATED = 1730419200


class PrepareRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid request to prepare a model."""

    accept_licence: bool = False


def _list_models(services: Services) -> list[Json]:
    tuned = [_build_model(value["id"], value["created"], "user-local") for value in services.store.models.all()]
    return tuned + [_build_model(entry.id, BASE_MODEL_CREATED, "juku") for entry, _ in services.catalog.ready_entries()]


def _build_model(model: str, created: int, owner: str) -> Json:
    return {"id": model, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


async def index(request: Request) -> Response:
    """Every model that can answer now: fine-tuned models, checkpoints, base models."""
    return JSONResponse({"object": "list", "data": _list_models(get_services(request))})


async def retrieve(request: Request) -> Response:
    """One model. Raises the protocol's 404 error for an unknown one."""
    model = request.path_params["id"]
    found = next((one for one in _list_models(get_services(request)) if one["id"] == model), None)
    if not found:
        raise model_not_found_error(model)
    return JSONResponse(found)


async def delete(request: Request) -> Response:
    """Delete a fine-tuned model or a checkpoint. Raises a 403 error for a base model, and 404 for an unknown one."""
    model, models = request.path_params["id"], get_services(request).store.models
    if model in load_catalog():
        raise ApiError(403, "Only fine-tuned models can be deleted.", param="model")
    if not models.get(model):
        raise model_not_found_error(model)
    models.delete(model)
    return JSONResponse({"id": model, "object": "model", "deleted": True})


async def catalog(request: Request) -> Response:
    """The base models, each with its state."""
    models = get_services(request).catalog
    data = [models.describe(entry) for entry in load_catalog().values()]
    return JSONResponse({"object": "list", "data": data, "has_more": False})


async def prepare(request: Request) -> Response:
    """Start to convert or download a model whose licence is accepted; when already started, return its progress.

    Raises the protocol's 404 error for an unknown model, and a 400 error where the licence is not accepted.
    """
    entry = load_catalog().get(request.path_params["id"])
    if not entry:
        raise model_not_found_error(request.path_params["id"])
    if not parse(await read_json(request), PrepareRequest).accept_licence:
        message = f"Accept the licence of {entry.title} first: {entry.licence}, {entry.licence_url}"
        raise bad_request(message, "accept_licence", "licence_not_accepted")
    models = get_services(request).catalog
    if models.describe(entry)["state"] != "ready":
        models.start_preparing(entry)
    return JSONResponse(models.describe(entry))


routes = [
    Route("/v1/models", index, methods=["GET"]),
    Route("/v1/models/{id}", retrieve, methods=["GET"]),
    Route("/v1/models/{id}", delete, methods=["DELETE"]),
    Route("/v1/catalog", catalog, methods=["GET"]),
    Route("/v1/catalog/{id}/prepare", prepare, methods=["POST"]),
]
