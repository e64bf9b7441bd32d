"""Tables in Markdown text: found between the prose, and written so that every text comes back."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from core.checks import LINE_LIMIT, too_long
from core.formats.csv_parser import TableRecord, bare, cells_count, foreign, is_foreign
from core.formats.text_lines import FileLine

_RULE = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+")
_CELL = re.compile(r"((?:[^|\\]++|\\.|\\$)*+)(\||$)", re.DOTALL)
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_HARD = re.compile(r"&(?=[#\w])|<(?=br)|\\(?=[|\\]|$)|\r|^[ \t]+|[ \t]+$", re.IGNORECASE)


def iterate_records(lines: Iterable[FileLine]) -> Iterator[TableRecord]:
    """The records of every table in the text; the head of each is marked, and the text around them passed over."""
    before: FileLine | None = None
    width = 0
    for line in lines:
        text = _text(line)
        if width and ("|" in text or line.length > LINE_LIMIT):
            yield _record(line, text, width)
        elif before and (head := _head(before, text)):
            width = len(head)
            yield TableRecord(bare([before]), head, is_head=True)
        else:
            width = 0
        before = None if width else line


def _head(before: FileLine, text: str) -> list[str]:
    """The cells of the line before a table's rule, or none when this is no rule for it."""
    if "-" not in text or len(text) > 10_000 or not _RULE.fullmatch(text):
        return []
    head = split(_text(before))
    return head if ("|" in text or "|" in _text(before)) and len(split(text)) == len(head) else []


def _record(line: FileLine, text: str, width: int) -> TableRecord:
    if line.length > LINE_LIMIT:
        return TableRecord(line, [], too_long(line.length))
    cells = split(text)
    problem = foreign() if is_foreign(line.raw) else cells_count(len(cells), width) if len(cells) != width else None
    return TableRecord(bare([line]), cells, problem)


def _text(line: FileLine) -> str:
    return line.raw.decode(errors="replace") if line.length <= LINE_LIMIT else ""


def split(line: str) -> list[str]:
    """The cells of one line, as they are meant."""
    inner = line.strip(" \t\r\n").removeprefix("|")
    return [unescape_cell(match[1]) for match in _CELL.finditer(inner) if match[2] or match[1].strip(" \t")]


def unescape_cell(cell: str) -> str:
    return html.unescape(_BREAK.sub("\n", cell.strip(" \t").replace("\\|", "|")))


def write(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(escape_cell, cells))} |\n"


def delimiter_row(width: int) -> str:
    return f"|{'---|' * width}\n"


def escape_cell(text: str) -> str:
    """`text` as a cell, from which `meant` gets it back."""
    safe = _HARD.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), text)
    return safe.replace("\n", "<br>").replace("|", "\\|")
