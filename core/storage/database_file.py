"""The open file of one project: its connections, the checkpoints of its write-ahead log, and pins for other readers.

The newest changes are in the log until a checkpoint. Until then a mark in the file itself says so: a copy of the file
without its log is then known to be incomplete.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from core.errors import ProjectError
from core.paths import real_path
from core.storage import schema, wal_check
from core.storage.connection import (
    busy_error,
    convert_errors,
    log_path,
    open_frozen,
    open_to_load,
    open_to_read,
    open_to_write,
    require_readable,
    save_rescue_copy,
    transaction,
)
from core.storage.database_file_lock import DatabaseFileLock

log = logging.getLogger(__name__)
MAX_LOG_BYTES = 64 * 1024 * 1024  # a longer log is checkpointed at once, without waiting for a pause


class ReplacedFileError(Exception):
    """Another program replaced the file or its log; nothing was written since."""


class Storage:
    """One open file. All methods are called in the thread that writes, except those of the two reading connections.

    `frozen`: nobody can write the file, nor does this. `without_log`: the user knows that the log is missing. Raises
    `ProjectError`.
    """

    def __init__(self, path: Path, frozen: bool = False, without_log: bool = False) -> None:
        self.path = path = real_path(path)
        self.frozen = frozen
        self._pins: set[object] = set()
        self.has_log = False  # whether the log has changes that are not in the file
        self._unnamed = False  # whether the file has no mark of this log
        self.notice = ""  # a message for the user about how it was opened
        self.may_have_lost_write = False  # whether a write that succeeded may be missing in the file
        self._loader: sqlite3.Connection | None = None
        self._file: DatabaseFileLock | None = None
        self._open_all: list[sqlite3.Connection] = []
        with convert_errors(path):
            try:
                self._open_frozen() if frozen else self._open(without_log)
            except BaseException:
                self._close_all()
                raise

    def _open_frozen(self) -> None:
        self.db = self._connect(open_frozen)
        require_readable(self.db, self.path)
        self.rows, self.search = self._connect(open_frozen), self._connect(open_frozen)

    def _open(self, without_log: bool) -> None:
        self._file = _open_file_lock(self.path)
        missing = wal_check.require_log(self.path, without_log)
        self._unnamed = wal_check.read_log_marks(self.path).unnamed
        self.db = self._connect(lambda path: open_to_write(path, self._set_notice))
        self.rows, self.search = self._connect(open_to_read), self._connect(open_to_read)
        self._file.remember_state()
        if missing:
            # Another name than the missing log's, which is never to be taken for this file's again.
            self._write_mark(-max(time.time_ns() // 1000, abs(schema.log_mark(self.db)) + 1))
        self.has_log = bool(self._file.log_size())

    def _set_notice(self, words: str) -> None:
        self.notice = words

    def _connect(self, opening: Callable[[Path], sqlite3.Connection]) -> sqlite3.Connection:
        db = opening(self.path)
        self._open_all.append(db)
        return db

    @property
    def file(self) -> DatabaseFileLock:
        """The locked file; not with `frozen`."""
        assert self._file
        return self._file

    @property
    def loader(self) -> sqlite3.Connection:
        """A connection for many new rows at once, without the triggers for undo."""
        if self._loader is None:
            self._loader = self._connect(open_to_load)
        return self._loader

    def assert_locks(self) -> bool:
        """Lock the file again, from any thread. False where another program has opened it meanwhile."""
        return self._file is None or self._file.assert_locks()

    def is_ours(self) -> bool:
        """Whether the file and its log still are the ones that were opened, and nobody else has written them."""
        return self.file.assert_locks() and self.file.is_ours()

    def begin(self) -> None:
        """To call before each write. Raises `ProjectError` while another program has the file, and `ReplacedFileError`."""
        self._require_ours()
        if not self.has_log:
            self._mark()

    def _require_ours(self) -> None:
        if not self.file.assert_locks():
            raise busy_error(self.path)
        if not self.file.is_ours():
            raise ReplacedFileError

    def end(self) -> bool:
        """To call after each write, committed or not. False where the log was replaced meanwhile: the write may be lost."""
        if not self.file.assert_locks():
            self.may_have_lost_write = (
                True  # another program has the file: what it did with the log is checked before the next write
            )
        whole = self.file.is_in_place()
        if whole:
            self.file.remember_state()
        return whole

    def _mark(self) -> bool:
        """Store in the file itself that the next changes are in its log. False where a reader prevents it.

        Then the file has no mark: if this log gets lost, nobody notices, but until then it is as safe as any.
        """
        before = schema.log_mark(self.db)
        self._write_mark(max(time.time_ns() // 1000, abs(before) + 1))
        self.has_log = True
        if self._pins or not self._is_backfilled():
            self._write_mark(before)
            self._unnamed = True
            return False
        return True

    def _write_mark(self, mark: int) -> None:
        with self._own_write(), transaction(self.db):
            schema.mark_log(self.db, mark)

    def _is_backfilled(self) -> bool:
        """Checkpoint the log as far as readers allow. Returns whether all of it is in the file."""
        with self._own_write():
            busy, frames, done = self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return not busy and frames == done

    @contextmanager
    def _own_write(self) -> Iterator[None]:
        """Changes of the file inside the block are our own, also where a full disk ends them halfway."""
        try:
            yield
        finally:
            self.file.remember_state()

    def checkpoint(self) -> bool:
        """Write the log into the file and empty it; False while a reader needs it or the file is pinned.

        Raises `ProjectError`, `ReplacedFileError`.
        """
        if not self.has_log or self.frozen:
            return True
        if self._pins:
            return False
        self._require_ours()
        with convert_errors(self.path):
            return self._empty_log()

    def _empty_log(self) -> bool:
        if schema.log_mark(self.db) > 0:
            if not self._is_backfilled():  # first the mark, so that file and log always agree
                return False
            with self._own_write(), transaction(self.db):
                schema.confirm_log_mark(self.db)
        with self._own_write():
            busy, _frames, _done = self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.has_log = bool(busy)
        if self._unnamed and not busy:
            # A new mark for the file's content, or an old part of that log could still be taken for its own.
            self._unnamed = False
            return self._mark() and self._empty_log()
        return not busy

    def is_log_long(self) -> bool:
        """Whether the log is so long that it should be checkpointed at once."""
        return self.has_log and not self._pins and self.file.log_size() > MAX_LOG_BYTES

    def pin(self, pin: object) -> bool:
        """Keep the file unchanged until `unpin`, so that others can read it without locks. False: try again later.

        Raises `ProjectError`, `ReplacedFileError`.
        """
        if self.frozen:
            return True
        self._require_ours()  # or another file would be read instead of the one that is open here
        with convert_errors(self.path):
            # Marked now, since the file must not change later. A mark that is confirmed means that it was written since.
            if schema.log_mark(self.db) <= 0 if self._pins else not (self.checkpoint() and self._mark()):
                return False
        self._pins.add(pin)
        return True

    def unpin(self, pin: object) -> None:
        """Allow checkpoints again once all pins are gone."""
        self._pins.discard(pin)

    def close(self) -> Path | None:
        """Close all connections; the last one checkpoints the log. Returns the rescued copy, None where none was needed."""
        self._pins.clear()
        with suppress(ProjectError, ReplacedFileError, sqlite3.Error):
            self.checkpoint()
        copy = self._save_if_replaced() if self._file and not self._file.is_ours() else None
        self._close_all()
        return copy

    def _save_if_replaced(self) -> Path | None:
        """At the close of a replaced file nobody can be asked: what it may not contain is saved beside it."""
        copy, content_state = self._try_rescue() if self.has_log or self.path.exists() else (None, None)
        if not self.file.is_ours():
            self.close_without_checkpoint()
        if copy and content_state and _contains_state(self.path, content_state):
            copy.unlink()
            return None
        if copy:
            with suppress(ProjectError, sqlite3.Error, OSError):
                wal_check.require_log(self.path, True)  # or the next opening would refuse a log that the copy contains
            log.info("%s is another file by now; what was open is saved as %s", self.path, copy)
        return copy

    def _try_rescue(self) -> tuple[Path | None, tuple[int, int] | None]:
        with suppress(ProjectError, sqlite3.Error, OSError):
            content_state = self.content_state()
            try:
                return self.rescue(), content_state
            except ProjectError:  # another program is in
                return save_rescue_copy(self.db, self.path), content_state
        return None, None

    def rescue(self) -> Path | None:
        """After a `ReplacedFileError`: checkpoint a log that only lost its name, else save a copy of all that can be read.

        Returns the path of the copy, None where the file is complete. Raises `ProjectError` when neither is possible now.
        """
        if not self.file.assert_locks():
            raise busy_error(self.path)
        with convert_errors(self.path):
            if self.file.has_lost_only_its_log() and self._empty_log():
                return None
            return save_rescue_copy(self.db, self.path)

    def close_without_checkpoint(self) -> None:
        """Close all connections without a checkpoint: another file has this file's name by now."""
        for db in self._open_all:
            db.interrupt()  # the only way to keep the last one from writing its log into the file
        self._close_all()

    def content_state(self) -> tuple[int, int]:
        """(mark of the log, number of commits): shows whether the file, opened again, contains everything."""
        return schema.log_mark(self.db), schema.commit_count(self.db)

    def _close_all(self) -> None:
        for db in reversed(self._open_all):
            db.close()
        self._open_all.clear()
        self._loader, self.has_log = None, False
        if self._file:
            self._file.close()  # last: its lock must outlast the connections
            self._file = None


def _contains_state(path: Path, content_state: tuple[int, int]) -> bool:
    """Whether the file, without any log, contains everything up to the content state `stand`."""
    beside = log_path(path)
    if beside.exists() and beside.stat().st_size:
        return False
    with suppress(sqlite3.Error), closing(open_frozen(path)) as db:
        return schema.log_mark(db) == content_state[0] and schema.commit_count(db) >= content_state[1]
    return False


def _open_file_lock(path: Path) -> DatabaseFileLock:
    try:
        return DatabaseFileLock(path)
    except OSError as error:
        reason = "database is locked" if isinstance(error, BlockingIOError) else f"unable to open {path}"
        raise sqlite3.OperationalError(reason) from error
