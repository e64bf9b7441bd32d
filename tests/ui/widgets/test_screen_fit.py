"""The window on small screens: nothing needs more room than there is, and what was left elsewhere comes back into view."""

import asyncio

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from core import language
from core.dataset import sample_projects
from core.storage.project import Project
from tests.support.pages.windows import open_window
from ui.widgets import screen_fit

SMALL = QSize(1024, 640)
FRAME = QSize(4, 28)  # of a window manager


async def closed(window):
    window.close()
    await window.closed
    await window.workspace.close()


@pytest.mark.parametrize("speech", ["en", "ja"])
def test_each_tab_fits_a_small_screen(run, tmp_path, dressed, speech):
    language.set_language(speech)
    project = Project(tmp_path / "small.juku")

    async def work():
        await project.write("sample", sample_projects.fill, f"hobannu-{speech}")
        window = open_window(project)
        window.resize(SMALL - FRAME)
        for tab in window.tab_list:
            window.tabs.setCurrentWidget(tab)
            await asyncio.sleep(0)
            room = window.tabs.size().boundedTo(window.centralWidget().viewport().size())
            room.setHeight(room.height() - window.tabs.tabBar().height())
            least = tab.minimumSizeHint()
            assert least.width() <= room.width(), tab.title()
            assert least.height() <= room.height(), tab.title()
        bar = window.centralWidget().verticalScrollBar().sizeHint().width()
        window.training_tab.form.more.click()  # what is unfolded makes the page scroll, and only downwards
        await asyncio.sleep(0)
        room = window.size().width() - bar
        assert window.training_tab.minimumSizeHint().width() <= room
        least = window.minimumSizeHint()
        assert least.width() <= 480, "where it does not fit it is scrolled"
        assert least.height() <= 320
        await closed(window)

    run(work())


def test_a_place_beyond_the_screen_is_brought_onto_it():
    room, frame = QRect(0, 0, 1024, 640), QSize(4, 28)
    for place in (QRect(3000, -200, 1240, 820), QRect(-900, 500, 800, 600), QRect(900, 620, 300, 200)):
        made = screen_fit.fit_rect(place, frame, room)
        assert room.contains(QRect(made.topLeft(), made.size() + frame)), place
    inside = QRect(100, 50, 800, 500)
    assert screen_fit.fit_rect(inside, frame, room) == inside


def test_the_window_comes_back_onto_the_screen_there_is(run, tmp_path):
    async def work():
        window = open_window(Project(tmp_path / "a.juku"))
        room = window.screen().availableGeometry()
        window.setGeometry(room.right() + 400, room.top() + 50, 1240, room.height() + 500)
        await closed(window)
        again = open_window(Project(tmp_path / "a.juku"), geometry=window.workspace.settings.geometry)
        assert room.contains(again.frameGeometry())
        await closed(again)

    run(work())


def test_the_tab_that_was_shown_last_is_shown_again(run, tmp_path):
    async def work():
        window = open_window(Project(tmp_path / "a.juku"))
        window.tabs.setCurrentWidget(window.chat_tab)
        await closed(window)
        assert window.workspace.settings.tab == window.tabs.indexOf(window.chat_tab)
        again = open_window(Project(tmp_path / "a.juku"), tab=window.workspace.settings.tab)
        assert again.tabs.currentWidget() is again.chat_tab
        await closed(again)
        other = open_window(Project(tmp_path / "a.juku"), tab=99)  # the project's own counts
        assert other.tabs.currentWidget() is other.chat_tab
        await closed(other)
        other = open_window(Project(tmp_path / "b.juku"), tab=99)
        assert other.tabs.currentIndex() == 0
        await closed(other)

    run(work())


def test_a_dialog_that_is_placed_beyond_the_screen_comes_back_over_its_window(qtbot, qapp):
    owner = QWidget()
    qtbot.addWidget(owner)
    room = owner.screen().availableGeometry()
    owner.setGeometry(room.adjusted(100, 100, -100, -100))
    owner.show()
    dialog = QDialog(owner)
    dialog.resize(200, 100)
    screen_fit.watch(qapp)
    try:
        dialog.show()
        dialog.activateWindow()
        qtbot.waitUntil(lambda: dialog.windowHandle() is qapp.focusWindow())
        dialog.move(-30, -40)  # as a window manager may, after it has the keys
        qtbot.waitUntil(lambda: room.contains(dialog.frameGeometry()))
        far = dialog.frameGeometry().center() - owner.frameGeometry().center()
        assert far.manhattanLength() < 8
    finally:
        qapp.focusWindowChanged.disconnect(screen_fit._on_window)


def test_a_dialog_that_needs_more_than_the_screen_is_scrolled(qtbot, qapp):
    dialog = QDialog()
    qtbot.addWidget(dialog)
    layout = QVBoxLayout(dialog)
    tall = QLabel("tall")
    room = dialog.screen().availableGeometry()
    tall.setMinimumHeight(room.height() + 300)
    layout.addWidget(tall)
    layout.addWidget(QPushButton("OK"))
    screen_fit.watch(qapp)
    dialog.open()
    dialog.activateWindow()
    qtbot.waitUntil(lambda: bool(dialog.findChild(QScrollArea, "whole")))
    assert room.contains(QRect(dialog.pos(), dialog.size()))
    assert tall.isVisible()
    qapp.focusWindowChanged.disconnect(screen_fit._on_window)
