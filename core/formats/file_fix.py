"""Writes a file with everything repaired that is safe to repair: JSON Lines of chat rows, whatever the file was."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from core import checks, formats
from core.checks.contents_digest import compute_contents_digest
from core.errors import FormatError
from core.formats.reading_options import DETECTED, ReadingOptions
from core.language import tr
from core.progress import Reporter


class FixResult(NamedTuple):
    """How many rows were written, how many of them were changed, and how many lines were left out."""

    rows: int
    fixed: int
    left_out: int


OnChange = Callable[
    [int, int, list[str]], None
]  # a line, its line in the new file (0: left out), the rules that were fixed


def fix_file(
    path: Path,
    out: Path,
    reporter: Reporter,
    options: ReadingOptions = DETECTED,
    on_change: OnChange = lambda _line, _new, _rules: None,
) -> FixResult:
    """Write the repaired rows of `path` to `out`.

    Rows with the same contents as an earlier one, blank lines, and lines that stay unreadable are left out. `on_change` is
    called for each line that is changed or left out. Raises FormatError when a file
    cannot be read or written, and `Cancelled`; an existing file then stays unchanged.
    """
    if out.exists() and path.exists() and out.samefile(path):
        title = tr("The repaired rows need a file of their own")
        raise FormatError(title, tr("Lines that are left out would be lost. Nothing was written."))
    counts = {"fixed": 0, "left_out": 0}

    def rows() -> Iterator[str]:
        known: set[int] = set()
        for row in formats.read(path, reporter, options):
            text, fixed = _repair(row)
            digest = compute_contents_digest(text) if text is not None else 0
            if text is None or digest in known:
                counts["left_out"] += 1
                on_change(row.line.number, 0, fixed if text is None else ["same-contents"])
                continue
            known.add(digest)
            if text != row.text:
                counts["fixed"] += 1
                on_change(row.line.number, len(known), fixed)
            yield text

    return FixResult(formats.write(out, rows()), **counts)


def _repair(row: formats.FileRow) -> tuple[str | None, list[str]]:
    """The repaired text of a row, None where it stays unreadable, and the rules that were fixed."""
    text, fixed = row.text, []
    if text is None:
        repaired = checks.repair(row.line.raw)
        text = repaired.decode() if repaired else None
        fixed = [problem.rule for problem in row.problems]
    if text is None:
        return None, fixed
    for rule in dict.fromkeys(problem.rule for problem in checks.check_line(text.encode()).problems):
        if changed := checks.fix(rule, text):
            text = changed
            fixed.append(rule)
    return text, fixed
