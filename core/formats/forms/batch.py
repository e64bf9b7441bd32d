"""Batches of OpenAI's and Anthropic's API: a request and its answer, in one line or in two files that are joined by their ids.

Sources: https://platform.openai.com/docs/guides/batch and https://docs.anthropic.com/en/docs/build-with-claude/batch-processing
"""

from collections.abc import Iterable
from typing import Any

from core.formats.forms import anthropic_messages, responses_items, stored_completion
from core.formats.forms.form import Converted, Json, message

REQUESTS, ANSWERS = "requests", "answers"  # the two files of a batch
_REQUEST_KEYS = ("body", "request", "params")
_ANSWER_KEYS = ("response", "result", "error")


def is_row(value: Json) -> bool:
    """Whether an object is a request or an answer of a batch."""
    return "custom_id" in value and any(isinstance(value.get(key), dict) for key in (*_REQUEST_KEYS, *_ANSWER_KEYS))


def find_side(values: Iterable[object]) -> str:
    """Which of the two files of a batch these rows are from, `REQUESTS` or `ANSWERS`; '' where rows have both or neither."""
    rows = [value for value in values if isinstance(value, dict)]
    if not rows or not all(is_row(row) for row in rows):
        return ""
    has_request = any(row.get(key) for row in rows for key in _REQUEST_KEYS)
    has_answer = any(row.get(key) for row in rows for key in _ANSWER_KEYS)
    return "" if has_request and has_answer else REQUESTS if has_request else ANSWERS


def read(value: Json) -> list[Converted]:
    """Convert a request with its answer."""
    request = next((_body(value[key]) for key in _REQUEST_KEYS if value.get(key)), {})
    answer = _body(value.get("response") or value.get("result"))
    rest = {"custom_id": value["custom_id"]}
    if value.get("error") or "error" in answer or answer.get("type") in ("errored", "canceled", "expired"):
        return [Converted(None, value, ("failed",))]
    if not answer:
        return [Converted(None, value, ("no-answer",))]
    if not request:
        return [Converted(None, value, ("no-question",))]
    return [one._replace(rest=rest) for one in _convert(request, answer)]


def _convert(request: Json, answer: Json) -> list[Converted]:
    if isinstance(said := answer.get("message"), dict):  # Anthropic's
        turns = [*request.get("messages", []), message("assistant", said.get("content"))]
        kept = {key: request[key] for key in ("system", "tools") if key in request}
        return anthropic_messages.read({"messages": turns} | kept)
    whole = request | answer
    return responses_items.read(whole) if "output" in answer else stored_completion.read(whole)


def _body(value: Any) -> Json:
    body = value.get("body", value) if isinstance(value, dict) else None
    return body if isinstance(body, dict) else {}
