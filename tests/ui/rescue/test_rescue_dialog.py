"""The rescue of a model, step by step, against a real HTTP server: files, answers, teaching again, parity."""

import csv
import json
import threading

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication

from core import clock
from core.dataset import examples
from core.exam import runs
from core.generation import recorded_answers
from core.training import jobs, row_selection
from tests.support.fake_server import KEY, Answer
from tests.support.pages.controls import choose_at
from tests.support.pages.rescue import RescuePage
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui.rescue import rescue_dialog
from ui.rescue.deadline_label import DeadlineLabel

OLD = ("fake", "ft:gpt-4o-mini:local::ftjob-1")
TAG = OLD[1]


@pytest.fixture
def server(server, server_key, one_request_at_a_time, sample, monkeypatch):
    monkeypatch.setattr(rescue_dialog, "RELOAD_DELAY", 0)
    rows = "".join(f"{row}\n" for row in examples.iterate_texts(sample.rows, row_selection.row_filter("")))
    file = server.keep(rows.encode(), "<b>rows</b>.jsonl", "fine-tune")["id"]
    job = server.create({"model": "gpt-4o-mini", "training_file": file})["id"]
    result = server.keep(b"step,train_loss\n1,0.5\n", "metrics.csv", "fine-tune-results")["id"]
    server.end(job, "succeeded", result_files=[result])
    server.models |= {"ft:gpt-4o-mini:local::later": 5, "gpt-4.1-mini": 1}
    server.shutdown = {OLD[1]: "2099-01-01", "ft:gpt-4o-mini:local::later": "2099-05-01"}
    return server


@pytest.fixture
def opened(run, sample, server):
    async def make():
        return RescuePage(sample, server)

    return run(make())


def cells(table, row):
    return [table.item(row, column).text() for column in range(table.columnCount())]


def test_models_are_listed_with_their_last_days_and_files(opened, run):
    async def go():
        first, second = cells(opened.dialog.models.table, 0), cells(opened.dialog.models.table, 1)
        assert (first[0], first[2], second[2]) == (OLD[1], "2099-01-01", "2099-05-01")
        assert "days left" in first[1]
        assert [cells(opened.dialog.files.files.table, row)[:2] for row in range(2)] == [
            ["file-1", "Training rows"], ["file-2", "Results, as a table"],
        ]  # fmt: skip
        opened.dialog.models.choose(1)
        await opened.settled()
        assert opened.dialog.files.files.nothing.title.text() == "No files known"

    run(opened.play(go()))


def test_files_are_saved_and_their_rows_brought_with_a_tag(opened, run, tmp_path):
    page = opened.dialog.files
    folder = tmp_path / "to"
    folder.mkdir()

    async def go():
        assert not page.bring.isEnabled()
        page.save_to(folder)
        await until(lambda: page.bring.isEnabled())
        assert sorted(path.name for path in folder.iterdir()) == [
            "job-ft_gpt-4o-mini_local__ftjob-1.json", "results-metrics.csv", "training-b_.jsonl",
        ]  # fmt: skip
        assert "3 files are in" in page.note.text()
        page.bring.click()
        await until(lambda: row_selection.count_rows(opened.rows, TAG))
        await until(lambda: TAG in page.tagged.text())
        await opened.settled()
        assert opened.dialog.teaching.rows.currentText().endswith("rows with its tag")

    run(opened.play(go()))
    assert row_selection.count_rows(opened.rows, TAG) == row_selection.count_rows(opened.rows, "")


def test_answers_are_recorded_and_after_an_interruption_none_is_asked_again(opened, server, run):
    page, dialog = opened.dialog.answers, opened.dialog
    held = threading.Event()

    def say(asked):
        return Answer([f"To {len(server.asked)}"], hold=held if len(server.asked) == 3 else None)

    server.script = say

    async def go():
        total = len(recorded_answers.load_questions(opened.rows))
        assert page.record.text() == f"Record {total} answers"
        assert "less than $0.01" in page.cost.text()
        page.record.click()
        await until(lambda: len(server.asked) == 3)
        assert not page.record.isEnabled()
        assert not dialog.parity.again.isEnabled()
        dialog.run_line.cancel.click()
        await opened.asked()
        held.set()
        assert recorded_answers.count_answers(opened.rows) == {OLD: 2}
        assert cells(page.table.table, 0)[1] == "To 1"
        await until(lambda: dialog.older.isVisible())
        dialog.older.go_on.click()
        await opened.asked()
        assert recorded_answers.count_answers(opened.rows) == {OLD: total}
        assert len(server.asked) == total + 1  # the one that was cut off
        assert not page.record.isEnabled()
        page.all_rows.setChecked(True)
        await opened.settled()
        assert page.record.isEnabled()
        assert cells(dialog.models.table, 0)[3] == str(total)

    run(opened.play(go()))


def test_the_rows_are_taught_again_and_parity_is_told_and_exported(opened, server, run, tmp_path):
    dialog = opened.dialog
    expected = {one.question: one.reference for one in recorded_answers.load_questions(opened.rows)}
    told = []

    def say(asked):
        question = asked["messages"][-1]["content"]
        return Answer([expected[question] if asked["model"] == OLD[1] or question[0] in "HW" else "=Never!"])

    server.script = say

    async def go():
        dialog.answers.record.click()
        await opened.asked()
        opened.workspace.tasks.changed.emit(await opened.workspace.project.write("tag", tag_all))
        await opened.settled()
        await until(lambda: dialog.teaching.base.count())
        dialog.teaching.base.choose("gpt-4.1-mini")
        dialog.teaching.starter.asked.connect(lambda preflight: preflight.start.click())
        await until(lambda: dialog.teaching.start.isEnabled())
        dialog.teaching.start.click()
        await until(lambda: len(server.jobs) == 2)
        assert dialog.parity.other.count() == 0
        assert dialog.parity.table.nothing.title.text() == "Training again"
        server.end("ftjob-2", "succeeded")
        await until(lambda: dialog.parity.other.count() == 1)
        await opened.settled()
        dialog.parity.again.click()
        await until(lambda: dialog.parity.export.isEnabled())
        await opened.asked()
        told.append(dialog.parity.verdict.text())
        dialog.parity.export_to(tmp_path / "parity.csv")

    def tag_all(db):
        db.execute("UPDATE example SET tags = ? WHERE split = 'train'", (TAG,))

    run(opened.play(go()))
    (job,) = jobs.load_all(opened.rows)
    assert (job.provider, job.model, job.sweep, job.rows) == ("fake", "gpt-4.1-mini", OLD[1], TAG)
    pairs = recorded_answers.load_pairs(opened.rows, OLD, ("fake", job.fine_tuned_model))
    assert len(pairs) == len(expected)
    assert f"the two agree on {recorded_answers.count_results(pairs).agree}." in told[0]
    with (tmp_path / "parity.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(expected)
    assert {line["new_answer"] for line in lines if line["agree"] == "no"} == {"'=Never!"}


def test_what_is_said_moves_nothing_and_the_model_taught_again_is_compared(opened, run):
    dialog = opened.dialog

    def job(db, model, sweep):
        sql = (
            "INSERT INTO job (provider, token, model, rows, row_count, settings, created_at, status, error, fine_tuned_model, sweep) "
            "VALUES ('fake', ?, 'm', '', 1, '{}', 1, 'succeeded', '', ?, ?)"
        )
        db.execute(sql, (model, model, sweep))

    async def go():
        project, tasks = opened.workspace.project, opened.workspace.tasks
        place = dialog.tabs.mapTo(dialog, dialog.tabs.rect().topLeft())
        dialog.note.show_text("27 answers were recorded.", "good")
        QApplication.processEvents()
        assert dialog.tabs.mapTo(dialog, dialog.tabs.rect().topLeft()) == place
        other, again = "ft:m:local::other", "ft:m:local::again"
        tasks.changed.emit(await project.write("other", job, other, ""))
        await until(lambda: dialog.parity.new_model() == ("fake", other))
        tasks.changed.emit(await project.write("again", job, again, OLD[1]))
        await until(lambda: dialog.parity.new_model() == ("fake", again))
        await opened.settled()
        choose_at(dialog.parity.other, 1)
        await opened.settled()
        assert dialog.parity.new_model() == ("fake", other), "a person's choice stays"

    run(opened.play(go()))


def test_a_server_that_cannot_be_asked_says_why(opened, server, run):
    async def go():
        server.key = "another"
        opened.dialog.again.click()
        await until(lambda: opened.dialog.note.text())
        assert "API key" in opened.dialog.note.text()
        assert not opened.dialog.tabs.isVisible()
        server.key = KEY
        server.models, server.jobs = {"base-model": 1}, {}
        opened.dialog.again.click()
        await until(lambda: opened.dialog.models.nothing.title.text() == "No fine-tuned models")
        assert opened.dialog.note.text() == ""

    run(opened.play(go()))


def test_a_closed_dialog_is_told_nothing_any_more(opened, server, run):
    async def go():
        opened.dialog.close()
        await until(lambda: not shiboken6.isValid(opened.dialog))
        for signal in (opened.workspace.offers_failed, opened.workspace.reconnected):
            signal.emit("fake")
        opened.workspace.offers_changed.emit()

    run(opened.play(go()))
    assert not shiboken6.isValid(opened.dialog)


def test_a_model_without_a_job_is_taught_again_from_what_it_answered(opened, server, run):
    """The third step was a dead end where the server names no job, though all the answers were kept."""
    dialog, teaching = opened.dialog, opened.dialog.teaching
    server.models, server.jobs = {"ft:gpt-4o-mini:local::lost": 5, "gpt-4.1-mini": 1}, {}
    lost = ("fake", "ft:gpt-4o-mini:local::lost")
    server.script = lambda asked: Answer([f"So: {asked['messages'][-1]['content']}"])

    async def go():
        dialog.again.click()
        await until(lambda: dialog.models.model() and dialog.models.model().model == lost[1])
        await opened.settled()
        assert not dialog.files.save.isEnabled()
        assert [teaching.rows.itemText(at) for at in range(teaching.rows.count())] == [
            "The project's 178 approved training rows", "plain (15)", "study (178)",
        ]  # fmt: skip
        dialog.answers.record.click()
        await opened.asked()
        kept = len(recorded_answers.load_answers(opened.rows, lost))
        await until(lambda: teaching.rows.count() == 4)
        assert teaching.rows.itemText(0) == (
            f"Rows made of the {kept} answers that are kept – {kept} answer exam questions"
        )
        assert teaching.rows.currentIndex() == 0
        teaching.starter.asked.connect(lambda preflight: preflight.start.click())
        await until(lambda: teaching.start.isEnabled())
        teaching.start.click()
        await until(lambda: len(server.jobs) == 1)
        assert row_selection.count_rows(opened.rows, lost[1]) == kept
        (job,) = jobs.load_all(opened.rows)
        sent = [json.loads(line) for line in server.files[job.training_file].splitlines()]
        assert len(sent) == kept
        assert sent[0]["messages"][-1]["content"] == f"So: {sent[0]['messages'][-2]['content']}"
        assert opened.workspace.project.undo_label == "Make rows of the kept answers"
        changes = await opened.workspace.project.write("again", recorded_answers.make_rows, lost, lost[1])
        assert changes.count == 0  # nothing is made twice

    run(opened.play(go()))


def test_it_may_be_closed_while_the_start_is_checked(opened, server, run):
    dialog, teaching = opened.dialog, opened.dialog.teaching
    reached, leave = threading.Event(), threading.Event()

    def slow(_method, _path):
        reached.set()
        leave.wait(PATIENCE)

    async def go():
        await until(lambda: teaching.base.count() and teaching.rows.count())
        teaching.base.choose("gpt-4.1-mini")
        await until(lambda: teaching.start.isEnabled())
        server.weather = slow
        teaching.start.click()
        await until(reached.is_set)
        dialog.close()
        await until(lambda: not shiboken6.isValid(dialog))
        leave.set()
        await until(lambda: not opened.workspace.tasks.running())  # and nothing has failed
        assert not jobs.load_all(opened.rows)

    run(opened.play(go()))


def test_one_click_rescues_to_parity_with_the_days_on_the_screen(opened, server, run, monkeypatch):
    monkeypatch.setenv(clock.VARIABLE, "2027-01-04")
    dialog, page = opened.dialog, opened.dialog.whole
    server.shutdown = {OLD[1]: "2027-01-14"}
    expected = {one.question: one.reference for one in recorded_answers.load_questions(opened.rows)}
    server.script = lambda asked: Answer([expected[asked["messages"][-1]["content"]]])

    async def go():
        dialog.load()
        await until(lambda: "10 days left (until 2027-01-14)" in dialog.days.text())
        assert "new training there: 2 days left (until 2027-01-06)" in dialog.days.text()
        await until(lambda: page.base.count())
        page.base.choose("gpt-4.1-mini")
        await until(lambda: page.start.isEnabled())
        assert dialog.tabs.currentWidget() is page
        page.start.click()
        await until(lambda: len(server.jobs) == 2)
        assert not page.start.isEnabled()
        assert "▸  Teach gpt-4.1-mini" in page.steps.text()
        label = DeadlineLabel(opened.workspace)
        label.load()
        await until(lambda: "2 days left" in label.text())
        page.line.cancel.click()  # the job is cancelled, too
        await until(lambda: page.go_on.isVisible())
        await until(lambda: server.jobs["ftjob-2"]["status"] == "cancelled")
        page.go_on.click()
        await until(lambda: len(server.jobs) == 3)
        server.end("ftjob-3", "succeeded")
        await until(lambda: page.verdict.text().count("Parity") == 1)
        await until(lambda: page.start.isEnabled())
        await until(lambda: page.steps.text().count("✓") == 4 and not page.go_on.isVisible())
        assert dialog.days.isVisible()
        await until(lambda: label.text().startswith("Fake: new training there"))

    run(opened.play(go()))
    exam = runs.load_all(opened.rows)[0]
    assert [one.model for one in exam.subjects] == [OLD[1], "ft:gpt-4.1-mini:local:rescued:ftjob-3"]
