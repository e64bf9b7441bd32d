"""Reads the records of CSV and TSV: of several lines where a quoted cell has breaks; an unclosed quote spoils one line."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from core.checks import LINE_LIMIT, Problem, problem, too_long
from core.formats import column_mapping
from core.formats.csv_cells import MAX_LINES_PER_CELL, RecordParser
from core.formats.encoded_text_lines import FileLine
from core.language import tr, trn

DELIMITERS = (",", ";", "\t", "|", "，", "；", "｜")  # the last three are full-width
PADDED = ("|", "，", "；", "｜")  # around which people write spaces that belong to no cell
SAMPLE_LINES = 20  # lines by which the delimiter is found
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line


class TableRecord(NamedTuple):
    """One record of a table; `problem` says why it is unreadable."""

    line: FileLine
    cells: list[str]
    problem: Problem | None = None
    is_head: bool = False


class CsvReader:
    """Iterates over the records of lines that come with their breaks. The first record sets the number of cells."""

    def __init__(self, lines: Iterable[FileLine], delimiter: str = "") -> None:
        self._lines = iter(lines)
        self._unread: deque[FileLine] = deque()
        self._width = 0
        declared = self._read_declaration()
        self._delimiter = delimiter or declared or self._detect_delimiter()

    def __iter__(self) -> Iterator[TableRecord]:
        while line := self._next_line():
            if line.length > LINE_LIMIT:
                yield TableRecord(line, [], too_long(line.length))
            elif not line.raw.strip():
                yield TableRecord(join_lines([line]), [], problem("blank", "", tr("The line is empty.")))
            else:
                yield self._read_record(line)

    @property
    def delimiter(self) -> str:
        """The character between two cells: the given one, or the one that was found."""
        return self._delimiter

    def _read_declaration(self) -> str:
        """The delimiter that Excel's own first line declares, which is no record; '' without such a line."""
        self._unread.extend(islice(self._lines, SAMPLE_LINES))
        first = next((line for line in self._unread if line.raw.strip()), None)
        declared = _DECLARED.fullmatch(first.raw.decode(errors="replace")) if first else None
        if declared is None:
            return ""
        while self._unread.popleft() is not first:
            pass
        return declared[1]

    def _detect_delimiter(self) -> str:
        """The delimiter by which the first lines have known names and the same number of cells."""
        lines = [line.raw.decode(errors="replace") for line in self._unread if line.raw.strip()]
        return max(DELIMITERS, key=lambda one: _score_delimiter(lines, one)) if lines else DELIMITERS[0]

    def _next_line(self) -> FileLine | None:
        return self._unread.popleft() if self._unread else next(self._lines, None)

    def _read_record(self, first: FileLine) -> TableRecord:
        lines, record = [first], RecordParser(self._delimiter)
        record.feed(_decode_line(first))
        while record.is_open and self._may_continue(lines) and (line := self._next_line()):
            lines.append(line)
            record.feed(_decode_line(line))
        if record.is_open or not record.is_sound or (len(lines) > 1 and not self._fits(record.cells)):
            self._unread.extendleft(reversed(lines[1:]))
            message = tr("A quotation mark opens a cell here and is not closed.")
            return TableRecord(join_lines([first]), [], problem("quote-unclosed", "", message))
        cells = [cell.strip() for cell in record.cells] if self._delimiter in PADDED else record.cells
        return TableRecord(join_lines(lines), *self._check_cells(lines, cells))

    def _may_continue(self, lines: Sequence[FileLine]) -> bool:
        size = lines[-1].offset + lines[-1].length - lines[0].offset
        return size <= LINE_LIMIT and len(lines) <= MAX_LINES_PER_CELL

    def _fits(self, cells: list[str]) -> bool:
        """Whether the record has the table's number of cells, not counting empty ones at its end."""
        return not self._width or (len(cells) >= self._width and not any(cells[self._width :]))

    def _check_cells(self, lines: Sequence[FileLine], cells: list[str]) -> tuple[list[str], Problem | None]:
        if any(is_invalid_utf8(line.raw) for line in lines):
            return [], encoding_problem()
        if not self._fits(cells):
            return [], cell_count_problem(len(cells), self._width)
        self._width = self._width or len(cells)
        return cells[: self._width], None


def cell_count_problem(count: int, width: int) -> Problem:
    """The problem of a record with `count` cells in a table of `width` columns."""
    message = trn(
        "The row has {n} cell; the table has {width} columns.",
        "The row has {n} cells; the table has {width} columns.",
        count,
        width=width,
    )
    return problem("cells-count", "", message)


def encoding_problem() -> Problem:
    """The problem of a line that cannot be decoded."""
    return problem("encoding", "", tr("The line has bytes that do not fit the file's encoding."))


def join_lines(lines: Sequence[FileLine]) -> FileLine:
    """The lines joined to one, without the break at its end."""
    raw = b"".join(line.raw for line in lines)
    last = raw.removesuffix(b"\n").removesuffix(b"\r")
    length = lines[-1].offset + lines[-1].length - lines[0].offset
    return FileLine(lines[0].number, lines[0].offset, last, length - (len(raw) - len(last)))


def _decode_line(line: FileLine) -> str:
    return line.raw.decode(errors="surrogateescape")


def is_invalid_utf8(raw: bytes) -> bool:
    """Whether bytes cannot be decoded as UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def _score_delimiter(lines: Sequence[str], delimiter: str) -> tuple[int, float, int]:
    """How many known names the first line has, how many lines have as many cells as it has, and how many those are."""
    widths: list[int] = []
    heads = 0
    for text in lines:
        record = RecordParser(delimiter)
        record.feed(text)
        heads = heads if widths else sum(column_mapping.is_head([cell]) for cell in record.cells)
        widths.append(len(record.cells))
    alike = sum(width == widths[0] for width in widths) / len(widths)
    return heads, round(alike, 1) if widths[0] > 1 else 0.0, widths[0]
