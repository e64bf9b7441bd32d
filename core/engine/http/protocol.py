"""What every route shares of OpenAI's protocol: errors, pages of lists, ids."""

import json
import secrets
import string
import time
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_ID_ALPHABET = string.ascii_letters + string.digits
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """An error response: HTTP status and the members of the protocol's `error` object; `headers` of the response."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    def body(self) -> Json:
        """The response's JSON body."""
        default = "server_error" if self.status >= 500 else "invalid_request_error"
        error_type = _ERROR_TYPES.get(self.status, default)
        if self.code == "insufficient_quota":  # the protocol's own type: clients stop at it
            error_type = "insufficient_quota"
        return {"error": {"message": self.message, "type": error_type, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The 400 error with the name of the wrong parameter; the caller raises it."""
    return ApiError(400, message, param=param, code=code)


def model_not_found_error(model: str) -> ApiError:
    """The protocol's error for an unknown or deleted model; the caller raises it."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, param="model", code="model_not_found")


def new_id(prefix: str) -> str:
    """`prefix` and 24 random letters and digits, like the protocol's ids."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(24))


def now() -> int:
    """Unix time in whole seconds."""
    return int(time.time())


def server_sent_event(value: Any, name: str = "") -> str:
    """One event of a stream."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n"


def paginate(
    items: Sequence[Json], query: Mapping[str, str], default_limit: int, max_limit: int = 100, with_ids: bool = False
) -> Json:
    """The list object with one page of `items` (in the response's order), after the id in `query['after']`.

    `with_ids`: with `first_id` and `last_id`. Raises a 400 error for a limit out of range, and for an unknown
    `after`: a client would otherwise begin again without end.
    """
    start, after = 0, query.get("after")
    if after:
        start = next((i + 1 for i, item in enumerate(items) if item["id"] == after), -1)
        if start < 0:
            raise bad_request(f"Invalid 'after': no object with id '{after}' found.", "after")
    stop = start + _parse_limit(query.get("limit", str(default_limit)), max_limit)
    data = list(items[start:stop])
    response: Json = {"object": "list", "data": data, "has_more": stop < len(items)}
    if with_ids:
        response["first_id"] = data[0]["id"] if data else None
        response["last_id"] = data[-1]["id"] if data else None
    return response


def _parse_limit(text: str, max_limit: int) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= max_limit:
        raise bad_request(f"Invalid 'limit': expected an integer between 1 and {max_limit}.", "limit")
    return int(text)
