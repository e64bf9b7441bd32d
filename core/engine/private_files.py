"""Atomic writes: files and folders appear whole or not at all, also after a power cut. Only their owner may read them.

core/atomic_files.py has the same functions: the engine and the rest of core may not import each other (ARCHITECTURE.md,
rule 3).
"""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

PRIVATE_UMASK = 0o077  # for uploaded data, and for models trained on it


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file as a whole: a reader sees the old bytes or the new ones, also after a power cut. Raises OSError."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()  # on a full disk, half a file would take space for nothing
        raise
    sync_folder(path.parent)


def hash_file(path: Path) -> str:
    """The SHA-256 of a file (hex). Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_file(part: Path, target: Path) -> None:
    """Rename a finished file to `target`, which is replaced. Raises OSError."""
    sync_file(part)
    part.replace(target)
    sync_folder(target.parent)


def replace_folder(part: Path, target: Path) -> None:
    """Rename a finished folder to `target`, which is replaced; it may be elsewhere on the same disk. Raises OSError."""
    sync_tree(part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    for folder in {part.parent, target.parent}:
        sync_folder(folder)


def sync_file(path: Path) -> None:
    """Flush a file's bytes to the disk. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Flush all files in a folder, and its entries, to the disk. Raises OSError."""
    for entry in folder.iterdir():
        if entry.is_dir():
            sync_tree(entry)
        else:
            sync_file(entry)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries (new names, renames) to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_private(home: Path) -> None:
    """Let only the owner read new files (umask) and those that are in `home` already."""
    os.umask(PRIVATE_UMASK)
    for folder, _folders, files in os.walk(home):
        _restrict(Path(folder), 0o700)
        for name in files:
            _restrict(Path(folder) / name, 0o600)


def _restrict(path: Path, max_mode: int) -> None:
    with contextlib.suppress(OSError):  # deleted meanwhile, or of another owner
        mode = path.stat(follow_symlinks=False).st_mode
        if mode & 0o777 & ~max_mode and not path.is_symlink():
            path.chmod(mode & max_mode)
