"""Rows as text of each format; what a format cannot hold is left out with a reason, and never bent."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from core.checks.json_positions import Span, TextEdit, apply_edits, dumps, elements, entries, whole
from core.formats import alpaca, csv_cells, markdown_tables, sharegpt
from core.formats.column_mapping import METADATA
from core.formats.conversion_losses import CannotHold, single_turn

TEXTS = ("system", "question", "answer")
COLUMNS = (*TEXTS, *METADATA)
FULL = (*COLUMNS, "data")  # the last one holds the row itself, whatever it is

_ORDER = ("messages", "input", "tools", "parallel_tool_calls", "functions", "preferred_output", "non_preferred_output")
_MESSAGE_ORDER = ("role", "name", "content", "refusal", "tool_calls", "tool_call_id", "function_call", "weight")
_RENAMED = {"preferred_completion": "preferred_output", "non_preferred_completion": "non_preferred_output"}

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
    return text.replace("\n", " ") + "\n"


def canonical(text: str) -> str:
    """The row with its keys in the usual order and one spacing; its texts and numbers stay as they are spelled."""
    return _canonical_value(text, whole(text), _ORDER)


def _canonical_value(text: str, span: Span, order: tuple[str, ...]) -> str:
    if isinstance(span.value, list):
        inner = (_canonical_value(text, item, _MESSAGE_ORDER) for item in elements(text, span))
        return f"[{', '.join(inner)}]"
    if not isinstance(span.value, dict):
        return text[span.start : span.end]
    found = list(entries(text, span))
    found.sort(key=lambda entry: order.index(entry[0].value) if entry[0].value in order else len(order))
    inner = (f"{text[key.start : key.end]}: {_canonical_value(text, value, order)}" for key, value in found)
    return f"{{{', '.join(inner)}}}"


def _chat(data: str, _fields: Fields) -> str:
    return line(data)


def _dpo(data: str, _fields: Fields) -> str:
    """A preference row unchanged, except that old key names become the new ones."""
    row = whole(data)
    keys = {str(key.value): key for key, _value in entries(data, row)}
    if "input" not in keys or not any(old in keys or new in keys for old, new in _RENAMED.items()):
        raise CannotHold("rejected")
    renamed = [TextEdit(keys[old].start, keys[old].end, dumps(new)) for old, new in _RENAMED.items() if old in keys]
    return line(apply_edits(data, renamed))


def _sharegpt(data: str, _fields: Fields) -> str:
    return dumps(sharegpt.write(json.loads(data))) + "\n"


def _alpaca(data: str, _fields: Fields) -> str:
    return dumps(alpaca.write(json.loads(data))) + "\n"


def _texts(data: str, fields: Fields) -> list[str]:
    system, question, answer = single_turn(json.loads(data))
    return [system or "", question, answer, *(fields.get(name, "") for name in METADATA)]


def _all(data: str, fields: Fields) -> list[str]:
    """The same cells, empty where the row does not fit in them, and the row itself."""
    try:
        texts = _texts(data, fields)
    except CannotHold:
        texts = ["", "", "", *(fields.get(name, "") for name in METADATA)]
    return [*texts, line(data).rstrip("\n")]


def _sheet(suffix: str, write: Callable[[Sequence[str]], str], rule: Callable[[int], str], bom: bool = False) -> Writer:
    def head(names: tuple[str, ...]) -> str:
        return write(names) + rule(len(names))

    return Writer(
        suffix,
        lambda data, fields: write(_texts(data, fields)),
        head(COLUMNS),
        lambda data, fields: write(_all(data, fields)),
        head(FULL),
        bom,
    )


def _make_table_writer(delimiter: str) -> Callable[[Sequence[str]], str]:
    return lambda row: csv_cells.write([csv_cells.escape_formula(cell) for cell in row], delimiter)


WRITERS: dict[str, Writer] = {
    "jsonl": Writer(".jsonl", _chat),
    "dpo": Writer(".jsonl", _dpo),
    "sharegpt": Writer(".jsonl", _sharegpt),
    "alpaca": Writer(".jsonl", _alpaca),
    "csv": _sheet(
        ".csv", _make_table_writer(","), lambda _width: "", bom=True
    ),  # without the mark Excel guesses wrongly
    "tsv": _sheet(".tsv", _make_table_writer("\t"), lambda _width: ""),
    "markdown": _sheet(".md", markdown_tables.write, markdown_tables.delimiter_row),
}
