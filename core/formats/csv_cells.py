"""Cells as text: the quoting of CSV and TSV, and what keeps a spreadsheet from running a text as a formula."""

import re
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it Excel reads a CSV file in one of the system's own encodings
MAX_LINES_PER_CELL = 10_000  # no cell has more lines; a quote that is open for longer was never closed

_QUOTED = re.compile(r'((?:[^"]++|"")*+)("?)')
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")


class RecordParser:
    """The cells of one record, fed line by line: a quoted cell may hold line breaks."""

    def __init__(self, delimiter: str) -> None:
        self.cells: list[str] = []
        self.is_open = False  # in the middle of a quoted cell
        self.is_sound = True  # False: something follows a closing quote
        self._delimiter = delimiter
        self._parts: list[str] = []

    def feed(self, line: str) -> None:
        """Take a line with its break."""
        if not self.is_open and '"' not in line:
            self.cells += _without_break(line).split(self._delimiter)
            return
        at: int | None = 0
        while at is not None and self.is_sound:
            at = self._quoted(line, at) if self.is_open or line.startswith('"', at) else self._plain(line, at)

    def _plain(self, line: str, at: int) -> int | None:
        end = line.find(self._delimiter, at)
        if end < 0:
            self.cells.append(_without_break(line[at:]))
            return None
        self.cells.append(line[at:end])
        return end + 1

    def _quoted(self, line: str, at: int) -> int | None:
        match = _QUOTED.match(line, at if self.is_open else at + 1)
        assert match
        self._parts.append(match[1].replace('""', '"'))
        self.is_open = not match[2]
        if self.is_open:
            return None
        self.cells.append("".join(self._parts))
        self._parts.clear()
        if line.startswith(self._delimiter, match.end()):
            return match.end() + 1
        self.is_sound = not _without_break(line[match.end() :])
        return None


def _without_break(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def lines(text: str) -> list[str]:
    """The lines of `text`, each with its break; only a line feed ends one."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), *parts[-1:]] if parts[-1] else [part + "\n" for part in parts[:-1]]


def parse(text: str, delimiter: str = "\t") -> list[list[str]]:
    """The rows of a pasted text. Never fails: a quote that is none of a cell's own is an ordinary character."""
    rows: list[list[str]] = []
    waiting = lines(text)[::-1]
    while waiting:
        record, used = RecordParser(delimiter), 0
        while used < len(waiting) and (used == 0 or record.is_open) and used <= MAX_LINES_PER_CELL:
            used += 1
            record.feed(waiting[-used])
        sound = record.is_sound and not record.is_open
        used = used if sound else 1
        rows.append(record.cells if sound else _without_break(waiting[-1]).split(delimiter))
        del waiting[-used:]
    return rows


def write(cells: Sequence[str], delimiter: str, end: str = "\r\n") -> str:
    """One record, quoted where it must be."""
    return delimiter.join(_quote(cell, delimiter) for cell in cells) + end


def write_all(rows: Iterable[Sequence[str]], delimiter: str = "\t") -> str:
    """Rows as a spreadsheet takes them from the clipboard."""
    return "".join(write(row, delimiter) for row in rows)


def _quote(cell: str, delimiter: str) -> str:
    if any(char in cell for char in (delimiter, '"', "\n", "\r")) or cell != cell.strip():
        return '"' + cell.replace('"', '""') + '"'
    return cell


def escape_formula(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula: a ' before it, which `meant` takes away again."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    return cell[1:] if _ESCAPED.match(cell) else cell
