"""What a tab shows is read again for each change, also after one reading has failed."""

import asyncio

import pytest
import shiboken6
from PySide6.QtWidgets import QLabel

from core.errors import ProjectError
from tests.support.until import until
from ui.widgets import latest_task_and_reload
from ui.widgets.latest_task_and_reload import LatestTask, ThrottledReload


def test_what_is_asked_for_during_a_reading_that_fails_is_read_all_the_same(run, workspace, monkeypatch):
    monkeypatch.setattr(latest_task_and_reload, "RELOAD_PAUSE", 0)
    begun, fail, read, told = asyncio.Event(), asyncio.Event(), [], []
    workspace.tasks.failed.connect(told.append)

    async def load(project):
        read.append(project)
        if len(read) == 1:
            begun.set()
            await fail.wait()
            raise ProjectError("Another program uses it", "Try again.")

    async def go():
        lines = ThrottledReload(workspace, workspace, load)
        lines.request()
        await begun.wait()
        lines.request()
        fail.set()
        await until(lambda: len(read) == 2)
        await until(lambda: not workspace.tasks.running())
        assert [error.title for error in told] == ["Another program uses it"]

    run(go())
    assert len(read) == 2


@pytest.mark.parametrize("kind", ["reload", "latest"])
def test_what_is_loaded_for_a_window_that_is_gone_ends_with_it(run, workspace, kind):
    """A dialog that was closed while it read its rows broke when they came: what it would have shown them in was deleted."""
    begun, rows, shown = asyncio.Event(), asyncio.Event(), []

    async def load(_given):
        begun.set()
        await rows.wait()
        shown.append(label.text())

    async def go():
        if kind == "reload":
            ThrottledReload(workspace, label, load).request()
        else:
            LatestTask(workspace, label).start(load)
        await begun.wait()
        rows.set()
        shiboken6.delete(label)
        await until(lambda: not workspace.tasks.running())

    label = QLabel("rows")
    run(go())
    assert shown == []
