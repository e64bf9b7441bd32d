"""Checks the request for a new fine-tuning job."""

import random
from typing import Any

from core.engine.http.parameters import an_object, known, metadata, number, text
from core.engine.http.protocol import Json, bad_request

KEYS = {
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
SHARED: dict[str, tuple[type, float, float]] = {
    "n_epochs": (int, 1, 50),
    "batch_size": (int, 1, 256),
    "learning_rate_multiplier": (float, 0, 1e6),
}
# The methods, each with its hyperparameters: kind, least and most. A least of 0 is not a value itself.
METHODS = {"supervised": SHARED, "dpo": {**SHARED, "beta": (float, 0, 2)}}


def read(body: Json) -> Json:
    """The checked parameters, with defaults: `method` is its name, `hyperparameters` are without "auto"s."""
    if "suffix" in body and body["suffix"] is None:
        raise bad_request("None is not of type 'string' - 'suffix'", "suffix", "invalid_type")
    body = known(body, KEYS)
    if body.get("integrations"):
        raise bad_request("This server has no integrations.", "integrations", "unsupported_value")
    method, hyperparameters = _method(body)
    return {
        "model": text(body, "model"),
        "training_file": text(body, "training_file"),
        "validation_file": text(body, "validation_file") if "validation_file" in body else None,
        "suffix": _suffix(body),
        "seed": number(body, "seed", None, int, 0, 2**31 - 1) if "seed" in body else random.randrange(2**31),  # noqa: S311
        "metadata": metadata(body.get("metadata", {})),
        "method": method,
        "hyperparameters": hyperparameters,
    }


def _suffix(body: Json) -> str | None:
    if "suffix" not in body:
        return None
    suffix = text(body, "suffix", 1, 64)
    if not all(sign.isalnum() or sign in "-_." for sign in suffix):
        raise bad_request("Invalid 'suffix': letters, digits, '-', '_' and '.' only.", "suffix", "invalid_value")
    return suffix


def _method(body: Json) -> tuple[str, Json]:
    """Name and hyperparameters, from `method` or the older top level; both at once are refused."""
    if "method" not in body:
        numbers = an_object(body.get("hyperparameters", {}), "hyperparameters")
        return "supervised", _ranges(numbers, SHARED, "hyperparameters.")
    if "hyperparameters" in body:
        raise bad_request("Give 'method' or 'hyperparameters', not both.", "hyperparameters", "invalid_value")
    method = an_object(body["method"], "method")
    kind = method.get("type")
    if kind == "reinforcement":
        raise bad_request("This server has no method 'reinforcement'.", "method.type", "unsupported_method")
    if not isinstance(kind, str) or kind not in METHODS:
        raise bad_request(f"Invalid 'method.type': expected one of {sorted(METHODS)}.", "method.type", "invalid_value")
    known(method, ("type", kind), "method.")
    inner = an_object(method.get(kind) or {}, f"method.{kind}")
    known(inner, ("hyperparameters",), f"method.{kind}.")
    prefix = f"method.{kind}.hyperparameters"
    return kind, _ranges(an_object(inner.get("hyperparameters") or {}, prefix), METHODS[kind], f"{prefix}.")


def _ranges(values: Json, ranges: dict[str, tuple[type, float, float]], prefix: str) -> Json:
    values = {key: value for key, value in known(values, ranges, prefix).items() if value != "auto"}
    return {key: _in_range(values, key, *ranges[key], prefix + key) for key in values}


def _in_range(values: Json, key: str, kind: type, least: float, most: float, name: str) -> Any:
    value = number(values, key, None, kind, least, most, name)
    if value == 0:
        raise bad_request(f"Invalid '{name}': expected a value above 0.", name, "invalid_value")
    return value
