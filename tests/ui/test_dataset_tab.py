import asyncio

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from core import dataset
from core.formats import jsonl
from tests.ui.waiting import until
from ui.dataset_model import COLUMNS
from ui.dataset_tab import DatasetTab
from ui.json_dialog import JsonDialog
from ui.tab import ALL_TABLES
from ui.unread_dialog import UnreadDialog

TYPO = '{"messages": [{"role": "user", "content": "q%d"}, {"role": "assitant", "content": "a"}]}'


@pytest.fixture
def tab(run, workspace, qtbot):
    tab = DatasetTab(workspace)
    qtbot.addWidget(tab)
    workspace.tasks.changed.connect(tab.refresh)
    tab.resize(1000, 700)
    tab.show()

    async def go():
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.model.rowCount() > 100)

    run(go())
    return tab


def cell(tab, row, field):
    return tab.model.index(row, COLUMNS.index(field))


def test_edit_in_the_grid_keeps_line_breaks_and_is_undone(run, tab):
    async def go():
        index = cell(tab, 2, "answer")
        before = index.data(Qt.ItemDataRole.EditRole)
        tab.table.setCurrentIndex(index)
        tab.table.edit(index)
        editor = tab.table.findChild(QPlainTextEdit)
        editor.setPlainText("two\nlines")
        tab.table.itemDelegate().commitData.emit(editor)
        await until(lambda: index.data(Qt.ItemDataRole.EditRole) == "two\nlines")
        await until(lambda: tab.detail.answer.toPlainText() == "two\nlines")
        tab.workspace.tasks.start("", tab.workspace.project.undo())
        await until(lambda: index.data(Qt.ItemDataRole.EditRole) == before)
        await until(lambda: tab.detail.answer.toPlainText() == before)

    run(go())


def test_typing_in_the_detail_is_written_when_the_field_is_left(run, tab):
    async def go():
        tab.table.setCurrentIndex(cell(tab, 0, "question"))
        tab.detail.question.setPlainText("Changed?")
        tab.detail.question.commit()
        await until(lambda: cell(tab, 0, "question").data() == "Changed?")
        # What is typed belongs to the row it was typed for, also when another one is clicked at once.
        tab.detail.answer.setPlainText("Changed.")
        tab.table.setCurrentIndex(cell(tab, 5, "question"))
        await until(lambda: cell(tab, 0, "answer").data() == "Changed.")
        assert cell(tab, 5, "answer").data() != "Changed."

    run(go())


def test_search_filters_and_says_how_many(run, tab):
    async def go():
        tab.choose("split:test kind:reverse")
        await until(lambda: 0 < tab.model.rowCount() < 20)
        assert tab.filter().kind == "reverse"
        tab.search.setText("no such words anywhere")
        await until(lambda: tab.model.rowCount() == 0)

    run(go())


def test_add_and_delete_rows(run, tab):
    async def go():
        count = tab.model.rowCount()
        tab._on_add()
        await until(lambda: tab.model.rowCount() == count + 1)
        await until(lambda: tab.table.currentIndex().row() == count)
        row = tab.model.example(count)
        assert "content-empty" in row.problems
        assert tab.workspace.project.undo_label == "Add a row"
        selection = tab.table.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        selection.select(tab.model.index(0, 0), flags)
        tab._on_delete()
        await until(lambda: tab.model.rowCount() == count - 1)

    run(go())


def test_problems_are_shown_and_fixed_together(run, tab, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([TYPO % 1, TYPO % 2, "{broken", jsonl.new_row("", "x", "y")]) + "\n")

    async def go():
        count = tab.model.rowCount()
        tab.import_files([path])
        await until(lambda: tab.model.rowCount() == count + 3)
        await until(lambda: tab._unread.isVisible())
        tab.choose("rule:role-unknown")
        await until(lambda: tab.model.rowCount() == 2)
        assert "✖" in cell(tab, 0, "problems").data()
        tab.search.clear()
        tab.rule.setCurrentIndex(tab.rule.findData("*"))
        tab._reload()
        await until(lambda: tab.model.rowCount() == 2 and tab._fix.isVisible())
        assert tab.rule.currentData() == "*"
        assert tab._fix.text() == "Fix all 2"
        tab._fix.click()
        await until(lambda: "role-unknown" not in dataset.counts(tab.workspace.project.rows, "problems"))

    run(go())


def test_a_broken_line_is_repaired_in_its_dialog(run, tab, tmp_path, qtbot):
    path = tmp_path / "rows.jsonl"
    good = jsonl.new_row("", "x", "y")
    path.write_text(good[:-1] + "\n")

    async def go():
        count = tab.model.rowCount()
        tab.import_files([path])
        await until(lambda: tab._unread.isVisible())
        dialog = UnreadDialog(tab.workspace, tab)
        dialog.open()
        dialog._table.selectRow(0)
        dialog._on_repair()
        repair = dialog.findChild(JsonDialog)
        repair.editor.setPlainText(good)
        repair.accept()
        await until(lambda: tab.model.rowCount() == count + 1)
        await until(lambda: not dataset.unread(tab.workspace.project.rows))
        dialog.close()

    run(go())


def test_select_all_is_quick(run, tab):
    async def go():
        rows = [dataset.read_row(jsonl.new_row("", f"q{i}", "a")) for i in range(20_000)]
        tab.workspace.tasks.start("", tab.workspace.project.write("Add", dataset.add, rows))
        await until(lambda: tab.model.rowCount() > 20_000)
        calls = []
        original = type(tab.model).flags

        def counting(self, index):
            calls.append(1)
            return original(self, index)

        type(tab.model).flags = counting
        try:
            tab.table.selectAll()
            await asyncio.sleep(0.05)
        finally:
            type(tab.model).flags = original
        assert len(calls) < 5_000, "Qt asks every row: the header has lost its own selection model"

    run(go())


def test_half_a_japanese_word_is_never_committed(run, tab):
    """While an input method composes, Enter belongs to it and not to the cell."""

    async def go():
        index = cell(tab, 1, "question")
        tab.table.setCurrentIndex(index)
        tab.table.edit(index)
        editor = tab.table.findChild(QPlainTextEdit)
        editor.setPlainText("")
        QApplication.sendEvent(editor, QInputMethodEvent("へんぴん", []))
        assert editor.toPlainText() == ""
        done = QInputMethodEvent("", [])
        done.setCommitString("返品")
        QApplication.sendEvent(editor, done)
        tab.table.itemDelegate().commitData.emit(editor)
        await until(lambda: index.data() == "返品")

    run(go())
