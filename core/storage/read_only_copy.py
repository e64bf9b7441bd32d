"""Reads a project that another window, user or computer may be writing: from a private copy of one moment."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from core.errors import ProjectError
from core.paths import path_exists, real_path
from core.storage import wal_check
from core.storage.connection import (
    connect,
    convert_errors,
    copy_to_new_file,
    exists_error,
    log_path,
    open_frozen,
    open_to_read,
    open_to_write,
    require_file,
    require_readable,
    unstable_file_error,
)
from core.storage.database_file_lock import DatabaseFileLock

COPY_ATTEMPTS = 40
COPY_RETRY_DELAY = 0.05  # seconds between two attempts, as long as a checkpoint of a few edits takes

FileSignature = tuple[int, int, int, bytes]  # inode, bytes and modification time of the file; the header of its log


def copy_project(path: Path, folder: Path, without_log: bool = False) -> Path:
    """Copy a project and its log into `folder`, both from the same moment. Returns the path of the copy.

    Raises `MissingLogError` unless `without_log`, `ProjectError` when it changes during every attempt, `sqlite3.Error`.
    """
    target = folder / path.name
    path = real_path(path)
    log = log_path(path)
    for _try in range(COPY_ATTEMPTS):
        try:
            before = _file_signature(path)
            shutil.copyfile(path, target)
            log_path(target).unlink(missing_ok=True)
            if log.exists():
                shutil.copyfile(log, log_path(target))
            if (journal := path.with_name(f"{path.name}-journal")).exists():  # of another program that was killed
                shutil.copyfile(journal, target.with_name(journal.name))
            if _file_signature(path) == before:
                wal_check.require_log(target, without_log, path)
                if _is_undamaged(target):
                    return target
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to open {path}") from error
        time.sleep(COPY_RETRY_DELAY)
    raise unstable_file_error(path)


def save_without_log(path: Path, target: Path) -> None:
    """Write the content of a project to the new file `target`, without its log if that is missing.

    The project is not changed. Raises `ProjectError`, also when `target` exists.
    """
    require_file(path)
    if path_exists(target):
        raise exists_error(target)
    with convert_errors(path), tempfile.TemporaryDirectory(prefix="juku-") as folder:
        copy = copy_project(path, Path(folder), without_log=True)
        with convert_errors(target), closing(open_to_read(copy)) as db:
            copy_to_new_file(db, target)


def _file_signature(path: Path) -> FileSignature:
    state = path.stat()
    head = b""
    if log_path(path).exists():
        with log_path(path).open("rb") as file:
            head = file.read(wal_check.LOG_HEADER_BYTES)
    return state.st_ino, state.st_size, state.st_mtime_ns, head


def _is_undamaged(copy: Path) -> bool:
    """Whether a copy is undamaged; a log that grew during the copy is read up to its last complete change."""
    try:
        with closing(connect(copy)) as db:
            found: bool = db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            return found
    except sqlite3.DatabaseError as error:
        return "not a database" in str(error)  # reported elsewhere


@contextmanager
def open_any_project(path: Path) -> Iterator[sqlite3.Connection]:
    """Yields a connection to read any project, also one that is open here or elsewhere. Raises `ProjectError`.

    Nothing is written: a project that is not closed, or of an older Juku, is copied first.
    """
    path = real_path(path)
    with convert_errors(path), ExitStack() as stack:
        exclusive = _try_exclusive(path)
        if exclusive:
            stack.callback(exclusive.close)
        if exclusive and _is_checkpointed(path):
            yield stack.enter_context(closing(open_frozen(path)))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="juku-"))
            yield stack.enter_context(closing(open_to_write(copy_project(path, Path(folder)))))


def _try_exclusive(path: Path) -> DatabaseFileLock | None:
    """The file, locked; None where others have it locked, or it does not exist or cannot be written."""
    try:
        return DatabaseFileLock(path) if path.is_file() else None
    except OSError:
        return None


def _is_checkpointed(path: Path) -> bool:
    """Whether the file contains all of the project, in the newest tables."""
    with suppress(ProjectError, sqlite3.DatabaseError), closing(open_frozen(path)) as db:
        require_readable(db, path)
        return not path.with_name(f"{path.name}-journal").exists()
    return False
