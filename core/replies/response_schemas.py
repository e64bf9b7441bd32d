"""The JSON schemas that a server is asked to follow in its reply: values of `json_schema` in `response_format`."""

from typing import Any

PAIR_KINDS = ("direct", "reworded", "reverse", "applied", "statement", "not_stated", "exam")
VERDICTS = ("supported", "contradicts", "not_in_text")


def _build_object(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties: a strict schema may leave none open."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _build_schema(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "strict": True, "schema": _build_object(properties)}


_TEXT = {"type": "string"}
_PAIR: dict[str, Any] = {
    "question": _TEXT,
    "answer": _TEXT,
    "kind": {"type": "string", "enum": [*PAIR_KINDS]},
    "quote": _TEXT,
    "key_points": _TEXT,
}


def _build_pairs_schema(pair: dict[str, Any]) -> dict[str, Any]:
    return _build_schema("examples", {"examples": {"type": "array", "items": _build_object(pair)}})


PAIRS_SCHEMA: dict[str, Any] = _build_pairs_schema(_PAIR)
PAIRS_OF_FACTS_SCHEMA: dict[str, Any] = _build_pairs_schema({"fact": _TEXT} | _PAIR)
LINKS_SCHEMA: dict[str, Any] = _build_schema("links", {"facts": {"type": "array", "items": _TEXT}})
REMADE_SCHEMA: dict[str, Any] = _build_schema("row", {"question": _TEXT, "answer": _TEXT})
STATEMENTS_SCHEMA: dict[str, Any] = _build_schema("statements", {"statements": {"type": "array", "items": _TEXT}})
VERDICT_SCHEMA: dict[str, Any] = _build_schema(
    "verdict", {"reason": _TEXT, "verdict": {"type": "string", "enum": [*VERDICTS]}}
)
MARK_SCHEMA: dict[str, Any] = _build_schema(
    "mark", {"reason": _TEXT, "score": {"type": "integer", "minimum": 0, "maximum": 100}}
)
BETTER_SCHEMA: dict[str, Any] = _build_schema(
    "comparison", {"reason": _TEXT, "better": {"type": "string", "enum": ["first", "second", "tie"]}}
)
