"""Writes a file with everything repaired that is safe to repair: JSON Lines of chat rows, whatever the file was."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core import checks, formats
from core.formats.reading_options import DETECTED, ReadingOptions
from core.progress import Reporter


class FixResult(NamedTuple):
    """How many rows were written, how many of them were changed, and how many lines were left out."""

    rows: int
    fixed: int
    left_out: int


def fix_file(path: Path, out: Path, reporter: Reporter, options: ReadingOptions = DETECTED) -> FixResult:
    """Write the repaired rows of `path` to `out`.

    Rows that occurred before, blank lines, and lines that stay unreadable are left out. Raises FormatError when a file
    cannot be read or written, and `Cancelled`; an existing file then stays unchanged.
    """
    counts = {"fixed": 0, "left_out": 0}

    def rows() -> Iterator[str]:
        known: set[str] = set()
        for row in formats.read(path, reporter, options):
            text = _repair(row)
            if text is None or text in known:
                counts["left_out"] += 1
                continue
            known.add(text)
            counts["fixed"] += text != row.text
            yield text

    return FixResult(formats.write(out, rows()), **counts)


def _repair(row: formats.FileRow) -> str | None:
    text = row.text
    if text is None:
        repaired = checks.repair(row.line.raw)
        text = repaired.decode() if repaired else None
    if text is None:
        return None
    for rule in dict.fromkeys(problem.rule for problem in checks.check_line(text.encode()).problems):
        text = checks.fix(rule, text) or text
    return text
