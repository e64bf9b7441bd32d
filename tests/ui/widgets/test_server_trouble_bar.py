"""A server that is gone, a key that is missing or refused: one message, in words, and gone when the server is back."""

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout

from core.installation import engine_folder, engine_plan
from core.installation.engine_plan import EnginePlan
from core.installation.package_download import PackageFile
from core.settings import ProviderSettings
from tests.support.fake_server import KEY, FakeServer
from tests.support.until import until
from ui.settings.local_engine_dialog import LocalEngineDialog
from ui.settings.settings_dialog import SettingsDialog
from ui.training import job_texts
from ui.widgets import basics


def choose(window, server, id="team", preset="openai"):
    """Let `server` be the one that trains and answers."""
    own = window.workspace.settings
    own.providers.append(ProviderSettings(id, "Team", server.url, preset))
    own.provider = id


async def ask(window):
    await window.workspace.load_offers()
    await until(lambda: True)


def bar(window):
    return window.trouble if not window.trouble.isHidden() else None


def test_a_missing_key_is_said_once_with_the_way_to_enter_it(run, window, server):
    async def go():
        choose(window, server)
        await ask(window)
        assert bar(window).text().startswith("No API key is entered for “Team”")
        assert "Incorrect" not in bar(window).text()
        assert window.messages.isHidden()  # one message
        form = window.training_tab.form
        assert form.on_base.text() == "No API key is entered for “Team”."
        assert not form.start.isEnabled() and "No API key" in form.start.toolTip()
        assert window.server_label.text() == "Not connected: Team"
        bar(window).enter.click()
        await until(lambda: window.findChildren(SettingsDialog))
        (dialog,) = window.findChildren(SettingsDialog)
        assert dialog.servers.current_server().id == "team"
        dialog.reject()

    run(go())


def test_a_refused_key_is_no_longer_blamed_when_it_is_replaced(run, window, server):
    async def go():
        choose(window, server)
        window.workspace.keys.keep_for_session("team", "sk-wrong")
        await ask(window)
        assert "does not accept the API key" in bar(window).text()
        window.workspace.keys.keep_for_session("team", KEY)
        await window.workspace.forget_provider("team")
        assert bar(window) is None
        await ask(window)
        assert bar(window) is None and window.workspace.offers
        assert window.server_label.text() == "Connected to: Team"

    run(go())


def test_a_dead_server_is_said_in_words_and_forgotten_when_it_is_back(run, window):
    async def go():
        with FakeServer() as first:
            address = first.url
        choose(window, first)
        window.workspace.keys.keep_for_session("team", KEY)
        await ask(window)
        text = bar(window).text()
        assert text.startswith("“Team” cannot be reached")
        assert "Errno" not in text and "(" not in text
        bar(window).hide()  # the person has closed it: the same is not said again
        await ask(window)
        assert bar(window) is None
        with FakeServer() as back:
            window.workspace.settings.providers[-1].base_url = back.url
            await window.workspace.forget_provider("team")
            window.trouble.ask_again()
            await ask(window)
            assert bar(window) is None and window.workspace.offers and address != back.url
        await window.workspace.forget_provider("team")

    run(go())


def test_a_server_without_models_is_not_asked_for_ever(run, window, server):
    async def go():
        choose(window, server)
        server.models.clear()
        window.workspace.keys.keep_for_session("team", KEY)
        await ask(window)
        form = window.training_tab.form
        assert form.on_base.text() == "“Team” has no models."
        assert form.start.toolTip() == basics.plain_tooltip("“Team” has no models.")

    run(go())


def test_a_button_that_is_off_says_why(qtbot):
    dialog = QDialog()
    qtbot.addWidget(dialog)
    layout = QVBoxLayout(dialog)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok)
    layout.addWidget(buttons)
    ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
    ok.setToolTip("its own")
    dialog.show()
    basics.set_enabled(ok, "Enter a <name>.")
    (note,) = dialog.findChildren(basics.Note)
    assert (ok.isEnabled(), ok.toolTip(), note.text()) == (False, "<p>Enter a &lt;name&gt;.</p>", "Enter a <name>.")
    assert note.isVisible() and ok.accessibleDescription() == "Enter a <name>."
    basics.set_enabled(ok, "Another.")
    basics.set_enabled(ok)
    assert (ok.isEnabled(), ok.toolTip(), note.text()) == (True, "its own", "")
    alone = QPushButton()
    qtbot.addWidget(alone)
    basics.set_enabled(alone, "No.")
    assert not alone.isEnabled() and "No." in alone.toolTip()


def test_the_local_engine_is_never_called_a_server():
    statuses = ["uploading", "creating", "missing", "validating_files", "queued", "running", "paused", "succeeded",
                "failed", "cancelled", "waiting"]  # fmt: skip
    for status in statuses:
        job = _Job("local", status)
        said = f"{job_texts.job_status_title(job)} {job_texts.explain_status(job)} {job_texts.advice(job)}"
        assert "server" not in said.lower(), said
        assert job_texts.explain_status(_Job("team", status))


class _Job:
    """What the words look at."""

    wish, ended, error, error_code = "", False, "", ""

    def __init__(self, provider, status):
        self.provider, self.status = provider, status


def test_an_engine_that_is_not_there_is_said_with_the_way_to_get_it(run, window, monkeypatch):
    plan = EnginePlan((PackageFile("torch", "2", "https://h/torch.whl", "0" * 64, 1_000),))
    monkeypatch.setattr(engine_folder, "is_in_own_environment", lambda: False)
    monkeypatch.setattr(engine_plan, "make_plan", lambda reporter, card=None: plan)

    async def go():
        window.workspace.settings.provider = "local"
        await ask(window)
        assert bar(window).text().startswith("The local engine is not on this computer")
        assert bar(window).enter.text() == "Get the local engine…"
        bar(window).enter.click()
        (dialog,) = window.findChildren(LocalEngineDialog)
        await until(dialog.fetch.isEnabled)
        dialog.reject()

    run(go())
