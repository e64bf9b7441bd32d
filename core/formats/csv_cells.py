"""Parses and writes the cells of CSV and TSV, with their quoting and an escape against formulas in spreadsheets."""

import re
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it Excel reads a CSV file in one of the system's own encodings
MAX_LINES_PER_CELL = 10_000  # no cell has more lines; a quote that is open for longer was never closed

_QUOTED_CELL = re.compile(r'((?:[^"]++|"")*+)("?)')
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_ESCAPED_FORMULA = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")


class RecordParser:
    """Parses the cells of one record, fed line by line: a quoted cell may contain line breaks."""

    def __init__(self, delimiter: str) -> None:
        self.cells: list[str] = []
        self.is_open = False  # in the middle of a quoted cell
        self.is_sound = True  # False: something follows a closing quote
        self._delimiter = delimiter
        self._parts: list[str] = []

    def feed(self, line: str) -> None:
        """Parse one more line, given with its break."""
        if not self.is_open and '"' not in line:
            self.cells += _strip_break(line).split(self._delimiter)
            return
        at: int | None = 0
        while at is not None and self.is_sound:
            at = (
                self._read_quoted_cell(line, at)
                if self.is_open or line.startswith('"', at)
                else self._read_plain_cell(line, at)
            )

    def _read_plain_cell(self, line: str, at: int) -> int | None:
        end = line.find(self._delimiter, at)
        if end < 0:
            self.cells.append(_strip_break(line[at:]))
            return None
        self.cells.append(line[at:end])
        return end + 1

    def _read_quoted_cell(self, line: str, at: int) -> int | None:
        match = _QUOTED_CELL.match(line, at if self.is_open else at + 1)
        assert match
        self._parts.append(match[1].replace('""', '"'))
        self.is_open = not match[2]
        if self.is_open:
            return None
        self.cells.append("".join(self._parts))
        self._parts.clear()
        if line.startswith(self._delimiter, match.end()):
            return match.end() + 1
        self.is_sound = not _strip_break(line[match.end() :])
        return None


def _strip_break(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def split_lines(text: str) -> list[str]:
    """The lines of `text`, each with its break; only a line feed ends one."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), *parts[-1:]] if parts[-1] else [part + "\n" for part in parts[:-1]]


def parse(text: str, delimiter: str = "\t") -> list[list[str]]:
    """Parse the rows of a pasted text. Never raises: an unbalanced quote is an ordinary character."""
    rows: list[list[str]] = []
    unread = split_lines(text)[::-1]
    while unread:
        record, used = RecordParser(delimiter), 0
        while used < len(unread) and (used == 0 or record.is_open) and used <= MAX_LINES_PER_CELL:
            used += 1
            record.feed(unread[-used])
        sound = record.is_sound and not record.is_open
        used = used if sound else 1
        rows.append(record.cells if sound else _strip_break(unread[-1]).split(delimiter))
        del unread[-used:]
    return rows


def write_record(cells: Sequence[str], delimiter: str, end: str = "\r\n") -> str:
    """One record as text, with quotes where they are needed."""
    return delimiter.join(_quote(cell, delimiter) for cell in cells) + end


def write_records(rows: Iterable[Sequence[str]], delimiter: str = "\t") -> str:
    """Rows as text that a spreadsheet pastes as cells."""
    return "".join(write_record(row, delimiter) for row in rows)


def _quote(cell: str, delimiter: str) -> str:
    if any(char in cell for char in (delimiter, '"', "\n", "\r")) or cell != cell.strip():
        return '"' + cell.replace('"', '""') + '"'
    return cell


def escape_formula(text: str) -> str:
    """`text` with a ' before it where a spreadsheet would run it as a formula; `unescape_formula` removes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """`cell` without the ' that `escape_formula` adds."""
    return cell[1:] if _ESCAPED_FORMULA.match(cell) else cell
