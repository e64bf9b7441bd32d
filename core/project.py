"""The open project file: connections to read, one thread to write, and undo."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from core import schema
from core.errors import ProjectError
from core.language import tr
from core.progress import Cancelled, Reporter

T = TypeVar("T")
UNDO_LIMIT = 200
SUFFIX = ".juku"


@dataclass(frozen=True, slots=True)
class Changes:
    """What one write touched; views decide from it what to refresh."""

    label: str
    counts: dict[str, int] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)

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

    A write is on the disk when its call returns. Raises `ProjectError` for a file that is no project, is newer than
    this program, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._undo: list[Step] = []
        self._redo: list[Step] = []
        self._writing = ThreadPoolExecutor(1, "project-write")
        self._reading = ThreadPoolExecutor(1, "project-read")
        try:
            with _worded(path):
                self._db = self._writing.submit(_open_to_write, self.path).result()
                self.rows = _open_to_read(self.path)
                self._search = _open_to_read(self.path)
        except BaseException:
            self._writing.shutdown()
            self._reading.shutdown()
            raise

    def close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        for db in (self.rows, self._search, self._db):
            db.close()

    async def read(self, query: Callable[..., T], *args: Any) -> T:
        """Run a query that may be slow, off the window's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._query, query, *args)

    def _query(self, query: Callable[..., T], *args: Any) -> T:
        with _worded(self.path):
            return query(self._search, *args)

    async def write(
        self, label: str, change: Callable[..., object], *args: Any, reporter: Reporter | None = None
    ) -> Changes:
        """Apply `change(db, *args)` as one undoable step named `label`. Cancelling the task takes all of it back."""
        return await self._on_writer(lambda: self._apply(label, change, *args), reporter)

    async def undo(self) -> Changes:
        return await self._on_writer(lambda: self._revert(self._undo, self._redo))

    async def redo(self) -> Changes:
        return await self._on_writer(lambda: self._revert(self._redo, self._undo))

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

    def _apply(self, label: str, change: Callable[..., object], *args: Any) -> Changes:
        step, changes = self._run_step(label, change, *args)
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

    def _run_step(self, label: str, change: Callable[..., object], *args: Any) -> tuple[Step, Changes]:
        with _worded(self.path), _transaction(self._db):
            id = schema.begin_step(self._db)
            change(self._db, *args)
            return Step(id, label), Changes(label, schema.touched(self._db, id), schema.recorded(self._db))

    def _forget(self, steps: list[Step]) -> None:
        if steps:
            with _transaction(self._db):
                schema.forget(self._db, [step.id for step in steps])


def _open_to_write(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _require_project(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if 0 < schema.version(db) < len(schema.MIGRATIONS):
            _back_up(db, path)
        schema.migrate(db)
        schema.watch(db)
    except BaseException:
        db.close()
        raise
    return db


def _open_to_read(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA query_only = ON")
    return db


def _require_project(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a database of another program and a project of a newer one, before anything is written."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != schema.APPLICATION_ID and tables:
        raise ProjectError(
            tr("“{name}” is not a Juku project", name=path.name),
            tr("It is a database of another program. Nothing in it was changed. Choose a file that ends in .juku."),
        )
    if schema.version(db) > len(schema.MIGRATIONS):
        raise ProjectError(
            tr("“{name}” was made by a newer Juku", name=path.name),
            tr("Nothing in it was changed. Update Juku to open it."),
        )


def _back_up(db: sqlite3.Connection, path: Path) -> None:
    target = path.with_name(f"{path.name}.backup-v{schema.version(db)}")
    with sqlite3.connect(target) as copy:
        db.backup(copy)
    copy.close()


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # A full disk has already rolled back by itself.
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


@contextmanager
def _worded(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person can act on."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise _wording(path, str(error)) from error


def _wording(path: Path, reason: str) -> ProjectError:
    name = path.name
    if "not a database" in reason:
        return ProjectError(
            tr("“{name}” is not a Juku project", name=name),
            tr("The file is not a database. Nothing in it was changed. Choose a file that ends in .juku."),
        )
    if "full" in reason:
        return ProjectError(
            tr("The disk is full"),
            tr(
                "The last change was not made; everything before it is safe in “{name}”. Free some space and try again.",
                name=name,
            ),
        )
    if "readonly" in reason or "unable to open" in reason:
        return ProjectError(
            tr("“{name}” cannot be written", name=name),
            tr(
                "Nothing was changed. Check that the folder exists and that you may write to it, or copy the file elsewhere."
            ),
        )
    if "locked" in reason:
        return ProjectError(
            tr("“{name}” is busy", name=name),
            tr("Another window or program is writing to it. The change was not made; try again in a moment."),
        )
    if "malformed" in reason or "I/O" in reason:
        return ProjectError(
            tr("“{name}” is damaged or its disk failed", name=name),
            tr(
                "The change was not made. Copy the file to another disk before you go on. ({reason})",
                reason=reason,
            ),
        )
    raise AssertionError(reason)


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
