"""Copies of a project as one file: where the user wants one, and dated backups, of which old ones are deleted."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import paths
from core.atomic_files import DEFAULT_MODE, PRIVATE_MODE, find_free_name, sync_file, sync_folder, temporary_path
from core.errors import ProjectError
from core.language import tr
from core.paths import real_path
from core.progress import Reporter
from core.storage import background_process, project_lock, schema
from core.storage.connection import connect, convert_errors, open_snapshot, transaction
from core.storage.project import PROJECT_SUFFIX, Project

PAGES_PER_CHECK = 500  # database pages that are copied between two checks for cancellation
KEEP_NEWEST = 6  # newest backups that are kept
KEEP_DAILY = 7  # days of which the last backup is kept; the same for weeks and months
KEEP_WEEKLY = 5
KEEP_MONTHLY = 12
MIN_BACKUPS = 2  # newest backups that are kept whatever their size
MAX_BACKUP_BYTES = 4 << 30  # of all backups of a project together
BACKUP_DATE_FORMAT = "%Y-%m-%d %H.%M.%S"
_DATE_IN_NAME = re.compile(r" (\d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d)(?: \(\d+\))?$")


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy contains. `is_whole`: the check found no damage; a copy of a damaged project is still written."""

    path: Path
    rows: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Backup:
    """A dated copy. `name` is that of its project, `made` is in Unix seconds, `size` in bytes."""

    path: Path
    name: str
    made: float
    size: int


# --- copies


async def save_copy(project: Project, target: Path, reporter: Reporter) -> CopyResult:
    """Write the open project to `target`, which is created or replaced only once the copy is complete and on the disk.

    Raises `JukuError` when `target` is an open project or cannot be written. Cancelling leaves no file.
    """
    async with project.frozen() as source:
        return await _copy_in_process(source, target, DEFAULT_MODE, reporter)


async def restore(backup: Path, target: Path, reporter: Reporter) -> CopyResult:
    """Write a backup to `target`, to open it there. Raises `JukuError` as `save_copy` does."""
    return await _copy_in_process(backup, target, DEFAULT_MODE, reporter)


async def _copy_in_process(source: Path, target: Path, mode: int, reporter: Reporter) -> CopyResult:
    _require_unused(source, target)
    part = temporary_path(real_path(target))
    request = {"source": str(source), "target": str(target), "part": str(part), "mode": mode}
    try:
        rows, is_whole = await background_process.run("core.storage.backups", request, reporter)
    finally:  # here, since a child that is killed deletes nothing
        for end in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                part.with_name(f"{part.name}{end}").unlink(missing_ok=True)
    return CopyResult(target, rows, is_whole)


def _require_unused(source: Path, target: Path) -> None:
    """Raises `ProjectError` when `target` is an open project, or has changes that are only in its log."""
    lock, target = project_lock.find_lock(target), real_path(target)
    log_files = [target.with_name(f"{target.name}{end}") for end in ("-wal", "-journal")]
    is_same = paths.path_exists(target) and target.samefile(source)
    if is_same or (lock and not lock.is_stale):
        raise ProjectError(
            tr("“{name}” is open", name=target.name),
            tr("It was not touched. Choose another name."),
        )
    if any(paths.path_exists(one) and one.stat().st_size for one in log_files):
        raise ProjectError(
            tr("“{name}” was not closed properly", name=target.name),
            tr("It holds changes that are not in the file yet, and was not touched. Choose another name."),
        )


def _copy_database(request: dict[str, Any], reporter: Reporter) -> tuple[int, bool]:
    """In a child process: copy page by page, check the copy, flush it to the disk, and rename it to `target`."""
    source, target, part = Path(request["source"]), Path(request["target"]), Path(request["part"])
    try:
        part.touch(mode=request["mode"], exist_ok=False)
        with contextlib.closing(open_snapshot(source)) as db, contextlib.closing(connect(part)) as copy:
            result = _copy_pages(db, copy, reporter)
        sync_file(part)
        part.replace(real_path(target))
        sync_folder(real_path(target).parent)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProjectError(
            tr("The copy “{name}” could not be made", name=target.name),
            tr("The project was not changed. Choose another folder. ({reason})", reason=reason),
        ) from error
    return result


def _copy_pages(db: sqlite3.Connection, copy: sqlite3.Connection, reporter: Reporter) -> tuple[int, bool]:
    """Copy all pages into a file without a log. Returns its number of rows, and whether it is undamaged."""

    def report(_status: int, remaining: int, total: int) -> None:
        reporter.update(total - remaining, total)

    db.backup(copy, pages=PAGES_PER_CHECK, progress=report)
    copy.execute("PRAGMA journal_mode = DELETE")
    reporter.check()
    try:
        with transaction(copy):
            schema.confirm_log_mark(copy)
        return _count_rows(copy), copy.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError:  # as damaged as the project; better than no copy
        return 0, False


def _count_rows(db: sqlite3.Connection) -> int:
    number: int = db.execute("SELECT count(*) FROM example").fetchone()[0]
    return number


# --- dated backups


def backup_folder(db: sqlite3.Connection) -> Path:
    """The folder of a project's backups, named by the project's id: they are still found after the project was moved."""
    id = schema.project_state(db).partition(" ")[0]
    return all_backups_folder() / hashlib.blake2b(id.encode(), digest_size=16).hexdigest()


def all_backups_folder() -> Path:
    """The folder with the backup folders of all projects."""
    return paths.data_folder() / "backups"


async def back_up(project: Project, reporter: Reporter) -> Backup:
    """Make a dated copy and delete the backups that are outdated.

    Raises `JukuError` when the disk has less room than twice the project's size, when the copy cannot be written, or
    when the project is damaged: its copies would replace undamaged ones.
    """
    folder = await project.read(backup_folder)
    async with project.frozen() as source:
        _make_room(folder, 2 * source.stat().st_size)
        copy = await _copy_in_process(
            source, _new_backup_path(folder, project.path.stem, time.time()), PRIVATE_MODE, reporter
        )
    if not copy.is_whole:
        copy.path.unlink()
        raise ProjectError(
            tr("The project could not be backed up"),
            tr("Its check has found damage. Earlier backups are kept. Save a copy and look at it before you go on."),
        )
    backup = _parse_backup(copy.path)
    assert backup
    _delete_outdated(folder, backup)
    return backup


def _make_room(folder: Path, size: int) -> None:
    """Create the folder, readable by the user only. Raises `ProjectError` when it fails, or less than `size` bytes are free."""
    try:
        for one in (folder.parent, folder):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        has_room = shutil.disk_usage(folder).free >= size
    except OSError as error:
        raise ProjectError(
            tr("The project could not be backed up"),
            tr("The folder {folder} cannot be written ({reason}). The project is not affected.", folder=folder,
               reason=error.strerror),
        ) from error  # fmt: skip
    if not has_room:
        raise ProjectError(
            tr("The project could not be backed up"),
            tr("The disk has no room for another copy in {folder}. Earlier backups are kept. Free some space.",
               folder=folder),
        )  # fmt: skip


def _new_backup_path(folder: Path, stem: str, moment: float) -> Path:
    # It gets a number if the clock was set back.
    return find_free_name(folder, stem, f" {time.strftime(BACKUP_DATE_FORMAT, time.localtime(moment))}", PROJECT_SUFFIX)


def list_backups(folder: Path) -> list[Backup]:
    """The backups in a folder, the newest first; files with other names are ignored."""
    backups = [_parse_backup(path) for path in folder.glob(f"*{PROJECT_SUFFIX}")] if folder.is_dir() else []
    return sorted((one for one in backups if one), key=lambda one: one.made, reverse=True)


def list_all_backups() -> list[Backup]:
    """The backups of all projects, also of deleted ones, the newest first."""
    folders = [folder for folder in all_backups_folder().iterdir()] if all_backups_folder().is_dir() else []
    return sorted((one for folder in folders for one in list_backups(folder)), key=lambda one: one.made, reverse=True)


def _parse_backup(path: Path) -> Backup | None:
    match = _DATE_IN_NAME.search(path.stem)
    if not match:
        return None
    try:
        made = time.mktime(time.strptime(match[1], BACKUP_DATE_FORMAT))
        return Backup(path, path.stem[: match.start()], made, path.stat().st_size)
    except (OSError, ValueError, OverflowError):
        return None


def count_rows(path: Path) -> int:
    """How many rows a backup has. Raises `ProjectError` when it cannot be read."""
    with convert_errors(path), contextlib.closing(open_snapshot(path)) as db:
        return _count_rows(db)


def _delete_outdated(folder: Path, newest: Backup) -> None:
    """Delete the outdated backups, but never the one just `made`, even if a wrong clock gave others later dates."""
    of_project = [one for one in list_backups(folder) if one.name == newest.name]
    for old in find_outdated(of_project):
        if old.path != newest.path:
            old.path.unlink(missing_ok=True)


def find_outdated(backups: Sequence[Backup]) -> list[Backup]:
    """The backups to delete: all but the newest, and the last of each day, week and month, up to `MAX_BACKUP_BYTES`."""
    ordered = sorted(backups, key=lambda one: one.made, reverse=True)
    kept = set(ordered[:KEEP_NEWEST])
    for count, period in ((KEEP_DAILY, "%Y-%m-%d"), (KEEP_WEEKLY, "%G-%V"), (KEEP_MONTHLY, "%Y-%m")):
        kept |= _newest_per_period(ordered, period, count)
    room = MAX_BACKUP_BYTES
    for number, one in enumerate(ordered):
        room -= one.size if one in kept else 0
        if room < 0 and number >= MIN_BACKUPS:
            kept.discard(one)
    return [one for one in ordered if one not in kept]


def _newest_per_period(ordered: Iterable[Backup], period: str, count: int) -> set[Backup]:
    """The newest backup of each of the last `count` periods that have one."""
    last: dict[str, Backup] = {}
    for one in ordered:
        last.setdefault(time.strftime(period, time.localtime(one.made)), one)
    return set(list(last.values())[:count])


if __name__ == "__main__":
    background_process.serve(_copy_database)
