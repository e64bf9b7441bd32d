"""What a file is, by its content first and its name second, so that a misleading name loses nothing."""

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
    markdown_tables,
    sharegpt,
    table_rows,
    text_lines,
    text_stream,
)
from core.formats.csv_parser import Records, TableRecord
from core.formats.json_arrays import Elements
from core.formats.text_lines import Encoding
from core.language import tr

SAMPLE_BYTES = 256 * 1024
MAX_SAMPLE_ROWS = 20  # rows of a sample, and rows that are asked what they are

TABLES = {"csv": (".csv",), "tsv": (".tsv", ".tab"), "markdown": (".md", ".markdown")}
JSON = (".jsonl", ".jsonl.txt", ".ndjson", ".json")
_SURE = re.compile(r'\s*(?:\{\s*"|\[\s*(?:\{|$))')
_START = re.compile(r'\s*(?:\{\s*(?:["}“]|$)|\[\s*(?:[{\["\d\]]|$))')
_OTHERS = {
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
    """What a file seems to be.

    `format` is a key of `formats.READERS`; `is_array` says that rows of JSON are not one a line. Of a table there are
    the names of its columns, its first records, and for each field the column that seems to mean it.
    """

    format: str
    encoding: Encoding = "utf-8"
    compressed: bool = False
    columns: list[str] = []  # noqa: RUF012
    sample: list[list[str]] = []  # noqa: RUF012
    mapping: dict[str, str] = {}  # noqa: RUF012
    is_array: bool = False


def detect(path: Path, format: str = "", encoding: Encoding | None = None) -> DetectedFormat:
    """Judge a file by its first 256 KiB; a `format` or `encoding` that is given is not doubted.

    Raises FormatError when the file cannot be read, or is neither JSON nor a table.
    """
    with text_lines.open_file(path) as file:
        start = file.read(SAMPLE_BYTES)
        compressed = compressed_files.is_compressed(file)
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            title = tr("{name} cannot be read", name=path.name)
            raise FormatError(title, tr("It is a file of another kind ({kind}). Save it as CSV or JSONL.", kind=name))
    encoding = encoding or text_lines.sniff(path)
    text = start[text_stream.mark(start, encoding) :].decode(encoding.removesuffix("-sig"), "replace")
    name = path.name.lower().removesuffix(".gz")
    return detect_text(text, name, len(start) < SAMPLE_BYTES, format)._replace(encoding=encoding, compressed=compressed)


def detect_text(text: str, name: str = "", is_whole: bool = True, format: str = "") -> DetectedFormat:
    """What a text is, pasted or the beginning of a file called `name` (in small letters), if `format` does not say.

    Raises FormatError when it is neither JSON nor a table.
    """
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    if format in TABLES:
        return _table(text, TABLES[format][0]) or DetectedFormat(format)
    if format or _is_json(text, name):
        return _json(text, format)
    if (found := _table(text, name)) and (column_mapping.is_head(found.columns) or not name.endswith(JSON)):
        return found
    if name.endswith(JSON) or not text.strip():
        return _json(text)
    raise FormatError(
        tr("“{name}” has a format that Juku does not support", name=name or tr("The text")),
        tr("Nothing was read or written. Rows can be JSON or JSONL, CSV, TSV, or a Markdown table."),
    )


def _is_json(text: str, name: str) -> bool:
    if name.endswith((*TABLES["csv"], *TABLES["tsv"], *TABLES["markdown"])):
        return bool(_SURE.match(text))
    begun = [line for line in text.split("\n", MAX_SAMPLE_ROWS)[:MAX_SAMPLE_ROWS] if line.strip()]
    return bool(_START.match(text)) or 2 * sum(bool(_START.match(line)) for line in begun) > len(begun)


def _json(text: str, format: str = "") -> DetectedFormat:
    is_array = _is_array(text)
    found = (
        Elements([text.encode("utf-8", "replace")])
        if is_array
        else text_stream.split([text.encode("utf-8", "replace")])
    )
    shapes = Counter(
        shape for line in islice(found, MAX_SAMPLE_ROWS) if (shape := shape_of(decode(line.raw.strip()).value))
    )
    return DetectedFormat(format or (shapes.most_common(1)[0][0] if shapes else "jsonl"), is_array=is_array)


def _is_array(text: str) -> bool:
    """Whether rows are not one a line: a list of them, or objects over several lines."""
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


def shape_of(value: object) -> str:
    """The format of one row by its keys, or '' when they do not tell."""
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


def _table(text: str, name: str) -> DetectedFormat | None:
    """The table in a text: of the kind its name says, or of the first kind that it looks like."""
    named = next((kind for kind, suffixes in TABLES.items() if name.endswith(suffixes)), "")
    for kind in [named] if named else ["markdown", "tsv", "csv"]:
        found = list(islice((record for record in _records(text, kind) if not _is_blank(record)), MAX_SAMPLE_ROWS + 1))
        sound = [record for record in found if record.problem is None]
        if sound and (named or (len(sound[0].cells) > 1 and 5 * len(sound) >= 4 * len(found) and len(sound) > 1)):
            return _table_format(kind, sound)
    return DetectedFormat(named) if named else None


def _records(text: str, kind: str) -> Iterator[TableRecord]:
    stream = text_stream.split([text.encode("utf-8", "replace")])
    return (
        markdown_tables.iterate_records(stream)
        if kind == "markdown"
        else iter(Records(stream, "\t" if kind == "tsv" else ""))
    )


def _is_blank(record: TableRecord) -> bool:
    return record.problem is not None and record.problem.rule == "blank"


def _table_format(kind: str, found: list[TableRecord]) -> DetectedFormat:
    names = table_rows.names_of(found[0])
    is_head = names != column_mapping.number_columns(len(names))
    undone = str if kind == "markdown" else csv_cells.unescape_formula
    sample = [[undone(cell) for cell in record.cells] for record in found[1 if is_head else 0 :] if not record.is_head]
    return DetectedFormat(kind, columns=names, sample=sample[:MAX_SAMPLE_ROWS], mapping=column_mapping.guess(names))
