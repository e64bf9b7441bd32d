"""Lines of imported files that could not be read: kept with their place, their bytes and the reason, until they are repaired."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import checks
from core.dataset import examples
from core.formats.output_files import replacing
from core.progress import Reporter

COLUMNS = "id, source, line, start, length, raw, rule, message"
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that could not be read: where it stood, its bytes, and why. Of a line over the limit `raw` is the beginning."""

    id: int
    source: str
    line: int
    start: int
    length: int
    raw: bytes
    rule: str
    message: str


def unread(db: sqlite3.Connection, offset: int = 0, limit: int = -1, rule: str = "") -> list[Unread]:
    sql = f"SELECT {COLUMNS} FROM unread WHERE ? IN ('', rule) ORDER BY id LIMIT ? OFFSET ?"
    return [Unread(*row) for row in db.execute(sql, (rule, limit, offset))]


def find(db: sqlite3.Connection, rule: str = "") -> array[int]:
    """The ids of the lines (that wait for one reason), in the order in which they came."""
    rows = db.execute("SELECT id FROM unread WHERE ? IN ('', rule) ORDER BY id", (rule,))
    return array("q", (id for (id,) in rows))


def fetch(db: sqlite3.Connection, ids: Sequence[int], cut: int = 0) -> dict[int, Unread]:
    """Lines by their ids (at most a few hundred), of each only the first `cut` bytes where that is given."""
    marks = ",".join("?" * len(ids))
    raw = f"substr(raw, 1, {cut:d})" if cut else "raw"
    rows = db.execute(f"SELECT {COLUMNS.replace('raw', raw)} FROM unread WHERE id IN ({marks})", list(ids))
    return {row[0]: Unread(*row) for row in rows}


def mendable(db: sqlite3.Connection, ids: Sequence[int]) -> int:
    """How many of these lines can be mended safely."""
    return sum(repaired(entry) is not None for id in ids for entry in fetch(db, [id]).values())


def save(db: sqlite3.Connection, ids: Sequence[int], path: Path, reporter: Reporter) -> int:
    """Write lines to a file, each with the bytes it came with and a line feed; how many. Raises `FormatError`.

    Of a line over the limit only its beginning is in the project.
    """
    written = 0
    with replacing(path) as file:
        for done, id in enumerate(ids):
            for entry in fetch(db, [id]).values():
                file.write(entry.raw + b"\n")
                written += 1
            if done % CHUNK == 0:
                reporter.update(done, len(ids))
    return written


def count(db: sqlite3.Connection, rule: str = "") -> int:
    number: int = db.execute("SELECT count(*) FROM unread WHERE ? IN ('', rule)", (rule,)).fetchone()[0]
    return number


def rules(db: sqlite3.Connection) -> dict[str, int]:
    """How many lines wait for each reason."""
    return dict(db.execute("SELECT rule, count(*) FROM unread GROUP BY 1 ORDER BY 2 DESC"))


def repaired(entry: Unread) -> str | None:
    """The line as it probably was meant, or None where that would be a guess."""
    whole = entry.length == len(entry.raw)
    mended = checks.repair(entry.raw) if whole else None
    return mended.decode() if mended is not None else None


def repair(db: sqlite3.Connection, id: int, data: str) -> None:
    """Make an example of a line that a person has put right. Raises `FormatError`; the line then stays aside."""
    examples.require_readable(data)
    source, line = db.execute("SELECT source, line FROM unread WHERE id = ?", (id,)).fetchone()
    examples.add(db, [examples.read_row(data, source=source, line=line)])
    delete(db, [id])


def repair_all(db: sqlite3.Connection, reporter: Reporter | None = None) -> None:
    """Put right every line whose defect can be mended safely."""
    ids = [entry.id for entry, _data in _mendable(db)]
    for done, id in enumerate(ids, start=1):
        entry = Unread(*db.execute(f"SELECT {COLUMNS} FROM unread WHERE id = ?", (id,)).fetchone())
        if (data := repaired(entry)) is not None:
            repair(db, id, data)
        if reporter and done % CHUNK == 0:
            reporter.update(done, len(ids))


def _mendable(db: sqlite3.Connection) -> Iterator[tuple[Unread, str]]:
    for row in db.execute(f"SELECT {COLUMNS} FROM unread ORDER BY id"):
        entry = Unread(*row)
        if (data := repaired(entry)) is not None:
            yield entry, data


def delete(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    db.executemany("DELETE FROM unread WHERE id = ?", ((id,) for id in ids))
