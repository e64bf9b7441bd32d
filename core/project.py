"""The open project file: connections to read, one thread to write, and undo."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from core import project_lock, schema
from core.connection import open_to_read, open_to_write, read_only_error, transaction, worded
from core.errors import ProjectError
from core.language import tr
from core.progress import Cancelled, Reporter

T = TypeVar("T")
UNDO_LIMIT = 500
CHECK_EVERY = 100_000  # steps of SQLite between two looks at whether to stop
SUFFIX = ".juku"


@dataclass(frozen=True, slots=True)
class Changes:
    """What one write touched; views decide from it what to refresh. `ids` is None where rows are too many to name."""

    label: str
    counts: dict[str, int] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    ids: dict[str, set[int]] | None = None

    @property
    def tables(self) -> set[str]:
        return set(self.counts) | self.records

    @property
    def count(self) -> int:
        """How many undoable rows were touched."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Step:
    id: int
    label: str


class Project:
    """One project file. Reads may run on any connection; every write goes through `write`.

    A write is on the disk when its call returns. On a medium that cannot be written `read_only` is true and every
    write raises. Raises `ProjectError` for a file that is no project, is newer than this program, is open in another
    window, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.read_only = path.exists() and not (os.access(path, os.W_OK) and os.access(self.path.parent, os.W_OK))
        self._wrote = False
        self._closed = False
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._lock = None if self.read_only else project_lock.acquire(self.path)
        self._writing = ThreadPoolExecutor(1, "project-write")
        self._reading = ThreadPoolExecutor(1, "project-read")
        try:
            self._open()
        except BaseException:
            self._writing.shutdown()
            self._reading.shutdown()
            self._release()
            raise

    def _open(self) -> None:
        with worded(self.path):
            self._db = self._writing.submit(open_to_write, self.path, self.read_only).result()
            self.rows = open_to_read(self.path, self.read_only)
            self._search = open_to_read(self.path, self.read_only)
            for id, stack, label in [] if self.read_only else self._writing.submit(self._recall).result():
                (self._undo if stack == "undo" else self._redo).append(Step(id, label))

    def _recall(self) -> list[tuple[int, str, str]]:
        with transaction(self._db):
            return schema.recall(self._db)

    def close(self) -> None:
        """Close the file; the newest undo steps are kept in it for the next session where they are small."""
        if self._closed:
            return
        self._closed = True
        if not self.read_only:
            with suppress(sqlite3.Error):  # a full disk costs the undo steps, not the document
                self._writing.submit(self._tidy).result()
        self._writing.shutdown()
        self._reading.shutdown()
        for db in (self.rows, self._search, self._db):
            db.close()
        self._release()

    def _tidy(self) -> None:
        steps = [(step.id, "redo", step.label) for step in reversed(self._redo)]
        steps += [(step.id, "undo", step.label) for step in reversed(self._undo)]
        with transaction(self._db):
            schema.keep(self._db, steps)
            if self._wrote:
                schema.sweep(self._db)

    def _release(self) -> None:
        if self._lock:
            self._lock.release()

    async def read(self, query: Callable[..., T], *args: Any, reporter: Reporter | None = None) -> T:
        """Run a query that may be slow, off the window's thread. Cancelling the task, or the reporter, stops it."""
        stop = reporter or Reporter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, self._query, stop, query, *args)
        except asyncio.CancelledError:
            stop.cancel()
            raise
        except Cancelled:
            raise asyncio.CancelledError from None

    def _query(self, stop: Reporter, query: Callable[..., T], *args: Any) -> T:
        stop.check()
        self._search.set_progress_handler(lambda: stop.cancelled, CHECK_EVERY)
        try:
            with worded(self.path):
                return query(self._search, *args)
        finally:
            self._search.set_progress_handler(None, 0)

    async def write(
        self, label: str, change: Callable[..., object], *args: Any, reporter: Reporter | None = None
    ) -> Changes:
        """Apply `change(db, *args)` as one undoable step named `label`. Cancelling the task takes all of it back."""
        return await self._on_writer(lambda: self._apply(label, change, *args), reporter)

    async def write_outside(self, label: str, work: Callable[[], dict[str, range]], reporter: Reporter) -> Changes:
        """Let another process write: `work` waits for it and returns the ids of the rows it added, per table.

        No other write of this project runs meanwhile. What the process has committed is one undoable step.
        """

        def added(_db: sqlite3.Connection) -> None:
            for table, ids in work().items():
                if ids:
                    schema.note_added(self._db, self._db.execute("SELECT max(id) FROM step").fetchone()[0], table, ids)

        return await self._on_writer(lambda: self._apply(label, added, outside=True), reporter)

    async def undo(self) -> Changes:
        return await self._on_writer(lambda: self._revert(self._undo, self._redo))

    async def redo(self) -> Changes:
        return await self._on_writer(lambda: self._revert(self._redo, self._undo))

    @property
    def notice(self) -> str:
        """What the person should know of how the project was left; '' is nothing."""
        return self._lock.notice if self._lock else ""

    @property
    def undo_label(self) -> str | None:
        return self._undo[-1].label if self._undo else None

    @property
    def redo_label(self) -> str | None:
        return self._redo[-1].label if self._redo else None

    async def _on_writer(self, work: Callable[[], Changes], reporter: Reporter | None = None) -> Changes:
        future = asyncio.get_running_loop().run_in_executor(self._writing, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if reporter:
                reporter.cancel()
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise
        except Cancelled:
            raise asyncio.CancelledError from None

    def _apply(self, label: str, change: Callable[..., object], *args: Any, outside: bool = False) -> Changes:
        step, changes = self._run_step(label, change, *args, outside=outside)
        if changes.count:
            self._undo.append(step)
            self._forget(self._redo + self._undo[:-UNDO_LIMIT])
            self._redo.clear()
            del self._undo[:-UNDO_LIMIT]
        return changes

    def _revert(self, source: list[Step], target: list[Step]) -> Changes:
        """Restore the newest step of `source`; its own record becomes the newest of `target`."""
        if not source:
            return Changes("")
        step, changes = self._run_step(source[-1].label, schema.restore, source[-1].id)
        self._forget([source.pop()])
        target.append(step)
        return changes

    def _run_step(
        self, label: str, change: Callable[..., object], *args: Any, outside: bool = False
    ) -> tuple[Step, Changes]:
        if self.read_only:
            raise read_only_error(self.path)
        if self._lock:
            self._lock.require()
        self._wrote = True
        # Deferred, a step whose rows another process writes takes no lock of the file: it touches temporary tables only.
        with worded(self.path), transaction(self._db, "DEFERRED" if outside else "IMMEDIATE"):
            id = schema.begin_step(self._db)
            change(self._db, *args)
            counts = schema.touched(self._db, id)
            if counts and not outside:
                schema.advance(self._db)
            ids = schema.touched_ids(self._db, id, counts)
            return Step(id, label), Changes(label, counts, schema.recorded(self._db), ids)

    def _forget(self, steps: list[Step]) -> None:
        if steps:
            with transaction(self._db):
                schema.forget(self._db, [step.id for step in steps])


def create(path: Path) -> Project:
    """Make a new, empty project; an existing file is never replaced."""
    if path.exists():
        raise ProjectError(
            tr("“{name}” exists already", name=path.name),
            tr("It was not touched. Choose another name, or open it."),
        )
    return Project(path)


def open_existing(path: Path) -> Project:
    if not path.is_file():
        raise ProjectError(
            tr("“{name}” cannot be found", name=path.name),
            tr("It may have been moved or deleted: {path}", path=path),
        )
    return Project(path)
