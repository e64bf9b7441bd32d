"""The spec tab: text that saves by itself, and facts that stand on it."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from core import spec
from core.project import Project
from tests.ui.waiting import until
from ui.fact_table import NAME, TEXT
from ui.spec_tab import SpecTab, length_words
from ui.tab import ALL_TABLES


@pytest.fixture
def tab(qtbot, run, workspace):
    async def make():
        tab = SpecTab(workspace)
        workspace.tasks.changed.connect(tab.refresh)
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.table.facts.rowCount() == 22)
        return tab

    tab = run(make())
    qtbot.addWidget(tab)
    return tab


def select(tab, passage):
    cursor = tab.editor.document().find(passage)
    assert not cursor.isNull()
    tab.editor.setTextCursor(cursor)


def stored(tab):
    return spec.load(tab.workspace.project.rows)


def test_it_shows_the_spec_and_counts(tab):
    assert tab.name.text() == "Hobannu rules"
    assert tab.editor.toPlainText() == stored(tab).text
    assert tab.counts.text() == "300 words · 22 facts"
    assert tab.status.text() == "Saved"
    assert not tab.pending()
    assert tab.note.isHidden()


def test_it_saves_a_moment_after_the_last_key(run, tab):
    async def go():
        tab._typing.setInterval(10)
        tab.editor.insertPlainText("追加 𠮟 ")
        assert tab.pending()
        assert tab.status.text() == "Saving…"
        await until(lambda: tab.status.text() == "Saved")

    run(go())
    assert stored(tab).text.startswith("追加 𠮟 # Hobannu")
    assert tab.workspace.project.undo_label == "Edit the spec"


def test_name_and_prompt_are_saved_with_the_text_in_one_step(run, tab):
    tab.name.setText("Rules")
    tab.prompt.setPlainText("Answer.")
    tab.editor.setPlainText("# Text")
    run(tab.flush())
    assert stored(tab) == spec.Spec("Rules", "en", "Answer.", "# Text")
    run(tab.workspace.project.undo())
    assert stored(tab).name == "Hobannu rules"
    assert stored(tab).text.startswith("# Hobannu")


def test_leaving_the_field_saves(qtbot, run, tab):
    async def go():
        tab.show()
        tab.activateWindow()
        tab.editor.setFocus()
        await until(tab.editor.hasFocus)
        tab.editor.insertPlainText("New. ")
        tab.name.setFocus()
        await until(lambda: not tab.pending())

    run(go())


def test_ctrl_s_saves_at_once(qtbot, run, tab):
    async def go():
        tab.show()
        tab.activateWindow()
        tab.editor.setFocus()
        await until(tab.editor.hasFocus)
        tab.editor.insertPlainText("New. ")
        qtbot.keyClick(tab.editor, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: not tab.pending())

    run(go())


def test_an_undo_from_outside_is_shown_and_the_cursor_stays(run, tab):
    async def go():
        tab.editor.moveCursor(QTextCursor.MoveOperation.End)
        tab.editor.insertPlainText("More.")
        await tab.flush()
        tab.editor.textCursor().setPosition(40)
        cursor = tab.editor.textCursor()
        cursor.setPosition(40)
        tab.editor.setTextCursor(cursor)
        tab.refresh(await tab.workspace.project.undo())

    run(go())
    assert not tab.editor.toPlainText().endswith("More.")
    assert tab.editor.textCursor().position() == 40
    assert not tab.pending()


def test_what_was_just_typed_is_not_overwritten(run, tab):
    async def go():
        tab.editor.insertPlainText("First. ")
        await tab.flush()
        tab.editor.insertPlainText("Second. ")
        tab.refresh(await tab.workspace.project.undo())

    run(go())
    assert tab.editor.toPlainText().startswith("First. Second. ")
    assert tab.pending()


def test_another_project_shows_its_own_spec(run, tab, tmp_path):
    async def go():
        old, new = tab.workspace.project, Project(tmp_path / "new.juku")
        tab.workspace.project = new
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.facts.currentIndex() == 0)
        assert (tab.name.text(), tab.editor.toPlainText(), tab.pending()) == ("", "", False)
        tab.workspace.project = old
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.facts.currentIndex() == 1)
        await tab.workspace.tasks.close()
        new.close()

    run(go())


def test_a_fact_shows_its_passage(tab):
    tab.table.selectRow(5)
    (marked,) = tab.editor.extraSelections()
    assert marked.cursor.selectedText() == tab.table.fact().quote
    assert tab.editor.textCursor().selectedText() == ""


def test_a_fact_without_its_passage_is_marked(run, tab):
    tab.editor.setPlainText("𠮟 " + tab.editor.toPlainText().replace("18 centimetres", "20 centimetres"))
    run(tab.flush())
    name = tab.table.facts.index(5, NAME)
    assert name.data() == "⚠ f06"
    assert "no longer in the text" in name.data(Qt.ItemDataRole.ToolTipRole)
    assert tab.note.text() == "⚠ The passage of 1 fact is no longer in the text."
    tab.table.selectRow(5)
    assert tab.editor.extraSelections() == []
    tab.table.selectRow(6)
    assert tab.editor.extraSelections()[0].cursor.selectedText() == tab.table.fact().quote


def test_a_selected_passage_becomes_a_fact(run, tab):
    async def go():
        assert not tab.add.isEnabled()
        assert "select" in tab.add.toolTip()
        select(tab, "- Each referee watches one of the two balls.")
        assert tab.add.isEnabled()
        tab.add.click()
        await until(lambda: tab.table.facts.rowCount() == 23)

    run(go())
    added = tab.table.fact()
    assert (added.name, added.text) == ("f23", "Each referee watches one of the two balls.")
    assert added.quote == added.text
    assert tab.workspace.project.undo_label == "Add a fact"


def test_a_fact_is_edited_in_the_table_and_deleted(run, tab):
    async def go():
        facts = tab.table.facts
        assert not facts.setData(facts.index(0, TEXT), "  ")
        facts.setData(facts.index(0, TEXT), "Three a\nside.")
        await until(lambda: facts.fact(0).text == "Three a side.")
        tab.table.selectRow(1)
        tab.delete.click()
        await until(lambda: facts.rowCount() == 21)
        assert tab.workspace.project.undo_label == "Delete a fact"
        tab.refresh(await tab.workspace.project.undo())
        await until(lambda: facts.rowCount() == 22)

    run(go())


def test_a_fact_leads_to_its_rows(qtbot, tab):
    assert not tab.rows.isEnabled()
    tab.table.selectRow(2)
    with qtbot.waitSignal(tab.show_examples) as shown:
        tab.rows.click()
    assert shown.args == ["fact:f03"]


def test_a_failed_save_is_said_and_nothing_is_lost(run, tab):
    async def go():
        failed = []
        tab.workspace.tasks.failed.connect(failed.append)
        project = tab.workspace.project
        await project._on_writer(lambda: project._db.execute("PRAGMA query_only = ON") and None)
        tab.editor.insertPlainText("New. ")
        tab._save()
        await until(lambda: failed)
        assert tab.status.text() == "Not saved"
        assert tab.pending()
        await project._on_writer(lambda: project._db.execute("PRAGMA query_only = OFF") and None)
        await tab.flush()
        assert stored(tab).text.startswith("New. ")

    run(go())


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [("one two  three", "en", "3 words"), ("三人 です", "ja", "4 characters"), ("これは", "", "3 characters"), ("a", "", "1 word")],
)  # fmt: skip
def test_length_is_counted_as_in_the_language(text, language, words):
    assert length_words(text, language) == words
