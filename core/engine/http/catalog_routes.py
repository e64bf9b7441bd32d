"""Routes for the base models: which there are, how they get onto this computer, and a person's own ones.

An extension of the protocol.
"""

import json
import re
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine import child_lifetime
from core.engine.http.parameters import Text, parse, read_json
from core.engine.http.protocol import ApiError, bad_request, model_not_found_error
from core.engine.http.services import Services, get_services
from core.engine.models.catalog import CatalogEntry, build_entry, load_terms

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


class PrepareRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid request to prepare a model."""

    accept_licence: bool = False


class AddRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A valid request to add a model: a folder on this computer, or a repository of the hub."""

    folder: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    repo: Text | None = None
    revision: Text = "main"

    def __post_init__(self) -> None:
        if (self.folder is None) == (self.repo is None):
            raise bad_request("Give 'folder' or 'repo'.", "folder", "invalid_value")
        if self.folder is not None and not Path(self.folder).is_absolute():
            raise bad_request("Invalid 'folder': expected an absolute path.", "folder", "invalid_value")
        if self.repo is not None and (not REPOSITORY.fullmatch(self.repo) or ".." in self.repo):
            raise bad_request("Invalid 'repo': expected OWNER/NAME, as the hub writes it.", "repo", "invalid_value")


async def index(request: Request) -> Response:
    """The base models, each with its state; `answering_progress`: how far its file for llama.cpp is made, 0 to 1 or null."""
    services = get_services(request)
    models, preparing = services.catalog, services.process.preparing
    data = [{**models.describe(entry), "answering_progress": preparing.get(id)} for id, entry in models.entries.items()]
    return JSONResponse({"object": "list", "data": data, "has_more": False})


async def add(request: Request) -> Response:
    """Add a model that the catalog lacks. Nothing large is downloaded: that is what preparing it does.

    Raises a 400 error for one that cannot be trained here, and 403 for a folder where other computers reach this server.
    """
    services = get_services(request)
    wanted = parse(await read_json(request), AddRequest)
    if wanted.folder is not None and not services.serves_only_this_computer:
        raise ApiError(403, "A folder can only be added where the server serves this computer only.", param="folder")
    entry = services.catalog.add(await _inspect(wanted, services.catalog.log))
    return JSONResponse(services.catalog.describe(entry))


async def _inspect(wanted: AddRequest, log: Path) -> CatalogEntry:
    source = {"folder": wanted.folder} if wanted.folder else {"repo": wanted.repo, "revision": wanted.revision}
    message = await child_lifetime.run_child("core.engine.models.inspect_model", json.dumps(source), log=log)
    if "entry" not in message:
        reason, param = message.get("error", "Its process said nothing."), "folder" if wanted.folder else "repo"
        raise bad_request(f"This model cannot be added. {reason}", param, "unusable_model")
    return build_entry(message["entry"])


async def remove(request: Request) -> Response:
    """Forget a model that a person added; its files stay where they are.

    Raises 404 for an unknown model, 403 for one of the catalog, and 400 while fine-tuned models are based on it.
    """
    services, model = get_services(request), request.path_params["id"]
    _find(services, model)
    if not services.catalog.is_added(model):
        raise ApiError(403, "A model of the catalog cannot be removed.", param="model")
    users = [one["id"] for one in services.store.models.all() if one["base"] == model]
    if users:
        message = f"{len(users)} fine-tuned models are based on it. Delete them first: {', '.join(users[:5])}"
        raise bad_request(message, "model", "model_in_use")
    services.catalog.remove(model)
    return JSONResponse({"id": model, "object": "catalog.model", "deleted": True})


async def terms(request: Request) -> Response:
    """The terms of use that must be accepted before a model is fetched. Raises the protocol's 404 error for an unknown model.

    `text` is '' for an open licence.
    """
    entry = _find(get_services(request), request.path_params["id"])
    names = {"licence": entry.licence, "licence_url": entry.licence_url}
    return JSONResponse({"object": "catalog.terms", "id": entry.id, **names, "text": load_terms(entry)})


async def prepare(request: Request) -> Response:
    """Start to convert or download a model whose licence is accepted; when already started, return its progress.

    Raises the protocol's 404 error for an unknown model, and a 400 error where the licence is not accepted.
    """
    services = get_services(request)
    entry = _find(services, request.path_params["id"])
    if not parse(await read_json(request), PrepareRequest).accept_licence:
        message = f"Accept the licence of {entry.title} first: {entry.licence}, {entry.licence_url}"
        raise bad_request(message, "accept_licence", "licence_not_accepted")
    models = services.catalog
    if models.describe(entry)["state"] != "ready":
        models.start_preparing(entry)
    return JSONResponse(models.describe(entry))


async def cancel(request: Request) -> Response:
    """Stop preparing a model; nothing happens where it is not being prepared. Raises the protocol's 404 error for an unknown model."""
    services = get_services(request)
    entry = _find(services, request.path_params["id"])
    await services.catalog.cancel_preparing(entry)
    return JSONResponse(services.catalog.describe(entry))


def _find(services: Services, model: str) -> CatalogEntry:
    entry = services.catalog.entries.get(model)
    if not entry:
        raise model_not_found_error(model)
    return entry


routes = [
    Route("/v1/catalog", index, methods=["GET"]),
    Route("/v1/catalog", add, methods=["POST"]),
    Route("/v1/catalog/{id}", remove, methods=["DELETE"]),
    Route("/v1/catalog/{id}/terms", terms, methods=["GET"]),
    Route("/v1/catalog/{id}/prepare", prepare, methods=["POST"]),
    Route("/v1/catalog/{id}/cancel", cancel, methods=["POST"]),
]
