"""What the tabs share: the search index, connections, and the models of all servers."""

import asyncio
import shutil
import sys
import threading

import pytest

import ui.workspace
from core import settings
from core.dataset import examples, filters, search_index_builder
from core.keys import Keys
from core.providers import openai_package
from core.settings import ProviderSettings, Role, Settings
from tests.support.fake_server import KEY, FakeServer
from tests.support.patience import PATIENCE
from tests.support.projects import new_example
from tests.support.until import until
from ui import backup_runner, server_connections
from ui.workspace import Workspace


def test_the_search_index_is_made_once_rows_rest(run, project, monkeypatch):
    monkeypatch.setattr(ui.workspace, "INDEX_DELAY", 20)
    monkeypatch.setattr(search_index_builder, "MIN_INDEXED_ROWS", 0)

    async def work():
        workspace = Workspace(project, Settings())
        rows = [new_example("返品は？", "はい")]
        workspace.tasks.start("", project.write("Add", examples.add, rows))
        await until(lambda: workspace.finder.index.ready)
        assert list(await workspace.find(filters.Filter(text="返"))) == [1]
        await workspace.tasks.start("", project.write("Edit", examples.set_field, 1, "question", "交換は？"))
        assert workspace.finder.index.dirty
        assert not await workspace.find(filters.Filter(text="返"))
        await workspace.tasks.close()

    run(work())


def test_a_server_whose_key_is_slow_to_come_holds_up_no_other(run, project, monkeypatch):
    released = threading.Event()
    entries = [
        ProviderSettings("slow", "Slow", "http://127.0.0.1:9/v1"),
        ProviderSettings("fast", "Fast", "http://127.0.0.1:9/v1"),
    ]

    class SlowKeys(Keys):
        def load(self, provider):
            if provider == "slow":
                released.wait(PATIENCE)
            return "sk-test"

    async def work():
        workspace = Workspace(project, Settings(provider="slow", providers=entries))
        workspace.keys = SlowKeys()

        async def connect():
            await workspace.provider("slow")

        waiting = workspace.tasks.start("", connect())
        await asyncio.sleep(0)
        assert (await workspace.provider("fast")).id == "fast"
        assert not waiting.done()
        released.set()
        await until(waiting.done)
        await workspace.tasks.close()
        for entry in entries:
            await workspace.forget_provider(entry.id)

    run(work())


def test_models_of_other_servers_are_asked_for_once_and_anew_after_a_change(run, project):
    async def work():
        with FakeServer() as server:
            entry = ProviderSettings("writer", "Writer", server.url)
            workspace = Workspace(project, Settings(providers=[entry], writer=Role("writer")))
            workspace.keys.keep_for_session("writer", KEY)
            for _time in range(3):
                workspace.request_offers("writer")
            await until(lambda: workspace.known_offers("writer"))
            assert [offer.id for offer in await workspace.offers_of("writer")] == ["base-model"]
            assert len(server.requests) == 1
            assert workspace.offers == []  # the student's are others
            await workspace.forget_provider("writer")
            assert workspace.known_offers("writer") == []
            workspace.request_offers("writer")
            await until(lambda: workspace.known_offers("writer"))
            assert len(server.requests) == 2
            await workspace.tasks.close()
            await workspace.forget_provider("writer")

    run(work())


@pytest.mark.logs
@pytest.mark.parametrize("failures", [1, 2])
def test_models_are_asked_for_again_after_what_nobody_expected(run, project, monkeypatch, failures):
    """Such as an import that fails beside another one, which a second attempt does not."""
    monkeypatch.setattr(server_connections, "RETRY_SECONDS", 0.0)
    left, real = [None] * failures, openai_package.load

    def load():
        if left:
            left.pop()
            raise ImportError("cannot import name 'x' from partially initialized module")
        real()

    monkeypatch.setattr(openai_package, "load", load)

    async def work():
        with FakeServer() as server:
            workspace = Workspace(
                project, Settings(provider="one", providers=[ProviderSettings("one", "One", server.url)])
            )
            workspace.keys.keep_for_session("one", KEY)
            if failures == 1:
                await workspace.load_offers()
            else:
                with pytest.raises(ImportError):  # which the crash dialog tells, beside “Try again”
                    await workspace.load_offers()
                assert workspace.no_models("one") == "The models of “One” could not be loaded."
                await workspace.load_offers()
            assert workspace.offers and workspace.trouble("one") is None
            await workspace.tasks.close()
            await workspace.forget_provider("one")

    run(work())


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be exchanged")
@pytest.mark.parametrize("minutes", [30, -1])
def test_what_was_saved_as_the_window_closed_is_told_at_the_next_start(run, project, tmp_path, monkeypatch, minutes):
    """With a last backup, which meets the exchanged file first, and without."""
    monkeypatch.setattr(backup_runner, "BACK_UP_AT_CLOSE", True)

    async def work():
        workspace = Workspace(project, Settings(backup_minutes=minutes))
        rows = [new_example(question, "Yes.") for question in "ab"]
        await project.write("Add", examples.add, rows[:1])
        await project.checkpoint()
        shutil.copy(project.path, tmp_path / "older")
        workspace.tasks.changed.emit(await project.write("Add", examples.add, rows[1:]))
        (tmp_path / "older").replace(project.path)
        await workspace.close()
        return workspace.settings.left

    left = run(work())
    (copy,) = set(project.path.parent.glob("*.juku")) - {project.path}
    assert str(copy) in left and "Everything you had done" in left
    assert settings.load().left == left
