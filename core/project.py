"""The open project file: connections to read, one thread to write, and undo."""

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from core import paths, schema
from core.errors import ProjectError
from core.language import tr
from core.progress import Cancelled, Reporter

T = TypeVar("T")
UNDO_LIMIT = 500
CACHE_KIB = 32 * 1024
CHECK_EVERY = 100_000  # steps of SQLite between two looks at whether to stop
MAPPED = 4 << 30  # bytes of the file that reads may map; only a limit
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
        self._lock = None if self.read_only else _locked(self.path)
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
        with _worded(self.path):
            self._db = self._writing.submit(_open_to_write, self.path, self.read_only).result()
            self.rows = _open_to_read(self.path, self.read_only)
            self._search = _open_to_read(self.path, self.read_only)
            for id, stack, label in [] if self.read_only else self._writing.submit(self._recall).result():
                (self._undo if stack == "undo" else self._redo).append(Step(id, label))

    def _recall(self) -> list[tuple[int, str, str]]:
        with _transaction(self._db):
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
        with _transaction(self._db):
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
            with _worded(self.path):
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
            raise _read_only(self.path)
        self._wrote = True
        # Deferred, a step whose rows another process writes takes no lock of the file: it touches temporary tables only.
        with _worded(self.path), _transaction(self._db, "DEFERRED" if outside else "IMMEDIATE"):
            id = schema.begin_step(self._db)
            change(self._db, *args)
            counts = schema.touched(self._db, id)
            if counts and not outside:
                schema.advance(self._db)
            ids = schema.touched_ids(self._db, id, counts)
            return Step(id, label), Changes(label, counts, schema.recorded(self._db), ids)

    def _forget(self, steps: list[Step]) -> None:
        if steps:
            with _transaction(self._db):
                schema.forget(self._db, [step.id for step in steps])


def _open_to_write(path: Path, read_only: bool = False) -> sqlite3.Connection:
    db = _connect_read_only(path) if read_only else _connect(path)
    try:
        _require_project(db, path)
        if read_only:
            _require_readable(db, path)
            return db
        db.execute("PRAGMA page_size = 8192")  # of a new file; larger pages import faster
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


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """On a medium that nobody can write, SQLite must be told so: it could make no lock there."""
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _require_readable(db: sqlite3.Connection, path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    if schema.version(db) < len(schema.MIGRATIONS) or (log.exists() and log.stat().st_size):
        raise ProjectError(
            tr("“{name}” cannot be opened where it is", name=path.name),
            tr(
                "It was not closed properly or comes from an older Juku, and cannot be written here. Copy it elsewhere, with the files beside it."
            ),
        )


def _open_to_read(path: Path, read_only: bool = False) -> sqlite3.Connection:
    if read_only:
        return _connect_read_only(path)
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA query_only = ON")
    db.execute(f"PRAGMA mmap_size = {MAPPED}")
    return db


def _read_only(path: Path) -> ProjectError:
    return ProjectError(
        tr("“{name}” can only be read", name=path.name),
        tr("Its disk or folder cannot be written, so nothing was changed. Copy the project elsewhere to edit it."),
    )


def _locked(path: Path) -> FileLock:
    """Refuse a project that is open in another window: neither would know the other's steps.

    The lock lies in the cache, not beside the project: it is the system's and ends with its process.
    """
    name = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
    folder = paths.cache_folder() / "open"
    lock = FileLock(folder / f"{name}.lock", thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise ProjectError(
            tr("“{name}” is open already", name=path.name),
            tr("Another window or command is working on it. Nothing was changed. Go on there, or close it first."),
        ) from None
    except OSError:  # a cache that cannot be written must not keep anyone from the project
        pass
    return lock


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
def _transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    db.execute(f"BEGIN {kind}")
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
    if reason == "interrupted":
        raise Cancelled
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


def open_rows(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for another process than the window's. Raises `ProjectError`."""
    with _worded(path):
        return _open_to_read(path)


@contextmanager
def open_outside(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction in another process than the window's, on behalf of its `Project.write_outside`.

    It is not checkpointed at its end, which would take as long again: the window's process does that later.
    """
    with _worded(path):
        db = _connect(path)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            with _transaction(db):
                yield db
                schema.advance(db)
        finally:
            db.close()


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
