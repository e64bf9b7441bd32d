import asyncio
import os
import subprocess
import sys

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QToolButton

from core import language
from core.dataset import examples, filters
from core.errors import JukuError
from core.paths import ROOT
from core.settings import Settings
from core.spec import facts, spec
from core.storage import project as projects
from tests.support.pages.windows import close, settings_without_server
from tests.support.until import until
from ui import app
from ui.main_window import MainWindow
from ui.widgets.message_bar import Notice


def test_undo_and_redo_name_what_they_do(run, window):
    """Waits until the menu names the step to undo, then to redo, and until it is done again."""

    async def go():
        project = window.workspace.project
        window.workspace.tasks.start("", project.write("Edit a row", examples.set_field, 1, "answer", "changed"))
        await until(lambda: window.undo_action.text() == "&Undo: Edit a row")
        window.undo_action.trigger()
        await until(lambda: window.redo_action.isEnabled() and window.redo_action.text() == "&Redo: Edit a row")
        window.redo_action.trigger()
        await until(lambda: examples.fetch(project.rows, [1])[1].answer == "changed")

    run(go())


def test_what_is_undone_out_of_sight_is_said(run, window):
    async def go():
        project = window.workspace.project
        window.workspace.tasks.start("", project.write("Edit a row", examples.set_field, 1, "answer", "changed"))
        await until(window.undo_action.isEnabled)
        window.tabs.setCurrentWidget(window.dataset_tab)
        window.undo_action.trigger()
        await until(window.redo_action.isEnabled)
        window.redo_action.trigger()
        await until(window.undo_action.isEnabled)
        assert not window.findChildren(Notice)
        window.tabs.setCurrentWidget(window.exam_tab)
        window.undo_action.trigger()
        await until(lambda: [one for one in window.findChildren(Notice) if one.text.text() == "Undone: Edit a row"])

    run(go())


def test_a_failure_stands_in_the_message_bar_and_the_window_lives(run, window, tmp_path):
    """Waits for the message of one file that cannot be opened, and then of another."""
    path = tmp_path / "<b>picture.png"
    path.write_bytes(b"x")

    async def go():
        window.open_paths([path])
        await until(lambda: window.findChild(Notice) and "<b>picture.png" in window.findChild(Notice).text.text())
        window.open_paths([tmp_path / "gone.juku"])
        await until(lambda: "cannot be found" in window.messages.text())

    run(go())


def test_another_project_is_opened_and_the_old_one_closed(run, window, tmp_path):
    path = tmp_path / "other.juku"
    other = projects.create(path)
    asyncio.run(other.write("", facts.save, spec.Spec(name="Other", text="Other text")))
    other.close()

    async def go():
        old = window.workspace.project
        window.open_paths([path])
        await until(lambda: window.workspace.project is not old)
        await until(lambda: window.dataset_tab.model.rowCount() == 0)
        assert window.windowTitle().startswith("other")
        assert window.workspace.settings.recent[0] == str(path)

    run(go())


def test_what_is_typed_is_saved_when_the_window_closes(run, window):
    async def go():
        window.tabs.setCurrentWidget(window.dataset_tab)
        await until(lambda: window.dataset_tab.model.rowCount() > 100)
        window.dataset_tab.table.setCurrentIndex(window.dataset_tab.model.index(0, 1))
        window.dataset_tab.detail.question.setPlainText("Typed and not left?")
        window.close()
        await window.closed
        assert examples.fetch(window.workspace.project.rows, [1])[1].question == "Typed and not left?"

    run(go())


def test_a_broken_project_does_not_keep_the_window_away(run, tmp_path):
    broken = tmp_path / "broken.juku"
    broken.write_bytes(b"no project" * 500)

    async def go():
        return await app.open_first_project(Settings(recent=[str(broken)]), None)

    project, error = run(go())
    assert isinstance(error, JukuError)
    assert len(filters.find(project.rows)) > 100
    project.close()
    assert broken.read_bytes() == b"no project" * 500


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_text_is_cut_in_either_language(run, qtbot, window, theme):
    """Every button is as wide as its text asks for, in all tabs."""
    from PySide6.QtWidgets import QLabel, QPushButton

    from ui import style

    async def go():
        style.apply(QApplication.instance(), theme)
        for number in range(window.tabs.count()):
            window.tabs.setCurrentIndex(number)
            await asyncio.sleep(0.05)  # processEvents would step tasks inside this one
            for widget in window.tabs.currentWidget().findChildren(QPushButton):
                if widget.isVisible():
                    assert widget.width() >= widget.sizeHint().width() - 1, widget.text()
            for widget in window.tabs.currentWidget().findChildren(QLabel):
                if widget.isVisible() and not widget.wordWrap():
                    assert widget.width() >= widget.sizeHint().width() - 1, widget.text()

    run(go())


def test_without_a_display_it_says_so(tmp_path):
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "QT_QPA_PLATFORM", "WAYLAND_DISPLAY")
    }
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=ROOT, env=env | {"LANGUAGE": "en"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "juku --help" in done.stderr


def test_the_window_speaks_japanese(run, qtbot, project):
    from ui.workspace import Workspace

    language.set_language("ja")

    async def go():
        window = MainWindow(Workspace(project, settings_without_server()))
        titles = [window.tabs.tabText(number) for number in range(window.tabs.count())]
        assert all(not title.isascii() for title in titles), titles
        await close(window)

    run(go())


def test_no_button_without_words_is_seen_at_the_start(run, workspace, qtbot):
    async def go():
        window = MainWindow(workspace)
        empty = [
            button
            for tab in window.tab_list
            for button in tab.findChildren(QPushButton)
            if button.isVisibleTo(tab) and not button.text() and button.icon().isNull()
        ]
        assert empty == []
        window.close()
        await window.closed

    run(go())


def test_a_button_that_shows_only_a_sign_says_in_its_tip_what_it_does(run, window):
    async def go():
        window.messages.show_text("Something happened.")
        signs = [
            button
            for button in window.findChildren(QToolButton)
            if len(button.text()) == 1 and button.accessibleName() and not button.toolTip()
        ]
        assert [button.accessibleName() for button in signs] == []

    run(go())


def test_no_key_of_the_menu_is_taken_by_a_text_field(window):
    """`Ctrl+E` goes to the end of a line on Linux: in the search field, which has the keys at first, it opened nothing."""
    keys = QKeySequence.StandardKey
    own = (
        keys.MoveToEndOfLine,
        keys.MoveToStartOfLine,
        keys.DeleteEndOfLine,
        keys.DeleteCompleteLine,
        keys.MoveToNextChar,
    )
    taken = {found.toString() for key in own for found in QKeySequence.keyBindings(key)} | {
        "Ctrl+E",
        "Ctrl+K",
        "Ctrl+U",
    }
    menus = [menu for menu in window.menuBar().findChildren(QMenu)]
    shortcuts = {action.shortcut().toString() for menu in menus for action in menu.actions()} - {""}
    assert "Ctrl+N" in shortcuts
    assert not shortcuts & taken
