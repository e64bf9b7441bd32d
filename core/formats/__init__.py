"""The file formats of rows: one module and one line here for each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.checks import Problem, check_line, decode
from core.checks.json_positions import dumps
from core.formats import alpaca, json_arrays, jsonl, sharegpt, table_rows
from core.formats.check_file import check_lines, check_rows
from core.formats.column_mapping import FIELDS as FIELDS
from core.formats.conversion_losses import format_loss_reason as format_loss_reason
from core.formats.encoded_text_lines import Encoding, detect_encoding
from core.formats.encoded_text_stream import check_file_line, parse_encoding
from core.formats.format_detection import DetectedFormat as DetectedFormat
from core.formats.format_detection import detect as detect
from core.formats.format_detection import detect_text as detect_text
from core.formats.jsonl import FileRow as FileRow
from core.formats.row_writers import WRITERS as WRITERS
from core.language import tr
from core.progress import Reporter

Converted = tuple[dict[str, Any], dict[str, Any]]
Convert = Callable[[dict[str, Any]], Converted]

# Formats of JSON: the test for a row of one, and its conversion to a chat row; None: the text stays unchanged.
JSON_FORMATS: dict[str, tuple[Callable[[dict[str, Any]], bool], Convert] | None] = {
    "jsonl": None,
    "dpo": None,
    "completions": None,
    "sharegpt": (sharegpt.is_row, sharegpt.read),
    "alpaca": (alpaca.is_row, alpaca.read),
}
TABLE_READERS: dict[str, Callable[[Path, Encoding, Reporter, table_rows.ColumnMapping], Iterator[FileRow]]] = {
    "csv": table_rows.read_csv,
    "tsv": table_rows.read_tsv,
    "markdown": table_rows.read_markdown,
}
READERS = (*JSON_FORMATS, *TABLE_READERS)


def title(format: str) -> str:
    """A format's translated name."""
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
    """Yield every row of `path` with its problems; arguments that are '' or None are detected from the file.

    `columns` is field (of `FIELDS`) -> column, for tables. Rows of chat and preferences, and old pairs of prompt and
    completion, keep their text unchanged; all others become chat rows, and the keys that have no place there go
    into the field `notes` as JSON. Raises FormatError when the file cannot be read or has no supported format, and
    `Cancelled`.
    """
    known_encoding = parse_encoding(encoding) if encoding else detect_encoding(path)
    if format in TABLE_READERS:
        return TABLE_READERS[format](path, known_encoding, reporter, columns)
    detected = detect(path, format)
    if detected.format in TABLE_READERS:
        return TABLE_READERS[detected.format](path, known_encoding, reporter, columns)
    rows = (
        json_arrays.read(path, known_encoding, reporter)
        if detected.is_array
        else _read_jsonl(path, known_encoding, reporter)
    )
    shape = JSON_FORMATS[detected.format]
    return rows if shape is None else (_convert_row(row, *shape) for row in rows)


def _read_jsonl(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileRow]:
    return (FileRow(line, *check_file_line(line)) for line in jsonl.read_lines_with_progress(path, encoding, reporter))


def is_plain(detected: DetectedFormat) -> bool:
    """Whether each line of the file is a row whose text stays unchanged."""
    return detected.format in JSON_FORMATS and JSON_FORMATS[detected.format] is None and not detected.is_array


def _convert_row(row: FileRow, is_row: Callable[[dict[str, Any]], bool], convert: Convert) -> FileRow:
    value = decode(row.line.raw).value if row.text is not None else None
    if not isinstance(value, dict) or not is_row(value):
        return row
    converted, rest = convert(value)
    text, problems = check_line(dumps(converted).encode())
    return FileRow(row.line, text, problems, {"notes": dumps(rest)} if rest else {})


def check_file(path: Path, reporter: Reporter) -> Iterator[tuple[int, Problem]]:
    """Yield the problems of `path` with their line numbers; 0 is the whole file.

    Raises `FormatError` when the file cannot be read, and `Cancelled`.
    """
    detected = detect(path)
    if is_plain(detected):
        return check_lines(path, reporter)
    return check_rows(read(path, reporter, detected.format), detected.encoding)


def write(path: Path, texts: Iterable[str]) -> int:
    """Write rows as JSON Lines, atomically; returns how many. Raises `FormatError` when the file cannot be written."""
    return jsonl.write(path, texts)
