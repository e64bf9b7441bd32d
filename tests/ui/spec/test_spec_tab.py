"""The spec tab: text that saves by itself, and facts that stand on it."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from core import language
from core.dataset import examples
from core.dataset.filters import Filter, find
from core.documents import Document
from core.errors import JukuError
from core.generation import row_remaking
from core.spec import facts, spec
from core.storage.project import Changes, Project
from tests.core.dataset.test_row_system_prompts import rows
from tests.support.pages.dialogs import settle
from tests.support.until import until
from ui import style
from ui.generation.generation_dialog import GenerationDialog
from ui.generation.model_task_dialogs import JudgeDialog, ProbeDialog, RefineDialog
from ui.generation.remake_dialog import RemakeDialog
from ui.spec.document_import_dialog import APPEND_TEXT, REPLACE_TEXT
from ui.spec.fact_pane import SplitDialog
from ui.spec.fact_table import NAME_COLUMN, STATE_MEANINGS, TEXT_COLUMN
from ui.spec.outline_and_remarks import find_headings
from ui.spec.revisions_dialog import RevisionsDialog
from ui.spec.tab import REMARKS_PAGE, SpecTab
from ui.tab_base import ALL_TABLES
from ui.widgets.length_and_time_texts import format_length


@pytest.fixture
def tab(qtbot, run, workspace):
    async def make():
        tab = SpecTab(workspace)
        workspace.tasks.changed.connect(tab.refresh)
        tab.refresh(ALL_TABLES)
        await until(lambda: tab._looked)
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
    assert tab.pane.note.isHidden()


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
    assert stored(tab).text.startswith("New. ")


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
    assert stored(tab).text.startswith("New. ")


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
        await until(lambda: tab.pane.facts.currentIndex() == 0)
        assert (tab.name.text(), tab.editor.toPlainText(), tab.pending()) == ("", "", False)
        tab.workspace.project = old
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.pane.facts.currentIndex() == 1)
        await tab.workspace.tasks.close()
        new.close()

    run(go())


def marked(tab):
    """The underlined passages."""
    return [one.cursor.selectedText() for one in tab.editor.extraSelections() if one.format.fontUnderline()]


def test_a_fact_shows_its_passage(tab):
    tab.resize(1200, 800)
    tab.table.selectRow(5)
    assert marked(tab) == [tab.table.fact().quote]
    assert tab.editor.textCursor().selectedText() == ""


def test_passages_in_sight_have_the_colours_of_what_their_facts_have(qtbot, run, tab):
    async def go():
        tab.resize(1200, 800)
        tab.show()
        await until(tab.editor.extraSelections)
        colours = {one.format.background().color().name() for one in tab.editor.extraSelections()}
        assert colours == {style.colours(STATE_MEANINGS["thin"])[1].name()}
        assert tab.pane.legend.findChildren(type(tab.status))[1].text() == "22 need rows"
        tab.colours.click()
        assert marked(tab) == []
        assert all(one.format.fontUnderline() for one in tab.editor.extraSelections())

    run(go())


def test_an_edited_passage_keeps_its_fact_and_its_rows_are_out_of_date(run, tab):
    async def go():
        tab.editor.setPlainText("𠮟 " + tab.editor.toPlainText().replace("18 centimetres", "20 centimetres"))
        await tab.flush()
        await until(lambda: tab.table.facts.entries()[5].stale)

    run(go())
    entry = tab.table.facts.entries()[5]
    assert (entry.fact.name, entry.fact.quote) == ("f06", "Each ball measures 20 centimetres across.")
    assert entry.stale == len(find(tab.workspace.project.rows, Filter(rule=facts.STALE_RULE))) > 5
    name = tab.table.facts.index(5, NAME_COLUMN)
    assert name.data() == "⚠ f06"
    told = name.data(Qt.ItemDataRole.ToolTipRole)
    assert "Before: Each ball measures 18 centimetres across." in told
    assert "Now: Each ball measures 20 centimetres across." in told
    tab.table.selectRow(5)
    assert marked(tab) == [entry.fact.quote]
    run(tab.workspace.project.undo())
    assert not find(tab.workspace.project.rows, Filter(rule=facts.STALE_RULE))


def test_rows_are_said_to_be_still_right(run, tab):
    async def go():
        tab.editor.setPlainText(tab.editor.toPlainText().replace("across", "wide"))
        await tab.flush()
        await until(lambda: tab.table.facts.entries()[5].stale)
        tab.table.selectRow(5)
        tab.pane.confirm.trigger()
        await until(lambda: not tab.table.facts.entries()[5].stale)

    run(go())
    assert tab.workspace.project.undo_label == "Mark rows as still right"


def test_a_fact_whose_passage_is_deleted_is_said_to_have_lost_it(run, tab):
    async def go():
        tab.editor.setPlainText(tab.editor.toPlainText().replace("- Each ball measures 18 centimetres across.\n", ""))
        await tab.flush()
        await until(lambda: tab.pane.note.text())

    run(go())
    assert tab.pane.note.text() == "⚠ The passage of 1 fact is no longer in the text."
    (row,) = [row for row in range(22) if tab.table.facts.fact(row).name == "f06"]
    assert "no longer in the text" in tab.table.facts.index(row, NAME_COLUMN).data(Qt.ItemDataRole.ToolTipRole)


def test_statements_without_a_fact_become_facts_and_the_text_is_kept(run, tab):
    async def go():
        assert tab.pane.add_found.text() == "Add 3 found"
        tab.pane.add_found.click()
        await until(lambda: tab.table.facts.rowCount() == 25)
        await until(lambda: not tab.pane.add_found.isEnabled())

    run(go())
    assert [fact.name for fact in facts.load(tab.workspace.project.rows)][-3:] == ["f23", "f24", "f25"]
    assert tab.workspace.project.undo_label == "Find facts"
    (kept,) = tab.workspace.project.rows.execute("SELECT name FROM revision").fetchall()
    assert kept == ("Facts found",)


def test_a_selected_passage_becomes_a_fact(run, tab):
    async def go():
        assert not tab.pane.add.isEnabled()
        assert "select" in tab.pane.add.toolTip()
        select(tab, "- Each referee watches one of the two balls.")
        assert tab.pane.add.isEnabled()
        tab.pane.add.click()
        await until(lambda: tab.table.facts.rowCount() == 23)

    run(go())
    added = tab.table.fact()
    assert (added.name, added.text) == ("f23", "Each referee watches one of the two balls.")
    assert added.quote == added.text
    assert tab.workspace.project.undo_label == "Add a fact"


def test_a_fact_is_edited_in_the_table_and_deleted(run, tab):
    async def go():
        facts = tab.table.facts
        assert not facts.setData(facts.index(0, TEXT_COLUMN), "  ")
        facts.setData(facts.index(0, TEXT_COLUMN), "Three a\nside.")
        await until(lambda: facts.fact(0).text == "Three a side.")
        tab.table.selectRow(1)
        tab.pane.delete.trigger()
        await until(lambda: facts.rowCount() == 21)
        assert tab.workspace.project.undo_label == "Delete a fact"
        tab.refresh(await tab.workspace.project.undo())
        await until(lambda: facts.rowCount() == 22)

    run(go())


def test_facts_are_merged_split_and_ignored(qtbot, run, tab):
    async def go():
        table = tab.table
        table.selectRow(0)
        assert not tab.pane.merge.isEnabled()
        table.setSelectionMode(table.SelectionMode.MultiSelection)
        table.selectRow(1)
        tab.pane.merge.trigger()
        await until(lambda: table.facts.rowCount() == 21)
        assert table.facts.fact(0).text.endswith("substitutes.")
        table.clearSelection()
        table.selectRow(0)
        tab.pane.split.trigger()
        await until(lambda: tab.pane.findChild(SplitDialog))
        dialog = tab.pane.findChild(SplitDialog)
        assert len(dialog.parts()) == 2
        dialog.split.click()
        await until(lambda: table.facts.rowCount() == 22)
        table.clearSelection()
        table.selectRow(3)
        tab.pane.ignore.trigger()
        await until(lambda: table.facts.entries()[3].state == "ignored")
        await until(lambda: tab.pane.ignore.text() == "Stop ignoring")

    run(go())


def test_the_windows_of_the_facts_open(run, tab):
    """Waits for each window after its menu entry or button was chosen."""

    async def go():
        for action, kind in (
            (tab.pane.probe, ProbeDialog), (tab.pane.judge, JudgeDialog), (tab.pane.refine, RefineDialog),
        ):  # fmt: skip
            action.trigger()
            await until(lambda kind=kind: tab.pane.findChild(kind) and tab.pane.findChild(kind).isVisible())
        tab.pane.make.click()
        await until(lambda: tab.pane.findChild(GenerationDialog))
        tab.revisions.click()
        await until(lambda: tab.findChild(RevisionsDialog))

    run(go())


def test_a_row_is_written_by_hand_for_a_fact(qtbot, run, tab):
    async def go():
        tab.table.selectRow(2)
        with qtbot.waitSignal(tab.show_examples):
            tab.pane.write.trigger()
        await until(lambda: tab.workspace.project.undo_label == "Add a row")

    run(go())
    (id,) = find(tab.workspace.project.rows, Filter(fact="f03", status="draft"))
    row = examples.fetch(tab.workspace.project.rows, [id])[id]
    assert (row.facts, row.quote) == ("f03", facts.load(tab.workspace.project.rows)[2].quote)


def test_a_fact_leads_to_its_rows(qtbot, tab):
    assert not tab.pane.rows.isEnabled()
    tab.table.selectRow(2)
    with qtbot.waitSignal(tab.show_examples) as shown:
        tab.pane.rows.click()
    assert shown.args == ["fact:f03"]


def test_a_click_on_a_passage_chooses_its_fact_and_with_ctrl_shows_its_rows(qtbot, run, tab):
    async def go():
        tab.resize(1200, 800)
        tab.show()
        tab.activateWindow()
        tab.editor.setFocus()
        await until(tab.editor.hasFocus)
        select(tab, "Each team may also")
        place = tab.editor.cursorRect().center()
        qtbot.mouseClick(tab.editor.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert tab.table.fact().name == "f02"
        with qtbot.waitSignal(tab.show_examples) as shown:
            qtbot.mouseClick(
                tab.editor.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place
            )
        assert shown.args == ["fact:f02"]

    run(go())


def test_find_and_replace_in_one_step_of_the_editors_own_undo(run, tab):
    async def go():
        tab.show()
        tab.find_bar.open()
        tab.find_bar.pattern.setText("BALL")
        count = tab.editor.toPlainText().lower().count("ball")
        assert tab.find_bar.count.text() == f"{count} places"
        tab.find_bar.case.setChecked(True)
        assert not tab.find_bar.replace_all.isEnabled()
        tab.find_bar.case.setChecked(False)
        assert tab.find_bar.go()
        assert tab.find_bar.go(back=True)
        before = tab.editor.toPlainText()
        tab.find_bar.replacement.setText("sphere")
        tab.find_bar.replace.click()
        tab.find_bar.replace_all.click()
        assert "ball" not in tab.editor.toPlainText().lower()
        tab.editor.undo()
        tab.editor.undo()
        assert tab.editor.toPlainText() == before

    run(go())


def test_the_outline_leads_to_the_line(run, tab):
    tab.side.setCurrentWidget(tab.outline)
    assert tab.outline.count() == 7
    tab.outline.itemClicked.emit(tab.outline.item(2))
    assert tab.editor.textCursor().block().text() == "## The balls"
    assert find_headings("# a\n```\n# no\n```\n ## b ##\n#no") == [(1, "a", 0), (2, "b", 4)]


def test_the_preview_obeys_no_html(run, tab):
    tab.editor.setPlainText("# Head\n\n<b>bold</b> <img src='file:///etc/passwd'> **strong**")
    tab.reading.click()
    text = tab.preview.toPlainText()
    assert "<b>bold</b>" in text and "**" not in text and "#" not in text


def test_remarks_lead_to_their_place(run, tab):
    async def go():
        tab.editor.appendPlainText("\n- Each ball measures 20 centimetres across.")
        await tab.flush()
        await until(tab.remarks.count)

    run(go())
    assert tab.side.tabText(REMARKS_PAGE) == "Remarks (1)"
    tab.remarks.list.itemClicked.emit(tab.remarks.list.item(2))
    assert tab.editor.textCursor().block().text() == "- Each ball measures 20 centimetres across."


def test_a_document_is_appended_or_put_in_the_place_of_the_text(run, tab):
    async def go():
        before = stored(tab).text
        tab._on_document(APPEND_TEXT, Document("# More", "More", []))
        await until(lambda: stored(tab).text == before.rstrip() + "\n\n# More")
        tab._on_document(REPLACE_TEXT, Document("# Other", "Other", []))
        await until(lambda: stored(tab).text == "# Other")
        assert tab.workspace.project.undo_label == "Edit the spec"

    run(go())


def test_a_text_made_from_another_state_is_not_taken(run, tab):
    async def go():
        before = tab.editor.toPlainText()
        tab.editor.insertPlainText("Typed meanwhile. ")
        with pytest.raises(JukuError, match="edited in the meantime"):
            await tab.take_text("New", before)
        assert stored(tab).text.startswith("Typed meanwhile. ")

    run(go())


def test_rows_with_another_system_prompt_are_counted_and_move_no_text(run, tab):
    tab.resize(1000, 600)
    tab.show()
    places = [part.mapTo(tab, part.rect().topLeft()) for part in (tab.prompt, tab.reading, tab.editor)]

    async def go():
        project = tab.workspace.project
        insert = "INSERT INTO finding (rule, cluster, example, message) VALUES ('system-prompt-differs', 0, 1, '0')"
        tab.refresh(await project.write("", lambda db: db.execute(insert)))
        await until(lambda: tab.differing.text())

    run(go())
    assert tab.differing.text().startswith("1 row has another system prompt")
    assert tab.differing.isVisible()
    assert [part.mapTo(tab, part.rect().topLeft()) for part in (tab.prompt, tab.reading, tab.editor)] == places


def test_a_failed_save_is_said_and_nothing_is_lost(run, tab):
    async def go():
        failed = []
        tab.workspace.tasks.failed.connect(failed.append)
        project = tab.workspace.project
        await project._run_write(lambda: project._db.execute("PRAGMA query_only = ON") and Changes(""))
        tab.editor.insertPlainText("New. ")
        tab._save()
        await until(lambda: failed)
        assert tab.status.text() == "Not saved"
        assert tab.pending()
        await project._run_write(lambda: project._db.execute("PRAGMA query_only = OFF") and Changes(""))
        await tab.flush()
        assert stored(tab).text.startswith("New. ")

    run(go())


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [("one two  three", "en", "3 words"), ("三人 です", "ja", "4 characters"), ("これは", "", "3 characters"), ("a", "", "1 word"), ("", "ja", "0 characters"), (" ", "", "0 words")],
)  # fmt: skip
def test_length_is_counted_as_in_the_language(text, language, words):
    assert format_length(text, language) == words


def test_an_empty_text_is_counted_as_in_the_language_of_the_screen():
    language.set_language("ja")
    try:
        assert format_length("").startswith("0") and "語" not in format_length("")
    finally:
        language.set_language("en")


def test_the_prompt_of_the_rows_is_offered_above_the_text(run, tab):
    """Some rows have one, the others and the project none."""

    async def go():
        project = tab.workspace.project

        def fill(db):
            db.execute("DELETE FROM example")
            examples.add(db, [*rows("You know the game.", 6), *rows("", 8, 100)])
            facts.save(db, replace(spec.load(db), system_prompt=""))

        tab.refresh(await project.write("", fill))
        await until(lambda: "6 of 14" in tab.differing.text())
        tab.as_rows.click()
        await until(lambda: stored(tab).system_prompt == "You know the game." and not tab.as_rows.isVisibleTo(tab))
        await project.undo()
        assert stored(tab).system_prompt == ""

    run(go())


def test_a_project_without_a_name_is_called_as_its_file(tab):
    assert tab.name.placeholderText() == tab.workspace.project.path.stem


def test_a_double_click_edits_the_fact_and_stays(qtbot, run, tab):
    async def go():
        wanted = []
        tab.pane.rows_wanted.connect(wanted.append)
        tab.show()
        await until(tab.isVisible)
        place = tab.table.visualRect(tab.table.facts.index(1, NAME_COLUMN)).center()
        for click in (qtbot.mouseClick, qtbot.mouseDClick):
            click(tab.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert tab.table.state() == tab.table.State.EditingState
        assert tab.table.currentIndex() == tab.table.facts.index(1, TEXT_COLUMN)
        assert not wanted

    run(go())


def test_a_deleted_fact_is_not_found_again_and_can_be_restored(run, tab):
    async def go():
        missing = tab.pane.missing
        tab.table.choose(tab.table.facts.fact(2).id)
        tab.pane.delete.trigger()
        await until(lambda: tab.table.facts.rowCount() == 21)
        await until(lambda: tab.pane.take_back.isVisible())
        assert tab.pane.missing == missing
        assert tab.pane.take_back.text() == "Restore 1 deleted fact"
        tab.pane.take_back.trigger()
        await until(lambda: tab.table.facts.rowCount() == 22)

    run(go())


@pytest.mark.parametrize("name", ["make", "probe", "judge", "remake"])
def test_dialogs_say_which_facts_they_are_about(run, tab, name):
    async def go():
        first = tab.table.facts.fact(1)
        await change(tab, first.quote, first.quote.replace(".", " indeed."))
        await until(lambda: tab.table.facts.entry(first.id).stale)
        tab.table.choose(first.id)
        tab.pane._show_buttons()
        opener = getattr(tab.pane, name)
        opener.click() if name == "make" else opener.trigger()
        kinds = (GenerationDialog, ProbeDialog, JudgeDialog, RemakeDialog)
        await until(lambda: [one for kind in kinds for one in tab.findChildren(kind)])
        (dialog,) = [one for kind in kinds for one in tab.findChildren(kind)]
        await until(lambda: dialog.is_loaded)
        fact = tab.table.facts.fact(1).name
        assert dialog.scope.these.text() == f"1 chosen fact: {fact}"
        assert dialog.scope.names() == {fact}
        dialog.scope.all.click()
        assert dialog.scope.names() is None
        await settle(dialog)
        dialog.close()

    run(go())


async def change(tab, before, after):
    text = tab.editor.toPlainText()
    tab.editor.setPlainText(text.replace(before, after))
    await tab.flush()


def test_rows_of_a_changed_fact_are_remade_from_the_spec_tab(run, tab):
    async def go():
        fact = tab.table.facts.fact(1)
        quote = fact.quote
        await change(tab, quote, quote.replace(".", " indeed."))
        await until(lambda: tab.table.facts.entry(fact.id).stale)
        tab.table.choose(fact.id)
        tab.pane._show_buttons()
        tab.pane.remake.trigger()
        await until(lambda: tab.findChildren(RemakeDialog))
        (dialog,) = tab.findChildren(RemakeDialog)
        dialog.ways.offline.click()
        await until(lambda: dialog.primary.isEnabled())
        count = tab.table.facts.entry(fact.id).stale
        stale = examples.fetch(
            tab.workspace.project.rows, row_remaking.find_stale_rows(tab.workspace.project.rows, {fact.name})
        )
        assert dialog.new_rows.isHidden()
        assert dialog.primary.text() == (f"Remake {count} rows" if count > 1 else "Remake 1 row")
        dialog.primary.click()
        await until(lambda: not tab.table.facts.entry(fact.id).stale)
        await until(lambda: dialog.last)
        assert dialog.last.meaning == "good"
        now = examples.fetch(tab.workspace.project.rows, list(stale))
        wanted = {(now[id].question, row.answer, now[id].answer) for id, row in stale.items()}
        cells = dialog.new_rows.table
        await until(lambda: cells.rowCount() == len(wanted))  # read once the run has been stored
        assert {tuple(cells.item(row, at).text() for at in range(3)) for row in range(cells.rowCount())} == wanted
        assert not dialog.new_rows.isHidden()
        dialog.close()
        return fact.name, count

    name, count = run(go())
    project = tab.workspace.project
    drafts = find(project.rows, Filter(fact=name, status="draft"))
    assert len(drafts) == count
    assert project.undo_label == "Remake rows"
