"""Checks the parameters of a request; what is unknown or out of range is refused by its name."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from core.engine.protocol import Json, bad_request

JOB_KEYS = {
    "model",
    "training_file",
    "validation_file",
    "suffix",
    "seed",
    "metadata",
    "method",
    "hyperparameters",
    "integrations",
}
CHAT_KEYS = {
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
HYPERPARAMETERS: dict[str, tuple[type, float, float]] = {
    "n_epochs": (int, 1, 50),
    "batch_size": (int, 1, 256),
    "learning_rate_multiplier": (float, 0, float("inf")),
}


def known(body: Json, keys: Collection[str], prefix: str = "") -> Json:
    """The body without its nulls; 400 with the first key that is not known."""
    for key in body:
        if key not in keys:
            name = f"{prefix}{key}"
            raise bad_request(f"Unrecognized request argument supplied: {name}", name, "unknown_parameter")
    return {key: value for key, value in body.items() if value is not None}


def text(body: Json, key: str, least: int = 1, most: int = 1000) -> str:
    """A required string with a length between `least` and `most`."""
    value = body.get(key)
    if value is None:
        raise bad_request(f"you must provide a {key} parameter", key, "missing_required_parameter")
    if not isinstance(value, str):
        raise bad_request(f"{value!r} is not of type 'string' - '{key}'", key, "invalid_type")
    if not least <= len(value) <= most:
        raise bad_request(f"Invalid '{key}': expected {least} to {most} characters.", key, "invalid_value")
    return value


def number(body: Json, key: str, default: Any, kind: type, least: float, most: float, name: str = "") -> Any:
    """An optional int or float from `least` to `most`."""
    value, name = body.get(key, default), name or key
    if value is default:
        return default
    fits = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    if not fits:
        raise bad_request(f"Invalid type for '{name}': expected a number.", name, "invalid_type")
    if not least <= value <= most:
        raise bad_request(f"Invalid '{name}': expected a value from {least} to {most}.", name, "invalid_value")
    return kind(value)


def flag(body: Json, key: str) -> bool:
    """An optional boolean, False by default."""
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise bad_request(f"Invalid type for '{key}': expected a boolean.", key, "invalid_type")
    return value


def job(body: Json) -> Json:
    """The checked parameters of a new fine-tuning job, with defaults; `hyperparameters` without "auto"s."""
    if "suffix" in body and body["suffix"] is None:
        raise bad_request("None is not of type 'string' - 'suffix'", "suffix", "invalid_type")
    body = known(body, JOB_KEYS)
    if body.get("integrations"):
        raise bad_request("This server has no integrations.", "integrations", "unsupported_value")
    return {
        "model": text(body, "model"),
        "training_file": text(body, "training_file"),
        "validation_file": text(body, "validation_file") if "validation_file" in body else None,
        "suffix": _suffix(body),
        "seed": number(body, "seed", None, int, 0, 2**31 - 1) if "seed" in body else random.randrange(2**31),  # noqa: S311
        "metadata": _metadata(body.get("metadata", {})),
        "hyperparameters": _hyperparameters(body),
    }


def _suffix(body: Json) -> str | None:
    if "suffix" not in body:
        return None
    suffix = text(body, "suffix", 1, 64)
    if not all(sign.isalnum() or sign in "-_." for sign in suffix):
        raise bad_request("Invalid 'suffix': letters, digits, '-', '_' and '.' only.", "suffix", "invalid_value")
    return suffix


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 16:
        raise bad_request("Invalid 'metadata': expected at most 16 pairs.", "metadata", "invalid_value")
    for key, one in value.items():
        if not isinstance(one, str) or len(key) > 64 or len(one) > 512:
            name = f"metadata.{key[:64]}"
            raise bad_request(f"Invalid '{name}': expected a string of 512 characters at most.", name, "invalid_value")
    return value


def _hyperparameters(body: Json) -> Json:
    """From `method` or the older top level; both at once are refused."""
    if "method" not in body:
        return _ranges(_object(body.get("hyperparameters", {}), "hyperparameters"), "hyperparameters.")
    if "hyperparameters" in body:
        raise bad_request("Give 'method' or 'hyperparameters', not both.", "hyperparameters", "invalid_value")
    method = _object(body["method"], "method")
    kind = method.get("type")
    if kind in ("dpo", "reinforcement"):
        raise bad_request(f"This server has no method '{kind}'.", "method.type", "unsupported_method")
    if kind != "supervised":
        raise bad_request("Invalid 'method.type': expected 'supervised'.", "method.type", "invalid_value")
    known(method, ("type", "supervised"), "method.")
    supervised = _object(method.get("supervised") or {}, "method.supervised")
    known(supervised, ("hyperparameters",), "method.supervised.")
    prefix = "method.supervised.hyperparameters"
    return _ranges(_object(supervised.get("hyperparameters") or {}, prefix), f"{prefix}.")


def _object(value: Any, name: str) -> Json:
    if not isinstance(value, dict):
        raise bad_request(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
    return value


def _ranges(values: Json, prefix: str) -> Json:
    values = {key: value for key, value in known(values, HYPERPARAMETERS, prefix).items() if value != "auto"}
    for key, (kind, least, most) in HYPERPARAMETERS.items():
        if key in values:
            values[key] = number(values, key, None, kind, least, most, prefix + key)
    if not 0 < values.get("learning_rate_multiplier", 1) < 1e6:
        name = prefix + "learning_rate_multiplier"
        raise bad_request(f"Invalid '{name}': expected a value above 0.", name, "invalid_value")
    return values


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


def chat(body: Json) -> Chat:
    """Check a chat request; 400 with the parameter's name."""
    body = known(body, CHAT_KEYS)
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
    options = known(_object(body["stream_options"], "stream_options"), ("include_usage",), "stream_options.")
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
    role = _object(message, name).get("role")
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
