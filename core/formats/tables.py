"""Tables as rows: CSV, TSV and Markdown, with the columns as they are named or as the person matched them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from core.checks import check_line, problem
from core.formats import column_mapping, csv_cells, markdown_tables, text_stream
from core.formats.csv_records import Cells, Records
from core.formats.jsonl import Row
from core.formats.text_lines import Encoding, Line
from core.language import tr
from core.progress import Reporter

Mapped = Mapping[str, str] | None


def read_csv(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[Row]:
    return rows(Records(text_stream.lines(path, encoding, reporter)), chosen, csv_cells.meant)


def read_tsv(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[Row]:
    return rows(Records(text_stream.lines(path, encoding, reporter), "\t"), chosen, csv_cells.meant)


def read_markdown(path: Path, encoding: Encoding, reporter: Reporter, chosen: Mapped = None) -> Iterator[Row]:
    return rows(markdown_tables.tables(text_stream.lines(path, encoding, reporter)), chosen)


def rows(found: Iterable[Cells], chosen: Mapped = None, meant: Callable[[str], str] = str) -> Iterator[Row]:
    """The records as rows; `chosen` is field -> column, and where it is None a guess by each table's head.

    `meant` undoes what the format does to a cell.
    """
    names: list[str] = []
    mapping: Mapping[str, str] = {}
    for record in found:
        if record.problem:
            yield Row(record.line, None, [record.problem])
            continue
        is_first = record.is_head or not names
        if is_first:
            names = names_of(record, chosen)
            mapping = column_mapping.guess(names) if chosen is None else chosen
        if not is_first or names == column_mapping.numbered(len(names)):
            yield _row(record.line, dict(zip(names, map(meant, record.cells), strict=True)), mapping)


def names_of(first: Cells, chosen: Mapped = None) -> list[str]:
    """The names of a table's columns: those in its first record, or `#1`, `#2` where that is a row already.

    It is a head when it has a name that is known, or when `chosen` speaks of columns by name.
    """
    by_name = chosen is not None and not all(name.startswith("#") for name in chosen.values())
    is_head = first.is_head or (column_mapping.is_head(first.cells) if chosen is None else by_name)
    return column_mapping.named(first.cells) if is_head else column_mapping.numbered(len(first.cells))


def _row(line: Line, by_name: Mapping[str, str], mapping: Mapping[str, str]) -> Row:
    missing = [name for name in mapping.values() if name not in by_name]
    if missing or not mapping:
        message = tr("The table has no column {name}.", name=", ".join(missing) or "question")
        return Row(line, None, [problem("cells-count", "", message)])
    found = {field: by_name[name] for field, name in mapping.items()}
    text, problems = check_line(column_mapping.row(found).encode())
    return Row(line, text, problems, column_mapping.metadata(found))
