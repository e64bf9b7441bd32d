"""Reads the tables of an HTML page as records: those with headings of rows, or the largest one."""

import re
from html.parser import HTMLParser

from core.checks import LINE_LIMIT, too_long
from core.errors import FormatError
from core.formats import column_mapping, csv_cells
from core.formats.csv_parser import TableRecord, cell_count_problem
from core.formats.encoded_text_lines import FileLine
from core.language import tr

MAX_BYTES = 50_000_000  # of a page
MAX_CELLS = 5_000_000
MAX_SPAN = 1000  # rows or columns that one cell may cover
MAX_START = 256 * 1024  # characters in which a table must begin where a page does not say what it is
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|body|table)\b", re.IGNORECASE)
_TABLE, _TAG_FIRST = re.compile(r"<table\b", re.IGNORECASE), re.compile(r"\s*<[a-z!]", re.IGNORECASE)
_BREAKS = ("br", "p", "div", "li", "ul", "ol", "pre")
_SILENT = ("script", "style", "template")


def is_page(text: str) -> bool:
    """Whether a text is HTML with a table, or its beginning is that of a page."""
    return bool(_PAGE.match(text)) or bool(_TABLE.search(text[:MAX_START]) and _TAG_FIRST.match(text))


class Table:
    """One table: its records, whether the first one has the headings, and the line on which it begins."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, list[str], bool]] = []  # the line, the cells, whether all are headings
        self.spans: dict[int, tuple[int, str]] = {}  # columns that a cell above covers: for how many rows, its text

    def has_known_head(self) -> bool:
        """Whether the first row names the columns of rows."""
        return bool(self.rows) and column_mapping.is_head(self.rows[0][1])

    def build_records(self) -> list[TableRecord]:
        """The records; a row with more cells than the first one has a problem."""
        width = len(self.rows[0][1]) if self.rows else 0
        return [
            _build_record(line, cells, width, number == 0 and (is_head or column_mapping.is_head(cells)))
            for number, (line, cells, is_head) in enumerate(self.rows)
        ]


def read_tables(text: str) -> tuple[list[TableRecord], int]:
    """The records of the tables to read, and how many other tables there are.

    Raises FormatError for more cells than fit into memory: a cell can say that it covers a thousand others.
    """
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    tables = [table for table in parser.tables if table.rows]
    known = [table for table in tables if table.has_known_head()]
    chosen = known or sorted(tables, key=lambda table: -sum(len(cells) for _line, cells, _head in table.rows))[:1]
    return [record for table in chosen for record in table.build_records()], len(tables) - len(chosen)


def _build_record(line: int, cells: list[str], width: int, is_head: bool) -> TableRecord:
    raw = csv_cells.write_record(cells, "\t", "").encode("utf-8", "replace")
    place = FileLine(line, 0, raw[:LINE_LIMIT], len(raw))
    if len(raw) > LINE_LIMIT:
        return TableRecord(place, [], too_long(len(raw)))
    if any(cells[width:]):
        return TableRecord(place, [], cell_count_problem(len(cells), width))
    return TableRecord(place, (cells + [""] * width)[:width], is_head=is_head)


class _TableParser(HTMLParser):
    """Collects the tables of a page; a table inside a cell is one of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Table] = []
        self._open: list[Table] = []
        self._rows: list[list[tuple[str, int, int]]] = []  # of each open table: the cells of its row
        self._heads: list[bool] = []
        self._cells: list[list[str] | None] = []
        self._spans: list[tuple[int, int]] = []
        self._lines: list[int] = []
        self._silent = self._count = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._begin_table()
        elif tag in _SILENT:
            self._silent += 1
        elif not self._open:
            return
        elif tag == "tr":
            self._end_row()
            self._lines[-1] = self.getpos()[0]
        elif tag in ("td", "th"):
            self._end_cell()
            named = dict(attributes)
            self._spans[-1] = _span(named.get("colspan")), _span(named.get("rowspan"))
            self._cells[-1] = []
            self._heads[-1] = self._heads[-1] and tag == "th"
        elif tag in _BREAKS:
            self._add("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif not self._open:
            return
        elif tag == "table":
            self._end_row()
            for parts in (self._open, self._rows, self._heads, self._cells, self._spans, self._lines):
                parts.pop()
        elif tag == "tr":
            self._end_row()
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag in _BREAKS and tag != "br":
            self._add("\n")

    def handle_data(self, data: str) -> None:
        if data and not self._silent:
            self._add(_collapse(data))

    def _begin_table(self) -> None:
        table = Table()
        self.tables.append(table)
        self._open.append(table)
        self._rows.append([])
        self._heads.append(True)
        self._cells.append(None)
        self._spans.append((1, 1))
        self._lines.append(self.getpos()[0])

    def _add(self, text: str) -> None:
        if self._cells and (cell := self._cells[-1]) is not None:
            cell.append(text)

    def _end_cell(self) -> None:
        if self._cells and (cell := self._cells[-1]) is not None:
            lines = [line.strip() for line in "".join(cell).split("\n")]
            self._rows[-1].append(("\n".join(line for line in lines if line), *self._spans[-1]))
            self._cells[-1] = None

    def _end_row(self) -> None:
        self._end_cell()
        cells, self._rows[-1] = self._rows[-1], []
        is_head, self._heads[-1] = self._heads[-1], True
        if cells and (row := _spread(self._open[-1], cells)):
            self._open[-1].rows.append((self._lines[-1], row, is_head))
            self._count += len(row)
            if self._count > MAX_CELLS:
                title = tr("The tables of the page have more than {n} million cells", n=MAX_CELLS // 10**6)
                raise FormatError(title, tr("Nothing was read. Save the one with the rows as CSV."))


def _spread(table: Table, cells: list[tuple[str, int, int]]) -> list[str]:
    """The cells of a row in their columns, with the text of those above that reach into it; [] for a blank row."""
    row: list[str] = []
    before, table.spans = table.spans, {}
    waiting = list(reversed(cells))
    while waiting or any(column >= len(row) for column in before):
        column = len(row)
        if column in before:
            left, text = before[column]
            row.append(text)
            if left > 1:
                table.spans[column] = (left - 1, text)
        elif waiting:
            text, wide, high = waiting.pop()
            for place in range(wide):
                row.append(text if place == 0 else "")
                if high > 1:
                    table.spans[column + place] = (high - 1, text if place == 0 else "")
        else:
            row.append("")
        if len(row) > MAX_SPAN:
            break
    return row if any(text for text, _wide, _high in cells) else []


def _collapse(text: str) -> str:
    """The text with its white space as a browser shows it: one space, also at its ends."""
    inner = " ".join(text.split())
    return f"{' ' if text[0].isspace() else ''}{inner}{' ' if text[-1].isspace() else ''}"


def _span(value: str | None) -> int:
    return min(MAX_SPAN, max(1, int(value))) if value and value.isdecimal() and len(value) < 6 else 1
