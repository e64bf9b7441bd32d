"""How a window was left is remembered for each project, and what is open is in the Window menu."""

import asyncio
import json

import pytest
from PySide6.QtWidgets import QMenu, QSplitter

from core.storage import project as projects
from core.storage import remembered_choices
from tests.support.pages.windows import close, open_window
from tests.support.projects import write
from tests.support.until import until
from ui import restart
from ui.dataset.grid_header import COLUMNS
from ui.exam.examined_models import SUBJECTS_CHOICE
from ui.project import window_sockets
from ui.project.window_layout import LAYOUT_CHOICE


def sides(window):
    return window.findChild(QSplitter, "spec-sides")


def test_a_project_is_opened_as_it_was_left(run, tmp_path):
    path = tmp_path / "one.juku"
    projects.create(path).close()

    async def leave():
        window = open_window(projects.open_existing(path))
        window.resize(780, 700)
        window.tabs.setCurrentWidget(window.spec_tab)
        await until(lambda: sides(window).sizes()[0])
        sides(window).setSizes([300, 700])
        left = sides(window).sizes()
        window.dataset_tab.table.header.show_column(0, False)
        window.dataset_tab.bar.more.setChecked(True)
        window.tabs.setCurrentWidget(window.chat_tab)
        window.activity.show()
        await close(window)
        return left

    async def come_back(left):
        window = open_window(projects.open_existing(path))
        assert window.tabs.currentWidget() is window.chat_tab and not window.activity.isHidden()
        assert (window.width(), window.height()) == (780, 700)
        assert 0 not in window.dataset_tab.table.header.shown_columns()
        assert window.dataset_tab.bar.more.isChecked() and not window.dataset_tab.bar.saved.isHidden()
        window.tabs.setCurrentWidget(window.spec_tab)
        await until(lambda: sides(window).sizes() == left)
        await close(window)

    run(come_back(run(leave())))


@pytest.mark.parametrize(
    "stored", ["[", "[" * 100_000, "7", "[7]", '[["a"]]', "[[1, 2, 3]]", '{"a": 1}', '[["nowhere", "m", "unknown"]]', '["\\ud800"]']
)  # fmt: skip
def test_models_of_an_exam_that_make_no_sense_are_left_out(run, tmp_path, stored):
    project = projects.create(tmp_path / "one.juku")
    write(project, remembered_choices.store, SUBJECTS_CHOICE, stored)

    async def go():
        window = open_window(project)
        assert window.exam_tab.form.subjects.load_choice() == []
        await close(window)

    run(go())


@pytest.mark.parametrize(
    "stored",
    ["no JSON", "[]", "[" * 100_000, json.dumps({"columns": f"1 {' '.join(COLUMNS)} \ud800"}), json.dumps({"tab": 99, "panels": "?", "geometry": 3, "parts": {"spec-sides": [-1, "x"]}, "columns": "x"})],
)  # fmt: skip
def test_a_layout_that_makes_no_sense_is_left_out(run, tmp_path, stored):
    project = projects.create(tmp_path / "one.juku")
    write(project, remembered_choices.store, LAYOUT_CHOICE, stored)

    async def go():
        window = open_window(project)
        assert window.tabs.currentWidget() is window.spec_tab and window.activity.isHidden()
        await close(window)

    run(go())


def test_the_window_menu_has_what_is_open_here_and_in_other_windows(run, window, tmp_path, monkeypatch):
    other = tmp_path / "a & b.juku"
    projects.create(other).close()
    window.workspace.settings.recent = [str(other), str(window.workspace.project.path)]
    menu = next(one.menu() for one in window.menuBar().actions() if one.text() == "&Window")
    assert isinstance(menu, QMenu)

    def entries():
        menu.aboutToShow.emit()
        texts = [one.text() for one in menu.actions()]
        return texts[texts.index("Open a project in a &new window…") + 2 :]

    async def go():
        own = window.workspace.project.path.stem
        assert entries() == [own]
        second = open_window(projects.open_existing(other))
        assert await asyncio.to_thread(window_sockets.is_open, other)
        window.show_settings()
        assert entries() == [own, "a && b", "", "Settings"]
        await close(second)
        assert not await asyncio.to_thread(window_sockets.is_open, other)

    run(go())
    asked = []
    monkeypatch.setattr(restart.subprocess, "Popen", lambda command, **_rest: asked.append(command))
    restart.open_window(other)
    assert asked[0][-1] == str(other)
