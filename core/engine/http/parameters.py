"""Checks single parameters of a request; what is unknown or out of range is refused by its name."""

from collections.abc import Collection
from typing import Any

from core.engine.http.protocol import Json, bad_request

# A client that does not know whether its request arrived sends it again with the same value in its metadata.
ONCE = "juku_key"


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


def choice(body: Json, key: str, values: Collection[str], default: str | None = None) -> str:
    """One of `values`; required where there is no default."""
    value = body.get(key, default)
    if value is None:
        raise bad_request(f"you must provide a {key} parameter", key, "missing_required_parameter")
    if not isinstance(value, str) or value not in values:
        raise bad_request(f"{value!r} is not one of {sorted(values)} - '{key}'", key, "invalid_value")
    return str(value)


def an_object(value: Any, name: str) -> Json:
    """A JSON object, called `name` where it is none."""
    if not isinstance(value, dict):
        raise bad_request(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
    return value


def metadata(value: Any) -> dict[str, str]:
    """At most 16 pairs of strings."""
    if not isinstance(value, dict) or len(value) > 16:
        raise bad_request("Invalid 'metadata': expected at most 16 pairs.", "metadata", "invalid_value")
    for key, one in value.items():
        if not isinstance(one, str) or len(key) > 64 or len(one) > 512:
            name = f"metadata.{key[:64]}"
            raise bad_request(f"Invalid '{name}': expected a string of 512 characters at most.", name, "invalid_value")
    return value


def repeated(objects: list[Json], wanted: dict[str, str]) -> Json | None:
    """What was made before for the same client-chosen key, or None."""
    key = wanted.get(ONCE)
    return next((one for one in objects if key and one["metadata"].get(ONCE) == key), None)
