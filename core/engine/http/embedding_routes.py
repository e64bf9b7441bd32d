"""The route for embeddings, computed by the language models that are here: none was trained for embeddings."""

import base64
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http.client_disconnect import cancel_on_disconnect
from core.engine.http.parameters import PositiveInt, Text, parse, read_json
from core.engine.http.protocol import Json, bad_request
from core.engine.http.services import Services, get_services
from core.engine.inference.embeddings import Embeddings

MAX_TEXTS = 2048


class EmbeddingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for embeddings."""

    model: Text
    input: Any
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: PositiveInt | None = None
    user: Any = None

    def __post_init__(self) -> None:
        texts = self.texts
        if isinstance(texts, list) and texts and all(isinstance(text, int | list) for text in texts):
            message = "Invalid 'input': this server reads texts, not token numbers of another model."
            raise bad_request(message, "input", "unsupported_value")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            message = "Invalid 'input': expected a text that is not empty, or a list of such texts."
            raise bad_request(message, "input", "invalid_value")
        if len(texts) > MAX_TEXTS:
            message = f"Invalid 'input': at most {MAX_TEXTS} texts per request."
            raise bad_request(message, "input", "array_above_max_length")

    @property
    def texts(self) -> Any:
        """`input` as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


async def create(request: Request) -> Response:
    """The embeddings of one text or of many. Raises the ApiError of a request that is refused or fails."""
    embedding = parse(await read_json(request), EmbeddingRequest)
    services = get_services(request)
    source = await services.resolve_model(embedding.model)
    pending = services.inference.submit_embeddings(source, embedding.texts)
    async with cancel_on_disconnect(request, pending):
        return JSONResponse(_build_response(embedding, await pending.result()))


async def embed(services: Services, body: Json) -> Json:
    """The embeddings for a request of a batch. Raises the ApiError of a request that is refused or fails."""
    embedding = parse(body, EmbeddingRequest)
    source = await services.resolve_model(embedding.model)
    pending = services.inference.submit_embeddings(source, embedding.texts, background=True)
    try:
        return _build_response(embedding, await pending.result())
    except BaseException:
        pending.cancel()
        raise


def _build_response(request: EmbeddingRequest, embeddings: Embeddings) -> Json:
    """The list of embeddings; 400 when other dimensions are requested than the model has."""
    dimensions = len(embeddings.vectors[0])
    if request.dimensions not in (None, dimensions):
        message = f"This model's vectors have {dimensions} dimensions and cannot be made shorter or longer."
        raise bad_request(message, "dimensions", "unsupported_value")
    encode = _to_base64 if request.encoding_format == "base64" else _to_list
    data = [
        {"object": "embedding", "index": index, "embedding": encode(vector)}
        for index, vector in enumerate(embeddings.vectors)
    ]
    usage = {"prompt_tokens": embeddings.num_tokens, "total_tokens": embeddings.num_tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _to_list(vector: Any) -> Any:
    return vector.tolist()


def _to_base64(vector: Any) -> str:
    """Little-endian float32 in base64, as the protocol has it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


routes = [Route("/v1/embeddings", create, methods=["POST"])]
