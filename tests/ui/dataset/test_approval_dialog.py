"""Drafts are approved or deleted by kind and form: what is ticked, what stays, plain texts, the keyboard, one step."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.dataset import examples
from core.dataset.filters import Filter, find
from tests.support.pages.dialogs import settle
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset.approval_dialog import ANSWER_COLUMN, COUNT_COLUMN, TEXT_COLUMN, ApprovalDialog
from ui.dataset.tab import DatasetTab
from ui.tab_base import ALL_TABLES


def draft(question, kind="direct", tags="who", **fields):
    return new_example(question, f"The answer to {question}", kind=kind, tags=tags, status="draft", **fields)


@pytest.fixture
def drafts(run, workspace):
    rows = [
        *(draft(f"Who is number {number}?", facts="f01") for number in range(5)),
        draft("<b>How</b> many?", tags="how_many"),
        draft("State it.", "statement", ""),
        draft("For the exam?", split="test"),
    ]

    def fill(db):
        examples.add(db, rows)
        doubted = find(db, Filter(status="draft"))[0]
        db.execute("INSERT INTO finding (rule, cluster, example, message) VALUES ('ungrounded', 0, ?, 'x')", (doubted,))

    run(workspace.project.write("", fill))
    return workspace


@pytest.fixture
def dialog(qtbot, run, drafts):
    async def make():
        dialog = ApprovalDialog(drafts)
        dialog.open()
        await settle(dialog)
        return dialog

    return run(make())


def lines(item):
    """A line and those below it, as texts."""
    below = [lines(item.child(place)) for place in range(item.childCount())]
    return [item.text(TEXT_COLUMN), *below] if below else item.text(TEXT_COLUMN)


def line(dialog, text):
    (found,) = dialog.tree.findItems(text, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive, TEXT_COLUMN)
    return found


def questions(workspace, status):
    return {row.question for row in examples.iterate(workspace.project.rows, Filter(status=status))}


def test_a_line_for_each_kind_and_form_with_samples(dialog):
    tops = [lines(dialog.tree.topLevelItem(place)) for place in range(dialog.tree.topLevelItemCount())]
    assert tops[0] == ["for the exam: direct", ["who?", "For the exam?"]]
    assert tops[2] == ["statement", "State it."]
    kind, many, who = tops[1]
    assert (kind, many) == ("direct", ["how many?", "<b>How</b> many?"])
    assert who[0] == "who?" and len(who) == 4
    assert line(dialog, "direct").text(COUNT_COLUMN) == "6"
    assert line(dialog, "direct").text(ANSWER_COLUMN) == "1 with a problem"
    sample = line(dialog, "<b>How</b> many?")
    assert "&lt;b&gt;" in sample.toolTip(TEXT_COLUMN), "a tooltip would be read as markup"
    dialog.tree.setCurrentItem(sample)
    assert dialog.detail.toPlainText() == "Question: <b>How</b> many?\nAnswer: The answer to <b>How</b> many?"


def test_what_is_ticked_is_approved_in_one_step_and_doubts_stay(run, drafts, dialog):
    assert not dialog.approve.isEnabled()
    before = questions(drafts, "draft")
    line(dialog, "direct").setCheckState(TEXT_COLUMN, Qt.CheckState.Checked)
    assert dialog.approve.text() == "Approve 5 rows"
    assert dialog.delete.text() == "Delete 6 rows"

    async def go():
        dialog.approve.click()
        await until(lambda: dialog.note.text())
        await settle(dialog)

    run(go())
    assert dialog.note.text() == "5 rows were approved. 1 row with a problem stays a draft."
    assert questions(drafts, "draft") == {"Who is number 0?", "State it.", "For the exam?"}
    run(drafts.project.undo())
    assert questions(drafts, "draft") == before


def test_all_are_ticked_at_once_and_doubts_only_when_wanted(run, drafts, dialog):
    dialog.all.click()
    assert dialog.all.checkState() == Qt.CheckState.Checked
    dialog.without_doubted.click()
    assert dialog.approve.text() == "Approve 8 rows"
    dialog.all.click()
    assert not dialog.chosen_ids(False)
    dialog.all.click()

    async def go():
        dialog.delete.click()
        await until(lambda: dialog.note.text())
        await settle(dialog)

    run(go())
    assert dialog.note.text() == "8 rows were deleted."
    assert not questions(drafts, "draft")
    assert dialog.pages.currentWidget() is dialog.nothing
    run(drafts.project.undo())
    assert len(questions(drafts, "draft")) == 8


def test_the_keyboard_alone_ticks_a_kind(dialog):
    dialog.tree.setFocus()
    dialog.tree.setCurrentItem(line(dialog, "statement"))
    QTest.keyClick(dialog.tree, Qt.Key.Key_Space)
    assert dialog.approve.text() == "Approve 1 row"
    QTest.keyClick(dialog.tree, Qt.Key.Key_Tab)
    assert not dialog.tree.hasFocus()


def test_ticks_stay_when_rows_change_and_other_samples_are_shown(run, drafts, dialog):
    line(dialog, "how many?").setCheckState(TEXT_COLUMN, Qt.CheckState.Checked)

    async def go():
        changes = await drafts.project.write("", examples.add, [draft("Another?", tags="how_many")])
        drafts.tasks.changed.emit(changes)
        await settle(dialog)
        assert dialog.approve.text() == "Approve 2 rows"
        dialog.others.click()
        await settle(dialog)

    run(go())
    assert dialog.approve.text() == "Approve 2 rows"


def test_the_tab_offers_it_while_there_are_drafts(qtbot, run, drafts):
    async def go():
        tab = DatasetTab(drafts)
        qtbot.addWidget(tab)
        tab.refresh(ALL_TABLES)
        await until(lambda: not tab.approve_button.isHidden())
        for open_it in (tab.approve_button.click, tab.rows.approve_kinds.trigger):
            open_it()
            (opened,) = tab.findChildren(ApprovalDialog)
            await settle(opened)
            assert opened.tree.topLevelItemCount() == 3
            opened.close()
            await until(lambda: not tab.findChildren(ApprovalDialog))

    run(go())
