"""Pasting where the text says so: into an empty project, wherever the keys are; and what a paste could not place."""

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton

from core.dataset import examples
from core.storage.project import Project
from tests.support.pages.windows import close, open_window
from tests.support.until import until
from ui.dataset import copy_paste_drag
from ui.dataset.grid_columns import COLUMNS
from ui.dataset.import_dialog import ImportDialog
from ui.widgets.message_bar import Notice

ROW = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}\n'
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def empty(run, tmp_path):
    """The window on a project without rows, at the tab for them."""

    async def make():
        window = open_window(Project(tmp_path / "e.juku"))
        window.tabs.setCurrentWidget(window.dataset_tab)
        window.activateWindow()
        await until(lambda: window.dataset_tab.pages.currentWidget() is window.dataset_tab.nothing)
        return window

    window = run(make())
    yield window
    run(close(window))


@pytest.mark.parametrize("place", ["nothing", "search"])
def test_rows_are_pasted_into_an_empty_project(run, qtbot, empty, place):
    tab = empty.dataset_tab
    QGuiApplication.clipboard().setText(ROW * 2)
    focused = tab.bar.line if place == "search" else tab.add_button

    async def work():
        focused.setFocus()
        await until(focused.hasFocus)
        qtbot.keyClick(focused, Qt.Key.Key_V, CONTROL)
        await until(lambda: tab.model.rowCount() == 2)

    run(work())
    assert tab.bar.line.text() == ""


def test_a_file_that_was_copied_is_pasted(run, qtbot, empty, tmp_path):
    path, data = tmp_path / "copied.jsonl", QMimeData()
    path.write_text(ROW * 3)
    data.setUrls([QUrl.fromLocalFile(str(path))])
    QGuiApplication.clipboard().setMimeData(data)

    async def work():
        empty.dataset_tab.add_button.setFocus()
        await until(empty.dataset_tab.add_button.hasFocus)
        qtbot.keyClick(empty.dataset_tab.add_button, Qt.Key.Key_V, CONTROL)
        await until(lambda: empty.dataset_tab.model.rowCount() == 3)

    run(work())
    assert empty.dataset_tab.bar.line.text() == ""


def test_a_few_words_are_pasted_into_the_search(run, qtbot, empty):
    QGuiApplication.clipboard().setText("return policy")

    async def work():
        empty.dataset_tab.bar.line.setFocus()
        await until(empty.dataset_tab.bar.line.hasFocus)
        qtbot.keyClick(empty.dataset_tab.bar.line, Qt.Key.Key_V, CONTROL)
        await until(lambda: not empty.dataset_tab.bar._typing.isActive())  # the search for them has begun

    run(work())
    assert empty.dataset_tab.bar.line.text() == "return policy"


def test_rows_are_no_search_where_there_are_rows_already(run, qtbot, empty):
    """After an import the search field has the keys, and the next file's rows are pasted there."""
    tab = empty.dataset_tab

    async def paste(rows, wanted):
        QGuiApplication.clipboard().setText(rows)
        tab.bar.line.setFocus()
        await until(tab.bar.line.hasFocus)
        qtbot.keyClick(tab.bar.line, Qt.Key.Key_V, CONTROL)
        await until(lambda: tab.model.rowCount() == wanted)

    run(paste(ROW, 1))
    run(paste(ROW.replace("Q", "R") * 2, 3))
    assert tab.bar.line.text() == ""


@pytest.mark.parametrize("text", ["[1]", "| a", "two\twords", "a line\nand one more", "{name}"])
def test_what_may_be_searched_for_goes_over_no_row(run, qtbot, empty, text):
    tab = empty.dataset_tab

    async def work():
        QGuiApplication.clipboard().setText(ROW)
        tab.rows.paste.trigger()
        await until(lambda: tab.model.rowCount() == 1)
        QGuiApplication.clipboard().setText(text)
        tab.bar.line.setFocus()
        await until(tab.bar.line.hasFocus)
        qtbot.keyClick(tab.bar.line, Qt.Key.Key_V, CONTROL)

    run(work())
    assert tab.bar.line.text()


def test_a_cleared_search_has_no_button_for_clearing(run, empty):
    """Waits until the button is seen, and then until it is not."""
    bar = empty.dataset_tab.bar
    button = bar.line.findChild(QToolButton)

    async def work():
        bar.choose("nothing like it")
        await until(lambda: button.property("opacity") == 1)
        bar.clear()
        await until(lambda: button.property("opacity") == 0)

    run(work())


def test_what_has_no_place_is_told():
    answer = COLUMNS.index("answer")
    pasted = copy_paste_drag.build_paste_plan([["a", "b"], ["c", ""]], [1, 2], [answer])
    assert pasted.edits == [(1, "answer", "a"), (2, "answer", "c")]
    assert (
        copy_paste_drag.format_left_out_cells(pasted)
        == "1 cell has no place: there is no column to the right of the last one."
    )
    fixed = copy_paste_drag.build_paste_plan([["12"]], [1], [COLUMNS.index("length")])
    assert fixed.edits == []
    assert "Length" in copy_paste_drag.format_left_out_cells(fixed)
    assert not copy_paste_drag.build_paste_plan([["a"]], [1], [answer]).left_out


def test_a_paste_over_the_last_column_says_so(run, window):
    tab = window.dataset_tab
    window.tabs.setCurrentWidget(tab)

    async def work():
        await until(lambda: tab.model.rowCount() > 0)
        last = tab.table.header.shown_columns()[-1]
        tab.table.go_to(0, last)
        QGuiApplication.clipboard().setText("one\ttwo")
        tab.rows.paste.trigger()
        await until(lambda: window.findChildren(Notice))

    run(work())
    assert "no column to the right" in window.findChildren(Notice)[-1].text.text()


def test_rows_that_come_after_a_paste_was_given_up_are_not_taken_for_it(run, window):
    """A table on the clipboard asks for its columns first; whoever says no has pasted nothing."""
    tab = window.dataset_tab
    QGuiApplication.clipboard().setText("| Who? | What? |\n|---|---|\n| a | b |\n")
    row = examples.read_row(ROW)

    async def work():
        await until(lambda: tab.model.rowCount())
        window.show()
        tab.rows.paste.trigger()
        await until(lambda: window.findChildren(ImportDialog))
        assert tab._pasted_from
        window.findChildren(ImportDialog)[0].reject()
        assert not tab._pasted_from
        before = tab.table.currentIndex().row(), tab.table.count_selected()
        changes = await window.workspace.project.write("Add", examples.add, [row])
        window.workspace.tasks.changed.emit(changes)
        await until(lambda: not tab.is_finding() and not tab._again)
        assert (tab.table.currentIndex().row(), tab.table.count_selected()) == before

    run(work())


def test_cells_that_only_change_rows_await_none(run, window):
    tab = window.dataset_tab
    QGuiApplication.clipboard().setText("another")

    async def work():
        await until(lambda: tab.model.rowCount())
        tab.table.go_to(0)
        tab.rows.paste.trigger()
        assert not tab._pasted_from
        await until(lambda: window.workspace.project.undo_label)

    run(work())


def test_a_table_with_headings_becomes_rows_and_a_table_over_rows_says_what_it_replaced(run, empty):
    tab = empty.dataset_tab

    async def work():
        QGuiApplication.clipboard().setText(ROW + ROW.replace("Q", "R"))
        tab.rows.paste.trigger()
        await until(lambda: tab.model.rowCount() == 2)
        tab.table.setCurrentIndex(tab.model.index(0, COLUMNS.index("question")))
        QGuiApplication.clipboard().setText("Question\tAnswer\nnew\tone\n")
        tab.rows.paste.trigger()
        await until(lambda: empty.findChildren(ImportDialog))
        (dialog,) = empty.findChildren(ImportDialog)
        dialog.reject()
        tab.table.setCurrentIndex(tab.model.index(0, COLUMNS.index("question")))
        QGuiApplication.clipboard().setText("a\tb\nc\td\n")
        tab.rows.paste.trigger()
        await until(lambda: any("2 rows were replaced" in note.text.text() for note in empty.findChildren(Notice)))

    run(work())
    assert tab.model.rowCount() == 2


def test_undo_in_a_search_field_without_a_text_is_the_projects(run, empty):
    tab = empty.dataset_tab

    async def press(keys, after):
        tab.bar.line.setFocus()
        await until(tab.bar.line.hasFocus)
        QTest.keySequence(tab.bar.line, keys)
        await until(after.isEnabled)  # where it has been done, it can be taken back

    QGuiApplication.clipboard().setText(ROW)
    run(press(QKeySequence("Ctrl+V"), empty.undo_action))
    run(press(empty.undo_action.shortcut(), empty.redo_action))
    assert not empty.undo_action.isEnabled()
    run(press(empty.redo_action.shortcut(), empty.undo_action))
