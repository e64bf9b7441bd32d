"""While nobody does anything the window does nothing either: what would wake the processor again and again has stopped."""

import asyncio

import pytest
from PySide6.QtCore import QAbstractEventDispatcher, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from tests.support.projects import store_job
from tests.support.until import until
from ui import cursor_blinking
from ui.cursor_blinking import CursorBlinking
from ui.garbage_collection import GarbageCollector

FLASH_TIME = 700


def repeating(window):
    """The timers that fire again and again."""
    everywhere = [window, window.workspace, QApplication.instance()]
    timers = [timer for one in everywhere for timer in one.findChildren(QTimer)]
    return [timer.parent() for timer in timers if timer.isActive() and not timer.isSingleShot()]


@pytest.mark.parametrize("state", ["shown", "minimised", "finished job"])
def test_no_timer_repeats_and_no_task_waits_in_an_idle_window(run, window, state):
    async def go():
        workspace = window.workspace
        if state == "minimised":
            window.showMinimized()
        elif state == "finished job":
            workspace.tasks.changed.emit(await workspace.project.write("", store_job, "nowhere", "m"))
            window.tabs.setCurrentWidget(window.training_tab)
        await until(lambda: not workspace.tasks.running() and not repeating(window))
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert [task for task in others if not task.done()] == []

    run(go())


def wake():
    QAbstractEventDispatcher.instance().awake.emit()


def test_garbage_is_looked_for_only_after_something_has_happened(qapp, collector):
    assert collector.is_looking()
    collector.look()
    collector.look()  # nothing was made in between
    assert not collector.is_looking()
    wake()  # by the timer of that look, where the platform says so after it
    assert not collector.is_looking()
    wake()
    assert collector.is_looking()


def test_garbage_is_looked_for_while_a_thread_makes_objects(qapp, collector):
    collector.look()
    kept = [[number] for number in range(500)]
    collector.look()
    assert collector.is_looking() and kept


def test_each_collector_is_woken(qapp):
    assert GarbageCollector(QApplication.instance()).parent() is QApplication.instance()


@pytest.fixture
def blinking(qapp, monkeypatch):
    usual = qapp.cursorFlashTime()
    monkeypatch.setattr(cursor_blinking, "REST_AFTER_MS", 0)
    qapp.setCursorFlashTime(FLASH_TIME)
    one = CursorBlinking(qapp)
    yield one
    one.setParent(None)
    one.deleteLater()
    qapp.setCursorFlashTime(usual)


def test_the_cursor_rests_when_nobody_types_and_blinks_again(qtbot, qapp, blinking):
    field = QLineEdit()
    qtbot.addWidget(field)
    field.show()
    with qtbot.waitActive(field):
        field.setFocus()
    qtbot.waitUntil(lambda: qapp.cursorFlashTime() == 0)
    QTest.keyClick(field, "a")
    assert qapp.cursorFlashTime() == FLASH_TIME and field.text() == "a"
    qtbot.waitUntil(lambda: qapp.cursorFlashTime() == 0)
