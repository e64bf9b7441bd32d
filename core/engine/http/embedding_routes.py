"""The route for embeddings: vectors of texts from the models that are here, none of which was made for it alone."""

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.engine.http import request_body, services
from core.engine.http.client_disconnect import hearing
from core.engine.http.parameters import choice, known, number, text
from core.engine.http.protocol import Json, bad_request
from core.engine.inference.embedding_requests import Vectors

KEYS = {"model", "input", "encoding_format", "dimensions", "user"}
MOST_TEXTS = 2048


async def create(request: Request) -> Response:
    """The vectors of one text or of many."""
    value, parts = await request_body.read(request), services.of(request)
    asked, texts = _checked(value)
    reading = parts.answers.read(await parts.source(asked["model"]), texts)
    async with hearing(request, reading):
        return JSONResponse(_answer(asked, await reading.vectors()))


async def complete(parts: services.Engine, value: Json) -> Json:
    """The answer to a request of a batch; raises the ApiError."""
    asked, texts = _checked(value)
    reading = parts.answers.read(await parts.source(asked["model"]), texts, aside=True)
    try:
        return _answer(asked, await reading.vectors())
    except BaseException:
        reading.leave()
        raise


def _checked(value: Json) -> tuple[Json, list[str]]:
    value = known(value, KEYS)
    text(value, "model")
    choice(value, "encoding_format", ("float", "base64"), "float")
    number(value, "dimensions", None, int, 1, 2**31)
    return value, _texts(value.get("input"))


def _texts(value: Any) -> list[str]:
    if value is None:
        raise bad_request("'input' is a required property", "input", "missing_required_parameter")
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and texts and all(isinstance(one, int | list) for one in texts):
        what = "Invalid 'input': this server reads texts, not token numbers of another model."
        raise bad_request(what, "input", "unsupported_value")
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        what = "Invalid 'input': expected a text that is not empty, or a list of such texts."
        raise bad_request(what, "input", "invalid_value")
    if len(texts) > MOST_TEXTS:
        raise bad_request(
            f"Invalid 'input': at most {MOST_TEXTS} texts per request.", "input", "array_above_max_length"
        )
    return texts


def _answer(asked: Json, found: Vectors) -> Json:
    width = len(found.values[0])
    if asked.get("dimensions", width) != width:
        what = f"This model's vectors have {width} dimensions and cannot be made shorter or longer."
        raise bad_request(what, "dimensions", "unsupported_value")
    is_text = asked.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if is_text else vector.tolist()}
        for index, vector in enumerate(found.values)
    ]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    return {"object": "list", "data": data, "model": asked["model"], "usage": usage}


def _base64(vector: Any) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


routes = [Route("/v1/embeddings", create, methods=["POST"])]
