"""One window for a project: a second start of Juku on it raises that window and hands over its files."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QWidget

from core.paths import real_path
from core.storage.project import Project

MAX_MESSAGE_BYTES = 256 * 1024  # bytes of a message
ANSWER_TIMEOUT = 5.0  # seconds for a window to answer; one that hangs is not waited for
TAKEN_REPLY = b"taken\n"


class FilesToOpen(msgspec.Struct):
    """What one process sends to the window of another: files to open, with absolute paths."""

    files: list[str] = []


class OneWindow(QObject):
    """Listens for a window's project; `asked` gives the files that another process hands over."""

    asked = Signal(list)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._server: QLocalServer | None = None

    def follow(self, project: Project) -> None:
        """Listen for this project from now on. One that is only read may be open in many windows."""
        self.end()
        name = server_name(project.path)
        if project.read_only or not name:
            return
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        QLocalServer.removeServer(name)  # of a window that did not end properly: the project's lock is ours
        self._server.listen(name)

    def end(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server.deleteLater()
            self._server = None

    def _on_connection(self) -> None:
        assert self._server
        while (caller := self._server.nextPendingConnection()) is not None:
            caller.disconnected.connect(caller.deleteLater)
            caller.readyRead.connect(lambda caller=caller: self._on_bytes(caller))
            self._on_bytes(caller)

    def _on_bytes(self, caller: QLocalSocket) -> None:
        """A whole line is a message; what is too long or makes no sense is dropped."""
        if caller.bytesAvailable() > MAX_MESSAGE_BYTES:
            caller.abort()
        elif caller.canReadLine():
            files = parse_message(bytes(caller.readLine().data()))
            if files is None:
                caller.abort()
                return
            caller.write(TAKEN_REPLY)
            caller.flush()
            caller.disconnectFromServer()
            self.asked.emit(files)


def parse_message(line: bytes) -> list[Path] | None:
    """The files of a message, or None where it is none."""
    try:
        found = msgspec.json.decode(line, type=FilesToOpen)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    paths = [Path(name) for name in found.files if "\0" not in name]
    return [path for path in paths if path.is_absolute()]


def send_to_open_window(project: Path, files: Sequence[Path]) -> bool:
    """Raise the window that has `project` open, and give it `files`; False where there is none. Blocks for a moment."""
    name = server_name(project)
    if not name or not _is_ours(name):
        return False
    try:
        with _connect(name) as stream:
            stream.write(msgspec.json.encode(FilesToOpen([str(path.absolute()) for path in files])) + b"\n")
            stream.flush()
            return stream.readline(len(TAKEN_REPLY)) == TAKEN_REPLY
    except OSError:
        return False


def is_open(project: Path) -> bool:
    """Whether another window has `project` open now."""
    name = server_name(project)
    if not name or not _is_ours(name):
        return False
    try:
        with _connect(name):
            return True
    except OSError:  # a socket that a killed window left
        return False


@contextmanager
def _connect(name: str) -> Iterator[BinaryIO | io.BufferedRWPair]:
    """Not Qt's socket, which would hold up every other thread while it waits."""
    if sys.platform == "win32":
        with open(rf"\\.\pipe\{name}", "r+b", buffering=0) as pipe:  # noqa: PTH123 - no path
            yield pipe
        return
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(ANSWER_TIMEOUT)
        one.connect(name)
        with one.makefile("rwb") as stream:
            yield stream


def server_name(project: Path) -> str:
    """Where the window of a project listens: a socket in a folder of this account's own; '' where there is none."""
    digest = hashlib.blake2b(os.fsencode(real_path(project)), digest_size=16).hexdigest()
    if sys.platform == "win32":
        return f"juku-{digest}"
    folder = _private_folder()
    return str(folder / f"juku-{digest}") if folder else ""


def _private_folder() -> Path | None:
    """A folder that only this account can enter: in one for all, another could listen in our place."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and _is_private(Path(given)):
        return Path(given)
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


def _is_ours(name: str) -> bool:
    """Whether a socket is there and is this account's."""
    if sys.platform == "win32":
        return True
    try:
        status = Path(name).lstat()
    except OSError:
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.getuid()


def raise_window(window: QWidget) -> None:
    """Bring a window to the front, also one that is minimised."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
