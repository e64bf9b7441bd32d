"""The window's tests: a Qt event loop that runs coroutines, and a workspace."""

import asyncio
import gc

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

import ui.workspace
from core.settings import Settings
from tests.support.pages.windows import close, open_window
from tests.support.patience import PATIENCE
from ui import backup_runner, style
from ui.dataset import background_check
from ui.event_loop import EventLoop
from ui.garbage_collection import GarbageCollector
from ui.widgets import server_trouble_bar
from ui.workspace import Workspace

HOURS = 10_000_000  # milliseconds


@pytest.fixture(autouse=True)
def no_work_in_the_background(monkeypatch):
    """What begins by itself a moment after a change has tests of its own; others are left in peace."""
    monkeypatch.setattr(background_check, "CHECK_DELAY_MS", HOURS)
    monkeypatch.setattr(ui.workspace, "INDEX_DELAY", HOURS)
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", False)
    monkeypatch.setattr(server_trouble_bar, "RETRY_MS", HOURS)


@pytest.fixture(autouse=True)
def no_widgets_left(qapp):
    """What a test has closed is gone before the next one: every change of the theme dresses all that is still there."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def same_look(qapp):
    """The font, colours and style sheet of the application are after each test what they were before it: what the next
    one measures depends on them. Nothing is set that didn't change, since each of these dresses every widget."""
    names = (style.THEME, style.TEXT_SIZE, style.SYSTEM_ACCENT)
    font, sheet, palette = qapp.font(), qapp.styleSheet(), qapp.palette()
    scheme = qapp.styleHints().colorScheme()
    properties = {name: qapp.property(name) for name in names}
    yield
    for name, value in properties.items():
        qapp.setProperty(name, value)
    if qapp.styleHints().colorScheme() != scheme:
        qapp.styleHints().setColorScheme(scheme)
    if qapp.font() != font:
        qapp.setFont(font)
    if qapp.styleSheet() != sheet:
        qapp.setStyleSheet(sheet)
    if qapp.palette() != palette:
        qapp.setPalette(palette)


@pytest.fixture(autouse=True)
def no_keys_held(qapp):
    """After `keyClick(…, ControlModifier)` Qt believes that Ctrl is held, also in the tests that follow: the next choice
    of a row would toggle it."""
    yield
    QTest.keyRelease(QWidget(), Qt.Key.Key_Control)


@pytest.fixture(autouse=True)
def collector(qapp):
    """As in the program; what a test leaves is destroyed at its end, on the thread that it belongs to."""
    collector = GarbageCollector()
    yield collector
    shiboken6.delete(collector)
    gc.collect()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol():
    """Nothing of a test is kept, which pytest itself holds until here; what is there all the same is not looked through again."""
    done = yield
    for left in gc.get_objects():
        if issubclass(type(left), Workspace) and shiboken6.isValid(left):  # to ask some for their class is to use them
            shiboken6.delete(left)  # what is connected to it holds it: Python can't see such a ring
    for window in QApplication.topLevelWidgets():
        if shiboken6.isValid(window) and window.parent() is None:
            shiboken6.delete(window)  # every later change of the theme would dress it
    gc.collect()
    gc.freeze()
    return done


@pytest.fixture
def dressed(qapp):
    """The light theme, as in the program: real paddings and borders take room."""
    style.apply(qapp, "light")


@pytest.fixture
def run(qapp, collector):
    """Run a coroutine on the Qt event loop; a task or callback that fails there fails the test."""
    qapp.setQuitOnLastWindowClosed(False)  # as in the program: closing a window does not stop the loop
    loop = EventLoop(qapp, already_running=False)
    loop.failures = failures = []  # `until` looks at them, too
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    asyncio.set_event_loop(loop)

    def drive(command):
        result = turn(loop, command)
        # What a timer has begun while the loop was about to stop ends here, too: elsewhere no task may step.
        while any(not task.done() for task in asyncio.all_tasks(loop)):
            turn(loop, asyncio.sleep(0))
        return result

    yield drive
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    drive(asyncio.sleep(0))  # an answer that was thrown away just now is closed by a task
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    loop.close()
    asyncio.set_event_loop(None)
    assert not left, f"left running: {left}"
    assert not failures, failures


def turn(loop, command):
    """As `run_until_complete`, but that turns Qt's events once more when the loop has stopped, and tasks with them."""
    task = loop.create_task(settled(command))
    task.add_done_callback(lambda _task: loop.stop())
    loop.run_forever()
    return task.result()


async def settled(command):
    """Await `command` and what it has started: pytest-qt turns the loop between the phases, where no task may step."""
    result = await command
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        await asyncio.wait(others, timeout=left)
    return result


@pytest.fixture
def workspace(run, sample):
    """The English sample, open; closed with all its tasks at the end."""

    async def make():
        return Workspace(sample, Settings())

    workspace = run(make())
    yield workspace
    run(workspace.tasks.close())


@pytest.fixture
def window(run, sample, qtbot):
    """The whole window on the English sample; no provider answers, so that no engine is started."""

    async def make():
        return open_window(sample)

    window = run(make())
    yield window
    run(close(window))
