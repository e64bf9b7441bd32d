"""Detects the format of a file, by its content first and its name second: a name may be wrong."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from core.checks import decode
from core.checks.messages import guess_word
from core.checks.rule_registry import clip, clip_list
from core.errors import FormatError
from core.formats import (
    archives,
    column_mapping,
    columnar_files,
    compressed_files,
    csv_cells,
    encoded_text_stream,
    encoding_detection,
    forms,
    html_tables,
    input_files,
    json_layouts,
    markdown_tables,
    question_texts,
    table_rows,
    workbooks,
)
from core.formats.csv_parser import CsvReader, TableRecord
from core.formats.encoding_detection import Encoding, EncodingGuess
from core.formats.forms import batch
from core.formats.json_arrays import Elements
from core.formats.json_layouts import Layout
from core.formats.reading_options import DETECTED, ReadingOptions
from core.language import tr, trn
from core.progress import Reporter

SAMPLE_BYTES = 256 * 1024
MAX_SAMPLE_ROWS = 20  # rows of a sample, and rows whose format is detected

TABLE_SUFFIXES: dict[str, tuple[str, ...]] = {
    "csv": (".csv",), "tsv": (".tsv", ".tab"), "markdown": (".md", ".markdown"), "html": (".html", ".htm", ".xhtml"), "questions": (),
}  # fmt: skip
TABLE_FORMATS = (*TABLE_SUFFIXES, *workbooks.KINDS)
JSON_SUFFIXES = (".jsonl", ".jsonl.txt", ".ndjson", ".json")
_JSON_START = re.compile(r'\s*(?:\{\s*"|\[\s*(?:\{|$))')
_JSON_LINE_START = re.compile(r'\s*(?:\{\s*(?:["}“]|$)|\[\s*(?:[{\["\d\]]|$))')
_MAGIC_NUMBERS = {
    b"PK\x03\x04": "zip",
    b"\xd0\xcf\x11\xe0": "xls, or a workbook with a password",
    b"SQLite format 3\0": "SQLite",
    b"%PDF": "PDF",
    b"FEA1": "Feather 1",
}
_GIT_LFS = b"version https://git-lfs.github.com/spec/"


class Doubt(NamedTuple):
    """What cannot be known from the file alone: what was found, and how to say what is meant."""

    about: str  # "encoding", "columns" or "form", or which file of a batch this is: "requests" or "answers"
    title: str
    message: str

    def error(self) -> FormatError:
        """The doubt as an error, where nobody can be asked."""
        return FormatError(self.title, self.message)


class DetectedFormat(NamedTuple):
    """The detected format of a file.

    `format` is one of `formats.READERS`; `layout` says how JSON rows stand in the file (`json_layouts`). Only tables
    have `columns` (names), `sample` (first records, unescaped), `mapping` (field -> column, guessed) and `delimiter`;
    only workbooks have `sheet`, the one that is read, among `sheets`. `notes` are sentences about the reading.
    `forms` counts the forms of the first JSON rows. `doubts` must be settled before the file is read.
    """

    format: str
    encoding: Encoding = "utf-8"
    compressed: bool = False
    columns: list[str] = []  # noqa: RUF012
    sample: list[list[str]] = []  # noqa: RUF012
    mapping: dict[str, str] = {}  # noqa: RUF012
    layout: Layout = Layout()
    delimiter: str = ""
    forms: dict[str, int] = {}  # noqa: RUF012
    doubts: tuple[Doubt, ...] = ()
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether the file has columns, and is not JSON."""
        return self.format in TABLE_FORMATS

    @property
    def is_text(self) -> bool:
        """Whether the file is a text, which has an encoding."""
        return self.format not in workbooks.KINDS and self.layout.name not in columnar_files.KINDS.values()

    @property
    def is_array(self) -> bool:
        """Whether the JSON rows are not one in each line."""
        return not self.is_table and self.layout.name not in ("lines", "python")

    @property
    def has_head(self) -> bool:
        """Whether the first record of the table names its columns."""
        return self.columns != column_mapping.number_columns(len(self.columns))


def detect(path: Path, options: ReadingOptions = DETECTED) -> DetectedFormat:
    """Detect the format of a file by its first 256 KiB; what is given is not checked.

    Raises FormatError when the file cannot be read, or is neither JSON nor a table, or there is no such encoding.
    """
    encoding = encoded_text_stream.parse_encoding(options.encoding) if options.encoding else None
    path = archives.resolve(path)
    if kind := workbooks.detect_kind(path):
        return _detect_workbook(path, kind, options)
    if kind := columnar_files.detect_kind(path):
        rows = columnar_files.read_sample(path, kind, MAX_SAMPLE_ROWS)
        return _build_json_format(
            list(rows), Layout(kind), options.format if options.format not in TABLE_SUFFIXES else ""
        )
    with input_files.open_file(path) as file:
        start = file.read(SAMPLE_BYTES)
        compressed = compressed_files.is_compressed(file)
    _require_rows(path, start)
    guess = EncodingGuess(encoding) if encoding else encoding_detection.guess_encoding(path)
    codec = guess.name.removesuffix("-sig")
    is_whole = len(start) < SAMPLE_BYTES
    if html_tables.is_page(start.decode("utf-8", "replace")):  # its tables may stand anywhere
        start = b"".join(
            islice(encoded_text_stream.read_blocks(path, "utf-8", Reporter()), html_tables.MAX_BYTES >> 20)
        )
    text = start[encoded_text_stream.get_bom_length(start, guess.name) :].decode(codec, "replace")
    name = compressed_files.remove_suffix(path.name)
    found = _settle_batch(detect_text(text, name, is_whole, options), options.requests)
    doubts = found.doubts if guess.sure else (_build_encoding_doubt(path, guess), *found.doubts)
    return found._replace(encoding=guess.name, compressed=compressed, doubts=doubts)


def _detect_workbook(path: Path, kind: str, options: ReadingOptions) -> DetectedFormat:
    sheet = workbooks.read_sheet(path, Reporter(), options.sheet, options.columns)
    sheets = tuple(workbooks.list_sheets(path))
    sound = [record for record in sheet.records[: MAX_SAMPLE_ROWS + 1] if record.problem is None]
    if not sound:
        title = tr("{name} has no rows", name=clip(path.name, 80))
        raise FormatError(title, tr("The sheet “{sheet}” is empty.", sheet=clip(sheet.name)))
    found = _build_table_format(kind, sound, "")
    notes = [*_describe_choice(sheet.name, sheets), *sheet.notes]
    told = [*notes, tr("Another sheet is chosen with “--sheet NAME”.")] if len(sheets) > 1 else notes
    doubts = tuple(doubt._replace(message=" ".join([doubt.message, *told])) for doubt in found.doubts)
    return found._replace(sheet=sheet.name, sheets=sheets, notes=tuple(notes), doubts=doubts)


def _describe_choice(sheet: str, sheets: Sequence[str]) -> Iterator[str]:
    others = [name for name in sheets if name != sheet]
    if others:
        yield tr("Read the sheet “{sheet}”. Others: {others}.", sheet=sheet, others=clip_list(others))


def _require_rows(path: Path, start: bytes) -> None:
    """Raise FormatError for a file of another kind, known by its first bytes."""
    for magic, name in _MAGIC_NUMBERS.items():
        if start.startswith(magic):
            title = tr("{name} cannot be read", name=clip(path.name, 80))
            raise FormatError(
                title, tr("It is a file of another kind ({kind}). Save it as XLSX, CSV or JSONL.", kind=name)
            )
    if start[257:262] == b"ustar":
        title = tr("{name} cannot be read", name=clip(path.name, 80))
        raise FormatError(title, tr("It is a tar archive. Unpack it, or make a ZIP archive of the files."))
    if start.startswith(_GIT_LFS):
        title = tr("{name} is a Git LFS pointer", name=clip(path.name, 80))
        raise FormatError(title, tr("It stands for a file that was not fetched. Fetch it with “git lfs pull”."))


def _build_encoding_doubt(path: Path, guess: EncodingGuess) -> Doubt:
    title = tr("The encoding of {name} is unsure", name=clip(path.name, 80))
    readings = "\n".join(f"  --encoding {name}: {excerpt}" for name, excerpt in guess.readings)
    return Doubt(
        "encoding", title, tr("Nothing was read. Choose the one that reads well:\n{readings}", readings=readings)
    )


def detect_text(text: str, name: str = "", is_whole: bool = True, options: ReadingOptions = DETECTED) -> DetectedFormat:
    """Detect the format of a text, pasted or the beginning of a file called `name` (in lower case), unless given.

    Raises FormatError when it is neither JSON nor a table.
    """
    if not is_whole:
        text = text[: text.rfind("\n") + 1] or text
    format, delimiter = options.format, options.delimiter
    if format in TABLE_SUFFIXES:
        return _detect_table(text, format, delimiter) or _build_empty(format, name, is_whole)
    if format or _is_json(text, name):
        return _detect_json(text, format)
    kind = next((kind for kind, suffixes in TABLE_SUFFIXES.items() if name.endswith(suffixes)), "")
    if not kind and html_tables.is_page(text):
        kind = "html"
    if kind in ("", "markdown") and (found := _detect_questions(text, kind)):
        return found
    if kind:
        return _detect_table(text, kind, delimiter) or _build_empty(kind, name, is_whole)
    if (detected := _detect_table(text, "", delimiter)) and (
        column_mapping.is_head(detected.columns) or not name.endswith(JSON_SUFFIXES)
    ):
        return detected
    if name.endswith(JSON_SUFFIXES) or not text.strip():
        return _detect_json(text)
    raise FormatError(
        tr("“{name}” has a format that Juku does not support", name=name or tr("The text")),
        tr(
            "Nothing was read or written. Rows can be JSON or JSONL, a table (CSV, TSV, XLSX, ODS, Parquet, Markdown, HTML), or text with “Q: …” and “A: …”."
        ),
    )


def _detect_questions(text: str, kind: str) -> DetectedFormat | None:
    """A text with questions and answers; None where it has none, or Markdown has a table, which says more."""
    if kind and _detect_table(text, kind):
        return None
    if question_texts.looks_like_questions(text, bool(kind)):
        _delimiter, records = _read_records(text, "questions", "")
        found = _build_table_format("questions", [record for record in records if record.problem is None], "")
        return found._replace(notes=tuple(_describe_rest(text, "questions")))
    return None


def _describe_rest(text: str, kind: str) -> Iterator[str]:
    """Yield what of a text is not read, in translated sentences."""
    if kind == "html" and (others := html_tables.read_tables(text)[1]):
        yield trn("{n} other table was left out.", "{n} other tables were left out.", others)
    if kind == "questions":
        lines = encoded_text_stream.split_lines([text.encode("utf-8", "replace")])
        if question_texts.count_words(question_texts.iterate_records(lines)) < len(text.split()):
            yield tr("Text outside of questions and answers was left out.")


def _build_empty(kind: str, name: str, is_whole: bool) -> DetectedFormat:
    """What a text without rows in its beginning is; raises FormatError where it has none at all."""
    if kind in ("csv", "tsv") or not is_whole:
        return DetectedFormat(kind)
    title = tr("“{name}” has no rows", name=name or tr("The text"))
    words = tr("It has no table, and no questions with answers (“Q: …” and “A: …”, or headings with a question mark). "
               "Read it into the spec, and generate rows from it.")  # fmt: skip
    raise FormatError(title, words)


def _is_json(text: str, name: str) -> bool:
    if name.endswith(tuple(suffix for suffixes in TABLE_SUFFIXES.values() for suffix in suffixes)):
        return bool(_JSON_START.match(text))
    lines = [line for line in text.split("\n", MAX_SAMPLE_ROWS)[:MAX_SAMPLE_ROWS] if line.strip()]
    return bool(_JSON_LINE_START.match(text)) or 2 * sum(bool(_JSON_LINE_START.match(line)) for line in lines) > len(
        lines
    )


def _detect_json(text: str, format: str = "") -> DetectedFormat:
    layout = json_layouts.detect(text)
    raw = [text.encode("utf-8", "replace")]
    rows = (
        encoded_text_stream.split_lines(raw)
        if layout.name in ("lines", "python")
        else Elements(raw, start=layout.start)
    )
    read = json_layouts.decode_python if layout.name == "python" else decode
    values = [read(line.raw.strip()).value for line in islice(rows, MAX_SAMPLE_ROWS)]
    return _build_json_format(values, layout, format)


def _build_json_format(values: Sequence[object], layout: Layout, format: str) -> DetectedFormat:
    found = Counter(form for value in values if (form := forms.detect_form(value)))
    named = format or (found.most_common(1)[0][0] if found else forms.CHAT)
    detected = DetectedFormat(named, layout=layout, forms=dict(found))
    objects = [value for value in values if isinstance(value, dict)]
    if named == "batch" and (side := batch.find_side(values)):
        return detected._replace(doubts=(_build_batch_doubt(side),))
    return detected if format or found else _add_form_doubt(detected, objects)


def _build_batch_doubt(side: str) -> Doubt:
    if side == batch.ANSWERS:
        title = tr("The file has the answers of a batch without its requests")
        return Doubt(side, title, tr("Nothing was read. Name the file with the requests: “--requests FILE”."))
    title = tr("The file has the requests of a batch without its answers")
    return Doubt(side, title, tr("Nothing was read. Name the file with the answers: “--requests FILE”."))


def _settle_batch(detected: DetectedFormat, requests: Path | None) -> DetectedFormat:
    """Take away the doubt that the other file of a batch settles, and tell of it."""
    if requests is None:
        return detected
    doubts = tuple(doubt for doubt in detected.doubts if doubt.about not in (batch.REQUESTS, batch.ANSWERS))
    note = tr("Each row is joined with that of the same “custom_id” in {name}.", name=clip(requests.name, 80))
    return detected._replace(doubts=doubts, notes=(*detected.notes, note))


def _add_form_doubt(detected: DetectedFormat, values: list[dict[str, Any]]) -> DetectedFormat:
    """Add a doubt where the rows have several keys with texts, and none that is known: the keys are its columns."""
    keys = list(dict.fromkeys(key for value in values for key, entry in value.items() if isinstance(entry, str)))
    if len(keys) < 2 or any(guess_word(key, ("messages",)) for value in values for key in value):
        return detected
    sample = [[value[key] if isinstance(value.get(key), str) else "" for key in keys] for value in values]
    proposal = column_mapping.format_mapping(column_mapping.propose_mapping(keys, sample))
    title = tr("The rows have a form that Juku does not know")
    shown = ", ".join(clip(key) for value in values[:1] for key in list(value)[: column_mapping.MAX_COLUMNS_NAMED])
    words = tr("Nothing was read. Their keys are: {keys}. Say which hold the question and the answer, as in “--columns {proposal}”.",
               keys=shown, proposal=proposal)  # fmt: skip
    return detected._replace(columns=keys, sample=sample, doubts=(Doubt("form", title, words),))


def _detect_table(text: str, named_kind: str, delimiter: str = "") -> DetectedFormat | None:
    """The table in a text: of the given format, or of the first one that fits; None if it is no table."""
    if named_kind == "tsv" and "\t" not in text:
        named_kind = "csv"  # a wrong name
    for kind in [named_kind] if named_kind else ["markdown", "tsv", "csv"]:
        found, records = _read_records(text, kind, delimiter)
        sound = [record for record in records if record.problem is None]
        if sound and (
            named_kind or (len(sound[0].cells) > 1 and 5 * len(sound) >= 4 * len(records) and len(sound) > 1)
        ):
            return _build_table_format(kind, sound, found)._replace(notes=tuple(_describe_rest(text, kind)))
    return None


def _split_at_returns(text: str) -> str:
    """The text with line feeds, where its lines end with carriage returns alone."""
    return text.replace("\r", "\n") if "\r" in text and "\n" not in text else text


def _read_records(text: str, kind: str, delimiter: str) -> tuple[str, list[TableRecord]]:
    """The delimiter of a text and its first records."""
    lines = encoded_text_stream.split_lines([_split_at_returns(text).encode("utf-8", "replace")])
    if kind == "html":
        records: Iterable[TableRecord] = html_tables.read_tables(text)[0]
    elif kind == "questions":
        records = question_texts.iterate_records(lines)
    elif kind == "markdown":
        records = markdown_tables.iterate_records(lines)
    else:
        reader = CsvReader(lines, delimiter or ("\t" if kind == "tsv" else ""))
        delimiter, records = reader.delimiter, reader
    filled = (record for record in records if not _is_blank(record))
    return delimiter, list(islice(filled, MAX_SAMPLE_ROWS + 1))


def _is_blank(record: TableRecord) -> bool:
    return record.problem is not None and record.problem.rule == "blank"


def _build_table_format(kind: str, records: list[TableRecord], delimiter: str) -> DetectedFormat:
    names = table_rows.get_column_names(records[0])
    is_head = names != column_mapping.number_columns(len(names))
    unescape = str if kind in ("markdown", "html", "questions") else csv_cells.unescape_formula
    sample = [
        [unescape(cell) for cell in record.cells] for record in records[1 if is_head else 0 :] if not record.is_head
    ]
    mapping = column_mapping.guess_mapping(names)
    found = DetectedFormat(kind, columns=names, sample=sample[:MAX_SAMPLE_ROWS], mapping=mapping, delimiter=delimiter)
    heads = [record.cells for record in records if record.is_head] or [names]  # a text can hold several tables
    is_unsure = all(column_mapping.find_doubt(head, column_mapping.guess_mapping(head)) for head in heads)
    return found._replace(doubts=(_build_columns_doubt(found),)) if is_unsure else found


def _build_columns_doubt(found: DetectedFormat) -> Doubt:
    first = found.columns if found.has_head else found.sample[0]
    shown = ", ".join(f"“{clip(name)}”" for name in first[: column_mapping.MAX_COLUMNS_NAMED])
    title = tr("The columns of the table are not understood")
    names = first if found.has_head else column_mapping.unique_names(first)
    sample = found.sample if found.has_head else found.sample[1:]
    named = column_mapping.format_mapping(column_mapping.propose_mapping(names, sample or found.sample))
    lines = [
        tr("Nothing was read. The first line has: {names}.", names=shown),
        tr("If these are the names of the columns, say what they mean, as in “--columns {proposal}”.", proposal=named),
    ]
    if not found.has_head:
        numbered = column_mapping.format_mapping(column_mapping.propose_mapping(found.columns, found.sample))
        lines.append(tr("If they are a row already: “--columns {proposal}”.", proposal=numbered))
    return Doubt("columns", title, " ".join(lines))
