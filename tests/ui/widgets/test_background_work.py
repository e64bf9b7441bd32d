"""What a tab shows is read again for each change, also after one reading has failed."""

import asyncio

from core.errors import ProjectError
from tests.support.until import until
from ui.widgets import background_work
from ui.widgets.background_work import ThrottledReload


def test_what_is_asked_for_during_a_reading_that_fails_is_read_all_the_same(run, workspace, monkeypatch):
    monkeypatch.setattr(background_work, "RELOAD_PAUSE", 0)
    begun, fail, read, told = asyncio.Event(), asyncio.Event(), [], []
    workspace.tasks.failed.connect(told.append)

    async def load(project):
        read.append(project)
        if len(read) == 1:
            begun.set()
            await fail.wait()
            raise ProjectError("Another program uses it", "Try again.")

    async def go():
        lines = ThrottledReload(workspace, load)
        lines.request()
        await begun.wait()
        lines.request()
        fail.set()
        await until(lambda: len(read) == 2)
        await until(lambda: not workspace.tasks.running())
        assert [error.title for error in told] == ["Another program uses it"]

    run(go())
    assert len(read) == 2
