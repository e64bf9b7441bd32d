"""Tables as rows: CSV, TSV and Markdown, with the columns as they are named or as the person matched them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from core.checks import check_line, problem
from core.formats import column_mapping, csv_cells, markdown_tables, text_stream
from core.formats.csv_parser import Records, TableRecord
from core.formats.jsonl import FileRow
from core.formats.text_lines import Encoding, FileLine
from core.language import tr
from core.progress import Reporter

Mapped = Mapping[str, str] | None


def read_csv(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[FileRow]:
    return rows(Records(text_stream.lines(path, encoding, reporter)), chosen, csv_cells.unescape_formula)


def read_tsv(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[FileRow]:
    return rows(Records(text_stream.lines(path, encoding, reporter), "\t"), chosen, csv_cells.unescape_formula)


def read_markdown(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[FileRow]:
    return rows(markdown_tables.iterate_records(text_stream.lines(path, encoding, reporter)), chosen)


def rows(found: Iterable[TableRecord], chosen: Mapped = None, meant: Callable[[str], str] = str) -> Iterator[FileRow]:
    """The records as rows; `chosen` is field -> column, and where it is None a guess by each table's head.

    `meant` undoes what the format does to a cell.
    """
    names: list[str] = []
    mapping: Mapping[str, str] = {}
    for record in found:
        if record.problem:
            yield FileRow(record.line, None, [record.problem])
            continue
        is_first = record.is_head or not names
        if is_first:
            names = names_of(record, chosen)
            mapping = column_mapping.guess(names) if chosen is None else chosen
        if not is_first or names == column_mapping.number_columns(len(names)):
            yield _row(record.line, dict(zip(names, map(meant, record.cells), strict=True)), mapping)


def names_of(first: TableRecord, chosen: Mapped = None) -> list[str]:
    """The names of a table's columns: those in its first record, or `#1`, `#2` where that is a row already.

    It is a head when it has a name that is known, or when `chosen` speaks of columns by name.
    """
    by_name = chosen is not None and not all(name.startswith("#") for name in chosen.values())
    is_head = first.is_head or (column_mapping.is_head(first.cells) if chosen is None else by_name)
    return column_mapping.unique_names(first.cells) if is_head else column_mapping.number_columns(len(first.cells))


def _row(line: FileLine, by_name: Mapping[str, str], mapping: Mapping[str, str]) -> FileRow:
    missing = [name for name in mapping.values() if name not in by_name]
    if missing or not mapping:
        message = tr("The table has no column {name}.", name=", ".join(missing) or "question")
        return FileRow(line, None, [problem("cells-count", "", message)])
    found = {field: by_name[name] for field, name in mapping.items()}
    text, problems = check_line(column_mapping.row_json(found).encode())
    return FileRow(line, text, problems, column_mapping.metadata(found))
