"""Writes rows in each format; a row that a format cannot hold is refused with a reason, and never changed."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple

from core.checks.json_positions import (
    Span,
    TextEdit,
    apply_edits,
    dumps,
    iterate_elements,
    iterate_entries,
    parse_whole,
)
from core.formats import binary_writers, csv_cells, markdown_tables
from core.formats.column_mapping import METADATA
from core.formats.conversion_losses import UnsupportedRow, get_single_turn
from core.formats.forms import alpaca, anthropic_messages, gemini, preferences, prompt_completion, sharegpt

TEXTS = ("system", "question", "answer")
COLUMNS = (*TEXTS, *METADATA)
FULL_COLUMNS = (*COLUMNS, "data")  # the last one holds the row itself, whatever it is

_ORDER = ("messages", "teacher_messages", "input", "tools", "parallel_tool_calls", "functions",
          "preferred_output", "non_preferred_output")  # fmt: skip
_MESSAGE_ORDER = ("role", "name", "content", "refusal", "tool_calls", "tool_call_id", "function_call", "weight")
_RENAMED = {"preferred_completion": "preferred_output", "non_preferred_completion": "non_preferred_output"}

Fields = Mapping[str, str]  # the row's own columns: split, tags and so on


class Writer(NamedTuple):
    """How a format is written: the text before the rows, and each row from its JSON text and its own columns.

    `row` raises `UnsupportedRow` for a row that does not fit. `full` adds a column with the row's JSON, and leaves no
    row out of a text. Where the file is no text, `open` takes the file and its columns, and yields what adds the results
    of `row` or `full` to it.
    """

    suffix: str
    row: Callable[[str, Fields], Any]
    head: str = ""
    full: Callable[[str, Fields], Any] | None = None
    full_head: str = ""
    bom: bool = False  # whether other programs expect a byte order mark
    open: Callable[[BinaryIO, Sequence[str]], AbstractContextManager[Callable[[Any], None]]] | None = None
    columns: Sequence[str] = ()  # of a file that is no text

    @property
    def has_own_columns(self) -> bool:
        """Whether the row's own columns (split, tags …) are written."""
        return self.full is not None


def format_line(text: str) -> str:
    """A row's JSON text as one line: a line break is only layout there, since inside strings it is escaped."""
    return text.replace("\n", " ") + "\n"


def canonicalise(text: str) -> str:
    """The row's JSON with its keys in the usual order and uniform spacing; texts and numbers keep their spelling."""
    return _canonical_value(text, parse_whole(text), _ORDER)


def _canonical_value(text: str, span: Span, order: tuple[str, ...]) -> str:
    if isinstance(span.value, list):
        inner = (_canonical_value(text, item, _MESSAGE_ORDER) for item in iterate_elements(text, span))
        return f"[{', '.join(inner)}]"
    if not isinstance(span.value, dict):
        return text[span.start : span.end]
    ordered = list(iterate_entries(text, span))
    ordered.sort(key=lambda entry: order.index(entry[0].value) if entry[0].value in order else len(order))
    inner = (f"{text[key.start : key.end]}: {_canonical_value(text, value, order)}" for key, value in ordered)
    return f"{{{', '.join(inner)}}}"


def _write_chat(data: str, _fields: Fields) -> str:
    return format_line(data)


def _write_dpo(data: str, _fields: Fields) -> str:
    """A preference row unchanged, except that old key names are replaced by the new ones."""
    row = parse_whole(data)
    keys = {str(key.value): key for key, _value in iterate_entries(data, row)}
    if "input" not in keys or not any(old in keys or new in keys for old, new in _RENAMED.items()):
        raise UnsupportedRow("rejected")
    renamed = [TextEdit(keys[old].start, keys[old].end, dumps(new)) for old, new in _RENAMED.items() if old in keys]
    return format_line(apply_edits(data, renamed))


def _build_form_writer(write: Callable[[dict[str, Any]], dict[str, Any]]) -> Writer:
    return Writer(".jsonl", lambda data, _fields: dumps(write(json.loads(data))) + "\n")


def _build_sheet_cells(data: str, fields: Fields) -> list[str]:
    return binary_writers.prepare_cells(_build_cells(data, fields))


def _build_full_sheet_cells(data: str, fields: Fields) -> list[str]:
    return binary_writers.prepare_cells(_build_full_cells(data, fields))


def _build_cells(data: str, fields: Fields) -> list[str]:
    system, question, answer = get_single_turn(json.loads(data))
    return [system or "", question, answer, *(fields.get(name, "") for name in METADATA)]


def _build_full_cells(data: str, fields: Fields) -> list[str]:
    """The same cells, empty where the row does not fit in them, and the row itself."""
    try:
        texts = _build_cells(data, fields)
    except UnsupportedRow:
        texts = ["", "", "", *(fields.get(name, "") for name in METADATA)]
    return [*texts, format_line(data).rstrip("\n")]


def _build_table_writer(
    suffix: str, write: Callable[[Sequence[str]], str], rule: Callable[[int], str], bom: bool = False
) -> Writer:
    def head(names: tuple[str, ...]) -> str:
        return write(names) + rule(len(names))

    return Writer(
        suffix,
        lambda data, fields: write(_build_cells(data, fields)),
        head(COLUMNS),
        lambda data, fields: write(_build_full_cells(data, fields)),
        head(FULL_COLUMNS),
        bom,
    )


def _build_csv_writer(delimiter: str) -> Callable[[Sequence[str]], str]:
    return lambda row: csv_cells.write_record([csv_cells.escape_formula(cell) for cell in row], delimiter)


WRITERS: dict[str, Writer] = {
    "jsonl": Writer(".jsonl", _write_chat),
    "dpo": Writer(".jsonl", _write_dpo),
    "promptcompletion": _build_form_writer(prompt_completion.write),
    "trl": _build_form_writer(preferences.write),
    "sharegpt": _build_form_writer(sharegpt.write),
    "alpaca": _build_form_writer(alpaca.write),
    "gemini": _build_form_writer(gemini.write),
    "anthropic": _build_form_writer(anthropic_messages.write),
    "csv": _build_table_writer(
        ".csv", _build_csv_writer(","), lambda _width: "", bom=True
    ),  # without the mark Excel guesses wrongly
    "tsv": _build_table_writer(".tsv", _build_csv_writer("\t"), lambda _width: ""),
    "markdown": _build_table_writer(".md", markdown_tables.write_record, markdown_tables.delimiter_row),
    "xlsx": Writer(
        ".xlsx", _build_sheet_cells, full=_build_full_sheet_cells, open=binary_writers.open_workbook, columns=COLUMNS
    ),
    "parquet": Writer(
        ".parquet",
        binary_writers.build_record,
        full=binary_writers.build_full_record,
        open=binary_writers.open_parquet,
        columns=("messages", *METADATA),
    ),
}
