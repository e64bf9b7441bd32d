"""The settings dialog: servers reached over real HTTP, and keys that lie in the keyring and nowhere else."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import PasswordDeleteError
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox, QPushButton

from core import keys, settings
from core.paths import config_folder
from tests.fake_server import KEY, FakeServer
from tests.ui.waiting import until
from ui import style
from ui.settings_dialog import SettingsDialog


class MemoryKeyring(KeyringBackend):
    """A keyring as the system has one, but forgotten with the test."""

    priority = -1  # never chosen by itself: keyring finds every class of its kind
    name = "Test Keyring"

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.stored.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def ring():
    before, ring = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


@pytest.fixture
def dialog(qapp, run, workspace, ring):
    qapp.setQuitOnLastWindowClosed(False)  # as the application does: a quit would stop the event loop

    async def make():
        dialog = SettingsDialog(workspace)
        dialog.open()
        return dialog

    async def close():
        dialog.reject()
        await until(lambda: not workspace.tasks.running())
        for id in ("openai", "team"):
            await workspace.forget_provider(id)

    dialog = run(make())
    yield dialog
    run(close())


async def add_server(dialog, title="Team", url=""):
    dialog.add.click()
    await until(dialog.page.key.isVisible)
    dialog.page.name.setText(title)
    dialog.page.url.setText(url or "https://llm.example.com/v1")
    dialog.page.take_over()


async def store(dialog, key):
    dialog.page.key.setText(key)
    dialog.page.store.click()
    await until(dialog.page.delete.isVisible)


def titles(dialog):
    return [dialog.list.item(row).text() for row in range(dialog.list.count())]


def test_language_and_theme_are_saved_and_the_theme_holds_at_once(run, dialog):
    async def go():
        dialog.theme.setCurrentIndex(2)
        dialog.theme.activated.emit(2)
        assert style.is_dark()
        dialog.language.setCurrentIndex(dialog.language.findData("ja"))
        dialog.language.activated.emit(2)

    run(go())
    assert (settings.load().theme, settings.load().language) == ("dark", "ja")
    app = QApplication.instance()
    style.apply(app, "")
    app.setStyleSheet("")


def test_this_computer_comes_first_and_needs_nothing(dialog):
    assert titles(dialog) == ["This computer  –  in use"]
    assert not dialog.remove.isEnabled()
    assert not dialog.use.isEnabled()


def test_a_server_is_added_with_its_address_and_an_id_from_its_title(run, dialog):
    run(add_server(dialog, "Team"))
    assert titles(dialog) == ["This computer  –  in use", "Team"]
    (entry,) = settings.load().providers
    assert (entry.id, entry.title, entry.base_url) == ("team", "Team", "https://llm.example.com/v1")
    assert dialog.page.id_note.text().endswith("--provider team")


def test_an_id_stays_once_a_key_refers_to_it(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.page.name.setText("Other")
        dialog.page.take_over()

    run(go())
    assert [(entry.id, entry.title) for entry in settings.load().providers] == [("team", "Other")]


def test_the_key_lies_in_the_keyring_and_in_no_file(run, dialog, ring, tmp_path):
    secret = "sk-planted-7f3a9"

    async def go():
        await add_server(dialog)
        assert dialog.page.key.echoMode() == QLineEdit.EchoMode.Password
        assert dialog.page.key_note.text() == "It will be stored in Test Keyring."
        await store(dialog, secret)
        dialog.use.click()
        await dialog.workspace.tasks.close()

    run(go())
    assert ring.stored == {("juku", "team"): secret}
    assert dialog.page.key.text() == ""
    assert dialog.page.key_note.text() == "A key is stored in Test Keyring."
    found = [path for path in config_folder().rglob("*") if path.is_file()]
    assert found
    found += [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in found if secret.encode() in path.read_bytes()] == []


def test_a_key_is_replaced_and_deleted(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.page.replace.click()
        assert dialog.page.key.isVisible()
        await store(dialog, "sk-2")
        assert ring.stored == {("juku", "team"): "sk-2"}
        dialog.page.delete.click()
        await until(dialog.page.key.isVisible)
        assert ring.stored == {}

    run(go())


def test_without_a_keyring_the_key_can_be_used_for_the_session(run, dialog):
    async def go():
        keyring.set_keyring(fail.Keyring())
        dialog.add.click()
        await until(dialog.page.session.isVisible)
        assert "cannot be used" in dialog.page.key_note.text()
        assert not dialog.page.session.isEnabled()
        dialog.page.key.setText("sk-1")
        dialog.page.store.click()
        await until(dialog.page.session.isEnabled)
        dialog.page.session.click()

    run(go())
    assert dialog.workspace.keys.load("openai") == "sk-1"
    assert "stored nowhere" in dialog.page.key_note.text()


def test_a_connection_is_tested(run, dialog, server):
    page = dialog.page

    async def tested():
        page.test.click()
        await until(page.test.isEnabled)
        return page.test_note.text()

    async def go():
        await add_server(dialog, url=server.url)
        assert "does not accept the API key" in await tested()
        await store(dialog, KEY)
        assert await tested() == "Reached: 1 model"
        server.html = True
        assert "does not answer as an OpenAI server" in await tested()
        page.url.setText("http://127.0.0.1:9/v1")
        assert "cannot be reached" in await tested()

    run(go())


def test_a_wrong_address_is_said_and_not_saved(run, dialog):
    async def go():
        await add_server(dialog)
        page = dialog.page
        page.url.setText("https://me:secret@example.com")
        page.url.textEdited.emit(page.url.text())
        page.take_over()
        assert "passwords" in page.url_note.text()
        assert settings.load().providers[0].base_url == "https://llm.example.com/v1"
        page.url.setText("http://llm.example.com/v1")
        page.take_over()
        assert "unencrypted" in page.url_note.text()
        assert settings.load().providers[0].base_url == "http://llm.example.com/v1"

    run(go())


def test_the_server_in_use_offers_its_models(run, dialog, server):
    async def go():
        await add_server(dialog, url=server.url)
        await store(dialog, KEY)
        dialog.use.click()
        await until(lambda: dialog.workspace.offers)

    run(go())
    assert [offer.id for offer in dialog.workspace.offers] == ["base-model"]
    assert titles(dialog) == ["This computer", "Team  –  in use"]
    assert settings.load().provider == "team"


def test_a_server_is_removed_with_its_key(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.remove.click()
        box = dialog.findChild(QMessageBox)
        next(button for button in box.findChildren(QPushButton) if button.text() == "Remove").click()
        await until(lambda: not ring.stored)

    run(go())
    assert titles(dialog) == ["This computer  –  in use"]
    assert settings.load().providers == []


def test_the_place_of_the_keys_is_the_first_keyring_of_several(ring):
    class Chain(fail.Keyring):
        priority = -1  # never chosen by itself: keyring finds every class of its kind
        backends = (ring,)

    keyring.set_keyring(Chain())
    assert keys.backend() == "Test Keyring"
