"""The reason that a judge gives, in words a person reads, whatever form it came in."""

import re
from collections.abc import Iterator, Sequence

from core.formats.column_mapping import normalise_name
from core.replies import lenient_json

DEPTH = 8  # objects inside objects that are looked into
NAMES = "reason reasoning explanation rationale why comment feedback justification 理由 説明 根拠 コメント"

_FENCE = re.compile(r"^```\w*\s*$", re.MULTILINE)


def objects(values: Sequence[object], depth: int = 0) -> Iterator[dict[str, object]]:
    """All objects in values of JSON, the outer ones first."""
    for value in values:
        if isinstance(value, dict):
            yield value
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        if depth < DEPTH:
            yield from objects(inner, depth + 1)


def named(value: dict[str, object], names: str) -> list[object]:
    """What an object holds under any of these names, in their order."""
    by_name = {normalise_name(key): one for key, one in value.items() if len(key) < 40}
    return [by_name[name] for name in names.split() if name in by_name]


def of_object(value: dict[str, object]) -> str:
    """The reason in an object, '' where it has none."""
    return next((text for one in named(value, NAMES) if (text := _text(one))), "")


def in_words(text: str) -> str:
    """A reason as words: where it is JSON the reason in it, else all that its texts say; words stay as they are."""
    bare = _FENCE.sub("", text).strip()
    if bare[:1] not in ("{", "[", '"'):
        return text.strip()
    values = lenient_json.values(bare)
    found = next((reason for one in objects(values) if (reason := of_object(one))), "")
    return found or _text(values)


def _text(value: object) -> str:
    """All texts in a value of JSON; numbers and keys say nothing without their names."""
    if isinstance(value, str):
        return value.strip() if any(sign.isalpha() for sign in value) else ""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return "; ".join(filter(None, map(_text, inner)))
