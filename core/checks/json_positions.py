"""Finds the positions of values in JSON text, so that one value can be replaced and all other characters stay."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.checks.rule_registry import clip

_BLANK = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_decoder = json.JSONDecoder()


class Span(NamedTuple):
    """`text[start:end]` is one JSON value; `value` is the parsed value."""

    start: int
    end: int
    value: object


class TextEdit(NamedTuple):
    """Replaces `text[start:end]` by `text`."""

    start: int
    end: int
    text: str


def key_path(key: str) -> str:
    """A key as a part of a JSON path."""
    return f".{key}" if _NAME.fullmatch(key) else f"[{json.dumps(clip(key), ensure_ascii=False)}]"


def parse_whole(text: str) -> Span:
    """The span of the one JSON value in `text`. Raises ValueError when it is no JSON."""
    return _parse_value(text, 0)


def iterate_entries(text: str, span: Span) -> Iterator[tuple[Span, Span]]:
    """Yield the keys and values of the object at `span`; a repeated key comes more than once."""
    at = _skip_blanks(text, span.start + 1)
    while text[at] != "}":
        key = _parse_value(text, at)
        colon = _skip_blanks(text, key.end)
        value = _parse_value(text, colon + 1)
        yield key, value
        at = _find_next(text, value.end)


def map_members(text: str, span: Span) -> dict[str, Span]:
    """The values of the object at `span` by key; of a repeated key the last one, as JSON readers do."""
    return {str(key.value): value for key, value in iterate_entries(text, span)}


def iterate_elements(text: str, span: Span) -> Iterator[Span]:
    """Yield the values of the array at `span`."""
    at = _skip_blanks(text, span.start + 1)
    while text[at] != "]":
        value = _parse_value(text, at)
        yield value
        at = _find_next(text, value.end)


def apply_edits(text: str, edits: Iterable[TextEdit]) -> str:
    """`text` with all edits applied; they must not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits):
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    return "".join([*pieces, text[at:]])


def dumps(value: object) -> str:
    """`value` as JSON text that UTF-8 can encode: a lone surrogate becomes U+FFFD."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parse_value(text: str, at: int) -> Span:
    start = _skip_blanks(text, at)
    value, end = _decoder.raw_decode(text, start)
    return Span(start, end, value)


def _find_next(text: str, at: int) -> int:
    """The position of the next key or value, or of the closing bracket."""
    at = _skip_blanks(text, at)
    return _skip_blanks(text, at + 1) if text[at] == "," else at


def _skip_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
