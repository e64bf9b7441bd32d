"""Rows as text of each format; what a format cannot hold is left out with a reason, and never bent."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from core.checks.spans import Edit, Span, dumps, edited, elements, members, whole
from core.formats import alpaca, cells, markdown, sharegpt
from core.formats.columns import METADATA
from core.formats.conversion import CannotHold, single_turn

TEXTS = ("system", "question", "answer")
COLUMNS = (*TEXTS, *METADATA)
FULL = (*COLUMNS, "data")  # the last one holds the row itself, whatever it is

_LAYOUT = re.compile(r"[ \t\r]*\n[ \t\r\n]*")
_ORDER = ("messages", "input", "tools", "parallel_tool_calls", "functions", "preferred_output", "non_preferred_output")
_MESSAGE_ORDER = ("role", "name", "content", "refusal", "tool_calls", "tool_call_id", "function_call", "weight")

Fields = Mapping[str, str]  # the row's own columns: split, tags and so on


class Writer(NamedTuple):
    """How a format is written: what stands before the rows, and each row from its JSON text and its own columns.

    `row` raises CannotHold for a row that does not fit. `full` does the same with a column that holds any row.
    """

    suffix: str
    row: Callable[[str, Fields], str]
    head: str = ""
    full: Callable[[str, Fields], str] | None = None
    full_head: str = ""
    bom: bool = False  # whether others expect a byte order mark


def line(text: str) -> str:
    """A row's JSON text as one line: a line break is only layout there, since inside strings it is escaped."""
    return (_LAYOUT.sub(" ", text) if "\n" in text else text) + "\n"


def canonical(text: str) -> str:
    """The row with its keys in the usual order and one spacing, its texts and numbers as they are spelled."""
    return _spelled(text, whole(text), _ORDER)


def _spelled(text: str, span: Span, order: tuple[str, ...]) -> str:
    if isinstance(span.value, list):
        inner = (_spelled(text, item, _MESSAGE_ORDER) for item in elements(text, span))
        return f"[{', '.join(inner)}]"
    if not isinstance(span.value, dict):
        return text[span.start : span.end]
    found = members(text, span)
    keys = [*(key for key in order if key in found), *(key for key in found if key not in order)]
    return "{" + ", ".join(f"{dumps(key)}: {_spelled(text, found[key], order)}" for key in keys) + "}"


def _chat(data: str, _fields: Fields) -> str:
    return line(data)


def _dpo(data: str, _fields: Fields) -> str:
    value = json.loads(data)
    if not isinstance(value.get("input"), dict):
        raise CannotHold("rejected")
    ...
