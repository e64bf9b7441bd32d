"""The training tab against a real HTTP server: jobs made, watched, cancelled, and taken up again after a restart."""

import pytest
from PySide6.QtWidgets import QMessageBox

from core import dataset, training
from core.project import Project
from core.providers import TERMINAL, Offer
from core.settings import ProviderSettings, Settings
from tests.fake_server import KEY, FakeServer
from tests.ui.waiting import until
from ui.tab import ALL_TABLES
from ui.tasks import cancel_all
from ui.training_tab import TrainingTab
from ui.workspace import Workspace

MISSING = Offer("q", "Qwen", state="missing", licence="Apache-2.0", licence_url="https://licence.example", bytes=10**9)


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


class Window:
    """What the main window does for a tab: it hands on what has changed, and gathers what failed."""

    def __init__(self, qtbot, workspace):
        self.workspace, self.tab = workspace, TrainingTab(workspace)
        qtbot.addWidget(self.tab)
        self.failures, self.wanted = [], []
        workspace.tasks.changed.connect(self.tab.refresh)
        workspace.tasks.failed.connect(self.failures.append)
        workspace.offers_changed.connect(self.tab.show_offers)
        self.tab.show_model.connect(lambda tab, model: self.wanted.append((tab, model)))

    async def open(self):
        self.tab.resize(1000, 700)
        self.tab.show()
        (await self.workspace.provider()).poll_seconds = 0.01
        self.tab.refresh(ALL_TABLES)
        await self.workspace.load_offers()
        await until(lambda: self.tab._form._on_rows.text())

    async def play(self, scene):
        """Await `scene` and end what still follows a job: outside of `run` nothing asynchronous may happen."""
        try:
            await scene
        finally:
            await cancel_all(self.workspace.tasks.running())

    def shown(self):
        """The status of the newest job as the table shows it."""
        item = self.tab._table.item(0, 0)
        return item.text() if item else ""

    def jobs(self):
        return training.jobs(self.workspace.project.rows)


@pytest.fixture
def window(qtbot, run, sample, server, monkeypatch):
    """The tab over the English sample, with the fake server as its provider."""
    monkeypatch.setenv("JUKU_KEY_FAKE", KEY)
    workspace = run(_workspace(sample, server))
    window = Window(qtbot, workspace)
    run(window.play(window.open()))
    yield window
    run(_close(workspace))


async def _workspace(project: Project, server: FakeServer) -> Workspace:
    return Workspace(project, Settings(provider="fake", providers=[ProviderSettings("fake", "Fake", server.url)]))


async def _close(workspace: Workspace) -> None:
    await (await workspace.provider()).close()


def test_study_rows_are_chosen_and_counted(window):
    form = window.tab._form
    count = len(training.training_rows(window.workspace.project.rows, "study"))
    assert form.tag() == "study"
    assert form._rows.currentText() == f"study ({count})"
    assert form._on_rows.text() == f"{count} rows, none with errors"
    assert form._start.isEnabled()


def test_rows_that_cannot_be_trained_on_are_said_before_and_refused_after(window, run):
    project, form = window.workspace.project, window.tab._form

    async def go():
        bad = dataset.read_row('{"messages": [{"role": "assitant"}]}', tags="bad")
        window.tab.refresh(await project.write("", dataset.add, [bad] * 12))
        await until(lambda: form._rows.findData("bad") >= 0)
        form._rows.setCurrentIndex(form._rows.findData("bad"))
        form._rows.activated.emit(form._rows.currentIndex())
        await until(lambda: "12 rows have errors" in form._on_rows.text())
        form._start.click()
        await until(lambda: window.failures)

    run(window.play(go()))
    assert "have errors" in window.failures[0].title
    assert window.jobs() == []


def test_a_job_runs_before_the_eyes_and_its_model_is_handed_on(window, server, run):
    tab = window.tab

    async def go():
        tab._form._epochs.setValue(3)
        tab._form._start.click()
        assert not tab._form._start.isEnabled()
        await until(lambda: window.shown() == "running")
        assert tab._form._start.isEnabled()
        for step in (1, 2, 3):
            server.step("ftjob-1", step, 72, 3.0 / step)
        await until(lambda: tab._pane._state.text().startswith("Step 3 of 72 · loss 1.00"))
        assert tab._pane._chart._plot is not None
        assert tab._pane._log.toPlainText().endswith("Step 3/72: training loss=1.00")
        assert tab._pane._cancel.isVisible()
        server.end("ftjob-1", "succeeded")
        await until(lambda: window.shown() == "succeeded")
        await until(lambda: any(offer.tuned for offer in window.workspace.offers))

    run(window.play(go()))
    asked = server.jobs["ftjob-1"]["asked"]
    assert (asked["suffix"], asked["method"]["supervised"]["hyperparameters"]) == ("study", {"n_epochs": 3})
    assert [tab._table.item(0, column).text() for column in (0, 1)] == ["succeeded", "base-model"]
    assert tab._pane._ask.isVisible()
    assert not tab._pane._cancel.isVisible()
    tab._pane._ask.click()
    tab._pane._examine.click()
    model = "ft:base-model:local:study:ftjob-1"
    assert window.wanted == [("chat", model), ("exam", model)]
    assert window.failures == []


def test_a_running_job_is_cancelled(window, server, run):
    async def go():
        window.tab._form._start.click()
        await until(lambda: window.shown() == "running")
        window.tab._pane._cancel.click()
        await until(lambda: window.shown() in TERMINAL)

    run(window.play(go()))
    assert server.jobs["ftjob-1"]["status"] == "cancelled"


def test_a_failed_job_says_why(window, server, run):
    async def go():
        window.tab._form._start.click()
        await until(lambda: server.jobs)
        server.end("ftjob-1", "failed", error={"code": "x", "message": "Out of memory", "param": None})
        await until(lambda: window.tab._pane._error.text())

    run(window.play(go()))
    assert window.tab._pane._error.text() == "Out of memory"
    assert not window.tab._pane._ask.isVisible()


def test_an_unfinished_job_is_followed_again_after_a_restart_and_only_once(qtbot, run, sample, server, window):
    async def go():
        window.tab._form._start.click()
        await until(lambda: window.shown() == "running")
        await cancel_all(window.workspace.tasks.running())  # as when the window closes
        second = Window(qtbot, window.workspace)
        await second.open()
        for _time in range(3):
            second.tab.refresh(ALL_TABLES)
        assert second.tab._followed == {1}
        server.end("ftjob-1", "succeeded")
        await until(lambda: second.shown() == "succeeded")
        await until(lambda: not second.tab._followed)

    run(window.play(go()))
    assert server.creations == 1


def test_a_job_whose_creation_was_never_answered_is_found_and_followed(window, server, run):
    server.lose_answer = True

    async def go():
        window.tab._form._start.click()
        await until(lambda: window.shown() == "running")

    run(window.play(go()))
    assert [error.title for error in window.failures] == ["“Fake” cannot be reached"]
    assert (server.creations, len(window.jobs())) == (1, 1)


def test_a_server_that_refuses_to_tell_is_asked_again_only_on_demand(window, server, run):
    tab = window.tab

    async def go():
        tab._form._start.click()
        await until(lambda: window.shown() == "running")
        job = server.jobs.pop("ftjob-1")
        await until(lambda: window.failures)
        tab.refresh(ALL_TABLES)
        assert tab._followed == set()
        assert tab._pane._follow.isVisible()
        server.jobs["ftjob-1"] = job
        tab._pane._follow.click()
        server.end("ftjob-1", "succeeded")
        await until(lambda: window.shown() in TERMINAL)

    run(window.play(go()))
    assert len(window.failures) == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_nothing_is_fetched_before_the_person_agrees(window, run, agreed):
    tab, fetched = window.tab, []
    tab._fetch = fetched.append

    async def go():
        window.workspace.offers = [MISSING]
        window.workspace.offers_changed.emit()
        tab._form._start.click()
        (box,) = tab.findChildren(QMessageBox)
        said = box.text() + box.informativeText()
        assert all(part in said for part in ("Qwen", "1 GB", "Apache-2.0", "https://licence.example"))
        role = QMessageBox.ButtonRole.AcceptRole if agreed else QMessageBox.ButtonRole.RejectRole
        next(button for button in box.buttons() if box.buttonRole(button) == role).click()

    run(window.play(go()))
    assert fetched == ([MISSING] if agreed else [])
    assert window.jobs() == []


def test_a_model_on_its_way_is_shown_with_its_progress(window, run):
    form = window.tab._form

    async def go():
        form.show_offers([Offer("q", "Qwen", state="fetching", progress=0.45)])
        assert (form._bar.isVisible(), form._bar.value()) == (True, 45)
        assert not form._start.isEnabled()
        form.show_offers([Offer("q", "Qwen")])
        assert form._start.isEnabled()

    run(window.play(go()))


def test_before_the_first_job_the_tab_says_what_to_do(window):
    assert window.tab._body.currentIndex() == 0
