"""The file formats of rows: one module and one line here for each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.checks import Problem, check_line, decode
from core.checks.json_positions import dumps
from core.formats import alpaca, json_arrays, jsonl, sharegpt, table_rows
from core.formats.check_file import check_lines, check_rows
from core.formats.column_mapping import FIELDS as FIELDS
from core.formats.conversion_losses import reason_text as reason_text
from core.formats.format_detection import DetectedFormat as DetectedFormat
from core.formats.format_detection import detect as detect
from core.formats.format_detection import detect_text as detect_text
from core.formats.jsonl import FileRow as FileRow
from core.formats.row_writers import WRITERS as WRITERS
from core.formats.text_lines import Encoding, sniff
from core.formats.text_stream import check_file_line, encoding_of
from core.language import tr
from core.progress import Reporter

Converted = tuple[dict[str, Any], dict[str, Any]]
Convert = Callable[[dict[str, Any]], Converted]

# Formats of JSON, and how a row of one becomes a chat row; None: its text stays unchanged.
SHAPES: dict[str, tuple[Callable[[dict[str, Any]], bool], Convert] | None] = {
    "jsonl": None,
    "dpo": None,
    "completions": None,
    "sharegpt": (sharegpt.is_row, sharegpt.read),
    "alpaca": (alpaca.is_row, alpaca.read),
}
TABLES: dict[str, Callable[[Path, Encoding, Reporter, table_rows.Mapped], Iterator[FileRow]]] = {
    "csv": table_rows.read_csv,
    "tsv": table_rows.read_tsv,
    "markdown": table_rows.read_markdown,
}
READERS = (*SHAPES, *TABLES)


def title(format: str) -> str:
    """A format's name on the screen."""
    return {
        "jsonl": tr("JSON Lines (chat)"),
        "dpo": tr("JSON Lines (preferences, DPO)"),
        "completions": tr("JSON Lines (prompt and completion)"),
        "sharegpt": tr("ShareGPT"),
        "alpaca": tr("Alpaca"),
        "csv": tr("CSV table"),
        "tsv": tr("TSV table (tabs)"),
        "markdown": tr("Markdown table"),
        "huggingface": tr("Hugging Face folder"),
    }[format]


def read(
    path: Path, reporter: Reporter, format: str = "", encoding: str = "", columns: Mapping[str, str] | None = None
) -> Iterator[FileRow]:
    """Every row of `path` with its problems; arguments that are '' or None are detected from the file.

    `columns` is field (of `FIELDS`) -> column, for tables. Rows of chat and preferences, and old pairs of prompt and
    completion, keep their text unchanged; all others become chat rows, and the keys that have no place there go
    into the field `notes` as JSON. Raises FormatError when the file cannot be read as a whole.
    """
    chosen = encoding_of(encoding) if encoding else sniff(path)
    if format in TABLES:
        return TABLES[format](path, chosen, reporter, columns)
    found = detect(path, format)
    if found.format in TABLES:
        return TABLES[found.format](path, chosen, reporter, columns)
    rows = json_arrays.read(path, chosen, reporter) if found.is_array else _lines(path, chosen, reporter)
    shape = SHAPES[found.format]
    return rows if shape is None else (_convert_row(row, *shape) for row in rows)


def _lines(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileRow]:
    return (FileRow(line, *check_file_line(line)) for line in jsonl.lines_with_progress(path, encoding, reporter))


def is_plain(found: DetectedFormat) -> bool:
    """Whether each line of the file is a row whose text stays unchanged."""
    return found.format in SHAPES and SHAPES[found.format] is None and not found.is_array


def _convert_row(row: FileRow, is_row: Callable[[dict[str, Any]], bool], convert: Convert) -> FileRow:
    value = decode(row.line.raw).value if row.text is not None else None
    if not isinstance(value, dict) or not is_row(value):
        return row
    converted, rest = convert(value)
    text, problems = check_line(dumps(converted).encode())
    return FileRow(row.line, text, problems, {"notes": dumps(rest)} if rest else {})


def check_file(path: Path, reporter: Reporter) -> Iterator[tuple[int, Problem]]:
    """The problems of `path` with their line numbers; 0 is the whole file.

    Raises `FormatError` when the file cannot be read, and `Cancelled`.
    """
    found = detect(path)
    if is_plain(found):
        return check_lines(path, reporter)
    return check_rows(read(path, reporter, found.format), found.encoding)


def write(path: Path, texts: Iterable[str]) -> int:
    """Write rows as JSON Lines, atomically; returns how many. Raises `FormatError` when the file cannot be written."""
    return jsonl.write(path, texts)
