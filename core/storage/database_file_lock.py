"""Locks a project's file for this process alone, and detects whether file or log were replaced or written by others.

SQLite's own POSIX locks belong to the process: they are lost when any code in it opens and closes the file, as Qt's file
dialog does for every file it lists. So a lock of our own is on the byte that every SQLite must lock before it reads. It
belongs to a file descriptor that stays open; on systems without such locks, the file is locked again before each write.
"""

import errno
import os
import struct
import sys
import time
from pathlib import Path

from core.storage.connection import log_path

if sys.platform != "win32":
    import fcntl

PENDING_BYTE = 0x40000000  # SQLite's lock bytes, as its file format documents them
SHARED_FIRST = PENDING_BYTE + 2
SHARED_SIZE = 510
LOCK_ATTEMPTS = 20  # one every 50 ms, for a program that reads only for a moment
LOCKED_ERRNOS = (errno.EAGAIN, errno.EACCES)

FileState = tuple[int, int, int, int]  # device, inode, bytes, time of the last change in nanoseconds


class DatabaseFileLock:
    """One locked file of a project. Raises `OSError` when it cannot be opened, `BlockingIOError` when others have it locked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log_path = log_path(path)
        self._main: FileState | None = None
        self._log: FileState | None = None
        self._log_fd: int | None = None
        self._own_lock = False  # whether the lock belongs to the descriptor, and cannot be lost
        # On Windows locks belong to the handle, and a file that is open can be neither replaced nor deleted.
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644) if sys.platform != "win32" else None
        try:
            self._lock()
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        for number in range(LOCK_ATTEMPTS):
            try:
                self._own_lock = self._lock_descriptor()
            except OSError as error:
                if error.errno not in LOCKED_ERRNOS:
                    raise
                if number == LOCK_ATTEMPTS - 1:
                    raise BlockingIOError(errno.EAGAIN, str(error)) from error
                time.sleep(0.05)
            else:
                return

    def _lock_descriptor(self) -> bool:
        """Lock for this file descriptor; False where the system or the disk has no such locks. Raises `OSError`."""
        if sys.platform == "linux" and self._fd is not None:
            lock_request = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, PENDING_BYTE, 1, 0)
            try:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, lock_request)
            except OSError as error:
                if error.errno in LOCKED_ERRNOS:
                    raise
                return False
            return True
        return False

    def assert_locks(self) -> bool:
        """Acquire the locks of the process again; False where another program has locked the file meanwhile."""
        if sys.platform == "win32" or self._fd is None:
            return True
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
            if not self._own_lock:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, PENDING_BYTE)
        except OSError as error:
            return error.errno not in LOCKED_ERRNOS
        return True

    def remember_state(self) -> None:
        """Remember the state of file and log: to call after they were opened and after each own write.

        The file's is that of the open file, not of its name: what was put in its place meanwhile is not ours.
        """
        self._main = _file_state(self._path if self._fd is None else self._fd)
        self._log = _file_state(self._log_path)

    def is_ours(self) -> bool:
        """Whether file and log are those of `remember_state`, and nobody has written them since."""
        return self._fd is None or (_file_state(self._path), _file_state(self._log_path)) == (self._main, self._log)

    def is_in_place(self) -> bool:
        """Whether the file is unchanged and the path of the log is still the same file, while this process writes the log."""
        return self._is_file_ours() and _inode(_file_state(self._log_path)) == _inode(self._log)

    def has_lost_only_its_log(self) -> bool:
        """Whether only the log was deleted or replaced: its content is still open here, and complete."""
        return self._is_file_ours() and _inode(_file_state(self._log_path)) != _inode(self._log)

    def _is_file_ours(self) -> bool:
        return self._fd is None or _file_state(self._path) == self._main

    def log_size(self) -> int:
        """Bytes of the log; 0 where there is none."""
        try:
            return self._log_path.stat().st_size
        except OSError:
            return 0

    def write_log_out(self) -> None:
        """Flush the log to the disk (fsync). Raises `OSError`."""
        if self._log_fd is None:
            self._log_fd = os.open(self._log_path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
        os.fsync(self._log_fd)

    def close(self) -> None:
        """Close the file, which unlocks it."""
        for fd in (self._fd, self._log_fd):
            if fd is not None:
                os.close(fd)
        self._fd = self._log_fd = None


def _file_state(file: Path | int) -> FileState | None:
    """The state of the file at a path or of an open one; None where there is none."""
    try:
        status = file.stat() if isinstance(file, Path) else os.fstat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _inode(state: FileState | None) -> tuple[int, ...] | None:
    return state[:2] if state else None
