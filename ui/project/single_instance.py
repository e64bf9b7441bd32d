"""One window for a project: a second start of Juku on it raises that window and hands over its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QWidget

from ui.project.window_sockets import connect, is_ours, server_name

if TYPE_CHECKING:
    from core.storage.project import Project

MAX_MESSAGE_BYTES = 256 * 1024  # bytes of a message
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
    if not name or not is_ours(name):
        return False
    try:
        with connect(name) as stream:
            stream.write(msgspec.json.encode(FilesToOpen([str(path.absolute()) for path in files])) + b"\n")
            stream.flush()
            return stream.readline(len(TAKEN_REPLY)) == TAKEN_REPLY
    except OSError:
        return False


def raise_window(window: QWidget) -> None:
    """Bring a window to the front, also one that is minimised."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
