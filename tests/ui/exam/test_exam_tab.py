"""The exam tab: wished for, asked over real HTTP, watched, stopped, gone on with, and looked at."""

import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from core.dataset import examples, sample_projects
from core.dataset.row_system_prompts import PromptUse
from core.exam import runs
from core.exam.prompt_conditions import CLOSED_BOOK, FEW_SHOT, OPEN_BOOK, RETRIEVED
from core.exam.runs import ExamSubject
from core.progress import Reporter
from core.providers import ModelOffer
from core.spec import spec
from core.storage import remembered_choices
from core.storage.project import Project
from tests.support.fake_server import Answer
from tests.support.pages.controls import choose_at
from tests.support.pages.dialogs import answer
from tests.support.projects import store_job
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.exam import exam_texts
from ui.exam.exam_texts import GAINED_SYMBOL
from ui.exam.examined_models import MAX_SUBJECTS, MIN_SUBJECTS
from ui.exam.heat_map_model import FACT_LEVEL, SHOW_GAINED, SHOW_LOST
from ui.exam.tab import ExamTab
from ui.exam.totals_table import MEMORISED_COLUMN
from ui.tab_base import ALL_TABLES
from ui.workspace import Workspace

BASE, TUNED, OTHER = "base-model", "ft:base-model:local:study:abc123", "ft:base-model:local:plain:def456"
OFFERS = [
    ModelOffer(TUNED, TUNED, tuned=True),
    ModelOffer(OTHER, OTHER, tuned=True),
    ModelOffer("small", "S"),
    ModelOffer(BASE, "Base"),
]
BASE_CLOSED, TUNED_CLOSED = ExamSubject("fake", BASE), ExamSubject("fake", TUNED)


@pytest.fixture
def tab(qtbot, run, workspace, server, server_key, one_request_at_a_time):
    """The tab on the sample, with four models and a server that answers."""

    async def make():
        tab = ExamTab(workspace)
        workspace.tasks.changed.connect(tab.refresh)
        workspace.settings.provider, workspace.settings.providers = "fake", server.settings().providers
        workspace.offers = OFFERS
        tab.show_offers()
        tab.refresh(ALL_TABLES)
        await until(tab.form.total.text)
        return tab

    tab = run(make())
    qtbot.addWidget(tab)
    yield tab
    run(workspace.forget_provider("fake"))


def keep_questions(db, n):
    """Leave the exam only the first `n` questions."""
    db.execute("DELETE FROM example WHERE split = 'test' AND id NOT IN "
               "(SELECT id FROM example WHERE split = 'test' ORDER BY id LIMIT ?)", (n,))  # fmt: skip


async def shorten(tab, n):
    """Only `n` questions, and only the base and the tuned model."""
    await tab.workspace.project.write("", keep_questions, n)
    tab.form.general.setChecked(False)
    tab.form.subjects.choose([BASE_CLOSED, TUNED_CLOSED])
    tab.refresh(ALL_TABLES)
    await until(lambda: tab.form.total.text().startswith(f"{n} question"))


async def examined(tab, server, n=2):
    """Run an exam of `n` questions that the base fails and the tuned model passes."""
    await shorten(tab, n)
    for row in examples.iterate(tab.workspace.project.rows, examples.Filter(split="test")):
        server.answer(TUNED, row.answer)
    tab.form.start.click()
    await finished(tab)


async def finished(tab):
    await until(lambda: tab._exam is None and tab.run() is not None and tab.run().status == "succeeded")
    outcome = tab.result.outcome
    await until(lambda: outcome() is not None and outcome().run.status == "succeeded")
    await until(lambda: tab.result.overview.compared is not None)


def level(tab, name):
    """The first columns and the rates of the heat map, line by line."""
    heat = tab.result.heat
    heat.level.setCurrentIndex(heat.level.findData(name))
    rates = heat.table.rates
    columns = range(rates.columnCount())
    return [tuple(rates.index(row, column).data() for column in columns) for row in range(rates.rowCount())]


def test_it_begins_with_base_and_newest_tuned_model_and_the_books(tab):
    assert tab.form.subjects.subjects() == [
        BASE_CLOSED, TUNED_CLOSED, ExamSubject("fake", BASE, OPEN_BOOK), ExamSubject("fake", BASE, RETRIEVED),
    ]  # fmt: skip
    assert tab.form.temperature.value() == 0
    assert tab.form.total.text().startswith("57 questions + 30 general questions · 348 answers · about ")
    assert tab.pages.currentWidget() is tab.empty
    assert tab.form.start.isEnabled()


CHECKPOINT, NEWER = f"{TUNED}:ckpt-step-40", "ft:base-model:local:newer:zzz999"


def offer(tab, *offers):
    tab.workspace.offers = list(offers)
    tab.show_offers()


def test_what_is_trained_meanwhile_takes_no_subjects_place(tab):
    """A job that ran beside put its checkpoint in the form's second line, and the exam examined that."""
    before = tab.form.subjects.subjects()
    offer(
        tab,
        ModelOffer(CHECKPOINT, CHECKPOINT, tuned=True),
        ModelOffer(NEWER, NEWER, tuned=True),
        ModelOffer("newer-base", "N"),
        *OFFERS,
    )
    assert tab.form.subjects.subjects() == before
    offer(tab, *OFFERS[1:])  # the tuned one was deleted at the server
    assert tab.form.subjects.subjects() == before
    assert not tab.form.start.isEnabled()
    assert "no longer offers study" in tab.form.hint.text()
    assert tab.form.subjects.rows()[1].model.currentText().endswith("(no longer offered)")


def test_the_first_tuned_model_joins_and_replaces_nothing(tab, workspace):
    tab.form.subjects.remember([])
    offer(tab, ModelOffer(BASE, "Base"), ModelOffer("text-embedding-3-small", "E"))
    tab.form.subjects._touched = False
    tab.form.subjects.remember([])
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, BASE, BASE]
    assert [one.id for one in tab.form.subjects.rows()[0].model.offers()] == [BASE]
    offer(tab, ModelOffer(CHECKPOINT, CHECKPOINT, tuned=True), ModelOffer("aaa", "A"), ModelOffer(BASE, "Base"))
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, BASE, BASE]
    offer(tab, ModelOffer(TUNED, TUNED, tuned=True), ModelOffer("aaa", "A"), ModelOffer(BASE, "Base"))
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, TUNED, BASE, BASE]


def test_the_base_is_the_one_that_the_tuned_model_was_trained_from(tab):
    """Trained from another model than the preset one, it was compared with the preset one."""
    offer(tab, ModelOffer("aaa", "A"), ModelOffer(BASE, "Base"))
    tab.form.subjects._touched = False
    tab.form.subjects.remember([])
    assert {one.model for one in tab.form.subjects.subjects()} == {"aaa"}
    offer(tab, ModelOffer(TUNED, TUNED, tuned=True), ModelOffer("aaa", "A"), ModelOffer(BASE, "Base"))
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, TUNED, BASE, BASE]
    of_another = "ft:aaa:local:study:xyz789"
    tab.choose_model("fake", of_another)
    assert [one.model for one in tab.form.subjects.subjects()] == ["aaa", of_another, "aaa", "aaa"]
    tab.choose_model("fake", TUNED)
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, TUNED, BASE, BASE]
    tab.form.subjects.choose([ExamSubject("fake", "aaa"), TUNED_CLOSED])  # chosen by hand
    tab.choose_model("fake", OTHER)
    assert [one.model for one in tab.form.subjects.subjects()] == ["aaa", OTHER]


def test_the_model_of_this_project_takes_the_place_of_another_projects(run, tab):
    """After the sample was taught, the exam of one's own text examined the sample's model."""
    assert TUNED_CLOSED in tab.form.subjects.subjects()
    run(tab.workspace.project.write("", store_job, "fake", OTHER))
    tab.show_offers()
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, OTHER, BASE, BASE]
    run(tab.workspace.project.write("", store_job, "fake", NEWER))
    offer(tab, ModelOffer(NEWER, NEWER, tuned=True), *OFFERS)
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, OTHER, BASE, BASE]


def test_who_is_examined_survives_a_restart(run, tab, qtbot):
    chosen = [ExamSubject("fake", "small", FEW_SHOT), ExamSubject("fake", OTHER)]

    async def go():
        tab.form.subjects.choose(chosen)
        await until(lambda: remembered_choices.load(tab.workspace.project.rows))
        workspace = Workspace(tab.workspace.project, tab.workspace.settings)
        workspace.offers = OFFERS[:1]
        later = ExamTab(workspace)
        qtbot.addWidget(later)
        later.refresh(ALL_TABLES)
        await until(lambda: later.form.subjects.subjects() == chosen)
        assert not later.form.start.isEnabled()  # both are gone, and nothing else was put in their place
        await cancel_all(workspace.tasks.running())

    run(go())


def test_the_form_counts_and_warns(run, tab):
    async def go():
        tab.form.repeats.setValue(3)
        tab.form.general.setChecked(False)
        await until(lambda: tab.form.total.text().startswith("57 questions · 684 answers"))

    run(go())
    assert "the same" in tab.form.hint.text()
    tab.form.temperature.setValue(0.7)
    assert tab.form.hint.text() == ""
    costs = [row.cost.text() for row in tab.form.subjects.rows()]
    assert all(cost.startswith("57 requests · ") and cost.endswith("price unknown") for cost in costs)


def test_the_rows_prompt_is_offered_before_an_exam(run, tab, server):
    project, form = tab.workspace.project, tab.form
    rows_prompt = spec.load(project.rows).system_prompt

    async def go():
        assert (form.warning.text(), form.trained) == ("", None)
        other = replace(spec.load(project.rows), system_prompt="")
        tab.workspace.tasks.start("", project.write("Forget the prompt", spec.store, other))
        await until(lambda: form.warning.text())
        assert "but the project has none" in form.warning.text()
        form.start.click()
        (box,) = tab.findChildren(QMessageBox)
        assert rows_prompt[:40] in box.informativeText()
        use = next(button for button in box.buttons() if "prompt" in button.text().replace("&", ""))
        use.click()
        await until(lambda: spec.load(project.rows).system_prompt == rows_prompt)
        await until(lambda: not form.warning.text())
        assert project.undo_label == "Use the rows’ prompt"
        assert tab.run() is None  # nothing was asked

    run(go())


def test_an_exam_of_general_questions_is_warned_of(run, tab):
    async def go():
        await tab.workspace.project.write(
            "", lambda db: db.execute("DELETE FROM example WHERE split = 'test'") and None
        )
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.form.total.text().startswith("0 questions + 20 general questions"))

    run(go())
    assert "None of these questions is about your text" in tab.form.hint.text()
    assert "There are none yet." in tab.empty.text.text()


def test_subjects_are_added_copied_and_left_out(tab):
    subjects = tab.form.subjects
    all_conditions = subjects.presets.menu().actions()[2]
    all_conditions.trigger()
    assert [(one.model, one.condition) for one in subjects.subjects()] == [
        (BASE, CLOSED_BOOK), (BASE, OPEN_BOOK), (BASE, RETRIEVED), (BASE, FEW_SHOT), (TUNED, CLOSED_BOOK),
    ]  # fmt: skip
    subjects.rows()[4].copy.click()
    assert subjects.subjects()[5] == ExamSubject("fake", TUNED, OPEN_BOOK)
    while subjects.add.isEnabled():
        subjects.add.click()
    assert len(subjects.rows()) == MAX_SUBJECTS
    while subjects.rows()[0].remove.isEnabled():
        subjects.rows()[0].remove.click()
    assert len(subjects.rows()) == MIN_SUBJECTS


def test_the_same_subject_twice_cannot_be_examined(tab):
    tab.form.subjects.choose([BASE_CLOSED, BASE_CLOSED])
    assert not tab.form.start.isEnabled()
    assert "the same" in tab.form.hint.text()


def test_a_chosen_model_takes_the_place_of_the_tuned_one(tab):
    new = "ft:base-model:local:new:999999"
    tab.choose_model(tab.workspace.settings.provider, new)
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, new, BASE, BASE]
    tab.workspace.offers = [ModelOffer(new, new, tuned=True), *OFFERS]
    tab.show_offers()
    assert [one.model for one in tab.form.subjects.subjects()] == [BASE, new, BASE, BASE]


def test_batches_are_offered_only_where_all_paid_servers_have_them(tab, monkeypatch):
    assert tab.form.batch.isHidden()
    monkeypatch.setattr("ui.widgets.server_texts.has_capability", lambda _workspace, _provider, name: name == "batch")
    tab.show_offers()
    assert not tab.form.batch.isHidden()
    tab.form.batch.setChecked(True)
    assert tab.form.plan().batch


def test_a_batch_that_runs_is_said_not_to_be_paused(tab):
    line = tab.running
    line.show_batch(False)
    assert (line.pause.isHidden(), line.note.isHidden(), line.stop.text()) == (True, True, "Stop")
    line.show_batch(True)
    assert (line.pause.isHidden(), line.pause.isEnabled(), line.stop.text()) == (False, False, "Stop waiting")
    assert "cannot be paused" in line.note.text() and "cannot be paused" in line.pause.toolTip()


def test_the_questions_can_be_shown(qtbot, tab):
    with qtbot.waitSignal(tab.show_examples) as shown:
        tab.empty.show_questions.click()
    assert shown.args == ["split:test status:approved"]


def test_an_exam_ends_with_a_table_and_names(run, tab, server):
    run(examined(tab, server))
    assert not tab.form.isVisibleTo(tab)
    assert level(tab, "kinds") == [
        ("Memorised: a question from training, not counted in the result", "", "0/2   0%", "2/2   100%")
    ]
    assert level(tab, "questions")[0][2:] == ("0/1   0%", f"{GAINED_SYMBOL} 1/1   100%")
    totals = tab.result.overview.table.totals
    assert [totals.index(row, MEMORISED_COLUMN).data() for row in (0, 1)] == ["0/2 · 0%", "2/2 · 100%"]
    assert [totals.index(row, 1).data() for row in (0, 1)] == ["–", "–"]


async def with_reworded(tab, server):
    """An exam of two reworded questions about f01 and f03; the base says something that looks like markup."""
    await tab.workspace.project.write(
        "", lambda db: db.execute("UPDATE example SET kind = 'reworded' WHERE split = 'test'") and None
    )
    # Or they would be leaked: they ask what training rows ask.
    await tab.workspace.project.write("", lambda db: db.execute("DELETE FROM example WHERE split = 'train'") and None)
    server.answer(BASE, "<b>60</b> <img src=x> points")
    await examined(tab, server)


def test_facts_gained_are_named_filtered_and_looked_up(run, tab, server):
    run(with_reworded(tab, server))
    overview, heat = tab.result.overview, tab.result.heat
    assert "clear" in overview.sentences[0].text()
    assert overview.gained.lines.stringList()[0].startswith("f01   ")
    assert overview.titles[0].text() == "Gained: 2 facts" and overview.named.text() == "study (abc123) · Closed book"
    page = overview.widget()
    page.resize(1000, 900)
    for layout in (page.layout(), overview.lists.layout()):
        layout.activate()
    order = [overview.sentences[0], overview.table, overview.named, overview.gained, overview.sentences[2]]
    assert order == sorted(order, key=lambda part: part.mapTo(page, part.rect().topLeft()).y())
    assert overview.gained.height() == overview.gained.needed_height() < 4 * overview.gained.sizeHintForRow(0)
    assert overview.lost.isHidden() and not overview.titles[1].isHidden()  # a title tells that there is nothing
    sizes = [label.font().pointSizeF() for label in overview.sentences[:2]]
    assert sizes[0] > sizes[1]
    overview.gained.clicked.emit(overview.gained.lines.index(1))
    assert tab.result.pages.currentWidget() is heat
    assert heat.table.current().key == "fact:f03"
    heat.filter.setCurrentIndex(heat.filter.findData(SHOW_LOST))
    assert level(tab, FACT_LEVEL) == []
    heat.filter.setCurrentIndex(heat.filter.findData(SHOW_GAINED))
    assert [line[0] for line in level(tab, FACT_LEVEL)] == ["f01", "f03"]
    heat.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert [line[0] for line in level(tab, FACT_LEVEL)] == ["f03", "f01"]


def test_answers_stand_side_by_side_as_plain_text(run, tab, server):
    async def go():
        await with_reworded(tab, server)
        tab.result.heat.show_line(FACT_LEVEL, "fact:f01")
        await until(lambda: all(text.toPlainText() for text in tab.result.heat.answers.texts))

    run(go())
    view = tab.result.heat.answers
    assert view.questions.index(0).data() == "✗ ✓   How many players are on a Hobannu team?"
    base, tuned = (text.toPlainText() for text in view.texts)
    assert base.startswith("✗ Wrong · 33\n<b>60</b> <img src=x> points\n")
    assert tuned.startswith("✓ Right\n")
    assert f"Answered by {TUNED} · fp_test · " in tuned
    assert view.question.textFormat() == view.reference.textFormat() == Qt.TextFormat.PlainText


def test_it_shows_what_comes_in_stops_and_goes_on(run, tab, server):
    held = threading.Event()

    async def go():
        await shorten(tab, 3)
        server.answer(BASE, "3")
        server.answer(BASE, "3", hold=held)
        tab.form.start.click()
        await until(lambda: tab.running.text.text() == "1 of 6 answers")
        assert not tab.form.start.isEnabled()
        assert not tab.delete.isEnabled()
        tab.running.stop.click()
        await until(lambda: "stopped" in tab.runs.currentText() and not tab.go_on.isHidden())
        held.set()
        assert tab.go_on.text() == "&Continue: 5 answers missing"
        asked = len(server.asked)
        tab.go_on.click()
        await finished(tab)
        await until(tab.go_on.isHidden)
        return asked

    asked = run(go())
    assert len(server.asked) == asked + 5
    assert tab.running.isHidden()


def test_an_older_run_is_looked_at_asked_again_and_deleted(run, tab, server):
    async def go():
        await examined(tab, server)
        tab.form.subjects.choose([BASE_CLOSED, ExamSubject("fake", OTHER)])
        tab.form.start.click()
        await until(lambda: tab.runs.count() == 2)
        await finished(tab)
        assert "plain" in tab.runs.currentText()
        choose_at(tab.runs, 1)
        await until(lambda: tab.result.outcome() and tab.result.outcome().run.subjects[1].model == TUNED)
        tab.again.click()
        assert tab.form.subjects.subjects() == [BASE_CLOSED, TUNED_CLOSED]
        assert not tab.form.isHidden()
        tab.delete.click()
        box = tab.findChild(QMessageBox)
        assert "answers and marks" in box.text()
        answer(tab, "Delete")
        await until(lambda: tab.runs.count() == 1)
        await until(lambda: tab.result.outcome() and tab.result.outcome().run.subjects[1].model == OTHER)

    run(go())


def test_a_chosen_prompt_is_not_offered_to_be_turned_round_before_an_exam(run, tab):
    """One of two models was trained under the project's prompt, which a person has chosen; the other's is only told."""
    form = tab.form

    async def go():
        form.show_trained(PromptUse("You know the game.", 9, 12, is_offered=False), "Answer briefly.")
        assert "You know the game." in form.warning.text() and form.as_trained.isHidden()
        form.start.click()
        (box,) = tab.findChildren(QMessageBox)
        assert not [button for button in box.buttons() if "prompt" in button.text()]
        assert box.defaultButton().text() == "Cancel"
        box.defaultButton().click()
        form.show_trained(PromptUse("You know the game.", 9, 12), "Answer briefly.")
        assert not form.as_trained.isHidden()

    run(go())


@pytest.mark.parametrize("format", ["html", "csv", "json", "promptfoo"])
def test_a_report_is_exported(run, tab, server, tmp_path, format):
    path = tmp_path / "report"

    async def go():
        await examined(tab, server)
        tab.export.export_to(path, format)
        await until(path.exists)

    run(go())
    assert tab.export.menu().actions()[0].text() == "Report (HTML)…"
    assert "How many players" in path.read_text(encoding="utf-8")


def test_a_judge_marks_too_and_his_marks_can_count(run, tab, server):
    mark = '{"reason": "As the reference says.", "score": 90}'

    async def go():
        tab.workspace.settings.set_role("judge", "fake", "small")
        await shorten(tab, 2)
        server.script = lambda asked: Answer([mark if asked["model"] == "small" else "Nothing."] * asked.get("n", 1))
        tab.form.judge.setChecked(True)
        await until(lambda: "requests to the judge: price unknown" in tab.form.total.text())
        tab.form.start.click()
        await finished(tab)
        result = tab.result
        await until(lambda: result.by.count() == 2)
        assert result.by.itemText(1) == "Judge (4)"
        choose_at(result.by, 1)
        await until(lambda: result.outcome().by == "judge")
        await until(lambda: "Key points and Judge: " in result.overview.checks.text())

    run(go())
    assert level(tab, "kinds")[0][2:] == ("2/2   100%", "2/2   100%")


def test_another_project_shows_its_own_runs(run, tab, server, tmp_path):
    """Waits until the tab is empty over a new project, and then until it shows the exam that was made there."""

    async def go():
        await examined(tab, server)
        old, new = tab.workspace.project, Project(tmp_path / "new.juku")
        tab.workspace.project = new
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.pages.currentIndex() == 0)
        await until(lambda: not tab.form.start.isEnabled())
        await new.write("", sample_projects.fill, "hobannu-en")
        await new.write("", keep_questions, 2)
        plan = runs.ExamPlan([BASE_CLOSED, ExamSubject("fake", OTHER)])
        await runs.examine(new, tab.workspace.provider, plan, Reporter())
        tab.refresh(ALL_TABLES)
        await until(lambda: "plain" in tab.runs.currentText())
        await until(lambda: tab.result.outcome() and tab.result.outcome().run.subjects[1].model == OTHER)
        tab.workspace.project = old
        await tab.workspace.tasks.close()
        new.close()

    run(go())


def test_the_pace_tells_how_long_it_still_takes():
    assert exam_texts.format_exam_progress(10, 100, None) == "10 of 100 answers"
    assert exam_texts.format_exam_progress(10, 100, 45.4) == "10 of 100 answers · less than a minute left"
    assert exam_texts.format_exam_progress(10, 1000, 600) == "10 of 1,000 answers · about 10 minutes left"
