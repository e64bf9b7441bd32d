"""The start of the window: what is said at it, and what does not keep it away."""

import asyncio
import shutil
import subprocess
import sys

import pytest

from core import language, paths, settings
from core.dataset import examples
from core.errors import ProjectError
from core.paths import ROOT
from core.storage import migrations, schema
from core.storage.connection import connect
from core.storage.project import Project
from tests.support.pages.windows import settings_without_server
from tests.support.until import until
from ui import app
from ui.project import single_instance

SAVED = "Everything you had done before is saved in “x 2026-11-29.juku”."


def chosen(**more):
    """Settings of a person whose server does not answer, so that no engine is started."""
    return settings_without_server(language="en", **more)


@pytest.fixture
def path(tmp_path):
    Project(tmp_path / "x.juku").close()
    return tmp_path / "x.juku"


def started(run, path, look):
    """Start the window as the program does, `look(window)`, and close it."""

    async def go():
        shown = []
        showing = asyncio.create_task(app.show(settings.load(), [path], shown.append))
        await until(lambda: showing.done() or (shown and shown[0].isVisible()))
        if showing.done():
            await showing  # which says why
        (window,) = shown
        try:
            await look(window)
        finally:
            window.close()
            await showing

    run(go())


def said(*texts):
    async def look(window):
        assert window.messages.isVisible()
        assert [text for text in texts if text not in window.messages.text()] == []

    return look


async def nothing(window):
    assert window.messages.isHidden()


def test_what_was_saved_as_the_last_window_closed_is_said_once(run, path):
    settings.save(chosen(left=SAVED))
    started(run, path, said(SAVED))
    assert settings.load().left == ""
    started(run, path, nothing)


def test_it_is_said_beneath_what_is_to_be_said_of_the_project(run, path):
    """The one took the place of the other."""
    with connect(path) as db:
        for table in reversed([name for name in schema.table_names(db) if not name.startswith("sqlite_")]):
            db.execute(f"DROP TABLE {table}")
        migrations.m001_first_tables(db)
        db.execute("PRAGMA user_version = 1")
    db.close()
    settings.save(chosen(left=SAVED))
    started(run, path, said("written by an older Juku", "x.juku.backup-v1", SAVED))
    started(run, path, nothing)


@pytest.mark.logs
def test_settings_that_cannot_be_saved_do_not_keep_the_window_away(run, path, tmp_path, monkeypatch):
    """What is left to say ended the start with an error that nobody caught."""
    left = chosen(left=SAVED)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("JUKU_CONFIG", str(tmp_path / "file" / "config"))
    monkeypatch.setattr(settings, "load", lambda: left)
    started(run, path, said("The settings cannot be saved", SAVED))


def test_a_file_that_was_exchanged_is_told_at_the_next_start(run, path, tmp_path):
    """From the close that has found it to the words: what was open lies in a dated copy."""
    other = tmp_path / "other.juku"
    Project(other).close()

    async def exchange(window):
        project = window.workspace.project
        await project.write("Add", examples.add, [examples.read_row('{"messages": []}')])
        shutil.copy(other, tmp_path / "new")
        (tmp_path / "new").replace(path)

    settings.save(chosen())
    started(run, path, exchange)
    (copy,) = tmp_path.glob("x 2*.juku")
    started(run, path, said("was replaced by another program", copy.name))
    started(run, path, nothing)


def test_two_first_starts_at_a_time_end_in_one_window(run):
    """The second made a second sample."""

    async def go():
        shown, second = [], []
        tasks = [asyncio.create_task(app.show(chosen(), [], each.append)) for each in (shown, second)]
        await until(lambda: len(shown + second) + sum(task.done() for task in tasks) == 2)
        windows = shown + second
        for window in windows:
            window.close()
        await asyncio.gather(*tasks)
        assert len(windows) == 1
        assert [path.name for path in paths.data_folder().glob("*.juku")] == ["Hobannu rules.juku"]

    run(go())


def test_a_project_whose_window_is_closed_while_it_starts_is_opened_by_the_one_that_waits(run, path, monkeypatch):
    async def go():
        first, shown = Project(path), []
        showing = asyncio.create_task(app.show(chosen(), [path], shown.append))
        monkeypatch.setattr(single_instance, "send_to_open_window", lambda *_given: first.close())
        await until(lambda: shown)
        assert shown[0].workspace.project.path == path
        shown[0].close()
        await showing

    run(go())


def test_a_language_of_a_newer_juku_is_the_systems(run):
    async def go():
        shown = []
        language.set_language("xx")
        assert language.current_language() == "en"
        showing = asyncio.create_task(app.show(settings_without_server(language="xx"), [], shown.append))
        await until(lambda: showing.done() or shown)
        assert shown[0].windowTitle() == "Hobannu rules – Juku"
        shown[0].close()
        await showing

    run(go())


def test_a_folder_that_cannot_be_written_is_told(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(paths, "data_folder", lambda: tmp_path / "file" / "juku")
    with pytest.raises(ProjectError, match=r"sample cannot be created: Its folder .*juku cannot be written"):
        run(app.show(chosen(), [], pytest.fail))


BROKEN_START = """
import sys
from ui import app, crash_dialog
from core.errors import ProjectError

def broken():
    raise {error}

def tell(box):
    print(box.text(), "|", box.informativeText(), "|", box.detailedText())

app.load_window = broken
crash_dialog.QMessageBox.open = tell
sys.exit(app.run([]))
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("ProjectError('No room', 'Free some.')", ("No room | Free some. | ",)),
        ("ImportError('x')", ("Something went wrong in Juku | To report it", "ImportError")),
    ],
    ids=["expected", "mistake"],
)
def test_a_start_that_fails_is_told_in_a_window(error, told):
    """The empty window vanished, and only a terminal said why."""
    code = BROKEN_START.format(error=error)
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1 and [text for text in told if text not in ended.stdout] == [], ended.stderr
