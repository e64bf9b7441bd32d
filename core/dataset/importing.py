"""Imports the rows of a file into a project; a process of its own reads the file.

The child only reads the file, checks and compresses; it never opens the project. What it returns is stored on the
project's own writing thread, in one transaction (`Project.load`).
"""

import asyncio
import contextlib
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core import formats, keys, language
from core.dataset import examples
from core.dataset.import_reader_process import Block, KnownTexts, StoredCounts, load_known_texts, store_blocks
from core.dataset.import_reader_process import ImportOptions as ImportOptions
from core.errors import FormatError, JukuError
from core.formats.reading_options import ReadingOptions as ReadingOptions
from core.language import trn
from core.paths import ROOT
from core.progress import Progress, Reporter
from core.storage import background_process
from core.storage.project import Changes, Project

LOG_WRITE_INTERVAL = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The numbers of new `rows`, of `known` rows that were left out and of `unread` lines in the quarantine.

    `ids` are those of the new rows. `notes` say how the file was read where that was a guess, and what was left out.
    """

    changes: Changes
    rows: int
    known: int
    unread: int
    ids: range = range(0)
    notes: list[str] = field(default_factory=list)


async def import_file(
    project: Project,
    path: Path,
    options: ImportOptions | None = None,
    reporter: Reporter | None = None,
    label: str = "",
) -> ImportResult:
    """Add the rows of the file as one undoable step; a process of its own reads it.

    Raises `JukuError` when the file cannot be read, `ProjectError` when the project cannot be written, and
    `CancelledError`; then no row is added.
    """
    options, reporter = options or ImportOptions(), reporter or Reporter()
    path = _make_absolute(path)
    counts: list[StoredCounts] = []
    added: dict[str, range] = {}

    def fill(db: sqlite3.Connection) -> dict[str, range]:
        before = _get_next_ids(db)
        known = load_known_texts(db) if options.skip_known else None
        with _write_log_meanwhile(project.write_log_out):
            counts[:] = [store_blocks(db, _read_in_process(path, options, known, reporter))]
        after = _get_next_ids(db)
        added.update({table: range(before[table], after[table]) for table in before})
        return added

    changes = await project.load(label or path.name, fill, reporter)
    (count,) = counts
    notes = await asyncio.to_thread(_describe, path, options, count.lost)
    return ImportResult(changes, count.rows, count.known, count.unread, added.get("example", range(0)), notes)


def _describe(path: Path, options: ImportOptions, lost: Mapping[str, int]) -> list[str]:
    """How the file was read, and what was left out of its rows, in sentences."""
    try:
        detected = formats.detect(path, options.reading)
    except FormatError:
        return []  # it has gone meanwhile
    notes = formats.describe_reading(detected, options.reading.columns)
    for reason, count in lost.items():
        what = formats.format_loss(reason)
        notes.append(trn("Left out of {n} row: {what}.", "Left out of {n} rows: {what}.", count, what=what))
    return notes


def _make_absolute(path: Path) -> Path:
    """The absolute path: the child process has another working directory."""
    return path.absolute()


@contextlib.contextmanager
def save_pasted_text(text: str) -> Iterator[Path]:
    """Write pasted text to a temporary file, which is deleted at the end of the `with` block."""
    with tempfile.TemporaryDirectory(prefix="juku-") as folder:
        path = Path(folder) / "pasted.txt"
        path.write_text(text, encoding="utf-8")
        yield path


@contextlib.contextmanager
def _write_log_meanwhile(write_out: Callable[[], None]) -> Iterator[None]:
    """Flush the database's log to disk every `LOG_WRITE_INTERVAL` seconds in the block, so that the commit is short."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(LOG_WRITE_INTERVAL):
            with contextlib.suppress(OSError):
                write_out()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _get_next_ids(db: sqlite3.Connection) -> dict[str, int]:
    (unread,) = db.execute("SELECT coalesce(max(id), 0) + 1 FROM unread").fetchone()
    return {"example": examples.get_next_id(db), "unread": unread}


def _read_in_process(
    path: Path, options: ImportOptions, known: KnownTexts | None, reporter: Reporter
) -> Iterator[Block]:
    reporter.check()
    process = subprocess.Popen(
        [sys.executable, "-m", "core.dataset.import_reader_process"],
        cwd=ROOT, env=keys.child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=background_process.PIPE_BYTES,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    background_process.enlarge_pipe(process.stdout)
    reporter.on_cancel(process.kill)
    try:
        with contextlib.suppress(BrokenPipeError):  # the child has ended; `_receive_blocks` reports why
            pickle.dump((path, options, known, language.current_language()), process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
        yield from _receive_blocks(process, reporter)
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()


def _receive_blocks(process: subprocess.Popen[bytes], reporter: Reporter) -> Iterator[Block]:
    assert process.stdout
    try:
        while (item := pickle.load(process.stdout)) is not None:  # noqa: S301 - from our own child
            if isinstance(item, Progress):
                reporter.update(item.done, item.total)
            elif isinstance(item, Block):
                yield item
            else:
                raise JukuError(*item)
    except (EOFError, pickle.UnpicklingError):
        reporter.check()
        raise background_process.ended_error(process.wait()) from None
