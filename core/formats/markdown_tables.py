"""Reads tables in Markdown text, between prose, and writes them without losing any text."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from core.checks import LINE_LIMIT, too_long
from core.formats.csv_parser import TableRecord, cell_count_problem, encoding_problem, is_invalid_utf8, join_lines
from core.formats.encoded_text_lines import FileLine

_RULE = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+")
_CELL = re.compile(r"((?:[^|\\]++|\\.|\\$)*+)(\||$)", re.DOTALL)
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_NEEDS_ESCAPE = re.compile(r"&(?=[#\w])|<(?=br)|\\(?=[|\\]|$)|\r|^[ \t]+|[ \t]+$", re.IGNORECASE)


def iterate_records(lines: Iterable[FileLine]) -> Iterator[TableRecord]:
    """Yield the records of every table in the text; the head of each has `is_head`; other text is skipped."""
    before: FileLine | None = None
    width = 0
    for line in lines:
        text = _decode_line(line)
        if width and ("|" in text or line.length > LINE_LIMIT):
            yield _parse_record(line, text, width)
        elif before and (head := _parse_head(before, text)):
            width = len(head)
            yield TableRecord(join_lines([before]), head, is_head=True)
        else:
            width = 0
        before = None if width else line


def _parse_head(before: FileLine, text: str) -> list[str]:
    """The cells of the line before a table's delimiter row; [] when `text` is no delimiter row for it."""
    if "-" not in text or len(text) > 10_000 or not _RULE.fullmatch(text):
        return []
    head = split_cells(_decode_line(before))
    return head if ("|" in text or "|" in _decode_line(before)) and len(split_cells(text)) == len(head) else []


def _parse_record(line: FileLine, text: str, width: int) -> TableRecord:
    if line.length > LINE_LIMIT:
        return TableRecord(line, [], too_long(line.length))
    cells = split_cells(text)
    problem = (
        encoding_problem()
        if is_invalid_utf8(line.raw)
        else cell_count_problem(len(cells), width)
        if len(cells) != width
        else None
    )
    return TableRecord(join_lines([line]), cells, problem)


def _decode_line(line: FileLine) -> str:
    return line.raw.decode(errors="replace") if line.length <= LINE_LIMIT else ""


def split_cells(line: str) -> list[str]:
    """The cells of one line, unescaped."""
    inner = line.strip(" \t\r\n").removeprefix("|")
    return [unescape_cell(match[1]) for match in _CELL.finditer(inner) if match[2] or match[1].strip(" \t")]


def unescape_cell(cell: str) -> str:
    """The text of a cell: without escapes and entities, with its line breaks."""
    return html.unescape(_BREAK.sub("\n", cell.strip(" \t").replace("\\|", "|")))


def write_record(cells: Sequence[str]) -> str:
    """One line of a table, with its break."""
    return f"| {' | '.join(map(escape_cell, cells))} |\n"


def delimiter_row(width: int) -> str:
    """The line below the head of a table of `width` columns."""
    return f"|{'---|' * width}\n"


def escape_cell(text: str) -> str:
    """`text` as a cell; `unescape_cell` is its inverse."""
    safe = _NEEDS_ESCAPE.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), text)
    return safe.replace("\n", "<br>").replace("|", "\\|")


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A whole table, with its headings."""
    return "".join([write_record(head), delimiter_row(len(head)), *map(write_record, rows)])
