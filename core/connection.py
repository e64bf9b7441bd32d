"""Connections to a project's file: who may open it, with which settings, and in which words it is refused."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from core import paths, schema
from core.errors import ProjectError, ProjectInUseError
from core.language import tr
from core.progress import Cancelled

CACHE_KIB = 32 * 1024
MAPPED = 4 << 30  # bytes of the file that reads may map; only a limit


def open_to_write(path: Path, read_only: bool = False) -> sqlite3.Connection:
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


def open_in_memory() -> sqlite3.Connection:
    """A database that is gone when it is closed, for what is only searched."""
    return sqlite3.connect(":memory:", check_same_thread=False)


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
                "It was not closed properly or comes from an older Juku, and cannot be written here. Copy it "
                "elsewhere, with the files next to it."
            ),
        )


def open_to_read(path: Path, read_only: bool = False) -> sqlite3.Connection:
    if read_only:
        return _connect_read_only(path)
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA query_only = ON")
    db.execute(f"PRAGMA mmap_size = {MAPPED}")
    return db


def read_only_error(path: Path) -> ProjectError:
    return ProjectError(
        tr("“{name}” is read-only", name=path.name),
        tr("Its disk or folder cannot be written, so nothing was changed. Copy the project elsewhere to edit it."),
    )


def locked(path: Path) -> FileLock:
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
        raise ProjectInUseError(
            tr("“{name}” is already open", name=path.name),
            tr("Another window or command is working on it. Nothing was changed. Continue there, or close it first."),
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
            tr("“{name}” was created by a newer Juku", name=path.name),
            tr("Nothing in it was changed. Update Juku to open it."),
        )


def _back_up(db: sqlite3.Connection, path: Path) -> None:
    target = path.with_name(f"{path.name}.backup-v{schema.version(db)}")
    with sqlite3.connect(target) as copy:
        db.backup(copy)
    copy.close()


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
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
def worded(path: Path) -> Iterator[None]:
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
                "The last change was not made; everything before it is saved in “{name}”. Free some space and "
                "try again.",
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
                "The change was not made. Copy the file to another disk before you continue. ({reason})",
                reason=reason,
            ),
        )
    raise AssertionError(reason)


def open_rows(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for another process than the window's. Raises `ProjectError`."""
    with worded(path):
        return open_to_read(path)


@contextmanager
def open_outside(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction in another process than the window's, on behalf of its `Project.write_outside`.

    It is not checkpointed at its end, which would take as long again: the window's process does that later.
    """
    with worded(path):
        db = _connect(path)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            with transaction(db):
                yield db
                schema.advance(db)
        finally:
            db.close()
