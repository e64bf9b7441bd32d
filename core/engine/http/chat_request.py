"""Checks the request for a chat completion."""

from dataclasses import dataclass
from typing import Any

from core.engine.http.parameters import an_object, flag, known, number, text
from core.engine.http.protocol import Json, bad_request

KEYS = {
    "model",
    "messages",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "seed",
    "stream",
    "stream_options",
    "store",
    "user",
}
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
MOST_CHOICES = 128


@dataclass(frozen=True)
class Chat:
    """A checked chat request. `most`: tokens to write at most, or None."""

    model: str
    messages: list[Json]
    temperature: float
    top_p: float
    most: int | None
    n: int
    stop: list[str]
    seed: int | None
    stream: bool
    usage: bool


def read(body: Json) -> Chat:
    """Check a chat request; 400 with the parameter's name."""
    body = known(body, KEYS)
    flag(body, "store")
    stream = flag(body, "stream")
    return Chat(
        model=text(body, "model"),
        messages=_messages(body.get("messages")),
        temperature=number(body, "temperature", 1.0, float, 0, 2),
        top_p=number(body, "top_p", 1.0, float, 0, 1),
        most=_most(body),
        n=number(body, "n", 1, int, 1, MOST_CHOICES),
        stop=_stop(body.get("stop", [])),
        seed=number(body, "seed", None, int, -(2**63), 2**63 - 1),
        stream=stream,
        usage=_usage(body, stream),
    )


def _most(body: Json) -> int | None:
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise bad_request("Give 'max_tokens' or 'max_completion_tokens', not both.", "max_tokens", "invalid_value")
    values = [number(body, key, None, int, 1, 2**31) for key in ("max_tokens", "max_completion_tokens")]
    return next((value for value in values if value is not None), None)


def _usage(body: Json, stream: bool) -> bool:
    if "stream_options" not in body:
        return False
    if not stream:
        raise bad_request("'stream_options' needs 'stream'.", "stream_options", "invalid_value")
    options = known(an_object(body["stream_options"], "stream_options"), ("include_usage",), "stream_options.")
    return flag(options, "include_usage")


def _stop(value: Any) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(one, str) and one for one in stops):
        raise bad_request("Invalid 'stop': expected up to 4 strings.", "stop", "invalid_value")
    return stops


def _messages(value: Any) -> list[Json]:
    if not isinstance(value, list) or not value:
        raise bad_request("Invalid 'messages': expected at least one message.", "messages", "invalid_value")
    for number_, message in enumerate(value):
        _message(message, f"messages[{number_}]")
    return value


def _message(message: Any, name: str) -> None:
    role = an_object(message, name).get("role")
    if role not in ROLES:
        raise bad_request(f"Invalid value for '{name}.role': {role!r}.", f"{name}.role", "invalid_value")
    content = message.get("content")
    is_parts = isinstance(content, list) and all(_is_text(part) for part in content)
    absent = content is None and role == "assistant" and message.get("tool_calls")
    if not (isinstance(content, str) or is_parts or absent):
        what = f"Invalid '{name}.content': expected a string or text parts."
        raise bad_request(what, f"{name}.content", "invalid_value")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(_is_call(call) for call in calls):
        raise bad_request(f"Invalid '{name}.tool_calls'.", f"{name}.tool_calls", "invalid_value")


def _is_call(call: Any) -> bool:
    return isinstance(call, dict) and isinstance(call.get("function"), dict)


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
