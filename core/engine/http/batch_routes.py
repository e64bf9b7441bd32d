"""Routes for batches of requests."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import chat_routes, embedding_routes, request_body, services
from core.engine.http.parameters import choice, known, metadata, repeated, text
from core.engine.http.protocol import Json, bad_request, page

KEYS = {"input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"}
ENDPOINTS = {"/v1/chat/completions": chat_routes.complete, "/v1/embeddings": embedding_routes.complete}


@dataclass(frozen=True)
class Desk:
    """Answers the requests of batches as the routes answer people."""

    parts: services.Engine

    async def check(self, model: str) -> None:
        """Raise the ApiError of a model that cannot answer."""
        await self.parts.source(model)

    async def answer(self, endpoint: str, value: Json) -> Json:
        """The body of the answer; raises the ApiError."""
        return await ENDPOINTS[endpoint](self.parts, value)


async def create(request: Request) -> Response:
    """A new batch, or the one made before with the same client-chosen key."""
    parts, value = services.of(request), known(await request_body.read(request), KEYS)
    asked: Json = {
        "input_file_id": text(value, "input_file_id"),
        "endpoint": choice(value, "endpoint", ENDPOINTS),
        "completion_window": choice(value, "completion_window", ("24h",)),
        "metadata": metadata(value.get("metadata", {})),
    }
    if "output_expires_after" in value:
        raise bad_request("Files do not expire here.", "output_expires_after", "unsupported_value")
    if made := repeated(parts.store.batches.all(), asked["metadata"]):
        return JSONResponse(made)
    file = asked["input_file_id"]
    if file not in parts.store.files or parts.store.files.get(file)["purpose"] != "batch":
        raise bad_request(f"invalid input_file_id: {file}", "input_file_id", "invalid_value")
    return JSONResponse(parts.batches.create(asked))


async def index(request: Request) -> Response:
    """The batches, newest first."""
    batches = services.of(request).store.batches.all()
    return JSONResponse(page(batches, request.query_params, 20, ends=True))


async def retrieve(request: Request) -> Response:
    """One batch."""
    return JSONResponse(services.of(request).store.batches.get(request.path_params["id"]))


async def cancel(request: Request) -> Response:
    """End a batch; the answer is the batch, which gives out what it has."""
    return JSONResponse(await services.of(request).batches.cancel(request.path_params["id"]))


routes = [
    Route("/v1/batches", create, methods=["POST"]),
    Route("/v1/batches", index, methods=["GET"]),
    Route("/v1/batches/{id}", retrieve, methods=["GET"]),
    Route("/v1/batches/{id}/cancel", cancel, methods=["POST"]),
]
