"""One project, one window: also between accounts and machines, after a crash, and beside files that are no locks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from core import paths, processes
from core.dataset import examples
from core.errors import ProjectError, ProjectInUseError
from core.paths import ROOT
from core.storage import project_lock
from core.storage.project import Project
from core.storage.project_lock import ProjectLockedError, lock_path, take_over
from tests.support.projects import new_example

NOBODY = 65534
OPEN = """
import ctypes, os, sys
from pathlib import Path
from core.storage.project import Project
if len(sys.argv) > 2:  # another account, which could not start this Python itself
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # a process like any other of that account
project = Project(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
project.close()
"""


def own(path):
    return json.loads(lock_path(path).read_text())


def write_lock(path, data, age=0.0):
    """A lock as somebody else has left it."""
    file = lock_path(path)
    file.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    moment = time.time() - age
    os.utime(file, (moment, moment))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "塾 p.juku"
    Project(path).close()
    return path


@pytest.fixture
def elsewhere(path):
    """What the lock of another machine holds."""
    project = Project(path)
    found = {**own(path), "machine": "f" * 32, "host": "garden-pc", "user": "mika", "token": "theirs"}
    project.close()
    return found


def add(project):
    row = new_example("q")
    return asyncio.run(project.write("Add", examples.add, [row]))


def test_the_lock_is_there_while_the_project_is_open(path):
    project = Project(path)
    found = own(path)
    assert (found["pid"], found["started"]) == (os.getpid(), processes.start_time(os.getpid()))
    assert lock_path(path).name == ".塾 p.juku.lock"
    assert project.notice == ""
    project.close()
    assert [entry.name for entry in path.parent.glob("*") if "lock" in entry.name or "tmp" in entry.name] == []


def start(path, home, user=None):
    """A process of its own, perhaps of another account, that holds the project open until its input ends."""
    home.mkdir(exist_ok=True)
    if user is not None:
        os.chown(home, user, user)
    folders = {f"JUKU_{name}": str(home / name.lower()) for name in ("CONFIG", "DATA", "LOG")}
    env = {**os.environ, "HOME": str(home), **folders}
    return subprocess.Popen([sys.executable, "-c", OPEN, str(path), *([str(user)] if user else [])], cwd=ROOT, env=env,
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def end(process):
    told, trouble = process.communicate()
    assert process.returncode == 0, trouble
    return told


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can be somebody else")
def test_another_account_is_told_who_has_it(shared_folder):
    """A folder that both may write: each account has a cache of its own, so only the lock beside the file is common."""
    shared = shared_folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    both = shared / "both.juku"
    Project(both).close()
    both.chmod(0o666)
    home = shared_folder / "theirs"
    theirs = start(both, home, NOBODY)
    assert theirs.stdout.readline() == "open\n", theirs.communicate()[1]
    with pytest.raises(ProjectLockedError, match="open elsewhere") as refused:
        Project(both)
    assert refused.value.found.owner.pid == theirs.pid
    assert not refused.value.can_take_over
    theirs.send_signal(signal.SIGKILL)
    theirs.communicate()
    project = Project(both)
    assert "did not end properly" in project.notice
    add(project)
    ours = start(both, home, NOBODY)
    assert "open elsewhere" in ours.communicate()[1]
    project.close()


def test_a_window_that_was_killed_is_taken_over_in_words(path, tmp_path):
    process = start(path, tmp_path / "home")
    assert process.stdout.readline() == "open\n"
    with pytest.raises(ProjectLockedError):
        Project(path)
    process.kill()
    process.communicate()
    project = Project(path)
    assert "did not end properly" in project.notice
    assert own(path)["pid"] == os.getpid()
    project.close()


def test_a_process_that_got_the_number_later_is_another(path):
    write_lock(path, {**owner_of(path), "started": "another boot 17"})
    project = Project(path)
    assert project.notice
    project.close()


def test_a_process_hidden_from_us_is_not_taken_for_ended(path, tmp_path, monkeypatch):
    """`/proc` may be mounted so that each account sees its own processes only."""
    process = start(path, tmp_path / "home")
    assert process.stdout.readline() == "open\n"
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/stat").touch()
    monkeypatch.setattr(processes, "PROC_FOLDER", tmp_path / "proc")
    with pytest.raises(ProjectLockedError) as refused:
        Project(path)
    assert not refused.value.can_take_over
    write_lock(
        path, own(path), age=project_lock.HEARTBEAT_TIMEOUT + 60
    )  # the number may be another's by now: a person decides
    with pytest.raises(ProjectLockedError) as refused:
        Project(path)
    assert refused.value.can_take_over
    process.kill()
    process.communicate()
    Project(path).close()


def owner_of(path):
    project = Project(path)
    found = own(path)
    project.close()
    return found


def test_another_machine_has_it_open(path, elsewhere):
    write_lock(path, elsewhere)
    before = lock_path(path).read_bytes()
    with pytest.raises(ProjectLockedError) as refused:
        Project(path)
    text = str(refused.value)
    assert "mika" in text
    assert "garden-pc" in text
    assert time.strftime("%Y-%m-%d") in text
    assert not refused.value.can_take_over
    assert lock_path(path).read_bytes() == before


def test_a_machine_that_has_gone_silent_may_be_taken_over(path, elsewhere):
    write_lock(path, elsewhere, age=project_lock.HEARTBEAT_TIMEOUT + 60)
    with pytest.raises(ProjectLockedError, match="take it over") as refused:
        Project(path)
    assert refused.value.can_take_over
    take_over(refused.value)
    project = Project(path)
    add(project)
    project.close()


def test_one_who_came_back_meanwhile_is_not_taken_over(path, elsewhere):
    write_lock(path, elsewhere, age=project_lock.HEARTBEAT_TIMEOUT + 60)
    with pytest.raises(ProjectLockedError) as refused:
        Project(path)
    write_lock(path, {**elsewhere, "token": "a new window"})
    take_over(refused.value)
    with pytest.raises(ProjectLockedError, match="garden-pc"):
        Project(path)
    assert not list(path.parent.glob("*.tmp"))


def test_who_was_taken_over_writes_no_more(path, elsewhere):
    """This computer slept, and another one took its project over."""
    project = Project(path)
    add(project)
    write_lock(path, elsewhere)
    with pytest.raises(ProjectError, match="taken the project over"):
        add(project)
    with pytest.raises(ProjectError, match="taken the project over"):
        asyncio.run(project.undo())
    project.close()
    assert own(path)["token"] == "theirs"


def test_the_lock_shows_signs_of_life(path, monkeypatch):
    """Waits until the lock file has a new time of change, and no write has given it one."""
    monkeypatch.setattr(project_lock, "HEARTBEAT_INTERVAL", 0.01)
    project = Project(path)
    os.utime(lock_path(path), (0, 0))
    while lock_path(path).stat().st_mtime == 0:
        time.sleep(0.01)
    project.close()


def test_a_lock_that_somebody_has_cleared_away_is_made_again(path, monkeypatch):
    monkeypatch.setattr(project_lock, "HEARTBEAT_INTERVAL", 0.01)
    project = Project(path)
    before = lock_path(path).read_bytes()
    lock_path(path).unlink()
    while not lock_path(path).exists():
        time.sleep(0.01)
    assert lock_path(path).read_bytes() == before
    project.close()
    assert not lock_path(path).exists()


NO_LOCKS = {
    "huge": b"{" * 50_000_000,
    "not json": b"\0" * 100,
    "empty": b"",
    "other json": b'{"pid": -1}',
    "false numbers": json.dumps({"machine": "x", "host": "\u202e" * 9000, "user": "<b>", "pid": 10**30, "started": "",
                                 "juku": "", "opened": 1e300, "token": ""}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("data", NO_LOCKS.values(), ids=NO_LOCKS)
def test_what_is_no_lock_is_refused_while_new_and_offered_when_old(path, data):
    write_lock(path, data)
    with pytest.raises(ProjectInUseError):
        Project(path)
    write_lock(path, data, age=project_lock.HEARTBEAT_TIMEOUT + 60)
    with pytest.raises(ProjectLockedError) as refused:
        Project(path)
    assert refused.value.can_take_over
    assert len(str(refused.value)) < 600
    take_over(refused.value)
    Project(path).close()


def test_a_date_that_is_none_is_shown_as_such(path, elsewhere):
    for opened in (1e300, -1e300):
        write_lock(path, {**elsewhere, "opened": opened})
        with pytest.raises(ProjectLockedError, match=r"on \? on"):
            Project(path)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of that kind")
def test_a_link_a_pipe_or_a_folder_in_its_place_is_no_lock(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    file = lock_path(path)
    file.symlink_to(victim)
    Project(path).close()
    assert victim.read_bytes() == b"precious"
    os.mkfifo(file)
    Project(path).close()
    file.mkdir()
    (file / "inside").touch()
    project = Project(path)
    add(project)
    project.close()
    assert (file / "inside").exists()


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can be somebody else")
def test_a_folder_that_cannot_be_written_keeps_nobody_from_reading(shared_folder):
    path = shared_folder / "p.juku"
    Project(path).close()
    home = shared_folder / "theirs"
    theirs = start(path, home, NOBODY)
    assert end(theirs) == "open\n"


def test_without_hard_links_the_lock_is_made_all_the_same(path, monkeypatch):
    def refuse(*_names):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    project = Project(path)
    assert own(path)["pid"] == os.getpid()
    project.close()


def test_processes():
    assert processes.start_time(os.getpid()) == processes.start_time(os.getpid())
    assert processes.start_time(2**40) is None
    assert processes.start_time(-1) is None
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.start_time(process.pid) not in (None, processes.start_time(os.getpid()))
    process.kill()
    while processes.start_time(process.pid) is not None:  # also before its parent has waited for it
        time.sleep(0.01)
    process.communicate()


def test_an_open_project_is_refused_to_the_next_who_asks(tmp_path):
    path = tmp_path / "p.juku"
    path.touch()
    with project_lock.lock_in_cache(path):
        link = tmp_path / "link.juku"
        link.symlink_to(path)
        for again in (path, link):
            with pytest.raises(ProjectInUseError, match=r"is already open.*Nothing was changed"):
                project_lock.lock_in_cache(again)
        project_lock.lock_in_cache(tmp_path / "other.juku").release()
    project_lock.lock_in_cache(path).release()
    assert list((paths.cache_folder() / "open").iterdir())


def test_a_lock_that_cannot_be_kept_hinders_nobody(tmp_path):
    paths.cache_folder().parent.mkdir(parents=True, exist_ok=True)
    paths.cache_folder().write_text("a file where the folder should be")
    assert not project_lock.lock_in_cache(tmp_path / "p.juku").is_locked


def test_a_lock_may_be_released_by_another_thread(tmp_path):
    lock = project_lock.lock_in_cache(tmp_path / "p.juku")
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    assert not lock.is_locked
