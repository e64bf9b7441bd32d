"""Another project is opened: nothing that was searched, chosen or typed in the one before is carried into it."""

import asyncio

import pytest
from PySide6.QtWidgets import QDialog

from core import dataset, facts, spec
from core.formats import jsonl
from core.project import Project
from tests.ui.waiting import until
from ui.generation_dialog import GenerationDialog


@pytest.fixture
def other(tmp_path):
    """A project whose rows and facts have the same ids as the sample's."""

    def fill(db):
        spec.store(db, spec.Spec("Ponds", "en", "Say it briefly.", "A pond is wet. A pond is deep.\n"))
        facts.accept_missing(db)
        dataset.add(db, [dataset.read_row(jsonl.new_row("", f"Question {n}?", "Yes.")) for n in range(5)])

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
        assert examples.bar.is_empty()
        assert examples.table.count_selected() <= 1
        assert spec_tab.table.chosen_facts() == []
        assert chat.question.toPlainText() == ""
        assert chat.settings.system_prompt() == "Say it briefly."
        assert chat.list.search.text() == ""
        assert window.training_tab.form.suffix.text() == ""
        assert not exam.new.isChecked()
        assert not [one for one in window.findChildren(QDialog) if one.isVisible()]

    run(go())
