"""Routes for the models that can answer."""

import asyncio

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import ApiError, Json, model_not_found_error
from core.engine.http.services import Services, get_services
from core.engine.inference import llama_cpp
from core.engine.models.catalog import CatalogEntry

# 2024-11-01. The protocol requires a creation date; base models have none on this computer.
BASE_MODEL_CREATED = 1730419200


def _list_models(services: Services) -> list[Json]:
    tuned = [_build_model(value["id"], value["created"], "user-local") for value in services.store.models.all()]
    # llama.cpp alone answers from an exported file.
    served = services.exports.served_models() if llama_cpp.is_installed() else ()
    tuned += [_build_model(name, export["created_at"], "juku-export") for name, export, _ in served]
    return tuned + [_build_base_model(services, entry) for entry in services.catalog.entries.values()]


def _build_base_model(services: Services, entry: CatalogEntry) -> Json:
    """The protocol's model object with two members of our own: `state` as in the catalog, and what is `required` first."""
    state = services.catalog.describe(entry)["state"]
    required = {
        "ready": None,
        "available": "Nothing: it is converted when it is first asked, which takes a minute.",
        "fetching": f"Wait until it is here: GET /v1/catalog has the progress of {entry.id}.",
    }
    fetch = (
        f"Fetch it first: POST /v1/catalog/{entry.id}/prepare with accept_licence true "
        f"({entry.bytes / 1e9:.1f} GB, {entry.licence}, {entry.licence_url})."
    )
    model = _build_model(entry.id, BASE_MODEL_CREATED, "juku")
    return {**model, "state": state, "required": required.get(state, fetch)}


def _build_model(model: str, created: int, owner: str) -> Json:
    return {"id": model, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


async def index(request: Request) -> Response:
    """Every model: fine-tuned models, checkpoints, exported files; and base models, each with what it needs first."""
    return JSONResponse({"object": "list", "data": _list_models(get_services(request))})


async def retrieve(request: Request) -> Response:
    """One model. Raises the protocol's 404 error for an unknown one."""
    model = request.path_params["id"]
    found = next((one for one in _list_models(get_services(request)) if one["id"] == model), None)
    if not found:
        raise model_not_found_error(model)
    return JSONResponse(found)


async def delete(request: Request) -> Response:
    """Delete a fine-tuned model, a checkpoint or an exported file. Raises a 403 error for a base model, and 404 for an unknown one."""
    model, models = request.path_params["id"], get_services(request).store.models
    if model in get_services(request).catalog.entries:
        raise ApiError(403, "Only fine-tuned models can be deleted.", param="model")
    exports = get_services(request).exports
    if exports.find_model(model):
        exports.delete_model(model)
    elif models.get(model):
        models.require_own(model)
        models.delete(model)
    else:
        raise model_not_found_error(model)
    return JSONResponse({"id": model, "object": "model", "deleted": True})


class ShareRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid request to share a model."""

    shared: bool


async def share(request: Request) -> Response:
    """Let all users of this server use a fine-tuned model, or its owner alone. An extension of the protocol.

    Raises a 403 error for a model of another person, and 404 for one that is not fine-tuned or unknown.
    """
    model, models = request.path_params["id"], get_services(request).store.models
    wanted = parse(await read_json(request), ShareRequest)
    if not models.get(model):
        raise model_not_found_error(model)
    models.require_own(model)
    await asyncio.to_thread(models.share, model, wanted.shared)
    return JSONResponse({"id": model, "object": "model", "shared": wanted.shared})


routes = [
    Route("/v1/models", index, methods=["GET"]),
    Route("/v1/models/{id}", retrieve, methods=["GET"]),
    Route("/v1/models/{id}", delete, methods=["DELETE"]),
    Route("/v1/models/{id}/share", share, methods=["POST"]),
]
