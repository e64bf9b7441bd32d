"""The quarantine: lines of imported files that could not be read, stored with their bytes until they are repaired."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import checks
from core.dataset import examples
from core.formats.output_files import replace_file
from core.progress import Reporter

UNREAD_COLUMNS = "id, source, line, start, length, raw, rule, message"
LINES_PER_CHUNK = 500


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line that could not be read, and the rule it breaks.

    `line` counts from 1; `start` is its first byte in the file and `length` its bytes there. `raw` holds its bytes, of a
    line over the limit only the first of them.
    """

    id: int
    source: str
    line: int
    start: int
    length: int
    raw: bytes
    rule: str
    message: str


def load_lines(db: sqlite3.Connection, offset: int = 0, limit: int = -1, rule: str = "") -> list[UnreadLine]:
    """Lines in the order of their import; `rule` '' is any, `limit` -1 is all."""
    sql = f"SELECT {UNREAD_COLUMNS} FROM unread WHERE ? IN ('', rule) ORDER BY id LIMIT ? OFFSET ?"
    return [UnreadLine(*row) for row in db.execute(sql, (rule, limit, offset))]


def find(db: sqlite3.Connection, rule: str = "") -> array[int]:
    """The ids of the lines that break `rule` ('' is any), in the order of their import."""
    rows = db.execute("SELECT id FROM unread WHERE ? IN ('', rule) ORDER BY id", (rule,))
    return array("q", (id for (id,) in rows))


def fetch(db: sqlite3.Connection, ids: Sequence[int], cut: int = 0) -> dict[int, UnreadLine]:
    """Lines by id, at most a few hundred; with `cut` only the first `cut` bytes of each."""
    marks = ",".join("?" * len(ids))
    raw = f"substr(raw, 1, {cut:d})" if cut else "raw"
    rows = db.execute(f"SELECT {UNREAD_COLUMNS.replace('raw', raw)} FROM unread WHERE id IN ({marks})", list(ids))
    return {row[0]: UnreadLine(*row) for row in rows}


def count_repairable(db: sqlite3.Connection, ids: Sequence[int]) -> int:
    """How many of these lines can be repaired safely."""
    return sum(repair_line(entry) is not None for id in ids for entry in fetch(db, [id]).values())


def save(db: sqlite3.Connection, ids: Sequence[int], path: Path, reporter: Reporter) -> int:
    """Write lines to a file, each with its bytes and a line feed; returns how many.

    Of a line over the limit only its beginning is stored. Raises `FormatError` when the file cannot be written, `Cancelled`.
    """
    written = 0
    with replace_file(path) as file:
        for done, id in enumerate(ids):
            for entry in fetch(db, [id]).values():
                file.write(entry.raw + b"\n")
                written += 1
            if done % LINES_PER_CHUNK == 0:
                reporter.update(done, len(ids))
    return written


def count(db: sqlite3.Connection, rule: str = "") -> int:
    """How many lines break `rule` ('' is any)."""
    number: int = db.execute("SELECT count(*) FROM unread WHERE ? IN ('', rule)", (rule,)).fetchone()[0]
    return number


def count_rules(db: sqlite3.Connection) -> dict[str, int]:
    """How many lines break each rule, the most frequent first."""
    return dict(db.execute("SELECT rule, count(*) FROM unread GROUP BY 1 ORDER BY 2 DESC"))


def repair_line(entry: UnreadLine) -> str | None:
    """The repaired JSON text of a line; None where a repair would be a guess."""
    whole = entry.length == len(entry.raw)
    fixed = checks.repair(entry.raw) if whole else None
    return fixed.decode() if fixed is not None else None


def repair(db: sqlite3.Connection, id: int, data: str) -> None:
    """Replace a line by an example with the corrected text `data`.

    Raises `FormatError` when `data` is not a JSON object; the line then stays in the quarantine.
    """
    examples.require_readable(data)
    source, line = db.execute("SELECT source, line FROM unread WHERE id = ?", (id,)).fetchone()
    examples.add(db, [examples.read_row(data, source=source, line=line)])
    delete(db, [id])


def repair_all(db: sqlite3.Connection, reporter: Reporter | None = None) -> None:
    """Replace every line that can be repaired safely by an example. Raises `Cancelled`."""
    ids = [entry.id for entry, _data in _find_repairable(db)]
    for done, id in enumerate(ids, start=1):
        entry = UnreadLine(*db.execute(f"SELECT {UNREAD_COLUMNS} FROM unread WHERE id = ?", (id,)).fetchone())
        if (data := repair_line(entry)) is not None:
            repair(db, id, data)
        if reporter and done % LINES_PER_CHUNK == 0:
            reporter.update(done, len(ids))


def _find_repairable(db: sqlite3.Connection) -> Iterator[tuple[UnreadLine, str]]:
    for row in db.execute(f"SELECT {UNREAD_COLUMNS} FROM unread ORDER BY id"):
        entry = UnreadLine(*row)
        if (data := repair_line(entry)) is not None:
            yield entry, data


def delete(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Delete the lines."""
    db.executemany("DELETE FROM unread WHERE id = ?", ((id,) for id in ids))
