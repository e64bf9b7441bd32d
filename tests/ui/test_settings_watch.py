"""Two windows share the settings: what one saves, the other knows."""

import pytest

from core import settings
from core.settings import ProviderSettings
from tests.support.until import until
from ui.settings.settings_dialog import SettingsDialog


@pytest.fixture
def other(window):
    """The settings as another window has them."""
    settings.save(window.workspace.settings)
    return settings.load()


def test_a_server_added_in_another_window_is_offered_here(run, window, other):
    async def go():
        told = []
        window.workspace.offers_changed.connect(lambda: told.append(window.workspace.role("writer")))
        other.providers.append(ProviderSettings("new", "New", "http://127.0.0.1:9/v1"))
        other.set_role("writer", "new", "large")
        settings.save(other)
        await until(lambda: told and told[-1] == ("new", "large"))
        assert window.workspace.provider_title("new") == "New"

    run(go())


def test_an_open_dialog_stays_with_the_server_it_shows(run, window, other):
    async def go():
        mine = window.workspace.settings
        for id in ("extra", "mine"):
            mine.providers.append(ProviderSettings(id, id, "http://127.0.0.1:9/v1"))
        settings.save(mine)
        dialog = SettingsDialog(window.workspace, window)
        dialog.open()
        dialog.servers.list.setCurrentRow(3)
        settings.reload(other)
        other.remove_server("extra")
        settings.save(other)
        await until(lambda: [entry.id for entry in mine.providers] == ["nowhere", "mine"])
        await until(lambda: dialog.servers.list.count() == 3)
        assert dialog.servers.current_server() is dialog.servers.page.entry
        assert dialog.servers.current_server().id == "mine"
        dialog.close()

    run(go())


def test_the_address_of_a_server_that_moved_is_asked_from_then_on(run, window, other):
    async def go():
        workspace = window.workspace
        before = await workspace.provider("nowhere")
        other.providers[0].base_url = "http://127.0.0.1:10/v1"
        settings.save(other)
        await until(lambda: not workspace.is_connected("nowhere"))
        assert await workspace.provider("nowhere") is not before

    run(go())
