"""The window while what fills it is still loading: it can be closed, dropped on and clicked, and nothing of that is lost."""

import asyncio
import subprocess
import sys
from contextlib import nullcontext

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox

from core import first_look, settings
from core.dataset import filters
from core.first_look import FirstLook
from core.formats import jsonl
from core.paths import ROOT
from core.storage.project import Project
from tests.support.pages.windows import settings_without_server
from tests.support.until import until
from ui import app, crash_dialog, style
from ui.exam.totals_table import TotalsTable
from ui.main_window import MainWindow
from ui.project import window_sockets
from ui.window_frame import tab_titles
from ui.workspace import Workspace

LOOKS = {"language": "ja", "theme": "dark", "text_size": 125, "geometry": "AAAA", "tab": 3}


@pytest.fixture
def path(tmp_path):
    Project(tmp_path / "x.juku").close()
    return tmp_path / "x.juku"


@pytest.fixture
def frame(qapp, path):
    window = MainWindow()
    window.show_frame(FirstLook(), path)
    return window


def filled(run, frame, path, look, *files):
    """Fill the frame as the program does, `await look(window)`, and close it."""

    async def go():
        shown = []
        chosen = settings_without_server(language="en")
        showing = asyncio.create_task(app.show(chosen, [path, *files], shown.append, None, frame))
        await until(lambda: showing.done() or shown)
        if showing.done():
            await showing  # which says why
        assert shown == [frame]
        try:
            await look(frame)
        finally:
            frame.close()
            await showing

    run(go())


def test_the_frame_becomes_the_window(run, frame, path):
    assert frame.isVisible() and frame.windowTitle() == "x – Juku"
    titles = [frame.menuBar().actions()[place].text() for place in range(5)]
    place = frame.geometry()

    async def look(window):
        assert [action.text() for action in window.menuBar().actions()] == titles
        assert all(menu.menu().actions() for menu in window.menuBar().actions())
        assert [(tab.icon, tab.title()) for tab in window.tab_list] == tab_titles()
        assert [window.tabs.tabText(place) for place in range(5)] == [title for _icon, title in tab_titles()]
        assert window.isVisible() and window.geometry() == place and window.updatesEnabled()
        assert window.tabs.isVisible() and QApplication.instance().styleSheet() == sheet

    sheet = QApplication.instance().styleSheet()
    filled(run, frame, path, look)


def sizes(window):
    """What widgets have measured of themselves: heights of boxes, and widths of columns."""
    tables = (window.spec_tab.pane.table, window.dataset_tab.table, window.findChild(TotalsTable))
    columns = [[table.columnWidth(place) for place in range(table.model().columnCount())] for table in tables]
    return [box.minimumHeight() for box in window.findChildren(QComboBox)], columns


def test_dressed_at_the_end_it_has_the_sizes_of_a_window_that_was_dressed_from_the_beginning(
    run, sample, dressed, qapp
):
    async def build(building):
        workspace = Workspace(sample, settings_without_server())
        window = MainWindow()
        window.show_frame(FirstLook(), None)
        with building:
            window.fill(workspace)
        found = sizes(window)
        await until(lambda: not workspace.tasks.running())
        window.stop_listening()
        window.leave()
        await workspace.tasks.close()
        window.deleteLater()
        return found

    async def go():
        assert await build(style.without_sheet(qapp)) == await build(nullcontext())

    run(go())


def test_closed_while_it_loads_it_opens_nothing(run, frame, path):
    async def go():
        frame.close()
        await app.show(settings_without_server(), [path], pytest.fail, None, frame)
        assert not frame.isVisible() and not frame.is_filled
        Project(path).close()  # nobody else has it

    run(go())
    frame.deleteLater()


def test_the_key_to_quit_closes_it_while_it_loads_and_belongs_to_the_menu_then(run, frame, path):
    async def look(window):
        assert "Ctrl+Q" not in [one.key().toString() for one in window.findChildren(QShortcut) if one.isEnabled()]

    QTest.keyClick(frame, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert frame.is_abandoned and not frame.isVisible()
    other = MainWindow()
    other.show_frame(FirstLook(), path)
    filled(run, other, path, look)
    frame.deleteLater()


def test_closed_while_the_project_is_opened_it_leaves_that_to_others(run, frame, path, monkeypatch):
    opened = app.open_first_project

    async def close_then_open(*given):
        frame.close()
        return await opened(*given)

    async def go():
        monkeypatch.setattr(app, "open_first_project", close_then_open)
        await app.show(settings_without_server(), [path], pytest.fail, None, frame)
        assert not frame.isVisible()
        Project(path).close()  # nobody else has it

    run(go())
    frame.deleteLater()


def test_files_dropped_while_it_loads_are_opened(run, frame, path, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(jsonl.new_row("", "dropped", "a") + "\n")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(rows))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPointF(9, 9).toPoint(), copy, data, left, none)
    QApplication.sendEvent(frame.windowHandle(), entered)
    assert entered.isAccepted() and frame.early_files == []
    QApplication.sendEvent(frame.windowHandle(), QDropEvent(QPointF(9, 9), copy, data, left, none))

    async def look(window):
        await until(lambda: len(filters.find(window.workspace.project.rows)) == 1)
        await until(lambda: not window.workspace.activities.running())  # closing would ask

    filled(run, frame, path, look)


def test_a_tab_clicked_while_it_loads_is_shown(run, frame, path):
    frame.tabs.setCurrentIndex(4)

    async def look(window):
        assert window.tabs.currentWidget() is window.exam_tab

    filled(run, frame, path, look)


def test_a_mistake_while_it_loads_is_in_the_log_alone(frame, caplog):
    """The dialog needs the project: that it was not there hid the mistake."""
    crash_dialog.show(ValueError("early"))
    assert "early" in caplog.text
    caplog.clear()
    frame.close()
    frame.deleteLater()


def test_a_project_that_cannot_be_opened_is_told_in_the_window(run, qapp, tmp_path):
    broken = tmp_path / "broken.juku"
    broken.write_bytes(b"no project" * 1000)
    frame = MainWindow()
    frame.show_frame(FirstLook(), broken)

    async def look(window):
        assert window.messages.isVisible() and "broken.juku" in window.messages.text()
        assert window.windowTitle() != "broken – Juku"

    filled(run, frame, broken, look)


def test_no_frame_is_shown_for_a_project_that_another_window_has(run, window):
    """It would vanish at once: that window takes the files over."""

    async def go():
        path = window.workspace.project.path
        assert window_sockets.is_open(path)
        code = (
            "from ui import app\n"
            "def show_frame(look, found, first=app.show_frame):\n"
            "    frame = first(look, found)\n"
            "    print(frame)\n"
            "    return frame\n"
            "app.show_frame = show_frame\n"
            f"raise SystemExit(app.run([{str(path)!r}]))"
        )
        ended = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
        )
        assert (ended.returncode, ended.stdout.strip()) == (0, "None"), ended.stderr

    run(go())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"tab": "1", "recent": [3], "theme": null}',
        "[" * 100_000,
        r'{"geometry": "\ud800", "language": "\ud800", "recent": ["\ud800"]}',
        r'{"recent": ["a\u0000b"]}',
    ],
    ids=["none", "list", "cut", "empty", "types", "deep", "half characters", "no path"],
)
def test_settings_that_make_no_sense_give_the_usual_look(text):
    file = settings.settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert first_look.load() == FirstLook()


def test_the_first_look_is_what_was_saved(tmp_path):
    assert first_look.load() == FirstLook()
    usual = settings.Settings()
    assert all(getattr(usual, name) == value for name, value in FirstLook()._asdict().items() if name != "recent")
    chosen = settings_without_server(**LOOKS)
    chosen.add_recent(tmp_path / "a.juku")
    settings.save(chosen)
    assert first_look.load() == FirstLook(**LOOKS, recent=tmp_path / "a.juku")
