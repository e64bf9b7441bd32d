"""The file formats of rows: one module and one line here for each."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from core.checks import check_line, decode, problem
from core.checks.json_positions import dumps
from core.errors import FormatError
from core.formats import batch_join, column_mapping, columnar_files, forms, json_arrays, json_layouts, jsonl, table_rows
from core.formats.archives import expand as expand
from core.formats.archives import format_name as format_name
from core.formats.archives import resolve as resolve
from core.formats.check_file import CountedProblems, check_lines, check_rows
from core.formats.column_mapping import FIELDS as FIELDS
from core.formats.conversion_losses import format_loss_reason as format_loss_reason
from core.formats.encoded_text_stream import check_file_line
from core.formats.file_problems import describe_reading as describe_reading
from core.formats.file_problems import find_file_problems, title_of
from core.formats.format_detection import TABLE_SUFFIXES
from core.formats.format_detection import DetectedFormat as DetectedFormat
from core.formats.format_detection import detect as detect
from core.formats.format_detection import detect_text as detect_text
from core.formats.forms.losses import format_loss as format_loss
from core.formats.jsonl import FileRow as FileRow
from core.formats.reading_options import DETECTED as DETECTED
from core.formats.reading_options import ReadingOptions as ReadingOptions
from core.formats.row_writers import WRITERS as WRITERS
from core.language import tr
from core.progress import Reporter

TABLE_READERS: dict[str, Callable[[Path, Reporter, ReadingOptions], Iterator[FileRow]]] = {
    "csv": table_rows.read_csv,
    "tsv": table_rows.read_csv,
    "markdown": table_rows.read_markdown,
    "html": table_rows.read_html,
    "questions": table_rows.read_questions,
    "xlsx": table_rows.read_workbook,
    "ods": table_rows.read_workbook,
}
UNCHANGED = (forms.CHAT, forms.PREFERENCES, forms.PAIRS)  # forms of JSON whose text stays unchanged
JSON_FORMATS = (*UNCHANGED, *forms.FORMS)
READERS = (*JSON_FORMATS, *TABLE_SUFFIXES)  # what a person can say that a file is; others are known by their bytes


def title(format: str) -> str:
    """A format's translated name."""
    return {
        "jsonl": tr("JSON Lines (chat)"),
        "dpo": tr("JSON Lines (preferences, DPO)"),
        "completions": tr("JSON Lines (prompt and completion)"),
        "csv": tr("CSV table"),
        "tsv": tr("TSV table (tabs)"),
        "markdown": tr("Markdown table"),
        "html": tr("HTML table"),
        "questions": tr("Text with questions and answers"),
        "xlsx": tr("Excel workbook"),
        "ods": tr("OpenDocument spreadsheet"),
        "parquet": tr("Parquet"),
        "huggingface": tr("Hugging Face folder (JSON Lines)"),
        "huggingface-parquet": tr("Hugging Face folder (Parquet)"),
    }.get(format) or title_of(format)


def can_be_trained_on(format: str) -> bool:
    """Whether the rows of a format can be read as rows to train on."""
    return format not in forms.FORMS or forms.FORMS[format].read is not None


def read(path: Path, reporter: Reporter, options: ReadingOptions = DETECTED) -> Iterator[FileRow]:
    """Yield every row of `path` with its problems.

    Rows of chat and preferences, and old pairs of prompt and completion, keep their text unchanged; all others become
    such rows, and the keys that have no place there go into the field `notes` as JSON. Raises FormatError when the file
    cannot be read, has no supported format, or leaves a doubt that the options do not settle, and `Cancelled`.
    """
    path = resolve(path)
    detected = detect(path, options)
    require_sure(detected, options.columns)
    return read_detected(path, detected, reporter, options)


def read_detected(
    path: Path, detected: DetectedFormat, reporter: Reporter, options: ReadingOptions = DETECTED
) -> Iterator[FileRow]:
    """Yield the rows of a resolved path as `read` does, when its format is known without a doubt."""
    if detected.format in TABLE_READERS:
        read_table = TABLE_READERS[detected.format]
        delimiter = options.delimiter or detected.delimiter
        settled = replace(options, encoding=detected.encoding, delimiter=delimiter, sheet=detected.sheet)
        return read_table(path, reporter, settled)
    other = batch_join.load(options.requests, reporter) if options.requests else None
    convert = partial(convert_line, form=options.format, columns=options.columns, other=other)
    if detected.layout.name in columnar_files.KINDS.values():
        lines = columnar_files.read(path, detected.layout.name, reporter)
    elif detected.is_array:
        lines = json_arrays.read(path, detected.encoding, reporter, detected.layout.start)
    else:
        lines = _read_jsonl(path, detected, reporter)
    if other:
        lines = chain(lines, other.iterate_left())
    return (row for line in lines for row in (convert(line) if line.text is not None else [line]))


def require_sure(detected: DetectedFormat, columns: Mapping[str, str] | None = None) -> None:
    """Raise FormatError for a doubt about how to read a file that the given columns do not settle."""
    for doubt in detected.doubts:
        if doubt.about not in ("columns", "form") or columns is None:
            raise doubt.error()
    form = forms.FORMS.get(detected.format)
    if form and form.read is None and form.way and columns is None and set(detected.forms) <= {detected.format}:
        raise FormatError(tr("Nothing can be trained on here: {form}", form=title_of(detected.format)), form.way())


def _read_jsonl(path: Path, detected: DetectedFormat, reporter: Reporter) -> Iterator[FileRow]:
    for line in jsonl.read_lines_with_progress(path, detected.encoding, reporter):
        if detected.layout.name == "python" and (text := json_layouts.parse_python(line.raw)):
            yield FileRow(line, *check_line(text.encode()))
        else:
            yield FileRow(line, *check_file_line(line))


def is_plain(detected: DetectedFormat) -> bool:
    """Whether each line of the file is a row whose text stays unchanged."""
    return detected.format in UNCHANGED and detected.layout.name == "lines" and set(detected.forms) <= {*UNCHANGED}


def convert_line(
    row: FileRow,
    form: str = "",
    columns: Mapping[str, str] | None = None,
    other: batch_join.OtherFile | None = None,
) -> list[FileRow]:
    """The rows that a JSON object becomes, of the given form or its own; none that can be trained on is unreadable.

    `columns` is field -> key, instead of a form. `other` has the other halves of the rows of a batch.
    """
    value = decode((row.text or "").encode()).value
    if not isinstance(value, dict):
        return [row]
    value = other.join(value) if other else value
    if columns is not None:
        converted: Iterable[forms.Converted] = [_convert_by_keys(value, columns)]
    else:
        form = form or forms.detect_form(value)
        if form not in forms.FORMS and not forms.needs_conversion(value):
            return [row]
        converted = _convert_safely(value, form)
    return [_build_row(row, one) for one in converted]


def _convert_safely(value: dict[str, Any], form: str) -> list[forms.Converted]:
    """Convert a row; one that is not of the form after all stays unchanged for the checks to find."""
    try:
        return list(forms.convert(value, form))
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        return [forms.Converted(value)]


def _convert_by_keys(value: dict[str, Any], columns: Mapping[str, str]) -> forms.Converted:
    cells = {field: value[key] for field, key in columns.items() if isinstance(value.get(key), str)}
    if not any(field in cells for field in column_mapping.REQUIRED_FIELDS):
        return forms.Converted(None, value, ("no-question",))
    rest = {key: entry for key, entry in value.items() if key not in columns.values()}
    return forms.Converted(json.loads(column_mapping.build_row_json(cells)), rest)


def _build_row(row: FileRow, converted: forms.Converted) -> FileRow:
    if converted.row is None:
        why = [format_loss(reason) for reason in converted.lost]
        return FileRow(row.line, None, [problem("form-unsupported", "", tr("It has {what}.", what=", ".join(why)))])
    text, problems = check_line(dumps(converted.row).encode())
    notes = [row.fields.get("notes", ""), dumps(converted.rest) if converted.rest else ""]
    fields = row.fields | ({"notes": "\n".join(filter(None, notes))} if any(notes) else {})
    return FileRow(row.line, text, problems, fields, (*row.lost, *converted.lost))


def check_file(path: Path, reporter: Reporter, options: ReadingOptions = DETECTED) -> CountedProblems:
    """Yield the problems of `path` with their line numbers; 0 is the whole file.

    Returns the number of readable rows at the end.

    Raises `FormatError` when the file cannot be read, or leaves a doubt, and `Cancelled`.
    """
    path = resolve(path)
    detected = detect(path, options)
    require_sure(detected, options.columns)
    for found in find_file_problems(detected):
        yield 0, found
    if is_plain(detected) and options.columns is None:
        return (yield from check_lines(path, reporter, detected.encoding))
    return (yield from check_rows(read_detected(path, detected, reporter, options), detected.encoding))


def write(path: Path, texts: Iterable[str]) -> int:
    """Write rows as JSON Lines, atomically; returns how many. Raises `FormatError` when the file cannot be written."""
    return jsonl.write(path, texts)
