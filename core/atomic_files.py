"""Atomic writes: a file or folder appears complete or not at all, also after a power failure.

Syncing is written twice, here and in core/engine/private_files.py: the engine imports nothing of the rest and the rest nothing
of it (ARCHITECTURE.md, rule 3), so that each can be run, moved and changed alone.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.paths import real_path

MAX_NAME_BYTES = 235  # of a file name; most disks allow 255, the rest is for a number and for `-journal`
BUFFER_BYTES = 1024 * 1024
PRIVATE_MODE = 0o600  # the mode of files that only the user may read
DEFAULT_MODE = 0o666  # the mode of all other files, before the umask


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace the file `path` by `data`; see `open_atomically`. Raises OSError."""
    with open_atomically(path, mode) as file:
        file.write(data)


@contextmanager
def open_atomically(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` at the end, once its bytes are on the disk; a link is followed.

    Its permissions are `mode`, else those of the old file, else the default. Raises OSError; the old file is unchanged
    then.
    """
    target = real_path(path)
    temporary = temporary_path(target)
    try:
        with _new_file(temporary, mode) as file:
            yield file
            if mode is None and target.exists():
                shutil.copymode(target, temporary)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_new(path: Path, data: bytes) -> None:
    """Write a new file. Raises FileExistsError when it exists, and OSError; no part of it is left then."""
    file = path.open("xb")
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def create_folder_atomically(path: Path) -> Iterator[Path]:
    """Create a new folder that replaces `path` at the end; the old one is deleted with all its files.

    Raises OSError; the old folder is unchanged then.
    """
    target = real_path(path)
    new, old = temporary_path(target), temporary_path(target)
    try:
        new.mkdir()
        yield new
        sync_tree(new)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise
        sync_folder(target.parent)
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def temporary_path(target: Path) -> Path:
    """An unused path in the folder of `target`, so that a rename can replace `target`."""
    return target.with_name(f".{secrets.token_hex(8)}.tmp")


def find_free_name(folder: Path, stem: str, mark: str, suffix: str = "") -> Path:
    """An unused path in `folder`: `stem`, shortened if it is too long, `mark`, a number if needed, and `suffix`."""
    path, number = folder / f"{shorten_name(stem, mark + suffix)}{mark}{suffix}", 2
    while path.exists():
        path, number = folder / f"{shorten_name(stem, mark + suffix)}{mark} ({number}){suffix}", number + 1
    return path


def shorten_name(stem: str, end: str) -> str:
    """`stem`, shortened so that `stem + end` and a suffix of SQLite fit into a file name."""
    while stem and len(os.fsencode(stem + end)) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem


@contextmanager
def hold_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path` against other windows; go on without it on a full disk, or when one holds it for longer than
    `timeout` seconds."""
    from filelock import FileLock, Timeout  # it imports asyncio, which only reading the settings does not need

    lock = FileLock(path, timeout=timeout)
    with suppress(OSError, Timeout):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def sync_file(path: Path) -> None:
    """Flush a file to the disk (fsync). Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Flush all files in a folder, and its own entries, to the disk. Raises OSError."""
    for entry in folder.iterdir():
        if entry.is_dir():
            sync_tree(entry)
        else:
            sync_file(entry)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entries (new names, renames) to the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _new_file(path: Path, mode: int | None) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, DEFAULT_MODE if mode is None else mode)
    if mode is not None:
        path.chmod(mode)  # the umask may have taken something away
    return os.fdopen(handle, "wb", BUFFER_BYTES)
