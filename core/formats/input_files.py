"""Opens the files that rows come from, and says in words why one cannot be opened or read."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats import archives
from core.formats.compressed_files import open_decompressed, read_progress
from core.language import tr

BLOCK_BYTES = 1024 * 1024


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading, decompressed if needed. Raises FormatError when it cannot be read, then or inside `with`."""
    if archive := archives.find_archive(path):
        with _open_member(archive, path) as member:
            yield member
        return
    try:
        mode = path.stat().st_mode  # checked first: opening a pipe or a device can block for ever
        if not stat.S_ISREG(mode):
            raise _unreadable_error(path, tr("It is a folder.") if stat.S_ISDIR(mode) else tr("It is not a file."))
        with path.open("rb", buffering=BLOCK_BYTES) as file:
            yield open_decompressed(file)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise _unreadable_error(path, format_os_error(error)) from error


@contextmanager
def _open_member(archive: Path, path: Path) -> Iterator[BufferedReader]:
    try:
        with archive.open("rb", buffering=BLOCK_BYTES) as file:
            yield archives.open_member(file, path.relative_to(archive).as_posix())
    except (OSError, ValueError) as error:
        raise _unreadable_error(path, format_os_error(error)) from error


def get_size(path: Path) -> int:
    """The size of a file, or of a member of an archive, in bytes as it is stored. Raises FormatError as `open_file` does."""
    with open_file(path) as file:
        return read_progress(file)[1]


def _unreadable_error(path: Path, reason: str) -> FormatError:
    return FormatError(tr("{name} cannot be read", name=clip(path.name, 80)), reason)


def format_os_error(error: OSError | ValueError) -> str:
    """The reason of an error as a translated sentence; for an unknown one, the error's own text."""
    reasons = {
        errno.ENOENT: tr("There is no such file or folder."),
        errno.EACCES: tr("Permission denied."),
        errno.EPERM: tr("Permission denied."),
        errno.EROFS: tr("The disk is read-only."),
        errno.ENOSPC: tr("The disk is full."),
        errno.EDQUOT: tr("The disk quota is used up."),
        errno.EISDIR: tr("It is a folder."),
    }
    message = reasons.get(error.errno or 0) if isinstance(error, OSError) else None
    return message or str(error)
