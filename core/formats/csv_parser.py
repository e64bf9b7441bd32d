"""The records of CSV and TSV: several lines where a quoted cell holds breaks, and no lost quote eats the rest."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from core.checks import LINE_LIMIT, Problem, problem, too_long
from core.formats import column_mapping
from core.formats.csv_cells import MAX_LINES_PER_CELL, RecordParser
from core.formats.text_lines import FileLine
from core.language import tr, trn

DELIMITERS = (",", ";", "\t")


class TableRecord(NamedTuple):
    """One record of a table; `problem` says why it is unreadable."""

    line: FileLine
    cells: list[str]
    problem: Problem | None = None
    is_head: bool = False


class Records:
    """The records of lines that come with their breaks. The first one tells how many cells each has."""

    def __init__(self, lines: Iterable[FileLine], delimiter: str = "") -> None:
        self._lines = iter(lines)
        self._back: deque[FileLine] = deque()
        self._width = 0
        self._delimiter = delimiter or self._sniffed()

    def __iter__(self) -> Iterator[TableRecord]:
        while line := self._next():
            if line.length > LINE_LIMIT:
                yield TableRecord(line, [], too_long(line.length))
            elif not line.raw.strip():
                yield TableRecord(bare([line]), [], problem("blank", "", tr("The line is empty.")))
            else:
                yield self._record(line)

    def _sniffed(self) -> str:
        """The delimiter of CSV: whichever gives the first line the most names that are known, or else cells."""
        first = self._next()
        if first is None:
            return DELIMITERS[0]
        self._back.append(first)
        text = first.raw.decode(errors="replace")
        return max(DELIMITERS, key=lambda delimiter: _likeliness(text, delimiter))

    def _next(self) -> FileLine | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    def _record(self, first: FileLine) -> TableRecord:
        taken, record = [first], RecordParser(self._delimiter)
        record.feed(_text(first))
        while record.is_open and self._may_go_on(taken) and (line := self._next()):
            taken.append(line)
            record.feed(_text(line))
        if record.is_open or not record.is_sound or (len(taken) > 1 and not self._fits(record.cells)):
            self._back.extendleft(reversed(taken[1:]))
            message = tr("A quotation mark opens a cell here and is not closed.")
            return TableRecord(bare([first]), [], problem("quote-unclosed", "", message))
        return TableRecord(bare(taken), *self._judged(taken, record.cells))

    def _may_go_on(self, taken: Sequence[FileLine]) -> bool:
        size = taken[-1].offset + taken[-1].length - taken[0].offset
        return size <= LINE_LIMIT and len(taken) <= MAX_LINES_PER_CELL

    def _fits(self, cells: list[str]) -> bool:
        """Whether the record has the table's number of cells, empty ones at its end apart."""
        return not self._width or (len(cells) >= self._width and not any(cells[self._width :]))

    def _judged(self, taken: Sequence[FileLine], cells: list[str]) -> tuple[list[str], Problem | None]:
        if any(is_foreign(line.raw) for line in taken):
            return [], foreign()
        if not self._fits(cells):
            return [], cells_count(len(cells), self._width)
        self._width = self._width or len(cells)
        return cells[: self._width], None


def cells_count(found: int, width: int) -> Problem:
    message = trn(
        "The row has {n} cell; the table has {width} columns.",
        "The row has {n} cells; the table has {width} columns.",
        found,
        width=width,
    )
    return problem("cells-count", "", message)


def foreign() -> Problem:
    return problem("encoding", "", tr("The line has bytes that do not fit the file's encoding."))


def bare(lines: Sequence[FileLine]) -> FileLine:
    """The lines as one, without the break at its end."""
    raw = b"".join(line.raw for line in lines)
    last = raw.removesuffix(b"\n").removesuffix(b"\r")
    length = lines[-1].offset + lines[-1].length - lines[0].offset
    return FileLine(lines[0].number, lines[0].offset, last, length - (len(raw) - len(last)))


def _text(line: FileLine) -> str:
    return line.raw.decode(errors="surrogateescape")


def is_foreign(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def _likeliness(line: str, delimiter: str) -> tuple[int, int]:
    record = RecordParser(delimiter)
    record.feed(line)
    return sum(column_mapping.is_head([cell]) for cell in record.cells), len(record.cells)
