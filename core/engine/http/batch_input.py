"""Validates the input file of a batch line by line, before any request is answered."""

from codecs import BOM_UTF8
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.engine.http.protocol import Json

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_REQUESTS = 50_000
MAX_ERRORS = 100
MAX_LINE_BYTES = 4 * 1024 * 1024
LINE_KEYS = {"custom_id", "method", "url", "body"}


class _LineError(ValueError):
    """What is wrong with one line: code, message, and the key it is about."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code, param


@dataclass
class InputReport:
    """How many requests a file has, for which model, and the protocol's error objects."""

    total: int = 0
    model: str = ""
    errors: list[Json] = field(default_factory=list)

    def add_error(self, code: str, message: str, param: str | None = None, line: int | None = None) -> None:
        """Add an error object, at most a hundred. `line` counts from 1."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append({"code": code, "message": message, "param": param, "line": line})


def validate_input(path: Path, endpoint: str) -> InputReport:
    """Validate every line for `endpoint` (a path such as `/v1/embeddings`); all errors are in the report, none is raised."""
    report = InputReport()
    seen: set[str] = set()
    inputs = 0
    for number, line in _lines(path):
        report.total += 1
        try:
            request = _parse(line, number)
            _validate_line(request, endpoint, seen)
            inputs += _count_inputs(request["body"])
            report.model = report.model or request["body"]["model"]
            if request["body"]["model"] != report.model:
                raise _LineError("mismatched_model", "All requests of a batch must be for the same model.", "model")
        except _LineError as error:
            report.add_error(error.code, str(error), error.param, number)
    if not report.total:
        report.add_error("empty_file", "The input file has no requests.")
    if max(report.total, inputs) > MAX_REQUESTS:
        report.add_error("too_many_requests", f"A batch has at most {MAX_REQUESTS} requests or texts.")
    return report


def read_requests(path: Path) -> Generator[Json, None, None]:
    """The requests of a file that was validated, one by one.

    The file is open meanwhile: close the generator where it is not read to its end.
    """
    for number, line in _lines(path):
        yield _parse(line, number)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            yield number, line


def _parse(line: bytes, number: int) -> Any:
    if len(line) > MAX_LINE_BYTES:
        raise _LineError("request_too_large", f"This line is longer than {MAX_LINE_BYTES} bytes.")
    try:
        return msgspec.json.decode(line.removeprefix(BOM_UTF8) if number == 1 else line)
    except (ValueError, RecursionError) as error:
        raise _LineError("invalid_json_line", f"This line is not parseable as valid JSON: {error}") from error


def _validate_line(request: Any, endpoint: str, seen: set[str]) -> None:
    if not isinstance(request, dict):
        raise _LineError("invalid_json_line", "This line is not a JSON object.")
    _validate_keys(request)
    if request["custom_id"] in seen:
        message = f"The custom_id for this request is a duplicate of another request: {request['custom_id']}"
        raise _LineError("duplicate_custom_id", message, "custom_id")
    seen.add(request["custom_id"])
    if request["method"] != "POST":
        raise _LineError("invalid_method", "The method of a request must be 'POST'.", "method")
    if request["url"] != endpoint:
        message = f"The URL of this request does not match the batch endpoint {endpoint}."
        raise _LineError("invalid_url", message, "url")
    body = request["body"]
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise _LineError("invalid_request", "The body must be an object with a 'model'.", "body.model")


def _validate_keys(request: Json) -> None:
    if missing := sorted(LINE_KEYS - set(request)):
        raise _LineError("missing_required_parameter", f"Missing required parameter: '{missing[0]}'.", missing[0])
    if extra := sorted(set(request) - LINE_KEYS):
        raise _LineError("unknown_parameter", f"Unknown parameter: '{extra[0]}'.", extra[0])
    if not isinstance(request["custom_id"], str) or not request["custom_id"]:
        raise _LineError("invalid_custom_id", "The custom_id must be a text that is not empty.", "custom_id")


def _count_inputs(body: Json) -> int:
    """How many texts a request for embeddings has; 1 for a chat request."""
    texts = body.get("input")
    return len(texts) if isinstance(texts, list) else 1
