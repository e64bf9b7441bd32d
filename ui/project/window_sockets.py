"""Where the window of a project listens for a second start; needs nothing of Qt, since each start asks it first."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.paths import real_path

PREFIX = "juku-"  # of the names of the sockets
ANSWER_TIMEOUT = 5.0  # seconds for a window to answer; one that hangs is not waited for


def is_open(project: Path) -> bool:
    """Whether another window has `project` open now."""
    if not _any_listens():
        return False
    name = server_name(project)
    if not name or not is_ours(name):
        return False
    try:
        with connect(name):
            return True
    except OSError:  # a socket that a killed window left
        return False


def _any_listens() -> bool:
    """Whether a window may be open on any project at all; told without loading libraries, since most starts end here."""
    if sys.platform == "win32":
        return True
    folder = _private_folder()
    return folder is not None and next(folder.glob(f"{PREFIX}*"), None) is not None


@contextmanager
def connect(name: str) -> Iterator[BinaryIO | io.BufferedRWPair]:
    """The way to the window that listens there. Raises OSError.

    Not Qt's socket, which would hold up every other thread while it waits.
    """
    if sys.platform == "win32":
        with open(rf"\\.\pipe\{name}", "r+b", buffering=0) as pipe:  # noqa: PTH123 - no path
            yield pipe
        return
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(ANSWER_TIMEOUT)
        one.connect(name)
        with one.makefile("rwb") as stream:
            yield stream


def server_name(project: Path) -> str:
    """Where the window of a project listens: a socket in a folder of this account's own; '' where there is none."""
    import hashlib

    digest = hashlib.blake2b(os.fsencode(real_path(project)), digest_size=16).hexdigest()
    if sys.platform == "win32":
        return f"{PREFIX}{digest}"
    folder = _private_folder()
    return str(folder / f"{PREFIX}{digest}") if folder else ""


def _private_folder() -> Path | None:
    """A folder that only this account can enter: in one for all, another could listen in our place."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and _is_private(Path(given)):
        return Path(given)
    import tempfile

    folder = Path(tempfile.gettempdir()) / f"juku-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return folder if _is_private(folder) else None


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def is_ours(name: str) -> bool:
    """Whether a socket is there and is this account's."""
    if sys.platform == "win32":
        return True
    try:
        status = Path(name).lstat()
    except OSError:
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.getuid()
