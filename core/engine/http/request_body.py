"""Reads the JSON body of a request."""

import json

from starlette.requests import Request

from core.engine.http.protocol import Json, bad_request


async def read(request: Request) -> Json:
    """The body's object; 400 when it is broken, not text, or not an object."""
    try:
        value = json.loads(await request.body())
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
    except (ValueError, RecursionError) as error:
        raise bad_request(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(value, dict):
        raise bad_request("The JSON body of your request must be an object.")
    return value
