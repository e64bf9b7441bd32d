"""A JSONL file dragged onto the window: the events, and the same through a real X server with a real mouse."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QApplication

from core.dataset import examples, filters
from core.formats import jsonl
from core.paths import ROOT
from core.storage import project as projects
from core.storage.project import Project
from core.storage.read_only_copy import open_any_project
from tests.support.pages.windows import close, open_window
from tests.support.patience import PATIENCE
from tests.support.until import until


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "dropped rows.jsonl"
    path.write_text("".join(jsonl.new_row("", f"dropped {i}", "a") + "\n" for i in range(12)))
    return path


def test_dropped_rows_arrive(run, window, rows):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(rows))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    async def go():
        entered = QDragEnterEvent(QPoint(50, 50), copy, data, left, none)
        QApplication.sendEvent(window.windowHandle(), entered)
        assert entered.isAccepted()
        QApplication.sendEvent(window.windowHandle(), QDropEvent(QPointF(50, 50), copy, data, left, none))
        await until(lambda: window.workspace.project.undo_label == f"Import {rows.name}")
        await until(lambda: window.dataset_tab.model.rowCount() > 250)

    run(go())


def test_what_will_happen_is_said_before_files_are_dropped(run, window, tmp_path):
    action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    said = []
    window.tabs.setCurrentWidget(window.dataset_tab)
    for names in (["a.jsonl"], ["a.docx"], ["a.jsonl", "b.pdf"], ["a.juku"]):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in names])
        QApplication.sendEvent(window.windowHandle(), QDragEnterEvent(QPoint(50, 50), action, data, left, none))
        assert window.drop_overlay.isVisible()
        said.append(window.drop_overlay.text)
        QApplication.sendEvent(window.windowHandle(), QDragLeaveEvent())
        assert not window.drop_overlay.isVisible()
    assert said == [
        "Import 1 file as rows", "Read 1 file into the spec", "Read 1 file into the spec\nImport 1 file as rows",
        "Open the project",
    ]  # fmt: skip


def test_rows_are_dragged_from_one_project_into_another(run, window, tmp_path):
    """Waits until the rows that one window gave as a file are in the project of the other."""
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    async def go():
        model = window.dataset_tab.model
        await until(lambda: model.rowCount() > 100)
        data = model.mimeData([model.index(row, 0) for row in range(3)])
        other = open_window(projects.create(tmp_path / "other.juku"))
        QApplication.sendEvent(other.windowHandle(), QDropEvent(QPointF(50, 50), copy, data, left, none))
        table = other.dataset_tab.table
        await until(lambda: table.model().rowCount() == 3 and table.selected_ids())
        await close(other)

    run(go())


def test_imported_rows_are_selected_and_shown(run, window, rows):
    async def go():
        table = window.dataset_tab.table
        await until(lambda: table.model().rowCount() > 100)
        before = table.model().rowCount()
        window.open_paths([rows])
        await until(lambda: table.model().rowCount() == before + 12 and len(table.selected_ids()) == 12)
        assert table.currentIndex().row() == before and table.visualRect(table.currentIndex()).isValid()

    run(go())


def test_the_overlay_goes_when_the_end_of_a_drag_is_never_told(run, window, rows, monkeypatch):
    """Waits until it is gone by itself; a mouse that moves without a drag takes it away, too."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(rows))])
    action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    async def go():
        for end in (None, QEvent.Type.MouseMove):
            QApplication.sendEvent(window.windowHandle(), QDragEnterEvent(QPoint(50, 50), action, data, left, none))
            assert window.drop_overlay.isVisible()
            if end is None:
                window.drop_overlay.findChild(QTimer).start(1)
            else:
                place = QPointF(60, 60)
                QApplication.sendEvent(window.windowHandle(), QMouseEvent(end, place, place, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, none))  # fmt: skip
            await until(lambda: not window.drop_overlay.isVisible())

    run(go())


def test_text_is_no_file(run, window):
    data = QMimeData()
    data.setText("just words")
    action = Qt.DropAction.CopyAction
    event = QDragEnterEvent(QPoint(5, 5), action, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window.windowHandle(), event)
    assert not event.isAccepted()


@pytest.mark.skipif("JUKU_TEST_DISPLAY" not in os.environ, reason="needs an X server: run tools/test.sh")
def test_dragged_with_a_real_mouse_through_a_real_x_server(rows, tmp_path):
    """main.py in one process, a window with the file in another; xdotool moves the mouse between them."""
    path = tmp_path / "target.juku"
    Project(path).close()
    env = os.environ | {"DISPLAY": os.environ["JUKU_TEST_DISPLAY"], "QT_QPA_PLATFORM": "xcb"}
    asyncio.run(drag(env, path, rows))
    project = Project(path)
    found = examples.fetch(project.rows, filters.find(project.rows))
    project.close()
    assert [json.loads(row.data)["messages"][0]["content"] for row in found.values()] == [
        f"dropped {i}" for i in range(12)
    ]


async def drag(env, path, rows):
    window = await asyncio.create_subprocess_exec(sys.executable, "main.py", str(path), cwd=ROOT, env=env)
    source = None
    try:
        await asyncio.wait_for(
            asyncio.to_thread(xdotool, env, "search", "--sync", "--onlyvisible", "--name", "target – Juku"), PATIENCE
        )
        source = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.drag_source", str(rows), cwd=ROOT, env=env, stdout=subprocess.PIPE
        )
        assert await asyncio.wait_for(source.stdout.readline(), PATIENCE) == b"ready\n"
        await asyncio.to_thread(xdotool, env, "search", "--sync", "--onlyvisible", "--name", "drag source")
        xdotool(env, "mousemove", "70", "50", "mousedown", "1")
        for x in range(80, 620, 20):  # slowly: the two programs negotiate on the way
            xdotool(env, "mousemove", str(x), "400", "sleep", "0.02")
        await asyncio.wait_for(accepted(env, source), PATIENCE)
        xdotool(env, "mouseup", "1")
        assert await asyncio.wait_for(source.stdout.readline(), PATIENCE) == b"dropped\n"
        await asyncio.wait_for(arrived(path), PATIENCE)
    finally:
        for process in (source, window):
            if process is not None:
                process.terminate()
                await process.wait()


async def accepted(env, source):
    """Until the window under the mouse has said that it takes the file; a busy one answers late."""
    said = asyncio.ensure_future(source.stdout.readline())
    while not said.done():
        xdotool(env, "mousemove_relative", "1", "0")
        await asyncio.wait([said], timeout=0.1)
        xdotool(env, "mousemove_relative", "--", "-1", "0")
    assert said.result() == b"CopyAction\n"


def xdotool(env, *arguments):
    subprocess.run(["xdotool", *arguments], env=env, check=True, capture_output=True)


async def arrived(path):
    """Until the rows are in the project, of which a copy is read: the window has the file itself."""
    while True:
        with open_any_project(path) as db:
            if filters.find(db):
                return
        await asyncio.sleep(0.1)
