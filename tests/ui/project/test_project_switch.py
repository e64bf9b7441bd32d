"""Another project is opened: nothing that was searched, chosen or typed in the one before is carried into it."""

import asyncio
from array import array

import pytest
from PySide6.QtWidgets import QDialog

from core.dataset import bulk_edits
from core.dataset import examples as dataset_examples
from core.dataset.bulk_edits import JUDGE_RULES
from core.exam.prompt_conditions import OPEN_BOOK
from core.exam.runs import ExamSubject
from core.generation import row_judging
from core.progress import Reporter
from core.providers import ModelOffer
from core.spec import facts, spec
from core.storage.project import Project
from tests.support.pages.controls import choose_model
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset import bulk_actions
from ui.generation.generation_dialog import GenerationDialog
from ui.spec.document_import_dialog import DocumentImportDialog
from ui.widgets.message_bar import Notice


@pytest.fixture
def other(tmp_path):
    """A project whose rows and facts have the same ids as the sample's."""

    def fill(db):
        spec.store(db, spec.Spec("Ponds", "en", "Say it briefly.", "A pond is wet. A pond is deep.\n"))
        facts.accept_missing(db)
        dataset_examples.add(db, [new_example(f"Question {n}?", "Yes.") for n in range(5)])

    path = tmp_path / "other.juku"
    project = Project(path)
    asyncio.run(project.write("fill", fill))
    project.close()
    return path


def test_nothing_of_the_one_before_is_left(run, window, other):
    async def go():
        examples, spec_tab, chat, exam = window.dataset_tab, window.spec_tab, window.chat_tab, window.exam_tab
        await until(lambda: spec_tab.table.facts.rowCount() == 22 and examples.model.rowCount() > 100)
        examples.choose("split:test ball")
        await until(lambda: 0 < examples.model.rowCount() < 50)
        examples.table.selectRow(2)
        spec_tab.table.choose(spec_tab.table.facts.fact(1).id)
        chat.question.setPlainText("half a question")
        chat.settings.prompt.setPlainText("Another prompt.")
        chat.list.search.setText("ball")
        window.training_tab.form.suffix.setText("mine")
        exam.new.setChecked(True)
        GenerationDialog(window.workspace, {"f02"}, window).open()
        before = window.workspace.project
        window.open_paths([other])
        await until(lambda: window.workspace.project is not before)
        await until(lambda: examples.model.rowCount() == 5 and spec_tab.table.facts.rowCount() == 2)
        await until(lambda: exam.shown_project is window.workspace.project)  # each tab reads by itself
        await until(lambda: chat.settings.system_prompt() == "Say it briefly.")
        assert examples.bar.is_empty()
        assert examples.table.count_selected() <= 1
        assert spec_tab.table.chosen_facts() == []
        assert chat.question.toPlainText() == ""
        assert chat.list.search.text() == ""
        assert window.training_tab.form.suffix.text() == ""
        assert not exam.new.isChecked()
        assert not [one for one in window.findChildren(QDialog) if one.isVisible()]

    run(go())


async def switched(window, path):
    before = window.workspace.project
    window.open_paths([path])
    await until(lambda: window.workspace.project is not before)
    await until(lambda: window.exam_tab.shown_project is window.workspace.project)


def test_the_buttons_of_a_message_do_nothing_to_the_next_project(run, window, other):
    """“Approve anyway” would have approved the rows of the same ids there."""

    async def go():
        drafts = array("q", [1, 2])
        await window.workspace.project.write("draft", bulk_edits.set_field, drafts, "status", "draft", Reporter())
        await window.workspace.project.write(
            "judge", lambda db: [row_judging._add_mark(db, id, JUDGE_RULES[0], "") for id in drafts]
        )
        bulk_actions.apply_action(window.workspace, drafts, "status", "approved", window.dataset_tab)
        await until(lambda: window.findChild(Notice))
        assert "a judge has refused them" in window.findChild(Notice).text.text()
        await switched(window, other)
        await until(lambda: not window.findChildren(Notice))

    run(go())


def test_each_project_has_the_choices_made_in_it(run, window, other, tmp_path):
    def offer():
        window.workspace.offers = [ModelOffer(name, name) for name in ("one", "two", "three")]
        window.workspace.offers_changed.emit()

    async def go():
        base, subjects = window.training_tab.form.base, window.exam_tab.form.subjects
        await until(lambda: window.exam_tab.shown_project is window.workspace.project)
        offer()
        choose_model(base, "two")
        subjects.choose([ExamSubject("nowhere", "two"), ExamSubject("nowhere", "three")])
        await switched(window, other)
        offer()
        choose_model(base, "three")
        subjects.choose([ExamSubject("nowhere", "one"), ExamSubject("nowhere", "one", OPEN_BOOK)])
        before = window.workspace.project
        window.open_paths([tmp_path / "test.juku"])
        await until(lambda: window.workspace.project is not before)
        offer()  # the server answers before the exam of this project has been looked at
        await until(lambda: window.exam_tab.shown_project is window.workspace.project)
        assert [one.model for one in subjects.subjects()] == ["two", "three"]
        assert base.model_id() == "two"

    run(go())


def test_what_is_brought_together_with_a_project_comes_into_that_one(run, window, other, tmp_path):
    """A document was lost with the switch, and read into the open project where the other one was refused."""
    text = tmp_path / "frogs.html"
    text.write_text("<p>Frogs are green.</p>", encoding="utf-8")

    async def go():
        window.open_paths([other, text])
        await until(lambda: window.workspace.project.path == other)
        await until(lambda: window.findChild(DocumentImportDialog))
        window.findChild(DocumentImportDialog).close()
        await until(lambda: not window.workspace.tasks.running())
        window.open_paths([tmp_path / "nowhere.juku", text])
        await until(lambda: "nowhere" in window.messages.text())
        await until(lambda: not window.workspace.tasks.running())
        assert not [one for one in window.findChildren(DocumentImportDialog) if one.isVisible()]

    run(go())
