"""Looks through the XML of a sheet before it is read: how large it is, and what its cells show that their values do not."""

import re
from array import array
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from core.formats import number_formats
from core.formats.number_formats import Cell
from core.language import tr, trn

BLOCK_BYTES = 1024 * 1024
MAX_CELLS = 10_000_000  # of the rectangle that holds all cells: the reader keeps an entry for each
MAX_SHOWN_BYTES = 200_000_000  # of the texts of an OpenDocument sheet that are kept

Attributes = dict[str, str]
Merge = tuple[tuple[int, int], tuple[int, int]]  # the first and the last cell, each row and column from 0

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


class HostileXmlError(Exception):
    """The XML declares entities, or a sheet is larger than memory allows; the text says which, translated."""


def parse_xml(
    file: IO[bytes],
    start: Callable[[str, Attributes], object],
    end: Callable[[str], object] = lambda _name: None,
    text: Callable[[str], object] | None = None,
) -> None:
    """Parse XML block by block; names come without prefixes. Raises `HostileXmlError`, and ExpatError for broken XML."""
    parser = expat.ParserCreate()

    def refuse(*_declaration: object) -> None:
        raise HostileXmlError(tr("It declares a document type, which no spreadsheet program writes."))

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    if text:
        parser.CharacterDataHandler = text
    while block := file.read(BLOCK_BYTES):
        parser.Parse(block)
    parser.Parse(b"", True)


def check_counts(attributes: Attributes) -> None:
    """Raise `HostileXmlError` for a count that no sheet has: the reader makes room for as many at once."""
    for name in ("count", "uniqueCount"):
        value = attributes.get(name, "")
        if len(value) > len(str(MAX_CELLS)) or (value.isdecimal() and int(value) > MAX_CELLS):
            raise HostileXmlError(
                tr(
                    "The sheet has more than {n} million cells. Save the part with the rows as CSV.",
                    n=MAX_CELLS // 10**6,
                )
            )


class SheetScan:
    """What was found in a sheet; `rows` and `columns` are the size of the rectangle from the first cell."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self.merges: list[Merge] = []
        self.errors = 0  # cells that show an error, as #N/A
        self.unknown = 0  # formulas whose result is not in the file

    def show(self, row: int, cells: list[Cell]) -> list[str]:
        """The texts of a row's cells as the sheet shows them. The rows must come in their order."""
        raise NotImplementedError

    def describe(self) -> Iterator[str]:
        """Yield what of the cells is not read, in translated sentences."""
        if self.unknown:
            yield trn(
                "{n} formula has no result in the file, and is read as empty: open the file in a spreadsheet program and save it.",
                "{n} formulas have no result in the file, and are read as empty: open the file in a spreadsheet program and save it.",
                self.unknown,
            )
        if self.errors:
            yield trn("{n} cell shows an error (such as #N/A), and is read as empty.",
                      "{n} cells show an error (such as #N/A), and are read as empty.", self.errors)  # fmt: skip

    def _grow(self, row: int, column: int) -> None:
        self.rows, self.columns = max(self.rows, row + 1), max(self.columns, column + 1)
        if self.rows * self.columns > MAX_CELLS:
            raise HostileXmlError(
                tr(
                    "The sheet has more than {n} million cells. Save the part with the rows as CSV.",
                    n=MAX_CELLS // 10**6,
                )
            )


class ExcelScan(SheetScan):
    """The scan of a sheet of an Excel workbook; `codes` are the number formats by the number of their style."""

    def __init__(self, file: IO[bytes], codes: list[str]) -> None:
        super().__init__()
        self._codes = codes
        self._row, self._column, self._style, self._kind = -1, -1, 0, ""
        self._is_formula = self._has_value = self._in_value = False
        self._styled = array("q")  # cells with a number format: row, column and style in one number
        self._next = 0
        parse_xml(file, self._start, self._end, self._text)

    def _start(self, name: str, attributes: Attributes) -> None:
        check_counts(attributes)
        if name == "c":
            self._start_cell(attributes)
        elif name == "row":
            number = attributes.get("r", "")
            self._row = int(number) - 1 if number.isdecimal() and len(number) < 8 else self._row + 1
            self._column = -1
        elif name == "f":
            self._is_formula = True
        elif name in ("v", "t"):
            self._in_value = True

    def _start_cell(self, attributes: Attributes) -> None:
        self._column += 1
        if place := _REFERENCE.fullmatch(attributes.get("r", "")):
            self._row, self._column = int(place[2]) - 1, _column_number(place[1])
        style = attributes.get("s", "0")
        self._style = int(style) if style.isdecimal() and len(style) < 6 else 0
        self._kind = attributes.get("t", "n")
        self._is_formula = self._has_value = False

    def _text(self, _text: str) -> None:
        self._has_value = self._has_value or self._in_value

    def _end(self, name: str) -> None:
        if name in ("v", "t"):
            self._in_value = False
        if name != "c":
            return
        if self._has_value:
            self._grow(max(self._row, 0), self._column)
        self.errors += self._kind == "e"
        self.unknown += self._is_formula and not self._has_value and self._kind != "str"
        if self._kind in ("n", "d") and self._has_value and self._style < len(self._codes) and self._codes[self._style]:
            self._styled.append((max(self._row, 0) << 32) + (self._column << 16) + self._style)

    def show(self, row: int, cells: list[Cell]) -> list[str]:
        """The texts of a row's cells as the sheet shows them. The rows must come in their order."""
        codes: dict[int, str] = {}
        while self._next < len(self._styled) and self._styled[self._next] >> 32 <= row:
            place = self._styled[self._next]
            self._next += 1
            if place >> 32 == row:
                codes[place >> 16 & 0xFFFF] = self._codes[place & 0xFFFF]
        return [number_formats.show(cell, codes.get(column, "")) for column, cell in enumerate(cells)]


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1


def read_number_formats(file: IO[bytes]) -> list[str]:
    """The number formats of an Excel workbook by the number of their style; '' for the general one."""
    own: dict[int, str] = {}
    styles: list[str] = []
    inside: list[str] = []

    def start(name: str, attributes: Attributes) -> None:
        if name == "numFmt" and attributes.get("numFmtId", "").isdecimal():
            own[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            inside.append(name)
        elif name == "xf" and inside:
            number = attributes.get("numFmtId", "0")
            found = int(number) if number.isdecimal() else 0
            styles.append(own.get(found, number_formats.BUILT_IN.get(found, "")))

    parse_xml(file, start, lambda name: inside.clear() if name == "cellXfs" else None)
    return ["" if code.lower() == "general" else code for code in styles[:0xFFFF]]


class OpenDocumentScan(SheetScan):
    """The scan of the sheet called `name` in the content of an OpenDocument spreadsheet; without a name, of each sheet."""

    def __init__(self, file: IO[bytes], name: str | None = None) -> None:
        super().__init__()
        self._name = name
        self._is_open = self._is_shown = False
        self._row, self._column, self._repeat, self._row_repeat = 0, 0, 1, 1
        self._cell: list[str] | None = None
        self._annotations = self._paragraphs = 0
        self._texts: dict[int, str] = {}
        self._shown: list[
            tuple[int, int, dict[int, str]]
        ] = []  # the first row, the row after the last, texts by column
        self._next = self._size = 0
        parse_xml(file, self._start, self._end, self._text)

    def _start(self, name: str, attributes: Attributes) -> None:
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if name == "table":
            self._is_open = self._name in (None, plain.get("name"))
            if self._is_open:
                self._row = self.rows = self.columns = 0
        elif not self._is_open:
            return
        elif name == "table-row":
            self._column, self._row_repeat, self._texts = 0, _count(plain.get("number-rows-repeated")), {}
        elif name in ("table-cell", "covered-table-cell"):
            self._start_cell(plain)
        elif name == "annotation":
            self._annotations += 1
        elif name == "p":
            self._paragraphs += 1
            if self._cell:
                self._cell.append("\n")

    def _start_cell(self, attributes: Attributes) -> None:
        self._repeat, self._cell = _count(attributes.get("number-columns-repeated")), []
        kind = attributes.get("value-type", "")
        self._is_shown = kind not in ("", "string")
        down, right = (_count(attributes.get(f"number-{which}-spanned")) for which in ("rows", "columns"))
        if down > 1 or right > 1:
            here = (self._row, self._column)
            self.merges.append((here, (self._row + down - 1, self._column + right - 1)))
        self.unknown += "formula" in attributes and not kind

    def _text(self, text: str) -> None:
        if self._cell is not None and self._paragraphs and not self._annotations and self._is_open:
            self._cell.append(text)

    def _end(self, name: str) -> None:
        if name == "table":
            self._is_open = False
        elif name == "annotation":
            self._annotations = max(0, self._annotations - 1)
        elif name == "p":
            self._paragraphs = max(0, self._paragraphs - 1)
        elif name in ("table-cell", "covered-table-cell") and self._is_open:
            self._end_cell()
        elif name == "table-row" and self._is_open:
            if self._texts:
                self._shown.append((self._row, self._row + self._row_repeat, self._texts))
            self._row += self._row_repeat

    def _end_cell(self) -> None:
        text = "".join(self._cell or []).strip("\n")
        self._cell = None
        if text or self._is_shown:
            self._grow(self._row + self._row_repeat - 1, self._column + self._repeat - 1)
        if text.startswith("#") and self._is_shown:
            self.errors += self._repeat * self._row_repeat
        if text and self._is_shown:
            self._size += len(text) * self._repeat
            if self._size > MAX_SHOWN_BYTES:
                raise HostileXmlError(tr("Its cells show more text than a sheet would have. Save it as CSV."))
            self._texts.update(dict.fromkeys(range(self._column, self._column + self._repeat), text))
        self._column += self._repeat

    def show(self, row: int, cells: list[Cell]) -> list[str]:
        """The texts of a row's cells as the sheet shows them. The rows must come in their order."""
        while self._next < len(self._shown) and self._shown[self._next][1] <= row:
            self._next += 1
        first, _end, texts = self._shown[self._next] if self._next < len(self._shown) else (row + 1, 0, {})
        known = texts if first <= row else {}
        return [
            cell if isinstance(cell, str) and cell else known.get(column, number_formats.show(cell))
            for column, cell in enumerate(cells)
        ]


def _count(number: str | None) -> int:
    return max(1, int(number)) if number and number.isdecimal() and len(number) < 9 else 1
