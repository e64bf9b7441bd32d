"""Connections to a project's file: who may open it, with which settings, and in which words it is refused."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from core.atomic_files import find_free_name, shorten_name, sync_folder, temporary_path
from core.errors import FileChangedError, MissingLogError, ProjectError
from core.language import tr, trn
from core.paths import data_folder
from core.progress import Cancelled
from core.storage import migrations, schema, undo

LOADER_CACHE_KIB = 32 * 1024
BUSY_TIMEOUT_MS = 200  # that a checkpoint waits for readers before it is tried again later


def log_path(path: Path) -> Path:
    """The path of the write-ahead log of a project file."""
    return path.with_name(f"{path.name}-wal")


def open_to_write(path: Path, notify: Callable[[str], None] = lambda _words: None) -> sqlite3.Connection:
    """The connection that writes, with its tables migrated to the newest version and the triggers for undo.

    `tell` gets the message for the user where a file of an older Juku was migrated. Raises `ProjectError` for a file of
    another program or a newer Juku, and `sqlite3.Error`.
    """
    db = connect(path)
    try:
        _require_project(db, path)
        db.execute("PRAGMA page_size = 8192")  # of a new file; larger pages import faster
        db.execute("PRAGMA journal_mode = WAL")
        _set_durability(db)
        backup = _back_up_old_version(db, path) if 0 < schema.schema_version(db) < len(migrations.MIGRATIONS) else None
        deleted_steps = migrations.migrate(db)
        if backup:
            notify(_describe_migration(path, backup, deleted_steps))
        undo.create_triggers(db)
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    except BaseException:
        db.close()
        raise
    return db


def open_to_load(path: Path) -> sqlite3.Connection:
    """A second connection that writes, for many new rows at once: without the triggers for undo."""
    db = connect(path)
    _set_durability(db)
    db.execute(f"PRAGMA cache_size = -{LOADER_CACHE_KIB}")
    return db


def _set_durability(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 0")  # core/storage/database_file.py says when


def open_in_memory() -> sqlite3.Connection:
    """A temporary database in memory, for searches."""
    return sqlite3.connect(":memory:", check_same_thread=False)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that shares the file with other connections of this process, but with no other process.

    The index of the log is in this process's memory then, not in a file that others could truncate.
    """
    uri = path.as_uri() if sys.platform == "win32" else f"{path.as_uri()}?vfs=unix-excl"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def open_to_read(path: Path) -> sqlite3.Connection:
    """A read-only connection of this process.

    The file is not mapped into memory: it would save a tenth of the time, but a file truncated by another program would
    crash the process.
    """
    db = connect(path)
    db.execute("PRAGMA query_only = ON")
    return db


def open_frozen(path: Path) -> sqlite3.Connection:
    """A read-only connection without locks, which ignores the log: for a file that nobody writes meanwhile."""
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def require_readable(db: sqlite3.Connection, path: Path) -> None:
    """Raises `ProjectError` for a file that must be written before it can be read: migrated, or its log checkpointed."""
    _require_project(db, path)
    log = log_path(path)
    is_old = schema.schema_version(db) < len(migrations.MIGRATIONS)
    if is_old or (log.exists() and log.stat().st_size) or schema.log_mark(db) > 0:
        raise read_only_error(path)


def read_only_error(path: Path) -> ProjectError:
    """The error for a change to a project that can only be read."""
    return ProjectError(
        tr("“{name}” is read-only", name=path.name),
        tr("Its disk or folder cannot be written, so nothing was changed. Copy the project elsewhere to edit it."),
    )


def require_file(path: Path) -> None:
    """Raises `ProjectError` where there is no such file."""
    if not os.path.isfile(path):  # noqa: PTH113 - also False where the folder may not be looked into
        raise ProjectError(
            tr("“{name}” cannot be found", name=path.name),
            tr("It may have been moved or deleted: {path}", path=path),
        )


def exists_error(path: Path) -> ProjectError:
    """The error for a new project whose name exists."""
    return ProjectError(
        tr("“{name}” already exists", name=path.name),
        tr("It was not changed. Choose another name, or open it."),
    )


def busy_error(path: Path) -> ProjectError:
    """The error for a file that another program has locked."""
    return ProjectError(
        tr("“{name}” is busy", name=path.name),
        tr("Another window or program is writing to it. The change was not made; try again in a moment."),
    )


def changed_error(path: Path, copy: Path, whole: bool, gone: bool) -> FileChangedError:
    """The error for a file that another program replaced while it was open.

    `copy` is the rescued copy. `whole`: the file contains everything, so the copy is not needed. `gone`: the file cannot
    be opened any more.
    """
    if whole:
        return FileChangedError(
            tr("Another program has changed “{name}”", name=path.name),
            tr(
                "Your last change was not made; everything before it is in the file, which was read again. Check it, then make the change again. Earlier steps can no longer be undone."
            ),
        )
    saved = describe_rescued_copy(copy)
    if gone:
        return FileChangedError(
            tr("“{name}” was moved, deleted or replaced", name=path.name),
            saved + " " + tr("That copy is shown now and can only be read. Open it to go on."),
        )
    return FileChangedError(
        tr("“{name}” was replaced by another program", name=path.name),
        saved + " " + tr("What is shown now is what the file holds. Open the copy to go on with your own."),
    )


def describe_rescued_copy(copy: Path) -> str:
    """What a rescued copy contains, as a text for the user; only an undamaged one contains everything."""
    with suppress(sqlite3.Error), closing(open_frozen(copy)) as db:
        if db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            return tr("Everything you had done before is saved in “{copy}”.", copy=copy)
    return tr("What could still be read is saved in “{copy}”; it is damaged, so check it before you go on.", copy=copy)


def replaced_at_close_error(path: Path, copy: Path) -> FileChangedError:
    """The error for a file that was found replaced at the close; `copy` is the rescued copy."""
    return FileChangedError(
        tr("“{name}” was replaced by another program", name=path.name),
        describe_rescued_copy(copy)
        + " "
        + tr("It was found when the project was closed. Open the copy to go on with your own."),
    )


def unstable_file_error(path: Path) -> ProjectError:
    """The error for a file that changed during every attempt to copy it."""
    return ProjectError(
        tr("“{name}” is being written", name=path.name),
        tr(
            "Another window or computer keeps changing it, so that no whole state could be read. Try again in a moment."
        ),
    )


def missing_log_error(path: Path, mark: int, belongs: bool) -> MissingLogError:
    """The error for a missing log, or a log of another file (not `belongs`).

    `mark` is when the missing changes began, in microseconds; 0 or less where none are known to be missing.
    """
    log = f"{path.name}-wal"
    if mark <= 0 or not belongs:
        return MissingLogError(
            tr("“{log}” does not belong to “{name}”", log=log, name=path.name),
            tr(
                "The two were copied at different times. Together they would damage the project, so nothing was opened or changed. Copy both again from where they came, while Juku is closed there, or open the project without it: “{log}” is then kept under another name.",
                log=log,
            ),
            path,
        )
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(mark / 1e6))
    return MissingLogError(
        tr("The newest changes of “{name}” may be missing", name=path.name),
        tr(
            "It was copied while it was open, or another program opened it after a crash. What was changed after {when} would be in “{log}”, which is not beside it. Nothing was changed now. Copy both files again, or copy the project after closing it. You can also open what is here.",
            when=when,
            log=log,
        ),
        path,
    )


def rename_log(path: Path) -> None:
    """Rename a log that belongs to another file, so that SQLite does not use it for this one."""
    log = log_path(path)
    mark = f"{path.suffix}-wal-{time.strftime('%Y-%m-%d-%H%M%S')}"
    log.rename(find_free_name(path.parent, path.stem, mark))


def _require_project(db: sqlite3.Connection, path: Path) -> None:
    """Raises `ProjectError` for a database of another program, or of a newer Juku, before anything is written."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != schema.APPLICATION_ID and tables:
        raise ProjectError(
            tr("“{name}” is not a Juku project", name=path.name),
            tr("It is a database of another program. Nothing in it was changed. Choose a file that ends in .juku."),
        )
    if schema.schema_version(db) > len(migrations.MIGRATIONS):
        raise ProjectError(
            tr("“{name}” was created by a newer Juku", name=path.name),
            tr("Nothing in it was changed. Update Juku to open it."),
        )


def _back_up_old_version(db: sqlite3.Connection, path: Path) -> Path:
    end = f"{path.suffix}.backup-v{schema.schema_version(db)}"
    target = path.with_name(f"{shorten_name(path.stem, end)}{end}")
    copy_database(db, target)
    return target


def _describe_migration(path: Path, backup: Path, deleted_steps: int) -> str:
    """The message for a migrated project of an older Juku; `lost` is how many undo steps were deleted."""
    words = tr("“{name}” was written by an older Juku and has been updated. Its previous state is saved in “{backup}”.",
               name=path.name, backup=backup.name)  # fmt: skip
    if not deleted_steps:
        return words
    not_undoable = trn(
        "{n} earlier step can no longer be undone, because the older Juku stored rows differently.",
        "{n} earlier steps can no longer be undone, because the older Juku stored rows differently.",
        deleted_steps,
    )
    return f"{words} {not_undoable}"


def save_rescue_copy(db: sqlite3.Connection, path: Path) -> Path:
    """Save all that `db` can read beside `path`, under a name with the time; in the data folder where that folder is gone.

    Returns the path of the copy. Raises `sqlite3.Error`, `OSError`.
    """
    folder = path.parent if path.parent.is_dir() else data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = find_free_name(folder, path.stem, time.strftime(" %Y-%m-%d %H.%M.%S"), path.suffix)
    copy_to_new_file(db, target)
    return target


def copy_to_new_file(db: sqlite3.Connection, target: Path) -> None:
    """Write a copy of the database to the new file `target`; a crash leaves no incomplete file there.

    Raises `sqlite3.Error`.
    """
    part = temporary_path(target)
    try:
        copy_database(db, part)
        part.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise sqlite3.OperationalError(f"unable to open {target}") from error
    finally:
        part.unlink(missing_ok=True)


def copy_database(db: sqlite3.Connection, target: Path) -> None:
    """Write a copy of the database as one file, which is on the disk when this returns. Raises `sqlite3.Error`."""
    with closing(sqlite3.connect(target)) as copy, copy:
        db.backup(copy)
        if "meta" in schema.table_names(copy):
            schema.confirm_log_mark(copy)


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Commit at the end, roll back on any exception. Raises `sqlite3.Error`."""
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
def convert_errors(path: Path) -> Iterator[None]:
    """Raises `ProjectError`, with what the user can do, for each `sqlite3.Error`; `Cancelled` for an interrupted one.

    `IntegrityError` is not converted: it is a bug.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise _project_error(path, str(error)) from error


def _project_error(path: Path, reason: str) -> ProjectError:
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
        return busy_error(path)
    if "malformed" in reason or "I/O" in reason:
        return ProjectError(
            tr("“{name}” is damaged or its disk failed", name=name),
            tr(
                "The change was not made. Copy the file to another disk before you continue. ({reason})",
                reason=reason,
            ),
        )
    raise AssertionError(reason)


def open_snapshot(path: Path) -> sqlite3.Connection:
    """A read-only connection to the file that `Project.frozen` yields, for another process. Raises `ProjectError`."""
    with convert_errors(path):
        return open_frozen(path)
