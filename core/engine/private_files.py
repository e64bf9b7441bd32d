"""Files and folders that appear whole or not at all, also after a power cut, and that only their owner may read.

The engine's own: core/atomic_files.py syncs in the same words, but neither side of the wall between them may import the
other (ARCHITECTURE.md, rule 3), and there is no place for both. What they build on it differs: all here is its owner's alone.
"""

import contextlib
import os
import shutil
from pathlib import Path

PRIVATE = 0o077  # the umask of whatever keeps what people have uploaded, or what was learned from it


def write_whole(path: Path, data: bytes) -> None:
    """Replace `path` as a whole: a reader sees the old bytes or the new, also after a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def keep_file(part: Path, target: Path) -> None:
    """Let a finished file take the place of `target`."""
    sync_file(part)
    part.replace(target)
    sync_folder(target.parent)


def keep_folder(part: Path, target: Path) -> None:
    """Let a finished folder take the place of `target`, which may be in another folder of the same disk."""
    sync_tree(part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    for folder in {part.parent, target.parent}:
        sync_folder(folder)


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
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_private(home: Path) -> None:
    """From now on, and for what an older engine left here: nobody but the owner may read it."""
    os.umask(PRIVATE)
    for folder, _folders, files in os.walk(home):
        _tighten(Path(folder), 0o700)
        for name in files:
            _tighten(Path(folder) / name, 0o600)


def _tighten(path: Path, most: int) -> None:
    with contextlib.suppress(OSError):  # gone, or somebody else's
        mode = path.stat(follow_symlinks=False).st_mode
        if mode & 0o777 & ~most and not path.is_symlink():
            path.chmod(mode & most)
