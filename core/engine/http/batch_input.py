"""Checks the input file of a batch line by line, before anything is answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.engine.http.protocol import Json

MOST_BYTES = 200 * 1024 * 1024
MOST_LINES = 50_000
MOST_ERRORS = 100
LONGEST = 4 * 1024 * 1024
KEYS = {"custom_id", "method", "url", "body"}


class _WrongError(ValueError):
    """What is wrong with one line: code, message, and the key it is about."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code, param


@dataclass
class Checked:
    """What a file holds: how many requests, for which model; and what is wrong with it, as the protocol tells it."""

    total: int = 0
    model: str = ""
    errors: list[Json] = field(default_factory=list)

    def fault(self, code: str, message: str, param: str | None = None, line: int | None = None) -> None:
        """Note one more thing that is wrong."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append({"code": code, "message": message, "param": param, "line": line})


def check(path: Path, endpoint: str) -> Checked:
    """Look at every line: all that is wrong is told at once, up to a hundred lines."""
    found = Checked()
    seen: set[str] = set()
    inputs = 0
    for number, line in _lines(path):
        found.total += 1
        try:
            request = _parse(line, number)
            _check_line(request, endpoint, seen)
            inputs += _inputs(request["body"])
            found.model = found.model or request["body"]["model"]
            if request["body"]["model"] != found.model:
                raise _WrongError("mismatched_model", "All requests of a batch must be for the same model.", "model")
        except _WrongError as error:
            found.fault(error.code, str(error), error.param, number)
    if not found.total:
        found.fault("empty_file", "The input file has no requests.")
    if max(found.total, inputs) > MOST_LINES:
        found.fault("too_many_requests", f"A batch has at most {MOST_LINES} requests or texts.")
    return found


def requests(path: Path) -> Iterator[Json]:
    """The requests of a file that was checked."""
    for number, line in _lines(path):
        yield _parse(line, number)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            yield number, line


def _parse(line: bytes, number: int) -> Any:
    if len(line) > LONGEST:
        raise _WrongError("request_too_large", f"This line is longer than {LONGEST} bytes.")
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
        return value
    except (ValueError, RecursionError) as error:
        raise _WrongError("invalid_json_line", f"This line is not parseable as valid JSON: {error}") from error


def _check_line(request: Any, endpoint: str, seen: set[str]) -> None:
    if not isinstance(request, dict):
        raise _WrongError("invalid_json_line", "This line is not a JSON object.")
    _check_keys(request)
    if request["custom_id"] in seen:
        what = f"The custom_id for this request is a duplicate of another request: {request['custom_id']}"
        raise _WrongError("duplicate_custom_id", what, "custom_id")
    seen.add(request["custom_id"])
    if request["method"] != "POST":
        raise _WrongError("invalid_method", "The method of a request must be 'POST'.", "method")
    if request["url"] != endpoint:
        what = f"The URL of this request does not match the batch endpoint {endpoint}."
        raise _WrongError("invalid_url", what, "url")
    body = request["body"]
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise _WrongError("invalid_request", "The body must be an object with a 'model'.", "body.model")


def _check_keys(request: Json) -> None:
    if missing := sorted(KEYS - set(request)):
        raise _WrongError("missing_required_parameter", f"Missing required parameter: '{missing[0]}'.", missing[0])
    if extra := sorted(set(request) - KEYS):
        raise _WrongError("unknown_parameter", f"Unknown parameter: '{extra[0]}'.", extra[0])
    if not isinstance(request["custom_id"], str) or not request["custom_id"]:
        raise _WrongError("invalid_custom_id", "The custom_id must be a text that is not empty.", "custom_id")


def _inputs(body: Json) -> int:
    """How many texts a request for vectors has; 1 for a conversation."""
    texts = body.get("input")
    return len(texts) if isinstance(texts, list) else 1
