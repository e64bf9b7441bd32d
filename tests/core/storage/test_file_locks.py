"""The lock on a project's file, and whether file and log are still the ones that were opened: one object, other processes."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.storage import database_file_lock
from tests.core.storage.test_database_file_lock import droppable, look_into

__all__ = ["droppable"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "f.juku"
    path.write_bytes(b"file")
    path.with_name("f.juku-wal").write_bytes(b"log")
    file = database_file_lock.DatabaseFileLock(path)
    file.remember_state()
    yield file
    file.close()


LOCK = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, int(sys.argv[3]), int(sys.argv[2]))
except OSError:
    print("taken", flush=True)
else:
    print("locked", flush=True)
    sys.stdin.readline()
"""


def locking(path, place, size=1):
    """A process that locks some bytes of the file, and whether it could."""
    command = [sys.executable, "-c", LOCK, str(path), str(place), str(size)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def test_what_is_noted_is_ours_until_either_is_another(file, tmp_path):
    path, log = tmp_path / "f.juku", tmp_path / "f.juku-wal"
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (True, True, False)
    log.write_bytes(b"longer log")  # as this process writes it
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (False, True, False)
    file.remember_state()
    assert file.is_ours()
    log.rename(tmp_path / "elsewhere")
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (False, False, True)
    log.write_bytes(b"longer log")  # of that name, but another
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (False, False, True)
    (tmp_path / "elsewhere").replace(log)
    assert file.is_ours()
    path.write_bytes(b"FILE")
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (False, False, False)
    file.remember_state()
    shutil.copy2(path, tmp_path / "same")
    (tmp_path / "same").replace(path)  # same size and time
    assert not file.is_ours()
    path.unlink()
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (False, False, False)


def test_a_log_that_is_not_there_has_no_size(file, tmp_path):
    assert file.log_size() == 3
    (tmp_path / "f.juku-wal").unlink()
    assert file.log_size() == 0
    file.remember_state()
    assert (file.is_ours(), file.is_in_place(), file.has_lost_only_its_log()) == (True, True, False)


def test_the_log_that_is_written_out_is_the_one_that_lies_there(file, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("os.fsync", lambda fd: written.append(os.fstat(fd).st_ino))
    file.write_log_out()
    file.write_log_out()
    assert written == [(tmp_path / "f.juku-wal").stat().st_ino] * 2


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed there")
def test_a_file_that_is_closed_or_refused_is_open_no_more(file, tmp_path, monkeypatch):
    def is_open():
        names = [Path(os.path.realpath(one.path)).name for one in os.scandir("/proc/self/fd")]
        return sorted(name for name in names if name.startswith("f.juku"))

    file.write_log_out()
    file.write_log_out()
    assert is_open() == ["f.juku", "f.juku-wal"]
    file.close()
    file.close()
    assert not is_open()
    assert file.assert_locks()  # nothing is held, and nobody is in the way
    other, said = locking(tmp_path / "f.juku", database_file_lock.PENDING_BYTE)
    assert said == "locked"
    monkeypatch.setattr(database_file_lock, "LOCK_ATTEMPTS", 1)
    with pytest.raises(BlockingIOError):
        database_file_lock.DatabaseFileLock(tmp_path / "f.juku")
    assert not is_open()
    other.communicate("\n")


@pytest.mark.parametrize(
    "place",
    [
        database_file_lock.PENDING_BYTE,
        database_file_lock.SHARED_FIRST,
        database_file_lock.SHARED_FIRST + database_file_lock.SHARED_SIZE - 1,
    ],
)
def test_the_bytes_that_any_sqlite_locks_are_held(file, tmp_path, place):
    file.assert_locks()
    process, said = locking(tmp_path / "f.juku", place)
    process.communicate("\n")
    assert said == "taken"


@pytest.mark.parametrize(
    ("place", "size"),
    [(database_file_lock.PENDING_BYTE - 1, 1), (database_file_lock.SHARED_FIRST + database_file_lock.SHARED_SIZE, 9)],
)
def test_no_other_bytes_are_held(file, tmp_path, place, size):
    file.assert_locks()
    process, said = locking(tmp_path / "f.juku", place, size)
    process.communicate("\n")
    assert said == "locked"


def test_the_bytes_are_those_of_the_file_format():
    assert (database_file_lock.PENDING_BYTE, database_file_lock.SHARED_FIRST, database_file_lock.SHARED_SIZE) == (
        2**30,
        2**30 + 2,
        510,
    )


@pytest.mark.parametrize(
    "place", [database_file_lock.PENDING_BYTE, database_file_lock.SHARED_FIRST, database_file_lock.SHARED_FIRST + 509]
)
def test_a_lock_that_another_has_taken_meanwhile_is_told(droppable, file, tmp_path, place):
    assert file.assert_locks() is True
    look_into(tmp_path)  # which drops it
    other, said = locking(tmp_path / "f.juku", place)
    assert said == "locked"
    assert file.assert_locks() is False
    other.communicate("\n")
    assert file.assert_locks() is True


def test_who_only_looks_in_is_waited_for(file, tmp_path, monkeypatch):
    file.close()
    other, _said = locking(tmp_path / "f.juku", database_file_lock.PENDING_BYTE)
    asked = []

    def wait(seconds):
        asked.append(seconds)
        if len(asked) == 3:
            other.communicate("\n")

    monkeypatch.setattr(database_file_lock.time, "sleep", wait)
    database_file_lock.DatabaseFileLock(tmp_path / "f.juku").close()
    assert len(asked) == 3
    again, _said = locking(tmp_path / "f.juku", database_file_lock.PENDING_BYTE)
    with pytest.raises(BlockingIOError) as caught:
        database_file_lock.DatabaseFileLock(tmp_path / "f.juku")
    assert caught.value.errno == errno.EAGAIN
    assert len(asked) == 3 + database_file_lock.LOCK_ATTEMPTS - 1
    again.communicate("\n")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP])
def test_a_disk_without_such_locks_goes_without(tmp_path, monkeypatch, number):
    def refuse(_fd, _command, _asked):
        raise OSError(number, "no such locks")

    monkeypatch.setattr(database_file_lock.fcntl, "fcntl", refuse)
    file = database_file_lock.DatabaseFileLock(tmp_path / "f.juku")
    monkeypatch.undo()
    assert file.assert_locks()
    process, said = locking(tmp_path / "f.juku", database_file_lock.PENDING_BYTE)
    process.communicate("\n")
    assert said == "taken"  # by the lock of the process
    file.close()


def test_a_trouble_that_is_no_lock_is_told_at_once(tmp_path, monkeypatch):
    def refuse(_file):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(database_file_lock.DatabaseFileLock, "_lock_descriptor", refuse)
    monkeypatch.setattr(database_file_lock.time, "sleep", lambda _seconds: pytest.fail("waited"))
    with pytest.raises(OSError, match="broken"):
        database_file_lock.DatabaseFileLock(tmp_path / "f.juku")
    with pytest.raises(FileNotFoundError):
        database_file_lock.DatabaseFileLock(tmp_path / "none" / "f.juku")


def test_what_was_put_in_the_files_place_is_never_taken_for_ours(file, tmp_path):
    """Between a write and the look at what it left, a file that had taken its name was remembered as ours: edits were lost."""
    (tmp_path / "new").write_bytes(b"file")
    (tmp_path / "new").replace(tmp_path / "f.juku")
    file.remember_state()
    assert not file.is_ours() and not file.is_in_place()
