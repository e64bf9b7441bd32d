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
        if not isinstance(texts, list) or not texts or not all(_is_text(text) for text in texts):
            message = "Invalid 'input': expected a text or token ids that are not empty, or a list of such."
            raise bad_request(message, "input", "invalid_value")
        if len(texts) > MAX_TEXTS:
            message = f"Invalid 'input': at most {MAX_TEXTS} texts per request."
            raise bad_request(message, "input", "array_above_max_length")

    @property
    def texts(self) -> Any:
        """`input` as a list of texts or lists of token ids."""
        is_one = isinstance(self.input, list) and self.input and all(type(one) is int for one in self.input)
        return [self.input] if isinstance(self.input, str) or is_one else self.input


def _is_text(value: Any) -> bool:
    """Whether this is a text or a list of token ids, not empty."""
    return bool(value) and (
        isinstance(value, str) or (isinstance(value, list) and all(type(one) is int for one in value))
    )


async def create(request: Request) -> Response:
    """The embeddings of one text or of many. Raises the ApiError of a request that is refused or fails."""
    embedding = parse(await read_json(request), EmbeddingRequest)
    services = get_services(request)
    source = await services.resolve_model(embedding.model)
    pending = services.inference.submit_embeddings(source, embedding.texts)
    async with cancel_on_disconnect(request, pending):
        return JSONResponse(_build_response(embedding, await pending.next_event()))


async def embed(services: Services, body: Json) -> Json:
    """The embeddings for a request of a batch. Raises the ApiError of a request that is refused or fails."""
    embedding = parse(body, EmbeddingRequest)
    source = await services.resolve_model(embedding.model)
    pending = services.inference.submit_embeddings(source, embedding.texts, background=True)
    try:
        return _build_response(embedding, await pending.next_event())
    except BaseException:
        pending.cancel()
        raise


def _build_response(request: EmbeddingRequest, embeddings: Embeddings) -> Json:
    """The list of embeddings, shortened to `dimensions`; 400 when more are requested than the model has."""
    size = len(embeddings.vectors[0])
    dimensions = request.dimensions or size
    if dimensions > size:
        message = f"Invalid 'dimensions': this model's vectors have {size} dimensions at most."
        raise bad_request(message, "dimensions", "invalid_value")
    encode = _to_base64 if request.encoding_format == "base64" else _to_list
    data = [
        {"object": "embedding", "index": index, "embedding": encode(_shorten(vector, dimensions))}
        for index, vector in enumerate(embeddings.vectors)
    ]
    usage = {"prompt_tokens": embeddings.num_tokens, "total_tokens": embeddings.num_tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _shorten(vector: Any, dimensions: int) -> Any:
    """The first dimensions of a vector, of length 1 again."""
    import numpy as np

    if dimensions == len(vector):
        return vector
    short = vector[:dimensions]
    return short / (np.linalg.norm(short) or 1.0)


def _to_list(vector: Any) -> Any:
    return vector.tolist()


def _to_base64(vector: Any) -> str:
    """Little-endian float32 in base64, as the protocol has it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


routes = [Route("/v1/embeddings", create, methods=["POST"])]
