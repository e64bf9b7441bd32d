"""The shapes that a server is asked to keep its reply to, as the value of `json_schema` in `response_format`."""

from typing import Any

TEACHING = ("direct", "reworded", "reverse", "applied", "statement", "not_stated")
VERDICTS = ("supported", "contradicts", "not_in_text")


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties: a strict schema may leave none open."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _named(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "strict": True, "schema": _object(properties)}


_TEXT = {"type": "string"}
PAIRS_SCHEMA: dict[str, Any] = _named(
    "examples",
    {
        "examples": {
            "type": "array",
            "items": _object(
                {"question": _TEXT, "answer": _TEXT, "kind": {"type": "string", "enum": [*TEACHING]}, "quote": _TEXT}
            ),
        }
    },
)
LINKS_SCHEMA: dict[str, Any] = _named("links", {"facts": {"type": "array", "items": _TEXT}})
REMADE_SCHEMA: dict[str, Any] = _named("row", {"question": _TEXT, "answer": _TEXT})
STATEMENTS_SCHEMA: dict[str, Any] = _named("statements", {"statements": {"type": "array", "items": _TEXT}})
VERDICT_SCHEMA: dict[str, Any] = _named(
    "verdict", {"reason": _TEXT, "verdict": {"type": "string", "enum": [*VERDICTS]}}
)
MARK_SCHEMA: dict[str, Any] = _named(
    "mark", {"reason": _TEXT, "score": {"type": "integer", "minimum": 0, "maximum": 100}}
)
BETTER_SCHEMA: dict[str, Any] = _named(
    "comparison", {"reason": _TEXT, "better": {"type": "string", "enum": ["first", "second", "tie"]}}
)
