"""The open project file: connections to read, one thread to write, and undo."""

import asyncio
import logging
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from core.errors import ProjectError, ProjectInUseError
from core.language import tr
from core.paths import PROJECT_SUFFIX as PROJECT_SUFFIX
from core.paths import is_on_read_only_disk, is_writable, path_exists, real_path
from core.progress import Cancelled, Reporter, cancel_later
from core.storage import compressed_texts, project_lock, schema, undo
from core.storage.connection import (
    busy_error,
    changed_error,
    convert_errors,
    exists_error,
    read_only_error,
    require_file,
    transaction,
)
from core.storage.database_file import ReplacedFileError, Storage
from core.storage.read_only_copy import copy_project
from core.storage.undo import Step, UndoStack

log = logging.getLogger(__name__)
T = TypeVar("T")
CHECKPOINT_DELAY = 2.0  # seconds without a write, after which the log is checkpointed
FIRST_PIN_RETRY, LONGEST_PIN_RETRY = 0.02, 0.5  # seconds between two attempts to freeze the file
STEPS_PER_CANCEL_CHECK = 100_000  # instructions of SQLite between two checks for cancellation


@dataclass(frozen=True, slots=True)
class Changes:
    """What one write changed: undoable rows per table, tables of records, and row ids (None: over `MAX_LISTED_IDS`)."""

    label: str
    counts: dict[str, int] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    ids: dict[str, set[int]] | None = None

    @property
    def tables(self) -> set[str]:
        """All tables that were changed (`schema.Table`)."""
        return set(self.counts) | self.records

    @property
    def count(self) -> int:
        """How many undoable rows were changed."""
        return sum(self.counts.values())


OnChanges = Callable[[Changes], None]


class Project:
    """One project file. Reads may run on any connection; every write goes through `write`.

    A write is on the disk when its call returns. `read_only` is true with `look`, or where the file cannot be written;
    then every write raises `ProjectError`. Raises `ProjectError` for a file that is no project, is newer than this
    program, is open in another window, or cannot be read; `MissingLogError` where its log is missing, except with
    `without_log`.
    """

    def __init__(self, path: Path, without_log: bool = False, look: bool = False) -> None:
        self.path = real_path(path)
        self.read_only = look or (path_exists(path) and not is_writable(path))
        self._has_written = False
        self.unbacked_tables: set[str] = set()  # tables changed since the last backup began, which empties it
        self._replacements = 0  # how often another program replaced the open file
        self._closed = False
        self._checkpoint_timer: asyncio.TimerHandle | None = None
        self._undo = UndoStack()
        self._lock = None if self.read_only else project_lock.acquire(self.path)
        self.notice = self._lock.notice if self._lock else ""  # a message for the user about how it was opened
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._writing = ThreadPoolExecutor(1, "project-write")
        self._reading = ThreadPoolExecutor(1, "project-read")
        try:
            opening = self._open_read_only if self.read_only else self._open
            self._storage = self._writing.submit(opening, without_log).result()
        except BaseException:
            self._writing.shutdown()
            self._reading.shutdown()
            self._release()
            raise

    def _open_read_only(self, without_log: bool) -> Storage:
        """Open the file itself where nobody can write it, otherwise a copy of its current state."""
        if is_on_read_only_disk(self.path):
            with suppress(ProjectError):  # it must be written before it can be read, which is possible for a copy
                return Storage(self.path, frozen=True)
        self._copy = tempfile.TemporaryDirectory(prefix="juku-", ignore_cleanup_errors=True)
        with convert_errors(self.path):
            storage = Storage(copy_project(self.path, Path(self._copy.name), without_log), without_log=True)
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        self.notice = tr("“{name}” as it was at {time}. Here it can only be read.", name=self.path.name, time=when)
        return storage

    def _open(self, without_log: bool) -> Storage:
        storage = Storage(self.path, without_log=without_log)
        try:
            with convert_errors(self.path):
                self._load_undo_steps(storage)
                storage.checkpoint()
            self.notice = " ".join(filter(None, (self.notice, storage.notice)))
        except BaseException:
            storage.close()
            raise
        return storage

    def _load_undo_steps(self, storage: Storage) -> None:
        self._undo.clear()
        if not undo.has_saved_steps(storage.db):
            return
        storage.begin()
        with transaction(storage.db):
            saved = undo.load_saved_steps(storage.db)
            schema.confirm_log_mark(storage.db)
        self._undo.fill(saved)
        storage.end()

    @property
    def rows(self) -> sqlite3.Connection:
        """The connection for short reads in the caller's thread."""
        return self._storage.rows

    @property
    def _db(self) -> sqlite3.Connection:
        return self._storage.db

    def close(self) -> Path | None:
        """Save the undo steps and close the file. Returns the copy that was rescued if the file was replaced, else None."""
        if self._closed:
            return None
        self._closed = True
        self._cancel_scheduled_checkpoint()
        if not self.read_only:
            with suppress(sqlite3.Error, ProjectError, ReplacedFileError):  # costs the undo steps, not the document
                self._writing.submit(self._save_at_close).result()
        self._reading.shutdown()
        copy = self._writing.submit(self._storage.close).result()
        self._writing.shutdown()
        self._release()
        return copy

    def _save_at_close(self) -> None:
        self._storage.begin()
        self._save_undo_steps(self._has_written)
        self._storage.end()

    def _save_undo_steps(self, sweep: bool = False) -> None:
        with transaction(self._db):
            self._undo.save(self._db)
            if sweep:
                compressed_texts.delete_unused_packs(self._db)
            schema.confirm_log_mark(self._db)

    def _release(self) -> None:
        if self._lock:
            self._lock.release()
        if self._copy:
            self._copy.cleanup()

    def assert_locks(self) -> bool:
        """Lock the file again: the locks are lost when anything in this process opens and closes it. False: others came in."""
        return self._closed or self._storage.assert_locks()

    @property
    def has_log(self) -> bool:
        """Whether changes are in the log that are not in the project file yet."""
        return not (self._closed or self.read_only) and self._storage.has_log

    async def checkpoint(self) -> bool:
        """Write all changes from the log into the project file; False while a reader prevents it."""
        return self._closed or await self._submit(self._checkpoint)

    def _checkpoint(self) -> bool:
        try:
            return self._storage.checkpoint()
        except ReplacedFileError:  # the next write handles it
            return False

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[Path]:
        """Yields the file with all changes in it, for other processes to read (`open_snapshot`): it does not change meanwhile."""
        pin, pause = object(), FIRST_PIN_RETRY
        try:
            while not await self._try_pin(pin):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PIN_RETRY)
            yield self._storage.path
        finally:
            with suppress(RuntimeError):  # closed meanwhile
                self._writing.submit(self._storage.unpin, pin)
            self._schedule_checkpoint()

    async def _try_pin(self, pin: object) -> bool:
        try:
            return await self._submit(lambda: self._storage.pin(pin))
        except ReplacedFileError:
            self._handle_replaced_file(True)
            return False

    def _schedule_checkpoint(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Start a checkpoint after `CHECKPOINT_DELAY` seconds without a write."""
        self._cancel_scheduled_checkpoint()
        if not self._closed and not self.read_only:
            loop = loop or asyncio.get_running_loop()  # which a Qt timer's callback does not have
            self._checkpoint_timer = loop.call_later(CHECKPOINT_DELAY, self._run_scheduled_checkpoint, loop)

    def _cancel_scheduled_checkpoint(self) -> None:
        if self._checkpoint_timer:
            self._checkpoint_timer.cancel()
            self._checkpoint_timer = None

    def _run_scheduled_checkpoint(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._closed:
            return

        def look(done: "Future[bool]") -> None:
            if not done.exception() and not done.result():
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._schedule_checkpoint, loop)

        self._writing.submit(self._checkpoint_in_background).add_done_callback(look)

    def _checkpoint_in_background(self) -> bool:
        """A checkpoint that nobody waits for; if it fails, the next write raises the error."""
        try:
            return self._checkpoint()
        except ProjectError as error:
            log.info("%s", error)
            return True

    async def read(self, query: Callable[..., T], *args: Any, reporter: Reporter | None = None) -> T:
        """Run `query(db, *args)` in the thread for reads; cancelling stops it. Raises `ProjectError`."""
        stop = reporter or Reporter()
        while True:
            replacements, loop = self._replacements, asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._reading, self._query, stop, replacements, query, *args)
            except asyncio.CancelledError:
                stop.cancel()
                raise
            except Cancelled:
                # Interrupted by a replacement of the file, not cancelled: run it again on the current file.
                if stop.cancelled or replacements == self._replacements:
                    raise asyncio.CancelledError from None

    def _query(self, stop: Reporter, replacements: int, query: Callable[..., T], *args: Any) -> T:
        stop.check()
        db = self._storage.search
        db.set_progress_handler(lambda: stop.cancelled or replacements != self._replacements, STEPS_PER_CANCEL_CHECK)
        try:
            with convert_errors(self.path):
                return query(db, *args)
        finally:
            db.set_progress_handler(None, 0)

    async def write(
        self, label: str, change: Callable[..., object], *args: Any, reporter: Reporter | None = None
    ) -> Changes:
        """Apply `change(db, *args)` as one undoable step; cancelling rolls it back unless it is done. Raises `ProjectError`."""
        return await self._run_write(lambda: self._apply(label, change, *args), reporter)

    async def load(
        self, label: str, fill: Callable[[sqlite3.Connection], dict[str, range]], reporter: Reporter
    ) -> Changes:
        """Like `write`, for many new rows: `fill(db)` adds them without triggers and returns their ids per table."""

        def fill_and_record(db: sqlite3.Connection) -> None:
            with transaction(self._storage.loader):
                ids_by_table = fill(self._storage.loader)
                if any(ids_by_table.values()):
                    schema.increase_revision(self._storage.loader)
                    schema.increase_commit_count(self._storage.loader)
                schema.confirm_log_mark(self._storage.loader)
            step = db.execute("SELECT max(id) FROM step").fetchone()[0]
            for table, ids in ids_by_table.items():
                if ids:
                    undo.record_added_rows(db, step, table, ids)

        return await self._run_write(lambda: self._apply(label, fill_and_record, loaded=True), reporter)

    def write_log_out(self) -> None:
        """Flush what a `load` has written so far, so that its commit is short; from any thread. Raises `OSError`."""
        self._storage.file.write_log_out()

    async def undo(self) -> Changes:
        """Undo the newest step, which then can be redone. Raises `ProjectError` when the file cannot be written."""
        return await self._run_write(lambda: self._revert(self._undo.undo_steps, self._undo.redo_steps))

    async def redo(self) -> Changes:
        """Redo the step that was undone last. Raises `ProjectError` when the file cannot be written."""
        return await self._run_write(lambda: self._revert(self._undo.redo_steps, self._undo.undo_steps))

    @property
    def undo_label(self) -> str | None:
        """The label of the next step to undo, None where there is none."""
        return self._undo.undo_label

    @property
    def undo_is_saved(self) -> bool:
        """Whether the next step to undo can still be undone after the project was closed; steps of very many rows cannot."""
        return self._undo.is_undo_saved

    @property
    def redo_is_saved(self) -> bool:
        """Whether the next step to redo can still be redone after the project was closed."""
        return self._undo.is_redo_saved

    @property
    def redo_label(self) -> str | None:
        """The label of the next step to redo, None where there is none."""
        return self._undo.redo_label

    async def _run_write(self, work: Callable[[], Changes], reporter: Reporter | None = None) -> Changes:
        if self.read_only:
            raise read_only_error(self.path)
        self._cancel_scheduled_checkpoint()
        try:
            changes, whole = await self._submit(lambda: self._check_and_write(work), reporter)
            if not whole:
                self._handle_replaced_file(changes is not None)
            if changes is None:
                changes, _whole = await self._submit(lambda: self._check_and_write(work), reporter)
            if changes is None:  # replaced again
                raise busy_error(self.path)
            return changes
        finally:
            self._schedule_checkpoint()

    async def _submit(self, work: Callable[[], T], reporter: Reporter | None = None) -> T:
        """Run `work` in the thread that writes. A cancelled caller waits for its end and gets the result if it was completed."""
        future = asyncio.get_running_loop().run_in_executor(self._writing, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if reporter:
                reporter.cancel()
            await asyncio.wait([future])
            if future.cancelled() or future.exception():
                raise
            cancel_later()
            return future.result()
        except Cancelled:
            raise asyncio.CancelledError from None

    def _check_and_write(self, work: Callable[[], Changes]) -> tuple[Changes | None, bool]:
        """Run `work`; None where it was not started. And whether the file still is the one that was opened."""
        if self._lock:
            self._lock.require()
        with convert_errors(self.path):
            try:
                self._storage.begin()
            except ReplacedFileError:
                return None, False
        whole = False
        try:
            changes = work()
        finally:
            whole = self._storage.end()
        if self._storage.is_log_long():
            self._writing.submit(self._checkpoint_in_background)
        return changes, whole

    def _handle_replaced_file(self, written: bool) -> None:
        """Another program has replaced the file or its log: rescue everything, then continue with the file's content.

        It blocks the caller, so that nothing is read or written meanwhile. Raises `FileChangedError` with the rescued copy,
        but not when nothing was lost: a deleted log is still open here and is checkpointed.
        """
        self._replacements += 1
        self._storage.search.interrupt()  # has no effect between two statements: `_query` checks for it, too
        self._reading.submit(lambda: None).result()
        rescued, content_state = self._writing.submit(self._rescue).result()
        if content_state is None:
            return
        if rescued is None:
            self._storage = self._writing.submit(self._reopen).result()
            return
        self._undo.clear()
        doubtful = self._storage.may_have_lost_write
        self._writing.submit(self._storage.close_without_checkpoint).result()
        whole = self._reopen_after_replacement(rescued, content_state, doubtful)
        if not (whole and written):
            raise changed_error(self.path, rescued, whole, self.read_only)

    def _rescue(self) -> tuple[Path | None, tuple[int, int] | None]:
        """The rescued copy, or None; and the content state, None where another call has handled it already."""
        if self._storage.is_ours():
            return None, None
        with suppress(sqlite3.Error):
            self._save_undo_steps()
        return self._storage.rescue(), self._storage.content_state()

    def _reopen(self) -> Storage:
        """Open a file again that contains everything, without its log."""
        self._storage.close()
        try:
            return self._open(True)
        except ProjectError:
            self.read_only = True
            return Storage(self.path, frozen=True)

    def _reopen_after_replacement(self, rescued: Path, content_state: tuple[int, int], doubtful: bool) -> bool:
        """Open the file anew, or the rescued copy to read where that cannot be; whether the file holds all of it."""
        try:
            if not (self.path.is_file() and self.path.stat().st_size):
                raise read_only_error(self.path)
            self._storage = self._writing.submit(self._open, True).result()
        except ProjectError:
            self.read_only = True
            self._storage = self._writing.submit(Storage, rescued, True).result()
            return False
        mark, commits = self._writing.submit(self._storage.content_state).result()
        whole = not doubtful and mark == content_state[0] and commits >= content_state[1]
        if whole:
            rescued.unlink()
        return whole

    def _apply(self, label: str, change: Callable[..., object], *args: Any, loaded: bool = False) -> Changes:
        step, changes = self._run_step(label, change, *args, loaded=loaded)
        if changes.count:
            self._delete_images(self._undo.push(step))
        return changes

    def _revert(self, source: list[Step], target: list[Step]) -> Changes:
        """Restore the newest step of `source`; the images stored meanwhile become the newest step of `target`."""
        if not source:
            return Changes("")
        step, changes = self._run_step(source[-1].label, undo.restore_images, source[-1].id)
        self._delete_images([source.pop()])
        target.append(step)
        return changes

    def _run_step(
        self, label: str, change: Callable[..., object], *args: Any, loaded: bool = False
    ) -> tuple[Step, Changes]:
        self._has_written = True
        # DEFERRED: a step whose rows are loaded needs no lock of the file, since it changes temporary tables only.
        with convert_errors(self.path), transaction(self._db, "DEFERRED" if loaded else "IMMEDIATE"):
            id = undo.begin_step(self._db)
            change(self._db, *args)
            counts = undo.count_rows(self._db, id)
            if not loaded:
                schema.confirm_log_mark(self._db)
                if counts:
                    schema.increase_revision(self._db)
                if counts or undo.list_changed_records(self._db):
                    schema.increase_commit_count(self._db)
            ids = undo.list_row_ids(self._db, id, counts)
            changes = Changes(label, counts, undo.list_changed_records(self._db), ids)
        self.unbacked_tables |= changes.tables  # in place: another thread may be emptying it
        return Step(id, label, sum(counts.values())), changes

    def _delete_images(self, steps: list[Step]) -> None:
        if steps:
            with transaction(self._db):
                undo.delete_images(self._db, [step.id for step in steps])


def open_read_only(path: Path) -> Project:
    """Open the current state of any project to read, also of one that is open elsewhere. Raises `ProjectError`."""
    return Project(path, look=True)


def create(path: Path) -> Project:
    """Create a new, empty project. Raises `ProjectError` for an existing file, or when it cannot be written."""
    if path_exists(path):
        raise exists_error(path)
    try:
        return Project(path)
    except ProjectError as error:  # the disk allows the name of the file, but not the longer name of its log
        with suppress(OSError):
            if not (isinstance(error, ProjectInUseError) or path.stat().st_size):
                path.unlink()
        raise


def open_existing(path: Path, without_log: bool = False) -> Project:
    """Open a project as `Project` does; `without_log` after a `MissingLogError`. Raises `ProjectError`."""
    require_file(path)
    return Project(path, without_log)
