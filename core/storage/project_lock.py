"""The locks of an open project: one in the cache for this account, one beside the file for other accounts and computers.

The one in the cache is the operating system's lock and ends with its process. The one beside the file is a small JSON
file with the owner, touched once a minute: a process on this computer can be checked, of others only the age is known.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import hashlib
import os
import secrets
import socket
import stat
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from core import __version__, processes
from core.atomic_files import temporary_path
from core.errors import ProjectError, ProjectInUseError
from core.language import tr
from core.paths import cache_folder, real_path

HEARTBEAT_INTERVAL = 60.0  # seconds between two updates of the lock file's time
HEARTBEAT_TIMEOUT = 10 * 60.0  # seconds without one, after which a lock of another computer can be taken over
MAX_LOCK_BYTES = 4096  # that are read of a lock file
MAX_NAME_LENGTH = 80  # characters that are shown of the names in it
LOCK_FILE_MODE = 0o644  # other accounts may read whose it is


class Owner(msgspec.Struct, frozen=True):
    """The owner of a lock, as the file says. `started` distinguishes its process from a later one with the same id."""

    machine: str
    host: str
    user: str
    pid: int
    started: str
    juku: str
    opened: float  # Unix seconds
    token: str

    @property
    def is_here(self) -> bool:
        """Whether it is on this computer, where its process can be checked."""
        return self.machine == _machine_id()

    def is_running(self) -> bool:
        """Whether its process is known to run on this computer, however old its last heartbeat is."""
        return (
            self.is_here and self.started != processes.UNKNOWN_START and processes.start_time(self.pid) == self.started
        )

    def is_gone(self) -> bool:
        """Whether its process on this computer has ended; another process may have its id by now."""
        now = processes.start_time(self.pid)
        return self.is_here and (
            now is None or (now != self.started and processes.UNKNOWN_START not in (now, self.started))
        )


@dataclass(frozen=True, slots=True)
class FoundLock:
    """A lock file that exists. `owner` is None where it cannot be read; `seen` is the last heartbeat in Unix seconds.

    `is_silent`: the last heartbeat is older than `HEARTBEAT_TIMEOUT`.
    """

    data: bytes
    owner: Owner | None
    seen: float
    is_silent: bool

    @property
    def is_left_here(self) -> bool:
        """Whether this very process created it, as in a folder that was renamed since; the lock in the cache decides then."""
        now = processes.start_time(os.getpid())
        return bool(self.owner and self.owner.is_here and (self.owner.pid, self.owner.started) == (os.getpid(), now))

    @property
    def is_stale(self) -> bool:
        """Whether the process of its owner has ended."""
        return self.owner is not None and self.owner.is_gone()


class ProjectLockedError(ProjectInUseError):
    """Another account or computer has the project open, as the lock `found` says."""

    def __init__(self, path: Path, found: FoundLock) -> None:
        super().__init__(*_describe_lock(path.name, found))
        self.path = path
        self.found = found

    @property
    def can_take_over(self) -> bool:
        """Whether the user may take the lock over: it had no heartbeat for `HEARTBEAT_TIMEOUT`."""
        return self.found.is_silent


class ProjectLock:
    """Both locks of an open project. `notice` is a message for the user about a stale lock that was found, or ""."""

    def __init__(self, own: FileLock, path: Path | None, data: bytes, notice: str) -> None:
        self._own, self._path, self._data = own, path, data
        self.notice = notice
        self._end, self._turn = threading.Event(), threading.Lock()
        if path is not None:
            threading.Thread(target=self._send_heartbeats, name="project-lock", daemon=True).start()

    def require(self) -> None:
        """Raises `ProjectError` where somebody has taken the project over, as while this computer was asleep."""
        if self._path is not None and (found := _read_lock(self._path)) is not None and found[0] != self._data:
            raise ProjectError(
                tr("Somebody else has taken the project over"),
                tr(
                    "It was opened elsewhere while nothing was heard of this window. This change was not made; "
                    "everything before it is in the file. Save a copy, or close the project and open it again."
                ),
            )

    def release(self) -> None:
        """Release both locks."""
        with self._turn:
            self._end.set()
        if self._path is not None:
            with contextlib.suppress(OSError):
                if (found := _read_lock(self._path)) is not None and found[0] == self._data:
                    self._path.unlink()
        self._own.release()

    def _send_heartbeats(self) -> None:
        assert self._path
        while not self._end.wait(HEARTBEAT_INTERVAL):
            with self._turn, contextlib.suppress(OSError):
                if not self._end.is_set():
                    self._touch_lock(self._path)

    def _touch_lock(self, path: Path) -> None:
        found = _read_lock(path)
        if found is not None and found[0] == self._data:
            os.utime(path)
        elif found is None and project_path(path).exists():  # someone has deleted hidden files
            _create_lock(path, self._data)


def lock_path(project: Path) -> Path:
    """The lock file of a project, beside the real file."""
    file = real_path(project)
    return file.with_name(f".{file.name}.lock")


def project_path(lock: Path) -> Path:
    """The project of a lock file."""
    return lock.with_name(lock.name.removeprefix(".").removesuffix(".lock"))


def acquire(project: Path) -> ProjectLock:
    """Lock a project for this window. Raises `ProjectInUseError`, `ProjectLockedError` where it is open elsewhere.

    In a folder where no lock file can be created, the project is only locked in the cache.
    """
    own = lock_in_cache(project)
    try:
        return _acquire_beside(own, project)
    except BaseException:
        own.release()
        raise


def lock_in_cache(path: Path) -> FileLock:
    """The lock of this account. Raises `ProjectInUseError` where the project is open in another window.

    It is in the cache, not beside the project: it is the operating system's lock and ends with its process.
    """
    name = hashlib.blake2b(os.fsencode(real_path(path)), digest_size=16).hexdigest()
    folder = cache_folder() / "open"
    lock = FileLock(folder / f"{name}.lock", thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise ProjectInUseError(
            tr("“{name}” is already open", name=path.name),
            tr("Another window or command is working on it. Nothing was changed. Continue there, or close it first."),
        ) from None
    except OSError:  # a cache that cannot be written must not keep anyone from the project
        pass
    return lock


def take_over(error: ProjectLockedError) -> None:
    """Delete the lock file that was found, after the user has agreed. One that was created since stays."""
    with contextlib.suppress(OSError):
        _remove_lock(lock_path(error.path), error.found.data)


def _acquire_beside(own: FileLock, project: Path) -> ProjectLock:
    path, data, notice = lock_path(project), msgspec.json.encode(_this_owner()), ""
    try:
        if _create_lock(path, data):
            return ProjectLock(own, path, data, "")
        found = find_lock(project)
        if found is not None and not (found.is_stale or found.is_left_here):
            raise ProjectLockedError(project, found)
        notice = "" if found and found.is_left_here else _describe_stale_lock(found)
        _remove_lock(path, found.data if found else b"")
        if _create_lock(path, data):
            return ProjectLock(own, path, data, notice)
    except OSError:
        return ProjectLock(own, None, b"", notice)
    if (found := find_lock(project)) is not None:  # somebody was faster
        raise ProjectLockedError(project, found)
    return ProjectLock(own, None, b"", notice)


def find_lock(project: Path) -> FoundLock | None:
    """The lock beside a project, None where there is no lock file. Raises `OSError`."""
    path = lock_path(project)
    if (contents := _read_lock(path)) is None:
        return None
    data, seen = contents
    try:
        owner = msgspec.json.decode(data, type=Owner)
    except (msgspec.DecodeError, UnicodeDecodeError):
        owner = None
    return FoundLock(
        data, owner, seen, _disk_time(path) - seen > HEARTBEAT_TIMEOUT and not (owner and owner.is_running())
    )


def _read_lock(path: Path) -> tuple[bytes, float] | None:
    """A lock file's bytes and its last heartbeat in Unix seconds; None where there is no regular file."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        return (file.read(MAX_LOCK_BYTES), status.st_mtime) if stat.S_ISREG(status.st_mode) else None


def _disk_time(path: Path) -> float:
    """The current time by the clock of the disk's own computer: a server's clock may differ from ours."""
    probe = temporary_path(path)
    try:
        probe.touch(mode=LOCK_FILE_MODE, exist_ok=False)
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _create_lock(path: Path, data: bytes) -> bool:
    """Create a lock file; False where it exists. It is complete at once where the disk has hard links. Raises `OSError`."""
    part = temporary_path(path)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), LOCK_FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        except OSError:
            return _create_without_link(path, data)
        return True
    finally:
        part.unlink(missing_ok=True)


def _create_without_link(path: Path, data: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


def _remove_lock(path: Path, data: bytes) -> None:
    """Delete the lock file with `data`, or a link; a lock that somebody has created meanwhile stays. Raises `OSError`."""
    aside = temporary_path(path)
    path.rename(aside)
    found = _read_lock(aside)
    if found is not None and found[0] != data and not path.exists():
        aside.rename(path)
    elif aside.is_dir() and not aside.is_symlink():
        aside.rename(path)
        raise IsADirectoryError(path)
    else:
        aside.unlink(missing_ok=True)


def _this_owner() -> Owner:
    pid = os.getpid()
    started = processes.start_time(pid) or processes.UNKNOWN_START
    return Owner(
        _machine_id(), socket.gethostname(), _user_name(), pid, started, __version__, time.time(), secrets.token_hex(8)
    )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


@functools.cache
def _machine_id() -> str:
    """A hash that identifies this computer; a container with its own process ids is another computer."""
    parts = [socket.gethostname()]
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            parts.append(Path(path).read_bytes().decode(errors="replace").strip())
            break
    else:
        parts.append(str(uuid.getnode()))
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


# --- messages


def _describe_stale_lock(found: FoundLock | None) -> str:
    if found is None or found.owner is None:
        return ""
    return tr(
        "Juku did not end properly here on {day}. Everything that was saved until then is there.",
        day=format_time(found.seen),
    )


def _describe_lock(name: str, found: FoundLock) -> tuple[str, str]:
    owner = found.owner
    if owner is None:
        title = tr("“{name}” seems to be open elsewhere", name=name)
        who = tr("There is a lock beside it that does not say whose it is.")
    else:
        title = tr("“{name}” is open elsewhere", name=name)
        who = tr("{user} opened it on {day} on the computer “{host}”.", user=_printable(owner.user), host=_printable(owner.host),
                 day=format_time(owner.opened))  # fmt: skip
    if found.is_silent:
        rest = tr(
            "There has been no sign of that window since {day}. If nobody works on it there any more, take it over.",
            day=format_time(found.seen),
        )
    else:
        rest = tr(
            "Nothing was changed. You can look at it without changing anything, or wait until it is closed there."
        )
    return title, f"{who} {rest}"


def format_time(moment: float) -> str:
    """Unix seconds as local date and time; "?" for a value out of range."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
    except (OverflowError, ValueError, OSError):  # an invalid value in a lock file
        return "?"


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:MAX_NAME_LENGTH] or "?"
