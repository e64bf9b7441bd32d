"""The window's tests: a Qt event loop that runs coroutines, and a workspace."""

import asyncio
import gc

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent

from core.settings import Settings
from ui.workspace import Workspace


@pytest.fixture
def run(qapp):
    """Run a coroutine on the Qt event loop; a task or callback that fails there fails the test."""
    loop = qasync.QEventLoop(qapp, already_running=False)
    failures = []
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    asyncio.set_event_loop(loop)
    yield loop.run_until_complete
    # Widgets die here, in their own thread: the collector might run in a worker's and destroy them there.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    loop.close()
    asyncio.set_event_loop(None)
    assert not left, f"left running: {left}"
    assert not failures, failures


@pytest.fixture
def workspace(run, sample):
    """The English sample, open; closed with all its tasks at the end."""

    async def make():
        return Workspace(sample, Settings())

    workspace = run(make())
    yield workspace
    run(workspace.tasks.close())
