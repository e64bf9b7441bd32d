"""Routes for batches of requests."""

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import chat_routes, completion_routes, embedding_routes, response_routes
from core.engine.http.parameters import ExpiresAfter, Text, check_metadata, find_duplicate, parse, read_json
from core.engine.http.protocol import Json, bad_request, paginate
from core.engine.http.services import Services, get_services

ENDPOINTS = {
    "/v1/chat/completions": chat_routes.complete,
    "/v1/completions": completion_routes.complete,
    "/v1/embeddings": embedding_routes.embed,
    "/v1/responses": response_routes.complete,
}


class BatchRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for a batch."""

    input_file_id: Text
    endpoint: Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"]
    completion_window: Literal["24h"]
    metadata: Any = {}
    output_expires_after: ExpiresAfter | None = None

    def __post_init__(self) -> None:
        check_metadata(self.metadata)


@dataclass(frozen=True)
class RouteEndpoints:
    """Answers the requests of batches as the routes do, each for the user who owns the batch."""

    services: Services

    async def check_model(self, owner: str, model: str) -> None:
        """Raise the ApiError of a model that cannot answer."""
        await self.services.for_owner(owner).resolve_model(model)

    async def answer(self, owner: str, endpoint: str, body: Json) -> Json:
        """The response body. Raises the ApiError of a request that is refused or fails."""
        return await ENDPOINTS[endpoint](self.services.for_owner(owner), body)


async def create(request: Request) -> Response:
    """Create a batch, or return the one created before with the same idempotency key. Raises a 400 error for a wrong parameter."""
    services = get_services(request)
    batch = parse(await read_json(request), BatchRequest)
    if duplicate := find_duplicate(services.store.batches.all(), batch.metadata):
        return JSONResponse(duplicate)
    file_id, files = batch.input_file_id, services.store.files
    if file_id not in files or files.get(file_id)["purpose"] != "batch":
        raise bad_request(f"invalid input_file_id: {file_id}", "input_file_id", "invalid_value")
    seconds = batch.output_expires_after.seconds if batch.output_expires_after else None
    return JSONResponse(
        services.batches.create(
            file_id, batch.endpoint, batch.completion_window, batch.metadata, seconds, services.user.id
        )
    )


async def index(request: Request) -> Response:
    """The batches, newest first. Raises a 400 error for a wrong parameter."""
    batches = get_services(request).store.batches.all()
    return JSONResponse(paginate(batches, request.query_params, 20, with_ids=True))


async def retrieve(request: Request) -> Response:
    """One batch. Raises the protocol's 404 error for an unknown id."""
    return JSONResponse(get_services(request).store.batches.get(request.path_params["id"]))


async def cancel(request: Request) -> Response:
    """Cancel a batch; requests that are answered already stay in its output file.

    Raises the protocol's 404 error for an unknown id, and a 400 error for a batch that has ended.
    """
    return JSONResponse(await get_services(request).batches.cancel(request.path_params["id"]))


routes = [
    Route("/v1/batches", create, methods=["POST"]),
    Route("/v1/batches", index, methods=["GET"]),
    Route("/v1/batches/{id}", retrieve, methods=["GET"]),
    Route("/v1/batches/{id}/cancel", cancel, methods=["POST"]),
]
