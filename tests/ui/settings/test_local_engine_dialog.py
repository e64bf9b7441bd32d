"""Get the local engine, in the window: size before, progress, errors that can be tried again, the end."""

import pytest

from core.errors import JukuError
from core.installation import engine_folder, engine_install, engine_plan
from core.installation.engine_folder import EngineManifest
from core.installation.engine_plan import EnginePlan
from core.installation.package_download import PackageFile
from tests.support.until import until
from ui.settings.local_engine_dialog import LocalEngineDialog

PLAN = EnginePlan(
    (PackageFile("torch", "2.13.0+cpu", "https://h/torch.whl", "0" * 64, 190_000_000),), "cpu", ("A note.",)
)


@pytest.fixture
def dialog(qapp, run, workspace, monkeypatch):
    """The dialog, where the engine is not there; its index answers with PLAN."""
    monkeypatch.setattr(engine_folder, "is_in_own_environment", lambda: False)
    monkeypatch.setattr(engine_plan, "make_plan", lambda reporter, card=None: PLAN)
    made = []

    async def make():
        made.append(LocalEngineDialog(workspace, None))
        made[0].open()
        await until(made[0].fetch.isEnabled)

    async def close():
        made[0].reject()
        await until(lambda: not workspace.tasks.running())

    run(make())
    yield made[0]
    run(close())


def test_the_size_is_told_before_anything_is_fetched(dialog):
    assert "190" in dialog.text.text() and str(engine_folder.packages_folder()) in dialog.text.text()
    assert dialog.notes.text() == "A note."
    assert not engine_folder.packages_folder().exists()


def test_progress_failure_and_the_second_try(dialog, run, workspace, monkeypatch):
    tries = []

    def install(plan, reporter):
        tries.append(plan)
        reporter.update(19_000_000, plan.bytes)
        if len(tries) == 1:
            raise JukuError("It broke off", "Try again.")
        return EngineManifest("0", {"torch": "2.13.0"}, "cpu")

    async def nothing():
        return None

    monkeypatch.setattr(engine_install, "install", install)
    monkeypatch.setattr(workspace, "load_offers", nothing)

    async def press():
        dialog.fetch.click()
        await until(lambda: not workspace.tasks.running())

    run(press())
    assert "It broke off" in dialog.notes.text() and dialog.fetch.isEnabled() and dialog.bar.value() == 100
    run(press())
    assert tries == [PLAN, PLAN] and dialog.fetch.isHidden() and "cpu" in dialog.text.text()


def test_closing_cancels(dialog, run, workspace, monkeypatch):
    """Waits until the thread that fetches has noticed: it is told by its reporter."""
    told = []

    def install(plan, reporter):
        try:
            while True:
                reporter.update(1, plan.bytes)
        finally:
            told.append(reporter.cancelled)

    monkeypatch.setattr(engine_install, "install", install)

    async def press_and_close():
        dialog.fetch.click()
        await until(lambda: dialog.notes.text().startswith("1 "))
        for task in workspace.tasks.running():
            task.cancel()
        await until(lambda: told)

    run(press_and_close())
    assert told == [True]
