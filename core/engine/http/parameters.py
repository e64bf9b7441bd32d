"""Parses request bodies into msgspec structs; errors name the parameter as OpenAI's API does."""

import json
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from core.engine.http.protocol import ApiError, Json, bad_request

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
PositiveInt = Annotated[int, Meta(ge=1, le=2**31)]
# A client that does not know whether its request arrived sends it again with the same value of this metadata key.
MIN_EXPIRY_SECONDS, MAX_EXPIRY_SECONDS = 3600, 2_592_000  # an hour to thirty days, as in the protocol
IDEMPOTENCY_KEY = "juku_key"

_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`")
S = TypeVar("S", bound=msgspec.Struct)


async def read_json(request: Request) -> Json:
    """The body's object. Raises a 400 error when it is no JSON, no valid Unicode, or no object."""
    try:
        value = msgspec.json.decode(await request.body())
    except (ValueError, RecursionError) as error:
        raise bad_request(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(value, dict):
        raise bad_request("The JSON body of your request must be an object.")
    return value


def parse(body: Json, struct: type[S]) -> S:
    """The body as a struct; a parameter that is null counts as absent.

    Raises a 400 error that names the first wrong parameter.
    """
    fields = struct.__struct_fields__
    given = {name: value for name, value in body.items() if value is not None or name not in fields}
    try:
        return msgspec.convert(given, struct)
    except msgspec.ValidationError as error:
        raise _to_api_error(str(error)) from error


def _to_api_error(message: str) -> ApiError:
    """msgspec's message, `What is wrong - at `$.path``, in the protocol's words."""
    fault, _, path = message.partition(" - at `$")
    param = path.strip(".`")
    if field := _FIELD.fullmatch(fault):
        param = f"{param}.{field[2]}" if param else field[2]
        if field[1] == "contains unknown":
            return bad_request(f"Unrecognized request argument supplied: {param}", param, "unknown_parameter")
        return bad_request(f"you must provide a {param} parameter", param, "missing_required_parameter")
    code = "invalid_type" if ", got `" in fault else "invalid_value"
    return bad_request(f"Invalid '{param}': {fault[0].lower()}{fault[1:]}.", param, code)


def require_neutral(name: str, value: Any, neutral: tuple[Any, ...]) -> None:
    """Raise a 400 error for a value that asks for something this server does not do."""
    # In Python, True equals 1 and False 0.
    if value is None or any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in neutral):
        return
    values = " or ".join(json.dumps(one) for one in neutral)
    raise bad_request(
        f"This server does not support '{name}': leave it out, or send {values}.", name, "unsupported_value"
    )


def check_metadata(metadata: Any) -> None:
    """Raise a 400 error unless this is an object of at most 16 strings. msgspec does not name the wrong key."""
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise bad_request("Invalid 'metadata': expected at most 16 pairs.", "metadata", "invalid_value")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 64 or len(value) > 512:
            name = f"metadata.{key[:64]}"
            raise bad_request(f"Invalid '{name}': expected a string of 512 characters at most.", name, "invalid_value")


class ExpiresAfter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a file is deleted, counted from its creation."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=MIN_EXPIRY_SECONDS, le=MAX_EXPIRY_SECONDS)]


def find_duplicate(objects: list[Json], metadata: Json) -> Json | None:
    """The object that was created before with the same idempotency key, or None."""
    key = metadata.get(IDEMPOTENCY_KEY)
    return next((one for one in objects if key and one["metadata"].get(IDEMPOTENCY_KEY) == key), None)
