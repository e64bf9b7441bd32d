"""A project that is open is raised where it is open; elsewhere it can be looked at, or taken over."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from core.dataset import examples, filters
from core.paths import ROOT
from core.storage import project_lock
from core.storage.project import Project
from core.storage.project_lock import lock_path
from tests.support.until import until
from ui.project import single_instance
from ui.project.single_instance import send_to_open_window, server_name

pytestmark = pytest.mark.qt_log_ignore("does not support raise", extend=True)  # the offscreen platform says so


def start(*arguments):
    """The program, begun once more as a person does; it must end by itself."""
    command = [sys.executable, "main.py", *map(str, arguments)]
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LANGUAGE": "en"}
    return asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True)


def raised(window, monkeypatch):
    """How often the window was brought to the front."""
    told = []
    show = single_instance.raise_window
    monkeypatch.setattr(single_instance, "raise_window", lambda one: (told.append(one), show(one)))
    return told


def test_starting_it_again_raises_the_window_and_hands_the_files_over(run, window, tmp_path, monkeypatch):
    rows = tmp_path / "more.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n')
    told = raised(window, monkeypatch)

    async def go():
        project = window.workspace.project
        before = len(filters.find(project.rows))
        window.showMinimized()
        done = await start(project.path, rows)
        assert done.returncode == 0, done.stderr
        assert told == [window]
        assert not window.isMinimized()
        await until(lambda: len(filters.find(project.rows)) == before + 1)

    run(go())


def test_starting_it_again_without_a_name_raises_the_last_project(run, window, monkeypatch):
    told = raised(window, monkeypatch)

    async def go():
        window.workspace.remember(window.workspace.project.path)
        done = await start()
        assert done.returncode == 0, done.stderr
        assert told == [window]

    run(go())


def test_a_verb_on_an_open_project_is_refused(run, window, tmp_path, monkeypatch):
    told = raised(window, monkeypatch)

    async def go():
        done = await start("export", window.workspace.project.path, tmp_path / "rows.jsonl")
        assert done.returncode == 2
        assert "already open" in done.stderr

    run(go())
    assert told == []


def test_opening_what_another_window_has_raises_that_one(run, window, tmp_path):
    """The other window is a socket of the same name here, and what it is told."""
    other = Project(tmp_path / "other.juku")

    async def go():
        listening = single_instance.OneWindow(window)
        listening.follow(other)
        told = []
        listening.asked.connect(told.append)
        mine = window.workspace.project
        window.open_paths([other.path, tmp_path / "rows.jsonl"])
        await until(lambda: told)
        assert told == [[tmp_path / "rows.jsonl"]]
        assert window.workspace.project is mine
        assert "other.juku" not in window.messages.text()
        listening.end()
        window.open_paths([other.path])
        await until(lambda: "already open" in window.messages.text())

    run(go())
    other.close()


def test_a_project_dropped_with_rows_gets_them(run, window, tmp_path):
    """Waits until the project is open and has the one row of the file."""
    rows = tmp_path / "more.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n')
    Project(tmp_path / "other.juku").close()

    async def go():
        window.open_paths([tmp_path / "other.juku", rows])
        await until(lambda: window.workspace.project.path.name == "other.juku")
        await until(lambda: len(filters.find(window.workspace.project.rows)) == 1)

    run(go())


def test_the_socket_is_this_accounts_alone(run, window):
    name = server_name(window.workspace.project.path)
    if sys.platform == "win32":
        return
    about = Path(name).lstat()
    assert stat.S_ISSOCK(about.st_mode)
    assert not about.st_mode & 0o077
    assert not Path(name).parent.stat().st_mode & 0o077


def test_what_makes_no_sense_is_dropped(run, window, monkeypatch):
    told = raised(window, monkeypatch)
    name = server_name(window.workspace.project.path)

    def send(data):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(30)
            one.connect(name)
            try:
                one.sendall(data)
                return one.recv(100)
            except OSError:
                return b""

    async def go():
        for data in (
            b"\xff\n",
            b"[]\n",
            b'{"files": 3}\n',
            b"\n",
            b"x" * (single_instance.MAX_MESSAGE_BYTES * 20),
            b"[" * 5000 + b"\n",
        ):
            assert await asyncio.to_thread(send, data) == b""
        assert told == []
        bad = json.dumps({"files": ["relative.jsonl", "/a\0b"]}).encode() + b"\n"
        assert await asyncio.to_thread(send, bad) == single_instance.TAKEN_REPLY
        await until(lambda: told)

    if sys.platform != "win32":
        run(go())


def test_nobody_answers_for_a_project_that_is_not_open(tmp_path):
    assert not send_to_open_window(tmp_path / "none.juku", [])


@pytest.mark.skipif(sys.platform == "win32", reason="files of that kind")
def test_a_file_in_the_sockets_place_is_not_asked(tmp_path):
    name = Path(server_name(tmp_path / "none.juku"))
    name.write_text("no socket")
    assert not send_to_open_window(tmp_path / "none.juku", [])
    name.unlink()


# --- open elsewhere


@pytest.fixture
def elsewhere(tmp_path):
    """A project that is open on another computer; a function that says since when nothing was heard of it."""
    path = tmp_path / "shared.juku"
    project = Project(path)
    row = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'
    asyncio.run(project.write("", examples.add, [examples.read_row(row)]))
    found = json.loads(lock_path(path).read_text())
    project.close()
    found |= {"machine": "f" * 32, "host": "<b>garden-pc</b>", "user": "mika", "token": "theirs"}

    def lock(age):
        lock_path(path).write_text(json.dumps(found))
        os.utime(lock_path(path), (time.time() - age,) * 2)
        return path

    return lock


def button(box, words):
    return next(one for one in box.findChildren(QPushButton) if one.text().replace("&", "").startswith(words))


def asked(window):
    boxes = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    return boxes[0] if boxes else None


def test_what_is_open_on_another_computer_can_be_looked_at(run, window, elsewhere):
    path = elsewhere(age=5)
    before = lock_path(path).read_bytes()

    async def go():
        window.open_paths([path])
        await until(lambda: asked(window))
        box = asked(window)
        assert "mika" in box.informativeText()
        assert "<b>garden-pc</b>" in box.informativeText()
        assert not [one for one in box.findChildren(QPushButton) if "over" in one.text()]
        button(box, "Look").click()
        await until(lambda: window.workspace.project.path == path)
        assert window.workspace.project.read_only
        await until(lambda: window.dataset_tab.model.rowCount() == 1)
        assert window.messages.text() == window.workspace.project.notice
        assert "“shared.juku” as it was" in window.messages.text()
        window.workspace.tasks.start("", window.workspace.project.write("", examples.set_field, 1, "answer", "x"))
        await until(lambda: "is read-only" in window.messages.text())

    run(go())
    assert lock_path(path).read_bytes() == before


def test_what_was_left_on_another_computer_can_be_taken_over(run, window, elsewhere):
    path = elsewhere(age=project_lock.HEARTBEAT_TIMEOUT + 60)

    async def go():
        window.open_paths([path])
        await until(lambda: asked(window))
        button(asked(window), "Take it over").click()
        await until(lambda: window.workspace.project.path == path)
        assert not window.workspace.project.read_only
        assert json.loads(lock_path(path).read_text())["pid"] == os.getpid()

    run(go())


def test_whoever_cancels_stays_where_they_are(run, window, elsewhere):
    path = elsewhere(age=project_lock.HEARTBEAT_TIMEOUT + 60)

    async def go():
        mine = window.workspace.project
        window.open_paths([path])
        await until(lambda: asked(window))
        button(asked(window), "Cancel").click()
        await until(lambda: not asked(window))
        assert window.workspace.project is mine

    run(go())
    assert json.loads(lock_path(path).read_text())["token"] == "theirs"
