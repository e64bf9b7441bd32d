"""The settings dialog: servers reached over real HTTP, and keys that lie in the keyring and nowhere else."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import PasswordDeleteError
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from core import keys, settings
from core.keys import Keys
from core.paths import config_folder
from core.providers import server_presets
from tests.core.test_keys import HangingKeyring
from tests.support.fake_server import KEY
from tests.support.pages.controls import choose, choose_at
from tests.support.pages.dialogs import answer
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui import style
from ui.settings.server_list_page import DETAILS_ROLE
from ui.settings.settings_dialog import SettingsDialog


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


def add(dialog, kind):
    """Choose a kind of server from the menu."""
    next(action for action in dialog.servers.menu.actions() if action.data() == kind).trigger()


async def add_server(dialog, title="Team", url=""):
    add(dialog, "custom")
    page = dialog.servers.page
    await until(page.key.field.isVisible)
    page.name.setText(title)
    page.url.setText(url or "https://llm.example.com/v1")
    page.apply_typed()


async def store(dialog, key):
    field = dialog.servers.page.key
    field.field.setText(key)
    field.store.click()
    await until(field.delete.isVisible)


def titles(dialog):
    return [dialog.servers.list.item(row).text() for row in range(dialog.servers.list.count())]


def told(dialog, row):
    """The dim lines of a server in the list."""
    return dialog.servers.list.item(row).data(DETAILS_ROLE)


def test_language_and_theme_are_saved_and_the_theme_holds_at_once(run, dialog):
    async def go():
        choose_at(dialog.theme, 2)
        assert style.is_dark()
        choose(dialog.language, "ja")

    run(go())
    assert (settings.load().theme, settings.load().language) == ("dark", "ja")


def test_this_computer_comes_first_and_needs_nothing(dialog):
    assert titles(dialog) == ["This computer  –  in use"]
    assert not dialog.servers.remove.isEnabled()
    assert not dialog.servers.use.isEnabled()


def test_a_server_is_added_with_its_address_and_an_id_from_its_title(run, dialog):
    run(add_server(dialog, "Team"))
    assert titles(dialog) == ["This computer  –  in use", "Team"]
    (entry,) = settings.load().providers
    assert (entry.id, entry.title, entry.base_url) == ("team", "Team", "https://llm.example.com/v1")
    assert dialog.servers.page.id_note.text().endswith("--provider team")


def test_an_id_stays_once_a_key_refers_to_it(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.servers.page.name.setText("Other")
        dialog.servers.page.apply_typed()

    run(go())
    assert [(entry.id, entry.title) for entry in settings.load().providers] == [("team", "Other")]


def test_the_key_lies_in_the_keyring_and_in_no_file(run, dialog, ring, tmp_path):
    secret = "sk-planted-7f3a9"

    async def go():
        await add_server(dialog)
        assert dialog.servers.page.key.field.echoMode() == QLineEdit.EchoMode.Password
        assert dialog.servers.page.key.note.text() == "It will be stored in Test Keyring."
        await store(dialog, secret)
        dialog.servers.use.click()
        await dialog.workspace.tasks.close()

    run(go())
    assert ring.stored == {("juku", "team"): secret}
    assert dialog.servers.page.key.field.text() == ""
    assert dialog.servers.page.key.note.text() == "An API key is stored in Test Keyring."
    found = [path for path in config_folder().rglob("*") if path.is_file()]
    assert found
    found += [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in found if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("text", ["sk-日本", "my key", "sk-1\u200b"])
def test_what_cannot_be_a_key_is_not_stored(run, dialog, ring, text):
    async def go():
        await add_server(dialog)
        dialog.servers.page.key.field.setText(text)
        dialog.servers.page.key.store.click()
        assert "is not an API key" in dialog.servers.page.key.note.text()
        assert dialog.servers.page.key.field.text() == text

    run(go())
    assert ring.stored == {}


def test_a_key_is_replaced_and_deleted(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.servers.page.key.replace.click()
        assert dialog.servers.page.key.field.isVisible()
        await store(dialog, "sk-2")
        assert ring.stored == {("juku", "team"): "sk-2"}
        dialog.servers.page.key.delete.click()
        await until(dialog.servers.page.key.field.isVisible)
        assert ring.stored == {}

    run(go())


def test_without_a_keyring_the_key_can_be_used_for_the_session(run, dialog):
    async def go():
        keyring.set_keyring(fail.Keyring())
        add(dialog, "openai")
        await until(dialog.servers.page.key.session.isVisible)
        assert "cannot be used" in dialog.servers.page.key.note.text()
        assert not dialog.servers.page.key.session.isEnabled()
        dialog.servers.page.key.field.setText("sk-1")
        dialog.servers.page.key.store.click()
        await until(dialog.servers.page.key.session.isEnabled)
        dialog.servers.page.key.session.click()

    run(go())
    assert dialog.workspace.keys.load("openai") == "sk-1"
    assert "stored nowhere" in dialog.servers.page.key.note.text()


def test_without_a_keyring_a_server_that_needs_no_key_shows_no_error(run, dialog, monkeypatch):
    async def go():
        keyring.set_keyring(fail.Keyring())
        for kind, meaning in (("ollama", ""), ("openai", "error")):
            page = dialog.servers.page
            shown = []
            monkeypatch.setattr(page.key.note, "show_text", lambda text, meaning="", shown=shown: shown.append(meaning))
            add(dialog, kind)
            await until(page.key.session.isVisible)
            assert shown[-1] == meaning

    run(go())


def test_the_tab_key_goes_from_the_address_to_the_key(run, dialog):
    async def go():
        await add_server(dialog, url="https://a.example.com/v1")
        page = dialog.servers.page
        await until(page.key.field.isVisible)
        page.url.setFocus()
        page.url.selectAll()
        QTest.keyClicks(page.url, "https://b.example.com/v1")
        QTest.keyClick(page.url, Qt.Key.Key_Tab)
        await until(page.key.field.isVisible)
        await until(page.key.field.hasFocus)
        assert not page.limit.hasFocus()

    run(go())


async def looked(dialog):
    """What the test of the connection says."""
    page = dialog.servers.page
    page.test.click()
    await until(page.test.isEnabled)
    return page.test_note.text()


def test_a_connection_is_tested_and_what_was_found_is_kept(run, dialog, server):
    server.without = {"moderations"}

    async def go():
        await add_server(dialog, url=server.url)
        assert told(dialog, 1)[0] == "Not checked yet"
        assert (await looked(dialog)).startswith("No API key is entered for ")
        assert dialog.servers.page.capabilities.isHidden()
        await store(dialog, "sk-another")
        assert dialog.servers.page.test_note.text() == ""  # what was said of no key
        assert "does not accept the API key" in await looked(dialog)
        dialog.servers.page.key.replace.click()
        await store(dialog, KEY)
        assert await looked(dialog) == "Connected: 1 model\nIt trains models and answers questions."

    run(go())
    (entry,) = settings.load().providers
    assert entry.checked_at > 0
    assert (entry.capabilities["jobs"], entry.capabilities["moderation"]) == (True, False)
    assert "pause" not in entry.capabilities
    marks = dialog.servers.page.capabilities.marks
    shown = [marks[name].text() for name in ("jobs", "moderation", "pause")]
    assert shown == ["available", "not available", "unknown"]
    assert told(dialog, 1) == ("Trains and answers", "API key in the keyring")


def test_what_a_connection_test_says_is_in_view(run, dialog, server):
    page = dialog.servers.page

    async def go():
        await add_server(dialog, url=server.url)
        await store(dialog, KEY)
        dialog.resize(700, 420)
        for url in ("http://127.0.0.1:9/v1", server.url.removesuffix("/v1"), server.url):
            page.url.setText(url)
            page.key.confirm.click()
            assert await looked(dialog)
            await until(lambda: page.test_note.visibleRegion().boundingRect() == page.test_note.rect())
            if not page.correct.isHidden():
                await until(lambda: page.correct.visibleRegion().boundingRect() == page.correct.rect())

    run(go())


def test_what_is_wrong_with_a_connection_is_said_with_what_to_do(run, dialog, server):
    page = dialog.servers.page

    async def go():
        await add_server(dialog, url=server.url)
        await store(dialog, KEY)
        server.html = True
        assert "does not answer like an OpenAI-compatible server" in await looked(dialog)
        assert page.correct.isHidden()
        server.html = False
        page.url.setText(server.url.removesuffix("/v1"))
        assert f"The server answers at {server.url}" in await looked(dialog)
        page.correct.click()
        await until(lambda: page.test.isEnabled())
        assert page.test_note.text().startswith("Connected: 1 model")
        assert page.entry.base_url == server.url
        assert page.correct.isHidden()
        await move(dialog, "http://127.0.0.1:9/v1")
        page.key.confirm.click()
        assert "Nothing is listening there" in await looked(dialog)
        page.url.setText("")
        page.test.click()
        assert "begins with https://" in page.url_note.text()
        assert page.test.isEnabled()

    run(go())


def test_a_server_that_only_answers_is_listed_so_until_its_address_changes(run, dialog, server):
    server.without = {"fine_tuning", "files", "batches"}

    async def go():
        await add_server(dialog, url=server.url)
        await store(dialog, KEY)
        assert "does not support training" in await looked(dialog)
        assert told(dialog, 1)[0] == "Answers only"
        dialog.servers.page.url.setText("https://llm.example.com/v1")
        dialog.servers.page.apply_typed()

    run(go())
    (entry,) = settings.load().providers
    assert (entry.capabilities, entry.checked_at) == ({}, 0)
    assert told(dialog, 1)[0] == "Not checked yet"
    assert dialog.servers.page.capabilities.isHidden()


def test_every_kind_of_server_is_offered_and_filled_in(run, dialog):
    kinds = [preset for preset in server_presets.presets() if preset.id != "local"]

    async def go():
        for kind in kinds:
            add(dialog, kind.id)

    run(go())
    found = settings.load().providers
    assert {entry.preset for entry in found} == {kind.id for kind in kinds}
    for entry in found:
        kind = server_presets.preset(entry.preset)
        assert (entry.base_url, entry.limit) == (kind.base_url, kind.limit)
    assert (
        told(dialog, [entry.preset for entry in found].index("bedrock") + 1)[0]
        == "Supports only reinforcement training"
    )
    texts = " ".join(action.text() for action in dialog.servers.menu.actions())
    assert "Trains and answers" in texts
    assert "Answers only" in texts


def test_what_an_address_still_lacks_is_said(run, dialog):
    page = dialog.servers.page

    async def go():
        add(dialog, "azure")
        assert "Replace RESOURCE with" in page.url_note.text()
        assert not dialog.servers.use.isEnabled()
        page.test.click()
        assert page.test.isEnabled()
        page.url.setText("https://ours.openai.azure.com/openai/v1")
        page.apply_typed()
        assert page.url_note.text() == ""
        assert dialog.servers.use.isEnabled()

    run(go())
    (entry,) = settings.load().providers
    assert (entry.preset, entry.base_url) == ("azure", "https://ours.openai.azure.com/openai/v1")


def test_another_kind_brings_its_address_unless_one_was_written(run, dialog):
    page = dialog.servers.page

    def choose_kind(kind):
        choose(page.kind, kind)

    async def go():
        add(dialog, "openai")
        assert page.limit.isVisible()
        page.limit.setValue(5)
        choose_kind("groq")
        assert page.url.text() == "https://api.groq.com/openai/v1"
        assert not page.limit.isVisible()  # it trains nothing
        page.url.setText("https://llm.example.com/v1")
        page.apply_typed()
        choose_kind("openai")

    run(go())
    (entry,) = settings.load().providers
    assert (entry.preset, entry.base_url, entry.limit) == ("openai", "https://llm.example.com/v1", 5)


def test_a_keyring_that_hangs_holds_up_nothing(run, dialog, monkeypatch):
    monkeypatch.setattr(keys, "KEYRING_TIMEOUT", PATIENCE)
    hanging = HangingKeyring()
    keyring.set_keyring(hanging)

    async def go():
        add(dialog, "custom")
        await until(hanging.asked.is_set)
        assert not dialog.servers.page.key.session.isVisible()  # the window goes on while the keyring hangs
        hanging.released.set()

    run(go())


def test_a_keyring_that_hangs_is_given_up_and_said(run, dialog, monkeypatch):
    monkeypatch.setattr(keys, "KEYRING_TIMEOUT", 0.1)
    hanging = HangingKeyring()
    keyring.set_keyring(hanging)

    async def go():
        add(dialog, "custom")
        await until(dialog.servers.page.key.session.isVisible)

    run(go())
    hanging.released.set()
    assert "did not answer" in dialog.servers.page.key.note.text()
    assert "JUKU_KEY_CUSTOM" in dialog.servers.page.key.note.text()


def test_a_wrong_address_is_said_and_not_saved(run, dialog):
    async def go():
        await add_server(dialog)
        page = dialog.servers.page
        page.url.setText("https://me:secret@example.com")
        page.url.textEdited.emit(page.url.text())
        page.apply_typed()
        assert "passwords" in page.url_note.text()
        assert settings.load().providers[0].base_url == "https://llm.example.com/v1"
        page.url.setText("http://llm.example.com/v1")
        page.apply_typed()
        assert "unencrypted" in page.url_note.text()
        assert settings.load().providers[0].base_url == "http://llm.example.com/v1"

    run(go())


def test_the_server_in_use_offers_its_models(run, dialog, server):
    async def go():
        await add_server(dialog, url=server.url)
        await store(dialog, KEY)
        dialog.servers.use.click()
        await until(lambda: dialog.workspace.offers)

    run(go())
    assert [offer.id for offer in dialog.workspace.offers] == ["base-model"]
    assert titles(dialog) == ["This computer", "Team  –  in use"]
    assert settings.load().provider == "team"


def test_a_server_is_removed_with_its_key(run, dialog, ring):
    async def go():
        await add_server(dialog)
        await store(dialog, "sk-1")
        dialog.servers.remove.click()
        answer(dialog, "Remove")
        await until(lambda: not ring.stored)

    run(go())
    assert titles(dialog) == ["This computer  –  in use"]
    assert settings.load().providers == []


def test_who_had_a_removed_server_has_the_default_again(run, dialog):
    async def go():
        await add_server(dialog)
        dialog.workspace.set_role("writer", "team", "large")
        assert dialog.workspace.role("writer") == ("team", "large")
        dialog.servers._remove(dialog.servers.current_server())
        await until(lambda: not dialog.workspace.tasks.running())

    run(go())
    assert settings.load().role("writer") == ("local", "")


def test_the_place_of_the_keys_is_the_first_keyring_of_several(ring):
    class Chain(fail.Keyring):
        priority = -1  # never chosen by itself: keyring finds every class of its kind
        backends = (ring,)

    keyring.set_keyring(Chain())
    assert Keys().backend() == "Test Keyring"


async def move(dialog, url):
    page = dialog.servers.page
    page.url.setText(url)
    page.apply_typed()
    await until(page.key.confirm.isVisible)


def asked_with_a_key(server):
    return [head["authorization"] for head in server.heads]


def test_a_stored_key_stays_with_the_server_it_was_entered_for(run, dialog, server):
    """Whoever edits an address sends the key nowhere by that; the choice holds over a restart."""

    async def go():
        await add_server(dialog, url="https://llm.example.com/v1")
        await store(dialog, KEY)
        await move(dialog, server.url)
        page = dialog.servers.page
        assert "https://llm.example.com" in page.key.note.text()
        page.test.click()
        await until(page.test.isEnabled)
        assert "entered for another address" in page.test_note.text()
        assert server.requests == []
        assert settings.load().providers[0].key_origin == "https://llm.example.com"
        page.key.confirm.click()
        await until(lambda: not page.key.confirm.isVisible() and page.key.delete.isVisible())
        page.test.click()
        await until(page.test.isEnabled)
        assert f"Bearer {KEY}" in asked_with_a_key(server)
        assert settings.load().providers[0].key_origin == ""

    run(go())


def test_a_key_that_is_entered_anew_goes_to_the_new_address(run, dialog, server, ring):
    async def go():
        await add_server(dialog, url="https://llm.example.com/v1")
        await store(dialog, "sk-of-another-server")
        await move(dialog, server.url)
        page = dialog.servers.page
        page.key.replace.click()
        await store(dialog, KEY)
        page.test.click()
        await until(page.test.isEnabled)
        assert set(asked_with_a_key(server)) == {f"Bearer {KEY}"}

    run(go())
