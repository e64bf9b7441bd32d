"""Batches of OpenAI's API: a request and its answer in one line. Two files, one of requests and one of answers, are not joined.

Source: https://platform.openai.com/docs/guides/batch
"""

from typing import Any

from core.formats.forms import responses_items, stored_completion
from core.formats.forms.form import Converted, Json


def is_row(value: Json) -> bool:
    """Whether an object is a request or an answer of a batch."""
    return "custom_id" in value and any(isinstance(value.get(key), dict) for key in ("body", "response", "request"))


def read(value: Json) -> list[Converted]:
    """Convert a request with its answer."""
    request, answer = _body(value.get("body") or value.get("request")), _body(value.get("response"))
    if value.get("error"):
        return [Converted(None, value, ("failed",))]
    if not answer:
        return [Converted(None, value, ("no-answer",))]
    if not request:
        return [Converted(None, value, ("no-question",))]
    whole = request | answer
    rest = {"custom_id": value["custom_id"]}
    converted = responses_items.read(whole) if "output" in answer else stored_completion.read(whole)
    return [one._replace(rest=rest) for one in converted]


def _body(value: Any) -> Json:
    body = value.get("body", value) if isinstance(value, dict) else None
    return body if isinstance(body, dict) else {}
