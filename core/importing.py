"""Brings the rows of files into a project: in this process, or in one of its own beside the window.

Reading and storing take about the same time, so a large file is read by one process and stored by another. The storing
one writes straight into the project, in a single transaction on the window's behalf (`Project.write_outside`).
"""

import contextlib
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from core import dataset, keys, language, outside
from core.connection import open_outside
from core.errors import JukuError
from core.progress import Progress, Reporter
from core.project import Changes, Project
from core.rows import Block, Known, blocks, store
from core.rows import Options as Options

WRITTEN = 0.5  # seconds between two writings of what is stored so far
LARGE = 8 * 1024 * 1024  # bytes from which a file is read by a process of its own


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought: rows, rows that were there already, and lines that wait in the quarantine.

    `ids` are those of the new rows.
    """

    changes: Changes
    rows: int
    known: int
    unread: int
    ids: range = range(0)


def import_file(
    db: sqlite3.Connection, path: Path, reporter: Reporter, options: Options | None = None
) -> tuple[int, int, int]:
    """Add the rows of `path`, in this process; rows, known and unread. Raises `FormatError`, `Cancelled`."""
    options = options or Options()
    known = Known.of(db) if options.skip_known else Known()
    return store(db, blocks(path, options, known, reporter))


async def bring(
    project: Project, path: Path, options: Options | None = None, reporter: Reporter | None = None, label: str = ""
) -> Imported:
    """Add the rows of `path` as one undoable step, in a process of its own. Raises `JukuError`."""
    options, reporter = options or Options(), reporter or Reporter()
    request = {"project": str(project.path), "path": str(_absolute(path)), "options": asdict(options)}
    counts: list[int] = []
    added: dict[str, range] = {}

    def work() -> dict[str, range]:
        found = outside.run("core.importing", request, reporter)
        counts[:] = found.pop("counts")
        added.update({table: range(*ends) for table, ends in found.items()})
        return added

    changes = await project.write_outside(label or path.name, work, reporter)
    rows, known, unread = counts
    return Imported(changes, rows, known, unread, added.get("example", range(0)))


def _absolute(path: Path) -> Path:
    """As another process would name it."""
    return path.absolute()


@contextlib.contextmanager
def pasted(text: str) -> Iterator[Path]:
    """Pasted text as a file, for as long as it takes to bring it in."""
    with tempfile.TemporaryDirectory(prefix="juku-") as folder:
        path = Path(folder) / "pasted.txt"
        path.write_text(text, encoding="utf-8")
        yield path


def _work(request: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    project, path = Path(request["project"]), Path(request["path"])
    options = Options(**request["options"])
    with open_outside(project) as db, _written_early(project):
        before = _next_ids(db)
        if path.exists() and path.stat().st_size >= LARGE:
            counts = store(db, _read_apart(path, options, project, reporter))
        else:
            known = Known.of(db) if options.skip_known else Known()
            counts = store(db, blocks(path, options, known, reporter))
        after = _next_ids(db)
    return {"counts": counts, **{table: [before[table], after[table]] for table in before}}


@contextlib.contextmanager
def _written_early(project: Path) -> Iterator[None]:
    """Let the disk write what is stored while more is being read: at its end the transaction then waits for little."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(WRITTEN):
            with contextlib.suppress(OSError), project.with_name(f"{project.name}-wal").open("rb") as log:
                os.fsync(log.fileno())

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _next_ids(db: sqlite3.Connection) -> dict[str, int]:
    (unread,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM unread").fetchone()
    return {"example": dataset.next_id(db), "unread": unread}


def _read_apart(path: Path, options: Options, project: Path, reporter: Reporter) -> Iterator[Block]:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.rows"],
        cwd=outside.ROOT, env=keys.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=outside.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    outside.widen(process.stdout)
    try:
        pickle.dump((path, options, project, language.chosen()), process.stdin)
        process.stdin.flush()
        yield from _blocks_of(process.stdout, reporter)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _blocks_of(stream: IO[bytes], reporter: Reporter) -> Iterator[Block]:
    while (item := pickle.load(stream)) is not None:  # noqa: S301 - from our own child
        if isinstance(item, Progress):
            reporter.update(item.done, item.total)
        elif isinstance(item, Block):
            yield item
        else:
            raise JukuError(*item)


if __name__ == "__main__":
    outside.serve(_work)
