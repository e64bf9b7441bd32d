"""The training tab against a real HTTP server: jobs made, watched, stopped, compared, and taken up after a restart."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QInputDialog, QLabel, QTableWidgetItem

from core import language
from core.dataset import examples
from core.dataset.filters import Filter
from core.formats import jsonl
from core.providers import LOCAL, ModelOffer
from core.providers.local_engine import LocalProvider
from core.providers.server_presets import preset
from core.spec import spec
from core.storage import remembered_choices
from core.training import row_selection, submit
from core.training.submit import TrainingPlan
from tests.support.fake_server import KEY
from tests.support.pages.controls import choose, choose_model
from tests.support.pages.dialogs import ACCEPT, DESTROY, REJECT, answer, answer_when_asked
from tests.support.pages.training import TrainingPage, choose_rows
from tests.support.until import until
from ui import style
from ui.async_tasks import cancel_all
from ui.charts.curve_chart_and_export import NO_CURVE_PAGE
from ui.tab_base import ALL_TABLES
from ui.training import job_table
from ui.training.changed_since_dialog import ChangedSinceDialog
from ui.training.export_model_dialog import ExportModelDialog
from ui.training.job_table import (
    LOSS_COLUMN,
    MODEL_COLUMN,
    PROGRESS_COLUMN,
    STARTED_COLUMN,
    STATUS_COLUMN,
    SWEEP_COLUMN,
)
from ui.training.training_form import TrainingForm
from ui.workspace import Workspace

MISSING = ModelOffer(
    "q", "Qwen", state="missing", licence="Apache-2.0", licence_url="https://licence.example", bytes=10**9
)


@pytest.fixture
def window(qtbot, run, sample, server, server_key):
    """The tab over the English sample, with the fake server as its provider."""

    async def make():
        return TrainingPage(qtbot, Workspace(sample, server.settings()))

    window = run(make())
    run(window.play(window.open()))
    yield window
    run(window.workspace.close())


def draft(db):
    """Two of the chosen rows and one other are approved no more."""
    plain, study = (examples.find_ids(db, row_selection.row_filter(tag)) for tag in ("plain", "study"))
    for id in (*list(plain)[:2], next(id for id in study if id not in set(plain))):
        examples.set_field(db, id, "status", "draft")


def test_all_rows_are_chosen_at_first_and_those_left_out_are_counted(window, run):
    """Nobody loses the rows they have just approved because the form would rather have others."""
    form, project = window.tab.form, window.workspace.project
    count = len(row_selection.load_trainable_rows(project.rows, ""))
    assert (form.tag(), form.rows.currentText()) == ("", f"All training rows ({count})")
    assert form.on_rows.text() == f"{count} rows, none with errors"
    assert form.start.isEnabled()

    async def go():
        choose_rows(form, "plain")
        await until(lambda: "left out" in form.on_rows.text())
        assert form.on_rows.text() == f"15 rows, none with errors · {count - 15} approved rows left out"
        window.tab.refresh(await project.write("", draft))
        await until(lambda: "not approved" in form.on_rows.text())
        assert form.rows.currentText() == "plain (13 of 15 approved)"
        told = f"13 rows, none with errors · {count - 16} approved rows left out · 3 rows not approved"
        assert form.on_rows.text() == told
        await cancel_all(window.workspace.tasks.running())

    run(window.play(go()))


def test_the_choices_of_the_form_survive_a_restart_and_what_is_gone_is_said(window, run, qtbot, server):
    server.models |= {"other-base": 0, "text-embedding-3-small": 9, "omni-moderation-latest": 8}
    form, project = window.tab.form, window.workspace.project

    async def go():
        await window.workspace.load_offers()
        assert [offer.id for offer in form.base.offers()] == ["base-model", "other-base"]
        assert form.base.model_id() == "base-model"
        choose_model(form.base, "other-base")
        choose_rows(form, "plain")
        await until(lambda: "left out" in form.on_rows.text())
        await until(lambda: len(remembered_choices.load(project.rows)) == 2)
        later = TrainingForm(Workspace(project, window.workspace.settings))
        qtbot.addWidget(later)
        later.show_tags(178, {"study": 178, "plain": 15})
        later.show_offers("fake", window.workspace.offers, "")
        assert (later.base.model_id(), later.tag()) == ("other-base", "plain")
        later.show_tags(178, {"study": 178})
        assert later.rows.currentText() == "plain (no rows any more)"
        del server.models["other-base"]
        await window.workspace.load_offers()
        assert (form.base.currentText(), form.start.isEnabled()) == ("other-base (no longer offered)", False)
        assert "no longer offers other-base" in form.on_base.text()
        server.models["newer-base"] = 99
        await window.workspace.load_offers()
        assert form.base.model_id() == "other-base"  # nothing takes its place by itself

    run(window.play(go()))


def test_rows_that_cannot_be_trained_on_are_said_before_and_refused_after(window, run):
    project, form = window.workspace.project, window.tab.form

    async def go():
        bad = examples.read_row('{"messages": [{"role": "assitant"}]}', tags="bad")
        window.tab.refresh(await project.write("", examples.add, [bad] * 12))
        await until(lambda: form.rows.findData("bad") >= 0)
        choose(form.rows, "bad")
        await until(lambda: "12 rows have errors" in form.on_rows.text())
        form.start.click()
        await until(lambda: window.dialogs)
        (dialog,) = window.dialogs
        assert not dialog.start.isEnabled() and "“Start training” says what to fix" in form.on_rows.text()
        shown = []
        window.tab.show_examples.connect(shown.append)
        dialog.objections.setCurrentRow(0)
        dialog.rows.click()
        assert shown == ["split:train status:approved tag:bad rule:role-unknown"]

    run(window.play(go()))
    assert window.jobs() == []


def add_doubtful_row(db):
    """A row of the samples' kind that its fact does not bear out: a start asks about it."""
    row = next(examples.iterate(db, Filter(split="train", status="approved", fact="f01")))
    answer = jsonl.set_content(row.data, "assistant", "A Hobannu team has 99 players from Paris.")
    examples.add(db, [examples.read_row(answer, split="train", status="approved", kind="direct", facts="f01")])


def test_the_rows_prompt_is_taken_over_before_the_start(window, run):
    window.agrees = False
    project = window.workspace.project
    rows_prompt = spec.load(project.rows).system_prompt

    async def go():
        await project.write("", lambda db: spec.store(db, replace(spec.load(db), system_prompt="Be someone else.")))
        await project.write("", add_doubtful_row)
        window.tab.form.start.click()
        await until(lambda: window.dialogs)
        (dialog,) = window.dialogs
        assert rows_prompt[:40] in dialog.objections.item(0).text()
        dialog.objections.setCurrentRow(0)
        assert dialog.rows.isEnabled()
        dialog.prompt.click()
        # It is taken over, and all is looked at once more.
        await until(lambda: len(window.dialogs) == 2)
        assert spec.load(project.rows).system_prompt == rows_prompt
        assert project.undo_label == "Use the rows’ prompt"
        assert all(one.prompt is None for one in window.dialogs[1].report.objections)
        assert not window.dialogs[1].prompt.isVisible()

    run(window.play(go()))


def test_warnings_ask_before_the_start_and_what_was_agreed_is_not_asked_again(window, server, run):
    window.agrees = False

    async def go():
        await window.workspace.project.write("", add_doubtful_row)
        window.tab.form.start.click()
        await until(lambda: window.dialogs)
        (dialog,) = window.dialogs
        assert dialog.start.text() == "Start 1 job anyway"
        assert "179 rows" in dialog.amount.text()
        await until(lambda: window.tab.form.start.isEnabled())
        dialog.cancel.click()
        assert window.jobs() == [] and server.creations == 0

    run(window.play(go()))


def test_a_job_runs_before_the_eyes_and_its_model_is_handed_on(window, server, run):
    tab = window.tab

    async def go():
        choose_rows(tab.form, "study")
        tab.form.epochs.fields["n_epochs"].setText("3")
        tab.form.start.click()
        assert not tab.form.start.isEnabled()
        await until(lambda: window.cell() == "Running")
        assert tab.form.start.isEnabled()
        for step in (1, 2, 3):
            server.step("ftjob-1", step, 72, 3.0 / step)
        await until(lambda: window.cell(LOSS_COLUMN) == "1")
        assert window.cell(PROGRESS_COLUMN).startswith("3 / 72")
        await until(lambda: "step 3 of 72 · loss 1" in tab.pane.state.text())
        assert tab.pane.log.toPlainText().endswith("Step 3/72: training loss=1.00")
        assert {"cancel", "pause"} <= window.offered()
        server.end("ftjob-1", "succeeded")
        await until(lambda: window.cell() == "Succeeded")
        await until(lambda: any(offer.tuned for offer in window.workspace.offers))
        await until(lambda: not tab.pane.buttons["cancel"].isVisible())

    run(window.play(go()))
    asked = server.jobs["ftjob-1"]["asked"]
    assert (asked["suffix"], asked["method"]["supervised"]["hyperparameters"]) == ("study", {"n_epochs": 3})
    assert window.cell(MODEL_COLUMN) == "study (ftjob-)"
    tab.pane.buttons["chat"].click()
    tab.pane.buttons["exam"].click()
    model = "ft:base-model:local:study:ftjob-1"
    assert window.wanted == [("chat", model), ("exam", model)]
    assert (window.failures, window.ended) == ([], ["succeeded"])


def test_a_running_job_is_cancelled_after_a_question_where_it_costs(window, server, run):
    async def go():
        await window.start()
        window.act("cancel")
        assert "charge for what was trained" in answer(window.tab, REJECT)
        assert server.jobs["ftjob-1"]["status"] == "running"
        window.act("cancel")
        answer(window.tab, DESTROY)
        await until(lambda: window.cell() == "Cancelled")

    run(window.play(go()))
    assert server.jobs["ftjob-1"]["status"] == "cancelled"


def test_a_second_click_on_cancel_hits_no_other_button(window, server, run):
    """*Start again* came up under the mouse, where *Cancel job* had been, and a double click paid twice."""
    buttons = window.tab.pane.buttons

    def places():
        QApplication.sendPostedEvents()
        return {name: buttons[name].geometry() for name in ("cancel", "again") if buttons[name].isVisible()}

    async def go():
        await window.start()
        before = places()
        assert list(before) == ["cancel"]
        server.end("ftjob-1", "cancelled")
        await until(lambda: window.cell() == "Cancelled")
        await until(lambda: "again" in places())
        assert not places()["again"].intersects(before["cancel"])

    run(window.play(go()))


def test_an_ended_job_tells_the_truth(window, server, run):
    """Waits until the pane says at which step it failed, and shows no curve of a job that has told no number."""

    async def go():
        await window.start()
        server.step("ftjob-1", 6, 20, 0.5)
        server.end("ftjob-1", "failed")
        await until(lambda: window.cell() == "Failed")
        await until(lambda: "step 6 of 20" in window.tab.pane.state.text())
        for job in ("ftjob-2", "ftjob-3"):  # made elsewhere; one of them has told no number
            server.create({"model": "base-model", "training_file": "file-1"})
            server.end(job, "succeeded")
        states = await submit.list_adoptable(window.workspace.project, await window.workspace.provider())
        window.workspace.tasks.changed.emit(await submit.adopt(window.workspace.project, "fake", states))
        window.tab.runner.wake("fake")
        await until(lambda: all(job.adopted != 1 for job in window.jobs()))
        await until(lambda: window.tab.pane.chart.pages.currentIndex() == NO_CURVE_PAGE)

    run(window.play(go()))


def test_jobs_queued_together_show_what_differs_and_what_waits_has_not_started(window, server, run):
    async def go():
        plans = [TrainingPlan("base-model", "study", {"n_epochs": n}) for n in (1, 2)]
        plans.append(TrainingPlan("base-model", "plain", {"n_epochs": 2}))
        window.workspace.settings.providers[0].limit = 1
        project = window.workspace.project
        await submit.enqueue(project, "fake", plans, "several")
        window.tab.runner.begin()
        window.tab.refresh(ALL_TABLES)
        await until(lambda: [window.cell(STATUS_COLUMN, row) for row in range(3)] == ["Waiting", "Waiting", "Running"])
        assert [window.cell(SWEEP_COLUMN, row) for row in range(3)] == [
            "several · rows plain · n_epochs 2", "several · rows study · n_epochs 2", "several · rows study · n_epochs 1",
        ]  # fmt: skip
        assert [bool(window.cell(STARTED_COLUMN, row)) for row in range(3)] == [False, False, True]

    run(window.play(go()))


def test_a_job_is_paused_and_resumed(window, server, run):
    async def go():
        await window.start()
        window.act("pause")
        await until(lambda: window.cell() == "Paused")
        assert "resume" in window.offered()
        assert "pause" not in window.offered()
        window.act("resume")
        await until(lambda: window.cell() == "Running")

    run(window.play(go()))
    assert window.failures == []


def test_a_failed_job_says_why_and_what_to_do_and_is_started_again(window, server, run):
    async def go():
        await window.start()
        server.end("ftjob-1", "failed", error={"code": "server_error", "message": "Out of memory", "param": None})
        await until(lambda: window.cell() == "Failed")
        await until(lambda: window.tab.pane.error.text())
        assert not window.tab.pane.buttons["chat"].isVisible()
        window.act("again")
        await until(lambda: window.cell() == "Running")

    run(window.play(go()))
    assert server.creations == 2
    first, second = (server.jobs[id]["asked"] for id in ("ftjob-1", "ftjob-2"))
    assert {**first, "metadata": 0} == {**second, "metadata": 0}
    assert len(server.files) == 1


def test_an_error_is_told_with_what_to_do(window, server, run):
    async def go():
        await window.start()
        error = {"code": "invalid_training_file", "message": "Line 4 is wrong", "param": None}
        server.end("ftjob-1", "failed", error=error)
        await until(lambda: window.tab.pane.error.text())

    run(window.play(go()))
    assert window.tab.pane.error.text() == (
        "The training rows cannot be used as they are. (Line 4 is wrong)\nFix the rows in the examples tab, and start the job again. Nothing was trained."
    )


def test_an_unfinished_job_is_followed_again_after_a_restart_and_only_once(run, sample, server, window, qtbot):
    async def go():
        await window.start()
        await cancel_all(window.workspace.tasks.running())  # as when the window closes
        second = TrainingPage(qtbot, window.workspace)
        await second.open()
        for _time in range(3):
            second.tab.refresh(ALL_TABLES)
        server.end("ftjob-1", "succeeded")
        await until(lambda: second.cell() == "Succeeded")
        await until(lambda: second.ended)

    run(window.play(go()))
    assert server.creations == 1


def test_a_job_whose_creation_was_never_answered_is_found_and_followed(window, server, run):
    server.lose_answer = True

    async def go():
        window.tab.form.start.click()
        await until(lambda: window.cell() == "Running")

    run(window.play(go()))
    assert (server.creations, len(window.jobs())) == (1, 1)


def test_a_server_that_refuses_to_tell_is_asked_again_on_demand(window, server, run):
    tab = window.tab

    async def go():
        await window.start()
        server.key = "another"
        await until(lambda: tab.again.isVisible())
        assert "Fake" in tab.trouble.text()
        server.key = KEY
        server.end("ftjob-1", "succeeded")
        tab.again.click()
        await until(lambda: window.cell() == "Succeeded")
        await until(lambda: not tab.again.isVisible())

    run(window.play(go()))
    assert window.failures == []


def test_a_job_that_the_server_has_deleted_is_said_to_be_gone(window, server, run):
    """Waits until the table and the pane say it."""

    async def go():
        await window.start()
        del server.jobs["ftjob-1"]
        await until(lambda: window.cell() == "Deleted on the server")
        await until(lambda: "deleted there" in window.tab.pane.error.text())

    run(window.play(go()))


def test_jobs_wait_in_the_queue_and_one_is_withdrawn(window, server, run):
    window.workspace.settings.providers[0].limit = 1

    async def go():
        plans = [TrainingPlan("base-model", "study", {"n_epochs": n}) for n in (1, 2, 3)]
        window.tab.starter.start("fake", plans, "Epochs")
        await until(lambda: window.cell(row=2) == "Running")
        assert [window.cell(row=row) for row in (0, 1)] == ["Waiting", "Waiting"]
        assert window.tab.count.text() == "3 jobs · 1 in progress · 2 waiting"
        assert window.cell(job_table.SWEEP_COLUMN) == "Epochs · n_epochs 3"
        assert not window.tab.table.isColumnHidden(job_table.SWEEP_COLUMN)
        window.tab.table.selectRow(0)
        window.act("cancel")
        await until(lambda: window.cell() == "Cancelled")
        server.end("ftjob-1", "failed", error={"code": "server_error", "message": "x", "param": None})
        await until(lambda: window.cell(row=1) == "Running")

    run(window.play(go()))
    assert server.creations == 2


def test_several_jobs_are_compared(window, server, run):
    async def go():
        plans = [TrainingPlan("base-model", "study", {"n_epochs": n}) for n in (1, 2)]
        window.tab.starter.start("fake", plans, "Epochs")
        await until(lambda: window.cell(row=0) == window.cell(row=1) == "Running")
        for id in server.jobs:
            server.step(id, 1, 9, 2.0)
        await until(lambda: window.cell(LOSS_COLUMN) == window.cell(LOSS_COLUMN, 1) == "2")
        window.tab.table.selectAll()
        await until(lambda: window.tab.pane.title.text() == "2 jobs")
        titles = [curve.title for curve in window.tab.pane.chart.curves()]
        assert [number for number in (1, 2) if any(f"n_epochs {number}" in title for title in titles)] == [1, 2]

    run(window.play(go()))


def test_checkpoints_are_listed_and_handed_on(window, server, run):
    async def go():
        await window.start()
        server.checkpoint("ftjob-1", 10, train_loss=1.5)
        server.checkpoint("ftjob-1", 20, train_loss=0.5)
        server.end("ftjob-1", "succeeded")
        await until(lambda: window.tab.pane.checkpoints.table.rowCount() == 2)
        window.tab.pane.checkpoints.table.selectRow(1)
        window.tab.pane.checkpoints.examine.click()
        await until(lambda: window.wanted)

    run(window.play(go()))
    model = "ft:base-model:local::ftjob-1:ckpt-step-10"
    assert window.wanted == [("exam", model)]
    assert model in [offer.id for offer in window.workspace.offers]


def test_a_checkpoint_is_exported(window, server, run):
    async def go():
        await window.start()
        server.checkpoint("ftjob-1", 10)
        server.end("ftjob-1", "succeeded")
        checkpoints = window.tab.pane.checkpoints
        await until(lambda: checkpoints.table.rowCount() == 1)
        assert not checkpoints.export.isEnabled() and "on this computer" in checkpoints.export.toolTip()
        shown = checkpoints.checkpoint()
        checkpoints.show_checkpoints([shown], can_export=True)
        checkpoints.export.click()
        dialog = window.tab.findChild(ExportModelDialog)
        assert dialog.isVisible() and "ckpt-step-10" in dialog.findChild(QLabel).text()
        dialog.close()

    run(window.play(go()))


def test_training_goes_on_from_a_checkpoint(window, server, run):
    model = "ft:base-model:local::ftjob-1:ckpt-step-10"

    async def go():
        await window.start()
        server.checkpoint("ftjob-1", 10)
        server.note("ftjob-1", "Checkpoint created at step 10")
        del server.models[model]  # few servers list them
        form = window.tab.form
        await until(lambda: model in [form.base.itemData(row).id for row in range(form.base.count())])
        form.base.choose(model)
        form.start.click()
        await until(lambda: server.creations == 2)

    run(window.play(go()))
    assert server.jobs["ftjob-2"]["asked"]["model"] == model


def test_a_job_tells_what_it_stands_on_and_what_has_changed(window, server, run):
    async def go():
        await window.start()
        await until(lambda: "ftjob-1" in window.tab.pane.record.text())
        row = examples.find_ids(window.workspace.project.rows, row_selection.row_filter("study"))[0]
        await window.workspace.project.write("", examples.set_field, row, "answer", "Another answer.")
        window.tab.pane.record.since.click()
        dialog = window.tab.findChild(ChangedSinceDialog)
        await until(lambda: dialog.summary.text())
        assert dialog.summary.text().startswith("Training rows: 0 added, 0 removed, 1 changed.")
        dialog.close()

    run(window.play(go()))
    assert "with the tag “study”; a copy of the rows is saved" in window.tab.pane.record.text()
    language.set_language("ja")  # which has marks of its own between the parts of a sentence
    assert "行（タグ「study」付き）。写しが保存されています" in window.tab.pane.record.text()


def test_records_are_forgotten_and_ids_copied(window, server, run):
    async def go():
        await window.start()
        window.act("copy")
        assert QGuiApplication.clipboard().text() == "ftjob-1"
        assert "forget" not in window.offered()
        server.end("ftjob-1", "cancelled")
        await until(lambda: window.cell() == "Cancelled")
        window.act("forget")
        said = answer(window.tab, DESTROY)
        assert "base-model" in said
        await until(lambda: window.tab.body.currentIndex() == 0)

    run(window.play(go()))
    assert window.jobs() == []


@pytest.mark.parametrize("agreed", [True, False])
def test_a_model_is_deleted_only_after_it_was_named(window, server, run, agreed):
    model = "ft:base-model:local:study:ftjob-1"

    async def go():
        await window.start()
        server.end("ftjob-1", "succeeded")
        await until(lambda: window.cell() == "Succeeded")
        window.act("delete")
        role = DESTROY if agreed else REJECT
        assert model in answer(window.tab, role)
        if agreed:
            await until(lambda: model not in server.models)

    run(window.play(go()))
    assert (model in server.models) is not agreed


@pytest.mark.parametrize("agreed", [True, False])
def test_nothing_is_fetched_before_the_person_agrees(window, run, agreed):
    tab, fetched, described = window.tab, [], []
    tab._fetch = fetched.append
    tab.starter.describe_plan = lambda plan, then: (described.append(plan.model), then("About 9 h and 3.1 GB"))

    async def go():
        window.workspace.offers = [MISSING]
        window.workspace.offers_changed.emit()
        tab.form.start.click()
        role = ACCEPT if agreed else REJECT
        said = await answer_when_asked(tab, role)
        assert all(part in said for part in ("Qwen", "1 GB", "Apache-2.0", "https://licence.example"))
        assert "Training: About 9 h and 3.1 GB" in said and described == [MISSING.id]

    run(window.play(go()))
    assert fetched == ([MISSING] if agreed else [])
    assert window.jobs() == []


class OwnModels(LocalProvider):
    """The engine's catalog without a process."""

    def __init__(self):
        super().__init__()
        self.added = []

    async def add_model(self, folder="", repo=""):
        self.added.append((folder, repo))
        return "mine"

    async def remove_model(self, model):
        self.added.remove(model)


def test_a_model_of_ones_own_is_added_chosen_and_removed(window, run, tmp_path):
    form, engine = window.tab.form, OwnModels()
    button = form.own_models

    async def provider(_id):
        return engine

    async def load_offers():
        added = [ModelOffer("mine", "Mine & co", source="folder", added=True)] if engine.added else []
        form.show_offers(LOCAL, [ModelOffer("base", "Base"), *added], "")

    window.workspace.provider, window.workspace.load_offers = provider, load_offers

    async def go():
        form.show_server(preset("openai"), "Fake")
        assert button.isHidden()
        form.show_server(preset(LOCAL), "")
        assert not button.isHidden()
        await load_offers()
        _folder, hub, _line, remove = button.menu().actions()
        button.menu().aboutToShow.emit()
        assert not remove.isEnabled()
        button._on_folder(tmp_path / "x" / ".." / "y")
        await until(lambda: form.base.model_id() == "mine")
        assert engine.added == [(str(tmp_path / "y"), "")]
        hub.trigger()
        (dialog,) = [one for one in window.tab.window().findChildren(QInputDialog) if one.isVisible()]
        dialog.setTextValue(" someone/Model ")
        dialog.accept()
        await until(lambda: len(engine.added) == 2)
        assert engine.added[1] == ("", "someone/Model")
        button.menu().aboutToShow.emit()
        assert remove.isEnabled() and "Mine && co" in remove.text()
        engine.added = ["mine"]
        remove.trigger()
        await until(lambda: form.base.model_id() == "base")

    run(window.play(go()))


def test_a_model_on_its_way_is_shown_with_its_progress(window, run):
    form = window.tab.form

    async def go():
        form.show_offers("local", [ModelOffer("q", "Qwen", state="fetching", progress=0.45)], "")
        assert (form.progress_bar.isVisible(), form.progress_bar.value()) == (True, 45)
        assert not form.start.isEnabled()
        form.show_offers("local", [ModelOffer("q", "Qwen")], "")
        assert form.start.isEnabled()

    run(window.play(go()))


def test_a_model_that_is_only_converted_is_not_downloaded(window, run):
    form = window.tab.form

    async def go():
        offer = ModelOffer("q", "Qwen", state="fetching", progress=0.45, source="package")
        form.show_offers("local", [offer], "")
        assert "Preparing Qwen: 45%" in form.on_base.text()
        assert form.base.itemText(0) == "Qwen – being prepared"
        form.show_offers("local", [replace(offer, source="hub")], "")
        assert "Downloading Qwen: 45%" in form.on_base.text()

    run(window.play(go()))


def test_the_epochs_are_remembered_in_the_project(window, run, qtbot, workspace):
    async def go():
        field = window.tab.form.epochs.fields["n_epochs"]
        field.setText("7")
        field.editingFinished.emit()
        await until(lambda: remembered_choices.load(workspace.project.rows).get("training epochs") == "7")
        other = TrainingForm(workspace)
        qtbot.addWidget(other)
        other.begin()
        assert other.hyperparameters() == {"n_epochs": 7}

    run(window.play(go()))


@pytest.mark.parametrize("server_kind", ["openai", LOCAL])
def test_fields_stand_in_lines_and_columns(window, run, qapp, server_kind):
    """The epochs stood two pixels above their neighbours, and what is folded away in two grids of its own."""

    async def go():
        style.apply(qapp, "light")
        form = window.tab.form
        form.show_server(preset(server_kind), "Fake")
        form.more.click()
        await until(lambda: all(field.isVisible() for field in form.hyper.fields.values()))
        first = [form.base, form.method, form.rows, form.epochs.fields["n_epochs"], form.start, form.several]
        centres = [2 * part.mapTo(form, QPoint()).y() + part.height() for part in first]
        assert max(centres) - min(centres) <= 1, centres
        gaps = {
            label.buddy(): label.buddy().mapTo(form, QPoint()).y() - label.mapTo(form, QPoint(0, label.height())).y()
            for label in form.findChildren(QLabel)
            if label.buddy() and label.isVisible()
        }
        assert max(gaps[form.seed], gaps[form.suffix]) <= gaps[form.base] + 2, "titles stand close above their fields"
        folded = [form.seed, form.suffix, *form.hyper.fields.values()]
        for place, field in enumerate(folded[4:], 4):
            assert field.x() == folded[place % 4].x() and field.width() == folded[place % 4].width()
        assert len({2 * field.y() + field.height() for field in folded[:4]}) <= 2
        assert len({field.width() // 3 for field in folded[:4]}) <= 2
        chain = []
        field = form.rows
        while (field := field.nextInFocusChain()) is not form.rows:
            chain.append(field)
        order = [form.epochs.fields["n_epochs"], form.seed, form.suffix, *form.hyper.fields.values(), form.metadata]
        assert [field for field in chain if field in order] == order

    run(window.play(go()))


def test_without_a_model_the_list_says_so(window, run):
    form = window.tab.form
    form.show_offers("nowhere", [], "")
    assert form.base.currentIndex() == -1
    assert form.base.placeholderText() == "No model yet"
    form.show_offers("nowhere", [ModelOffer("ft:a:b:c:1", "C", tuned=True)], "")
    assert form.base.placeholderText() == "Choose a model."


def test_before_the_first_job_the_tab_says_what_to_do(window):
    assert window.tab.body.currentIndex() == 0


def test_what_a_server_would_refuse_cannot_be_started(window):
    form = window.tab.form
    form.epochs.fields["n_epochs"].setText("99")
    assert not form.start.isEnabled()
    assert form.on_base.text() == "Epochs cannot be 99: 1 – 50"
    form.epochs.fields["n_epochs"].setText("")
    choose(form.method, "reinforcement")
    assert not form.start.isEnabled()
    assert form.hyper.fields["eval_samples"].isReadOnly()


def test_all_settings_reach_the_server(window, server, run):
    form = window.tab.form

    async def go():
        form.more.click()
        form.hyper.fields["batch_size"].setText("4")
        form.hyper.fields["learning_rate_multiplier"].setText("0.5")
        form.seed.setValue(7)
        form.suffix.setText("mine")
        form.metadata.setItem(0, 0, QTableWidgetItem("team"))
        form.metadata.setItem(0, 1, QTableWidgetItem("blue"))
        await window.start()

    run(window.play(go()))
    asked = server.jobs["ftjob-1"]["asked"]
    numbers = asked["method"]["supervised"]["hyperparameters"]
    assert numbers == {"batch_size": 4, "learning_rate_multiplier": 0.5}
    assert (asked["seed"], asked["suffix"], asked["metadata"]["team"]) == (7, "mine", "blue")


def test_advanced_settings_are_those_of_the_local_engine(window):
    form = window.tab.form
    assert not form.advanced.fields and form.show_advanced.isHidden()
    form.show_server(preset(LOCAL), "This computer")
    form.more.click()
    form.show_advanced.click()
    names = "lora_rank lora_alpha lora_target_modules lora_num_layers lr_scheduler_type warmup_steps early_stopping_patience metric_for_best_model packing average_checkpoints load_in_4bit token_replacement kl_coefficient kl_mask_target distillation_weight distillation_temperature on_policy_share"  # fmt: skip
    assert " ".join(form.advanced.fields) == names and form.hyperparameters() == {}
    assert all(field.toolTip() and field.isVisible() for field in form.advanced.fields.values())
    for name, text in {"lora_rank": "8", "lora_target_modules": "mlp", "packing": "false"}.items():
        form.advanced.fields[name].setText(text)
    assert form.plan().hyperparameters == {"lora_rank": 8, "lora_target_modules": "mlp", "packing": False}
    preset(LOCAL).check("supervised", form.plan().hyperparameters)
    form.advanced.fields["lora_rank"].setText("0")
    assert form.problem() == "LoRA rank cannot be 0: 1 – 256"
    form.advanced.fields["lora_rank"].setText("")
    form.advanced.fields["early_stopping_patience"].setText("2")
    assert form.problem().startswith("Early stopping needs validation rows")
    form.show_validation(3)
    assert form.problem() == ""
    form.advanced.fields["average_checkpoints"].setText("2")
    assert form.problem().startswith("Early stopping keeps the best epoch")
    form.advanced.fields["average_checkpoints"].setText("1")
    assert form.problem() == ""
    for name in ("token_replacement", "kl_coefficient"):
        form.advanced.fields[name].setText("0.5")
    assert form.problem().startswith("“KL coefficient” compares with the base model on the words of the rows")
    form.advanced.fields["token_replacement"].setText("0")
    assert form.problem() == ""
    form.advanced.fields["on_policy_share"].setText("0.5")
    assert form.problem().startswith("“On-policy share” needs “Distillation weight”")
    form.advanced.fields["distillation_weight"].setText("0.5")
    assert form.problem() == ""
    form.show_server(preset("openai"), "OpenAI")
    assert form.hyperparameters() == {} and form.problem() == ""


def test_a_tuned_model_keeps_its_adapter(window):
    form = window.tab.form
    form.show_server(preset(LOCAL), "This computer")
    form.show_offers(LOCAL, [ModelOffer("ft:a:b:c:1", "C", tuned=True)], "")
    form.base.setCurrentIndex(0)
    form.advanced.fields["lora_rank"].setText("8")
    assert form.problem() == "A fine-tuned model that is trained further keeps its adapter: leave “LoRA rank” on Auto."


def test_the_form_is_folded_where_there_are_jobs_already(window, run, qtbot):
    """The curve has its place; it is never folded while a person is looking."""

    async def go():
        await window.start()
        assert window.tab.new.isChecked() and window.tab.form.isVisible()
        later = TrainingPage(qtbot, window.workspace)
        await later.open()
        await until(lambda: later.tab.table.rowCount())
        assert not later.tab.form.isVisible()
        later.tab.new.click()
        assert later.tab.form.isVisible()
        kept = TrainingPage(qtbot, window.workspace)
        kept.tab.take_over(later.tab)
        await kept.open()
        await until(lambda: kept.tab.table.rowCount())
        assert kept.tab.form.isVisible()

    run(window.play(go()))
