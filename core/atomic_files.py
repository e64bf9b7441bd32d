"""Files and folders that appear whole or not at all, also after a power cut.

Syncing is written twice, here and in core/engine/private_files.py: the engine imports nothing of the rest and the rest nothing
of it (ARCHITECTURE.md, rule 3), so that either can be run, moved and changed alone; there is no place for both.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.paths import real

NAME_BYTES = 235  # of a file's name, of the 255 that most disks take: the rest is for a number and for `-journal`
BLOCK = 1024 * 1024
PRIVATE = 0o600  # the mode of what concerns nobody but the person
USUAL = 0o666  # of everything else, less the umask


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace the file `path` by one that holds `data`; see `whole`. Raises OSError."""
    with whole(path, mode) as file:
        file.write(data)


@contextmanager
def whole(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end, when its bytes are on the disk; a link is followed.

    Its permissions are `mode`, else those of the file that was there, else the usual ones. Raises OSError; what was
    there before is unchanged then.
    """
    target = real(path)
    temporary = temporary_for(target)
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
    """Write a file that was not there. Raises FileExistsError, OSError; nothing is left then."""
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
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` at the end; the old one and all in it is removed then.

    Raises OSError; what was there before is unchanged then.
    """
    target = real(path)
    new, old = temporary_for(target), temporary_for(target)
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


def temporary_for(target: Path) -> Path:
    """A name that nothing has, in the folder of `target`, so that a rename is enough."""
    return target.with_name(f".{secrets.token_hex(8)}.tmp")


def free_name(folder: Path, stem: str, mark: str, suffix: str = "") -> Path:
    """A name that nothing has: `stem`, cut where file systems would not take it whole, `mark`, a number where needed."""
    path, number = folder / f"{fitting(stem, mark + suffix)}{mark}{suffix}", 2
    while path.exists():
        path, number = folder / f"{fitting(stem, mark + suffix)}{mark} ({number}){suffix}", number + 1
    return path


def fitting(stem: str, end: str) -> str:
    """As much of `stem` as a name has room for that goes on with `end`, and what SQLite puts behind that."""
    while stem and len(os.fsencode(stem + end)) > NAME_BYTES:
        stem = stem[:-1]
    return stem


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Put all files in a folder, and its own entries, on the disk."""
    for entry in folder.iterdir():
        if entry.is_dir():
            sync_tree(entry)
        else:
            sync_file(entry)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Put a folder's own entries (new names, renames) on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _new_file(path: Path, mode: int | None) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, USUAL if mode is None else mode)
    if mode is not None:
        path.chmod(mode)  # the umask may have taken something away
    return os.fdopen(handle, "wb", BLOCK)
