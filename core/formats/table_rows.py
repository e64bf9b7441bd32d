"""Reads tables (CSV, TSV and Markdown) as rows, with the columns mapped by their names or by the user."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from core.checks import check_line, problem
from core.errors import FormatError
from core.formats import (
    column_mapping,
    csv_cells,
    encoded_text_stream,
    html_tables,
    markdown_tables,
    question_texts,
    workbooks,
)
from core.formats.conversation_rows import Conversations
from core.formats.csv_parser import CsvReader, TableRecord
from core.formats.encoded_text_lines import FileLine
from core.formats.jsonl import FileRow
from core.formats.reading_options import ReadingOptions
from core.language import tr
from core.progress import Reporter

ColumnMapping = Mapping[str, str] | None


def read_csv(path: Path, reporter: Reporter, options: ReadingOptions) -> Iterator[FileRow]:
    """Yield the rows of a CSV or TSV file. Raises FormatError when it cannot be read, and `Cancelled`."""
    lines = encoded_text_stream.read_lines(path, options.encoding, reporter)
    return convert_records(CsvReader(lines, options.delimiter), options.columns, csv_cells.unescape_formula)


def read_markdown(path: Path, reporter: Reporter, options: ReadingOptions) -> Iterator[FileRow]:
    """Yield the rows of the tables in a Markdown file. Raises FormatError when it cannot be read, and `Cancelled`."""
    lines = encoded_text_stream.read_lines(path, options.encoding, reporter)
    return convert_records(markdown_tables.iterate_records(lines), options.columns)


def read_questions(path: Path, reporter: Reporter, options: ReadingOptions) -> Iterator[FileRow]:
    """Yield the questions and answers of a text. Raises FormatError when it cannot be read, and `Cancelled`."""
    lines = encoded_text_stream.read_lines(path, options.encoding, reporter)
    return convert_records(question_texts.iterate_records(lines), options.columns)


def read_html(path: Path, reporter: Reporter, options: ReadingOptions) -> Iterator[FileRow]:
    """Yield the rows of the tables of a page. Raises FormatError when it cannot be read or is too large, and `Cancelled`."""
    raw = bytearray()
    for block in encoded_text_stream.read_blocks(path, options.encoding, reporter):
        raw += block
        if len(raw) > html_tables.MAX_BYTES:
            title = tr("{name} cannot be read", name=path.name)
            raise FormatError(
                title, tr("The page is larger than {n} MB. Save its table as CSV.", n=html_tables.MAX_BYTES // 10**6)
            )
    return convert_records(html_tables.read_tables(raw.decode(errors="replace"))[0], options.columns)


def read_workbook(path: Path, reporter: Reporter, options: ReadingOptions) -> Iterator[FileRow]:
    """Yield the rows of a sheet. Raises FormatError when it cannot be read, and `Cancelled`."""
    sheet = workbooks.read_sheet(path, reporter, options.sheet, options.columns)
    return convert_records(sheet.records, options.columns, csv_cells.unescape_formula)


def convert_records(
    records: Iterable[TableRecord], columns: ColumnMapping = None, unescape: Callable[[str], str] = str
) -> Iterator[FileRow]:
    """Yield the records as rows; `columns` is field -> column; where it is None, it is guessed from each table's head.

    `unescape` removes the format's escape from a cell.
    """
    head: list[str] = []
    mapping: Mapping[str, str] = {}
    conversations = Conversations()
    for record in records:
        if record.problem:
            yield FileRow(record.line, None, [record.problem])
            continue
        is_first = record.is_head or not head
        if is_first:
            head = get_column_names(record, columns)
            mapping = column_mapping.guess_mapping(head) if columns is None else columns
        if is_first and head != column_mapping.number_columns(len(head)):
            continue
        cells = dict(zip(head, map(unescape, record.cells), strict=True))
        if "content" in mapping and "role" in mapping:
            conversations.add(record.line, {field: cells.get(name, "") for field, name in mapping.items()})
        else:
            yield _build_row(record.line, cells, mapping)
    yield from conversations.build_rows()


def get_column_names(first: TableRecord, columns: ColumnMapping = None) -> list[str]:
    """The names of a table's columns: those in its first record, or `#1`, `#2` where that is a row already.

    It is a head when it has a known name, or when `columns` refers to columns by name.
    """
    by_name = columns is not None and not all(name.startswith("#") for name in columns.values())
    is_head = first.is_head or (column_mapping.is_head(first.cells) if columns is None else by_name)
    return column_mapping.unique_names(first.cells) if is_head else column_mapping.number_columns(len(first.cells))


def _build_row(line: FileLine, by_name: Mapping[str, str], mapping: Mapping[str, str]) -> FileRow:
    missing = [name for name in mapping.values() if name not in by_name]
    if missing or not mapping:
        message = tr("The table has no column {name}.", name=", ".join(missing) or "question")
        return FileRow(line, None, [problem("cells-count", "", message)])
    cells = {field: by_name[name] for field, name in mapping.items()}
    text, problems = check_line(column_mapping.build_row_json(cells).encode())
    return FileRow(line, text, problems, column_mapping.build_metadata(cells))
