"""Converts rows to and from the clipboard's text, as spreadsheets read and write it."""

from collections.abc import Iterable, Sequence

from core.errors import FormatError
from core.formats import csv_cells, format_detection


def to_text(rows: Iterable[Sequence[str]]) -> str:
    """Cells as tab-separated text that Excel and LibreOffice paste as cells; none of them runs as a formula."""
    return csv_cells.write_records([csv_cells.escape_formula(cell) for cell in row] for row in rows)


def parse_cells(text: str) -> list[list[str]]:
    """Parse the cells of a text copied from a spreadsheet, or from `to_text`. Never raises."""
    return [[csv_cells.unescape_formula(cell) for cell in row] for row in csv_cells.parse(text)]


def has_headings(text: str) -> bool:
    """Whether a text is a table whose first row names a question and an answer: rows of their own, not cells."""
    found = detect_pasted(text) if "\n" in text.strip() else None
    return found is not None and found.has_head and {"question", "answer"} <= found.mapping.keys()


def detect_pasted(text: str) -> format_detection.DetectedFormat | None:
    """Detect the format of a pasted text, JSON rows or a table; None when it is just text."""
    try:
        return format_detection.detect_text(text) if text.strip() else None
    except FormatError:
        return None
