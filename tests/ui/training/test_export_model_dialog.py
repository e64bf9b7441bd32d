"""The dialog that exports a model: choices, what was exported beside the original's exam, and the way to Ollama."""

import pytest
from PySide6.QtWidgets import QWidget

from core.exam import runs
from core.exam.exported_models import ExportedScore
from core.training import jobs, model_export
from tests.support.fake_exports import GGUF, MODEL, ExportingServer, FakeOllama
from tests.support.fake_server import Answer
from tests.support.projects import write
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.training.export_model_dialog import ExportModelDialog
from ui.training.export_results import describe_losses
from ui.training.job_actions import JobActions
from ui.workspace import Workspace


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(model_export, "POLL_SECONDS", 0.0)
    with ExportingServer() as server:
        yield server


@pytest.fixture
def fake_ollama(monkeypatch):
    with FakeOllama() as found:
        monkeypatch.setenv("OLLAMA_HOST", found.url)
        yield found


@pytest.fixture
def workspace(run, sample, server, server_key):
    async def make():
        return Workspace(sample, server.settings())

    return run(make())


@pytest.fixture
def opened(qtbot, run, workspace, tmp_path):
    async def make():
        dialog = ExportModelDialog(workspace, "fake", MODEL)
        qtbot.addWidget(dialog)
        dialog.folder.setText(str(tmp_path))
        dialog.open()
        return dialog

    return run(make())


@pytest.fixture
def play(workspace, run):
    async def to_the_end(scene):
        try:
            await scene
        finally:
            await cancel_all(workspace.tasks.running())
            await (await workspace.provider("fake")).close()

    return lambda scene: run(to_the_end(scene))


def cells(dialog):
    table = dialog.results.table.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def test_a_model_is_exported_examined_and_brought_to_ollama(opened, play, workspace, server, tmp_path, fake_ollama):
    worse = f"{MODEL}:gguf-q8_0"
    right, wrong = "A team has three players and two balls.", "Purple."
    server.script = lambda asked: Answer([wrong if asked["model"] == worse else right])
    results = opened.results

    async def go():
        opened.formats["gguf-f16"].setChecked(True)
        opened.ok_button.click()
        assert not opened.ok_button.isEnabled() and not opened.choices.isEnabled()
        await until(lambda: opened.pages.currentWidget() is results and results.send.isEnabled())
        assert (tmp_path / "game" / GGUF).is_file() and str(tmp_path / "game") in results.saved.text()
        original, lossy, same = cells(opened)
        assert original[0] == "The model in Juku" and original[-1] == "–"
        assert same[0] == "GGUF F16" and same[-3:] == ["0", "0", "100%"]
        assert lossy[0] == "GGUF Q8_0" and int(lossy[5]) > 0 and lossy[6] == "0%"
        assert results.verdict.text() == "Lost more facts than gained: GGUF Q8_0"
        assert "llama-server -m" in results.commands.toPlainText()
        results.send.click()
        await until(lambda: "ollama run game" in results.on_ollama.text())

    play(go())
    assert fake_ollama.created[0]["model"] == "game" and len(server.cards[0]["exam"]) == 3
    assert runs.load_all(workspace.project.rows)[0].subjects[0].model == MODEL


def test_a_file_that_did_not_answer_is_not_called_good():
    original = ExportedScore(MODEL, "", 9, 10, 0.9, 0.6, 0.98, None, None, None)
    silent = ExportedScore(f"{MODEL}:gguf-f16", "F16", 0, 0, 0.0, 0.0, 1.0, None, None, None, "no room")
    assert describe_losses([original, silent]) == ("Did not answer all questions, see the exam tab: GGUF F16", "error")


def test_what_is_missing_is_said_before_and_a_failure_after(opened, play, server, tmp_path):
    server.failure = "No such architecture."

    async def go():
        for box in opened.formats.values():
            box.setChecked(False)
        assert not opened.ok_button.isEnabled() and "format" in opened.ok_button.toolTip()
        opened.formats["adapter"].setChecked(True)
        assert opened.ok_button.isEnabled() and not opened.exam.isEnabled()
        opened.folder.setText(str(tmp_path / "none"))
        assert not opened.ok_button.isEnabled()
        opened.folder.setText(str(tmp_path))
        opened.ok_button.click()
        await until(lambda: "No such architecture." in opened.note.text())
        assert opened.ok_button.isEnabled() and not (tmp_path / "game").exists()

    play(go())


def test_a_cancelled_export_ends_at_the_engine_too(opened, play, server):
    server.steps = 10**9

    async def go():
        opened.ok_button.click()
        await until(lambda: server.exports and next(iter(server.exports.values()))["status"] == "running")
        opened.line.cancel.click()
        await until(lambda: server.exports["export-1"]["status"] == "cancelled")
        assert opened.ok_button.isEnabled() and "Nothing was kept" in opened.note.text()

    play(go())


def test_what_cannot_be_saved_is_not_left_at_the_engine(opened, play, server, tmp_path):
    server.damaged = GGUF

    async def go():
        opened.exam.setChecked(False)
        opened.ok_button.click()
        await until(lambda: "arrived damaged" in opened.note.text())
        assert server.exports["export-1"]["status"] == "deleted" and not (tmp_path / "game").exists()

    play(go())


@pytest.mark.parametrize(("provider", "offered"), [("local", True), ("openai", False)])
def test_only_models_of_this_computer_are_offered(qtbot, job, provider, offered):
    owner = QWidget()
    qtbot.addWidget(owner)
    actions = JobActions(owner)
    actions.show_selected([job(provider)])
    assert actions.actions["export"].isEnabled() == offered


@pytest.fixture
def job(project):
    def make(provider):
        values = {
            "provider": provider, "token": "t", "remote_id": "j", "model": "m", "rows": "", "row_count": 1, "settings": "{}",
            "status": "succeeded", "fine_tuned_model": MODEL, "digest": "", "app": "", "method": "supervised",
        }  # fmt: skip
        write(project, jobs.insert, values)
        return jobs.load_all(project.rows)[0]

    return make


@pytest.mark.parametrize(("able", "offered"), [(True, True), (False, False)])
def test_what_a_server_lacks_is_not_offered(qtbot, job, able, offered):
    owner = QWidget()
    qtbot.addWidget(owner)
    actions = JobActions(owner, lambda _provider, _capability: able)
    actions.show_selected([job("together")])
    assert actions.actions["delete"].isEnabled() == offered
    assert actions.actions["forget"].isEnabled()
