"""Detects the format of a file, by its content first and its name second: a name may be wrong."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core.checks import decode
from core.errors import FormatError
from core.formats import (
    alpaca,
    column_mapping,
    compressed_files,
    csv_cells,
    encoded_text_lines,
    encoded_text_stream,
    markdown_tables,
    sharegpt,
    table_rows,
)
from core.formats.csv_parser import CsvReader, TableRecord
from core.formats.encoded_text_lines import Encoding
from core.formats.json_arrays import Elements
from core.language import tr

SAMPLE_BYTES = 256 * 1024
MAX_SAMPLE_ROWS = 20  # rows of a sample, and rows whose format is detected

TABLE_SUFFIXES = {"csv": (".csv",), "tsv": (".tsv", ".tab"), "markdown": (".md", ".markdown")}
JSON_SUFFIXES = (".jsonl", ".jsonl.txt", ".ndjson", ".json")
_JSON_START = re.compile(r'\s*(?:\{\s*"|\[\s*(?:\{|$))')
_JSON_LINE_START = re.compile(r'\s*(?:\{\s*(?:["}“]|$)|\[\s*(?:[{\["\d\]]|$))')
_MAGIC_NUMBERS = {
    b"PK\x03\x04": "zip, xlsx",
    b"\xd0\xcf\x11\xe0": "xls",
    b"PAR1": "Parquet",
    b"SQLite format 3\0": "SQLite",
    b"%PDF": "PDF",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
    b"ARROW1": "Arrow",
}


class DetectedFormat(NamedTuple):
    """The detected format of a file.

    `format` is one of `formats.READERS`; `is_array` says that JSON rows are not one per line. Only tables have
    `columns` (names), `sample` (first records, unescaped) and `mapping` (field -> column, guessed).
    """

    format: str
    encoding: Encoding = "utf-8"
    compressed: bool = False
    columns: list[str] = []  # noqa: RUF012
    sample: list[list[str]] = []  # noqa: RUF012
    mapping: dict[str, str] = {}  # noqa: RUF012
    is_array: bool = False


def detect(path: Path, format: str = "", encoding: Encoding | None = None) -> DetectedFormat:
    """Detect the format of a file by its first 256 KiB; a given `format` or `encoding` is not checked.

    Raises FormatError when the file cannot be read, or is neither JSON nor a table.
    """
    with encoded_text_lines.open_file(path) as file:
        start = file.read(SAMPLE_BYTES)
        compressed = compressed_files.is_compressed(file)
    for magic, name in _MAGIC_NUMBERS.items():
        if start.startswith(magic):
            title = tr("{name} cannot be read", name=path.name)
            raise FormatError(title, tr("It is a file of another kind ({kind}). Save it as CSV or JSONL.", kind=name))
    encoding = encoding or encoded_text_lines.detect_encoding(path)
    text = start[encoded_text_stream.get_bom_length(start, encoding) :].decode(encoding.removesuffix("-sig"), "replace")
    name = path.name.lower().removesuffix(".gz")
    return detect_text(text, name, len(start) < SAMPLE_BYTES, format)._replace(encoding=encoding, compressed=compressed)


def detect_text(text: str, name: str = "", is_whole: bool = True, format: str = "") -> DetectedFormat:
    """Detect the format of a text, pasted or the beginning of a file called `name` (in lower case), unless given.

    Raises FormatError when it is neither JSON nor a table.
    """
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    if format in TABLE_SUFFIXES:
        return _detect_table(text, TABLE_SUFFIXES[format][0]) or DetectedFormat(format)
    if format or _is_json(text, name):
        return _detect_json(text, format)
    if (detected := _detect_table(text, name)) and (
        column_mapping.is_head(detected.columns) or not name.endswith(JSON_SUFFIXES)
    ):
        return detected
    if name.endswith(JSON_SUFFIXES) or not text.strip():
        return _detect_json(text)
    raise FormatError(
        tr("“{name}” has a format that Juku does not support", name=name or tr("The text")),
        tr("Nothing was read or written. Rows can be JSON or JSONL, CSV, TSV, or a Markdown table."),
    )


def _is_json(text: str, name: str) -> bool:
    if name.endswith((*TABLE_SUFFIXES["csv"], *TABLE_SUFFIXES["tsv"], *TABLE_SUFFIXES["markdown"])):
        return bool(_JSON_START.match(text))
    lines = [line for line in text.split("\n", MAX_SAMPLE_ROWS)[:MAX_SAMPLE_ROWS] if line.strip()]
    return bool(_JSON_LINE_START.match(text)) or 2 * sum(bool(_JSON_LINE_START.match(line)) for line in lines) > len(
        lines
    )


def _detect_json(text: str, format: str = "") -> DetectedFormat:
    is_array = _is_array(text)
    rows = (
        Elements([text.encode("utf-8", "replace")])
        if is_array
        else encoded_text_stream.split_lines([text.encode("utf-8", "replace")])
    )
    shapes = Counter(
        shape for line in islice(rows, MAX_SAMPLE_ROWS) if (shape := detect_row_format(decode(line.raw.strip()).value))
    )
    return DetectedFormat(format or (shapes.most_common(1)[0][0] if shapes else "jsonl"), is_array=is_array)


def _is_array(text: str) -> bool:
    """Whether rows are not one per line: an array of them, or objects over several lines."""
    first, _break, rest = text.strip().partition("\n")
    if first.startswith("["):
        return not rest or not _is_value(first)
    if not first.startswith("{") or _is_value(first):
        return False
    element = next(iter(Elements([text.encode("utf-8", "replace")])))
    return b"\n" in element.raw and _is_value(element.raw.decode("utf-8", "replace"))


def _is_value(text: str) -> bool:
    """Whether a text is one whole JSON value."""
    decoded = decode(text.encode("utf-8", "replace"))
    return decoded.text is not None or decoded.problems[0].rule != "json-broken"


def detect_row_format(value: object) -> str:
    """The format of one JSON row by its keys; '' when they do not determine it."""
    if not isinstance(value, dict):
        return ""
    if "messages" in value:
        return "jsonl"
    if sharegpt.is_row(value):
        return "sharegpt"
    if alpaca.is_row(value):
        return "alpaca"
    if "input" in value and any(key in value for key in ("preferred_output", "preferred_completion")):
        return "dpo"
    return "completions" if "prompt" in value and "completion" in value else ""


def _detect_table(text: str, name: str) -> DetectedFormat | None:
    """The table in a text: of the format that its name says, or of the first one that fits; None if it is no table."""
    named_kind = next((kind for kind, suffixes in TABLE_SUFFIXES.items() if name.endswith(suffixes)), "")
    for kind in [named_kind] if named_kind else ["markdown", "tsv", "csv"]:
        records = list(
            islice((record for record in _records(text, kind) if not _is_blank(record)), MAX_SAMPLE_ROWS + 1)
        )
        sound = [record for record in records if record.problem is None]
        if sound and (
            named_kind or (len(sound[0].cells) > 1 and 5 * len(sound) >= 4 * len(records) and len(sound) > 1)
        ):
            return _build_table_format(kind, sound)
    return DetectedFormat(named_kind) if named_kind else None


def _records(text: str, kind: str) -> Iterator[TableRecord]:
    stream = encoded_text_stream.split_lines([text.encode("utf-8", "replace")])
    return (
        markdown_tables.iterate_records(stream)
        if kind == "markdown"
        else iter(CsvReader(stream, "\t" if kind == "tsv" else ""))
    )


def _is_blank(record: TableRecord) -> bool:
    return record.problem is not None and record.problem.rule == "blank"


def _build_table_format(kind: str, records: list[TableRecord]) -> DetectedFormat:
    names = table_rows.get_column_names(records[0])
    is_head = names != column_mapping.number_columns(len(names))
    unescape = str if kind == "markdown" else csv_cells.unescape_formula
    sample = [
        [unescape(cell) for cell in record.cells] for record in records[1 if is_head else 0 :] if not record.is_head
    ]
    return DetectedFormat(
        kind, columns=names, sample=sample[:MAX_SAMPLE_ROWS], mapping=column_mapping.guess_mapping(names)
    )
