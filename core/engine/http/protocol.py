"""The words of the protocol that every route shares: errors, lists and identifiers."""

import secrets
import string
import time
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_ALPHABET = string.ascii_letters + string.digits
_KINDS = {401: "authentication_error", 403: "permission_error", 500: "server_error"}


class ApiError(Exception):
    """An answer other than 200; `body` is the error envelope with all four keys."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def body(self) -> Json:
        kind = _KINDS.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The client's mistake: 400 with the parameter's name."""
    return ApiError(400, message, param=param, code=code)


def model_not_found(model: str) -> ApiError:
    """The protocol's answer for a model that is not here, whether misspelt or deleted."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, param="model", code="model_not_found")


def new_id(prefix: str) -> str:
    """`prefix` and 24 random letters and digits, as the protocol's ids look."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(24))


def now() -> int:
    """Unix time in whole seconds."""
    return int(time.time())


def limit_of(query: Mapping[str, str], default: int, most: int = 100) -> int:
    """The page size asked for; 400 when it is not a number from 1 to `most`."""
    text = query.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise bad_request(f"Invalid 'limit': expected an integer between 1 and {most}.", "limit")
    return int(text)


def page(items: Sequence[Json], query: Mapping[str, str], default: int, most: int = 100, ends: bool = False) -> Json:
    """One page of `items` (already in the order of the answer) after the id in `query['after']`.

    An unknown id is a 400: a client that pages would otherwise begin again without end.
    """
    start, after = 0, query.get("after")
    if after:
        start = next((i + 1 for i, item in enumerate(items) if item["id"] == after), -1)
        if start < 0:
            raise bad_request(f"Invalid 'after': no object with id '{after}' found.", "after")
    stop = start + limit_of(query, default, most)
    data = list(items[start:stop])
    answer: Json = {"object": "list", "data": data, "has_more": stop < len(items)}
    if ends:
        answer["first_id"] = data[0]["id"] if data else None
        answer["last_id"] = data[-1]["id"] if data else None
    return answer
