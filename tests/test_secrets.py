"""A key that is used for everything, also where servers repeat it in what they answer, is afterwards nowhere to be found."""

import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import keyring
import pytest
import zstandard
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidget, QPlainTextEdit, QTableWidget

import main
from core import log, paths, redaction, settings
from core.dataset import exporting
from core.errors import ProviderError
from core.generation import llm_runs
from core.keys import Keys
from core.providers import Sampling
from core.redaction import REDACTION_MARK
from core.settings import ProviderSettings, Settings
from core.training import jobs, submit
from core.training.submit import TrainingPlan
from tests.support.fake_server import Answer, Fault
from tests.support.pages.windows import close
from tests.support.until import until
from tests.ui.conftest import collector, run  # noqa: F401 - fixtures
from tests.ui.settings.test_settings_dialog import MemoryKeyring
from ui import crash_dialog
from ui.crash_dialog import CrashDialog
from ui.main_window import MainWindow
from ui.settings.settings_dialog import SettingsDialog
from ui.workspace import Workspace

SECRET = "sk-planted-4f9c1e7a2b6d8035"
ECHO = f"Incorrect API key provided: {SECRET}. You sent {SECRET}!"
ID = "planted"
MODEL = "base-model"


@pytest.fixture
def server(server):
    server.key = SECRET
    return server


@pytest.fixture
def logged():
    """The program's own log, taken off again."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log.configure()
    yield paths.log_file()
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture
def stored():
    """The key, in the real Secret Service where there is one, else in a keyring in memory."""
    before = keyring.get_keyring()
    if "JUKU_TEST_DISPLAY" not in os.environ:
        keyring.set_keyring(MemoryKeyring())
    Keys().save(ID, SECRET)
    yield
    Keys().delete(ID)
    keyring.set_keyring(before)


@pytest.fixture
def window(run, sample, server, stored, logged):  # noqa: F811
    entry = ProviderSettings(ID, "Planted", server.url)

    async def make():
        window = MainWindow(Workspace(sample, Settings(provider=ID, providers=[entry])))
        window.failures = []
        window.workspace.tasks.failed.connect(window.failures.append)
        window.show()
        return window

    return run(make())


async def talk(server, workspace, told):
    """Ask, fail, and be told the key: what was shown of it is appended to `told`."""
    provider = await workspace.provider()
    for fault in (Fault(status=401, message=ECHO), Fault(status=500, message=ECHO), Fault(status=400, message=ECHO)):
        server.weather = lambda _method, _path, fault=fault: fault
        for call in (provider.models, provider.jobs, lambda: provider.chat(MODEL, [], Sampling())):
            with pytest.raises(ProviderError) as caught:
                await call()
            told += [str(caught.value), caught.value.title, caught.value.message]
        workspace.tasks.start("", workspace.load_offers())
        await until(lambda: len(workspace.tasks.running()) == 0)
    server.weather = lambda _method, _path: None


async def train(server, workspace):
    """A job whose server tells the key in its events and in the reason why it failed."""
    provider, project = await workspace.provider(), workspace.project
    id = await submit.create(project, provider, TrainingPlan(MODEL, "study"))
    server.note("ftjob-1", f"Using key {SECRET}", {"step": 1, "note": SECRET})
    server.end("ftjob-1", "failed", error={"code": "invalid", "message": ECHO, "param": None})
    workspace.tasks.changed.emit(await submit.update(project, provider, id))
    return id


async def ask_all(server, workspace):
    """Many requests, of which some are refused and others answered with the key."""
    told = iter([Answer([], error=(400, ECHO)), Answer([f"It is {SECRET}."] * 5), Answer([], error=(401, ECHO))])
    server.script = lambda _asked: next(told, Answer([], error=(401, ECHO)))
    runner = workspace.llm_runs
    ended = []
    runner.ended.connect(ended.append)
    subjects = [{"fact": "F1", "question": f"Question {number}?", "points": "key"} for number in range(3)]
    runner.begin("probe", MODEL, lambda _db: subjects)
    await until(lambda: ended)
    server.script = None
    return ended[0].text


async def look_at_server(server, window):
    """The connection is tested in the settings, refused at first; the dialog stays open to be read."""
    dialog = SettingsDialog(window.workspace, window)
    dialog.open()
    dialog.servers.list.setCurrentRow(1)
    page = dialog.servers.page
    await until(lambda: "stored" in page.key.note.text())
    notes = []
    for weather in (lambda _method, _path: Fault(status=401, message=ECHO), lambda _method, _path: None):
        server.weather = weather
        page.test.click()
        await until(page.test.isEnabled)
        notes.append(page.test_note.text())
    assert REDACTION_MARK in notes[0]
    assert "Connected" in notes[1]
    settings.save(window.workspace.settings)
    return dialog


def raised_from(error):
    try:
        raise RuntimeError("a mistake") from error
    except RuntimeError as mistake:
        return mistake


async def crash(server, workspace, window):
    """A mistake of ours while a server's error is handled: its traceback names all causes. The dialog's text."""
    server.weather = lambda _method, _path: Fault(status=401, message=ECHO)
    try:
        await (await workspace.provider()).models()
    except ProviderError as error:
        mistake = raised_from(error)
    server.weather = lambda _method, _path: None
    assert SECRET in repr(mistake.__cause__.__cause__)  # what a careless report would have shown
    crash_dialog.show(mistake)
    dialog = window.findChild(CrashDialog)
    text = dialog.safe.text() + dialog.details.toPlainText()
    assert "a mistake" in text
    assert REDACTION_MARK in text
    return text


def texts_on_screen():
    """Everything that any widget shows."""
    for widget in QApplication.allWidgets():
        yield widget.windowTitle()
        yield widget.toolTip()
        match widget:
            case QLabel() | QLineEdit():
                yield widget.text()
            case QPlainTextEdit():
                yield widget.toPlainText()
            case QListWidget():
                yield from (widget.item(row).text() for row in range(widget.count()))
            case QTableWidget():
                cells = ((row, column) for row in range(widget.rowCount()) for column in range(widget.columnCount()))
                yield from (item.text() for cell in cells if (item := widget.item(*cell)))
        yield from (action.text() for action in widget.actions() if isinstance(action, QAction))


def processes():
    """Command lines and environments of this process and all that it has started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
            parents[int(folder.name)] = int(status.rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    ours = {os.getpid()}
    while more := {id for id, parent in parents.items() if parent in ours} - ours:
        ours |= more
    for id in ours:
        for name in ("cmdline", "environ"):
            try:
                yield f"{id}/{name}", Path(f"/proc/{id}/{name}").read_bytes()
            except OSError:
                continue


def values(file):
    """Every value of a project, packs unpacked."""
    db = sqlite3.connect(file)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in db.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                data = value.encode() if isinstance(value, str) else value
                if isinstance(data, bytes):
                    packed = data.startswith(b"\x28\xb5\x2f\xfd")
                    yield table, zstandard.ZstdDecompressor().decompress(data) if packed else data
    db.close()


def holding(folder):
    """The files below `folder` that hold the key, in their bytes or, of a project, in a value."""
    for path in folder.rglob("*"):
        if path.is_file():
            if SECRET.encode() in path.read_bytes():
                yield path
            if path.suffix == ".juku":
                yield from (f"{path}: {table}" for table, value in values(path) if SECRET.encode() in value)


@pytest.mark.logs
def test_a_planted_key_is_found_nowhere(run, server, window, logged, tmp_path, monkeypatch):  # noqa: F811
    told = []
    monkeypatch.setenv("JUKU_KEY_ANOTHER", SECRET)  # children are not even given what the person has put there

    async def go():
        workspace = window.workspace
        await workspace.load_offers()
        await talk(server, workspace, told)
        job = await train(server, workspace)
        told.append(await ask_all(server, workspace))
        dialog = await look_at_server(server, window)
        told.append(await crash(server, workspace, window))
        logging.getLogger("juku").error("A careless line: %s", SECRET)
        export = tmp_path / "out.jsonl"
        await workspace.project.read(exporting.export, export)
        # The engine is a child, and must not be given what it has no use for.
        await workspace.offers_of("local")
        running = dict(processes())
        assert len(running) >= 4
        assert [name for name, data in running.items() if SECRET.encode() in data] == []
        told.extend(str(error) for error in window.failures)
        told.extend(texts_on_screen())
        record = jobs.load(workspace.project.rows, job)
        assert REDACTION_MARK in record.error
        events = jobs.load_events(workspace.project.rows, job)
        assert any(REDACTION_MARK in event.message for event in events)
        requests = llm_runs.load_requests(workspace.project.rows, 1, "landed", "failed", "answered")
        assert any(REDACTION_MARK in "".join(request.replies) for request in requests)
        assert any(REDACTION_MARK in request.error for request in requests)
        dialog.reject()
        await until(lambda: not workspace.tasks.running())
        await close(window)

    run(go())
    assert [text for text in told if SECRET in text] == []
    assert any(REDACTION_MARK in text for text in told)  # it was repeated, and taken out
    assert logged.read_text(encoding="utf-8").count(REDACTION_MARK) >= 2
    places = [paths.config_folder(), paths.data_folder(), paths.cache_folder(), paths.engine_home(), logged, tmp_path]
    assert all(place == tmp_path or tmp_path in place.parents for place in places)
    assert list(tmp_path.glob("out.jsonl"))
    assert list(holding(tmp_path)) == []


def test_the_search_finds_what_it_looks_for(tmp_path):
    """Else the test above would prove nothing."""
    (tmp_path / "a.log").write_text(f"x{SECRET}y", encoding="utf-8")
    db = sqlite3.connect(tmp_path / "b.juku")
    db.execute("CREATE TABLE t (v)")
    db.execute("INSERT INTO t VALUES (?)", (zstandard.compress(SECRET.encode() * 9),))
    db.commit()
    db.close()
    found = {str(one) for one in holding(tmp_path)}
    assert {str(tmp_path / "a.log"), f"{tmp_path / 'b.juku'}: t"} <= found
    code = "print('here', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code, SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()  # until it runs, the system may not tell its command line yet
    seen = [name for name, data in processes() if SECRET.encode() in data]
    child.communicate(b"\n")
    assert seen == [f"{child.pid}/cmdline"]


def test_a_mistake_on_the_command_line_is_told_without_the_key(monkeypatch, capsys):
    monkeypatch.setattr(redaction, "_secrets", set())
    Keys().keep_for_session(ID, SECRET)
    main.report(RuntimeError, RuntimeError(ECHO), None)
    written = capsys.readouterr().err
    assert written.startswith(f"RuntimeError: {REDACTION_MARK} (")
    assert SECRET not in written


@pytest.mark.parametrize(("key", "hidden"), [(SECRET, True), ("ollama", False), ("", False)])
def test_only_what_can_be_a_key_is_taken_out(monkeypatch, key, hidden):
    monkeypatch.setattr(redaction, "_secrets", set())
    redaction.register_secret(key)
    text = f"a {key} b"
    assert redaction.redact(text) == (f"a {REDACTION_MARK} b" if hidden else text)
    assert redaction.redact_json({"a": [text, 1]}) == {"a": [redaction.redact(text), 1]}


def test_a_key_that_begins_as_another_is_taken_out_whole(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", set())
    for key in (SECRET, f"{SECRET}-longer"):
        redaction.register_secret(key)
    assert redaction.redact(f"{SECRET}-longer, {SECRET}") == f"{REDACTION_MARK}, {REDACTION_MARK}"
    assert redaction.redact("a key: abcd", "abcd") == f"a key: {REDACTION_MARK}"
