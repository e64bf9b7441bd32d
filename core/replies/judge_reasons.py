"""The reason that a judge gives, as text for the screen, whatever form it came in."""

import re
from collections.abc import Iterator, Sequence

from core.formats.column_mapping import normalise_name
from core.lazy_loading import lazy_pattern
from core.replies import lenient_json

MAX_DEPTH = 8  # nested values that are searched
MAX_REASON_CHARACTERS = 500  # of a judge's reason that are kept
REASON_KEYS = "reason reasoning explanation rationale why comment feedback justification 理由 説明 根拠 コメント"

_FENCE = lazy_pattern(r"^```\w*\s*$", re.MULTILINE)


def iterate_objects(values: Sequence[object], depth: int = 0) -> Iterator[dict[str, object]]:
    """All objects in JSON values, the outer ones first."""
    for value in values:
        if isinstance(value, dict):
            yield value
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        if depth < MAX_DEPTH:
            yield from iterate_objects(inner, depth + 1)


def get_by_names(value: dict[str, object], names: str) -> list[object]:
    """The values of an object under any of these space-separated names, in the order of the names."""
    by_name = {normalise_name(key): one for key, one in value.items() if len(key) < 40}
    return [by_name[name] for name in names.split() if name in by_name]


def get_reason(value: dict[str, object]) -> str:
    """The reason in an object; '' where it has none."""
    return next((text for one in get_by_names(value, REASON_KEYS) if (text := _join_texts(one))), "")


def format_reason(text: str) -> str:
    """A reason as plain text: of JSON the reason in it, else all its texts; plain text stays as it is, trimmed."""
    bare = _FENCE.sub("", text).strip()
    if bare[:1] not in ("{", "[", '"'):
        return text.strip()
    values = lenient_json.parse_values(bare)
    reason = next((reason for one in iterate_objects(values) if (reason := get_reason(one))), "")
    return reason or _join_texts(values)


def _join_texts(value: object) -> str:
    """All texts in a JSON value, joined with "; "; numbers and keys mean nothing alone and are left out."""
    if isinstance(value, str):
        return value.strip() if any(char.isalpha() for char in value) else ""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return "; ".join(filter(None, map(_join_texts, inner)))
