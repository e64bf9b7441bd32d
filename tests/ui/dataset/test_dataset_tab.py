import asyncio

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit

from core.dataset import examples, filters, quarantine
from core.dataset.filters import Filter
from core.dataset.importing import import_file
from core.formats import jsonl
from tests.support.pages.controls import choose
from tests.support.projects import new_example
from tests.support.until import until
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS
from ui.dataset.tab import DatasetTab
from ui.tab_base import ALL_TABLES

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
        await until(lambda: tab.model.rowCount() > 200 and tab.total)

    run(go())
    return tab


def cell(tab, row, field):
    return tab.model.index(row, COLUMNS.index(field))


def start_import(tab, path):
    async def go():
        return (await import_file(tab.workspace.project, path)).changes

    tab.workspace.tasks.start("", go())


def test_edit_in_the_grid_keeps_line_breaks_and_is_undone(run, tab):
    """Waits until the cell has the new text, and after an undo the old one."""

    async def go():
        index = cell(tab, 2, "answer")
        before = index.data(Qt.ItemDataRole.EditRole)
        tab.table.setCurrentIndex(index)
        tab.table.edit(index)
        editor = tab.table.findChild(QPlainTextEdit)
        editor.setPlainText("two\nlines")
        tab.table.itemDelegate().commitData.emit(editor)
        await until(lambda: index.data(Qt.ItemDataRole.EditRole) == "two\nlines")
        tab.workspace.tasks.start("", tab.workspace.project.undo())
        await until(lambda: index.data(Qt.ItemDataRole.EditRole) == before)

    run(go())


def test_the_next_row_is_edited_where_the_keyboard_is(run, tab):
    """What was typed is written into the row that was left, and the keyboard stays in the pane below."""

    async def go():
        tab.table.go_to(2)
        field = tab.detail.conversation.field("assistant")
        field.setFocus()
        field.selectAll()
        field.insertPlainText("typed")
        tab.rows.next_row.trigger()
        assert tab.table.currentIndex().row() == 3
        await until(lambda: cell(tab, 2, "answer").data(Qt.ItemDataRole.EditRole) == "typed")
        assert cell(tab, 3, "answer").data(Qt.ItemDataRole.EditRole) == field.toPlainText() != "typed"
        assert tab.focusWidget() is field

    run(go())


def test_search_filters_and_says_how_many(run, tab):
    async def go():
        total = tab.model.rowCount()
        tab.choose("split:test kind:reverse")
        await until(lambda: 0 < tab.model.rowCount() < 20)
        assert tab.filter().kind == "reverse"
        await until(lambda: tab.count_label.text() == f"{tab.model.rowCount()} of {total} rows")
        tab.bar.line.setText("no such words anywhere")
        await until(lambda: tab.pages.currentWidget() is tab.no_match)
        tab.bar.clear()
        await until(lambda: tab.pages.currentWidget() is tab.table and tab.model.rowCount() == total)

    run(go())


def test_a_newer_search_takes_over_from_an_older_one(run, tab):
    async def go():
        tab.choose("split:train")
        tab.choose("split:test")
        await until(lambda: not tab.is_finding())
        assert {tab.model.example(row).split for row in range(tab.model.rowCount())} == {"test"}

    run(go())


def test_add_and_delete_rows(run, tab):
    async def go():
        count = tab.model.rowCount()
        tab.choose("split:test")
        tab.add_button.click()
        await until(lambda: tab.model.rowCount() == count + 1)
        await until(lambda: tab.table.is_editing())
        assert tab.table.currentIndex().row() == count
        assert "content-empty" in tab.model.example(count).problems
        assert tab.workspace.project.undo_label == "Add a row"
        tab.table.itemDelegate().finish(tab.table.findChild(QPlainTextEdit))
        selection = tab.table.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        selection.select(tab.model.index(0, 0), flags)
        tab.rows.delete.trigger()
        await until(lambda: tab.workspace.project.undo_label == "Delete 2 rows")

    run(go())


def test_problems_are_shown_and_fixed_together(run, tab, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([TYPO % 1, TYPO % 2, "{broken", jsonl.new_row("", "x", "y")]) + "\n")

    async def go():
        count = tab.model.rowCount()
        start_import(tab, path)
        await until(lambda: tab.model.rowCount() == count + 3)
        await until(lambda: tab.unread_button.isVisible())
        assert quarantine.count(tab.workspace.project.rows) == 1
        tab.choose("rule:role-unknown")
        await until(lambda: tab.model.rowCount() == 2)
        assert "✖" in cell(tab, 0, "problems").data()
        box = tab.bar.boxes["rule"]
        await until(lambda: box.currentData() == "role-unknown")
        choose(box, "*")
        await until(lambda: tab.filter().rule == "*" and tab.fix_button.isVisible())
        assert tab.fix_button.text() == "Fix all 2"
        tab.fix_button.click()
        await until(lambda: "role-unknown" not in examples.count_values(tab.workspace.project.rows, "problems"))

    run(go())


def test_a_click_on_a_heading_sorts_up_down_and_not_at_all(run, tab):
    """Waits until the rows have the order of their lengths, and then their own again."""

    async def go():
        before = tab.model.ids()
        header, column = tab.table.header, COLUMNS.index("length")
        header.setSortIndicator(column, Qt.SortOrder.DescendingOrder)
        longest = filters.find(tab.workspace.project.rows, Filter(order="length", descending=True))
        await until(lambda: tab.model.ids() == longest)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        await until(lambda: tab.model.ids() == before)

    run(go())


def test_the_place_is_kept_when_rows_above_go(run, tab):
    async def go():
        tab.table.go_to(100)
        tab.table.verticalScrollBar().setValue(95)
        await asyncio.sleep(0)
        current, above = tab.table.current_id(), tab.model.id(tab.table.rowAt(0))
        gone = [tab.model.id(3), tab.model.id(50), tab.model.id(200)]
        tab.workspace.tasks.start("", tab.workspace.project.write("Delete", examples.delete, gone))
        count = tab.model.rowCount()
        await until(lambda: tab.model.rowCount() == count - 3)
        assert tab.table.current_id() == current
        assert list(tab.table.selected_ids()) == [current]
        assert tab.model.id(tab.table.rowAt(0)) == above

    run(go())


def test_what_is_being_typed_survives_rows_that_come_meanwhile(run, tab, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(jsonl.new_row("", "new", "row") + "\n")

    async def go():
        count = tab.model.rowCount()
        tab.table.edit_cell(3, "answer")
        editor = tab.table.findChild(QPlainTextEdit)
        editor.selectAll()
        editor.insertPlainText("half a sen")
        start_import(tab, path)
        await until(lambda: tab._late)
        assert tab.table.is_editing()
        assert editor.toPlainText() == "half a sen"
        tab.table.itemDelegate().finish(editor)
        await until(lambda: tab.model.rowCount() == count + 1)
        await until(lambda: cell(tab, 3, "answer").data() == "half a sen")

    run(go())


def test_a_filter_is_saved_chosen_and_deleted(run, tab):
    async def go():
        tab.choose("split:test length:>20")
        tab.bar.save_wanted.emit("exam")
        await until(lambda: tab.bar.saved_filters == {"exam": "split:test length:>20"})
        tab.bar.clear()
        tab.bar.saved.menu().aboutToShow.emit()
        tab.bar.saved.menu().actions()[0].trigger()
        assert tab.filter().min_length == 20
        tab.bar.forget_wanted.emit("exam")
        await until(lambda: tab.bar.saved_filters == {})

    run(go())


def test_a_row_that_the_filter_hides_is_shown(run, tab):
    """Waits until the row is the current one, though the filter had left it out."""

    async def go():
        id = tab.model.id(0)
        tab.choose("split:test")
        await until(lambda: tab.model.row(id) is None)
        tab.show_row(id)
        await until(lambda: tab.table.current_id() == id)

    run(go())


def test_columns_are_remembered(run, tab, qtbot):
    tab.table.header.show_column(COLUMNS.index("notes"), True)
    tab.table.header.moveSection(tab.table.header.visualIndex(COLUMNS.index("tags")), 0)
    run(tab.flush())
    other = DatasetTab(tab.workspace)
    qtbot.addWidget(other)
    assert other.table.header.shown_columns() == tab.table.header.shown_columns()
    other.table.header.restore_layout("1 other columns AAAA")
    other.table.header.reset_columns()
    assert other.table.header.shown_columns()[0] == 0


@pytest.mark.parametrize(
    "name", ["replace", "versions", "token_counts", "export_rows", "edit_json", "link_facts", "hold_out"]
)
def test_each_dialog_opens_from_its_menu(run, tab, name):
    """One dialog is visible, and waits until it is gone after it was closed."""

    async def go():
        tab.dialogs.open_quarantine() if name == "quarantine" else getattr(tab.rows, name).trigger()
        (dialog,) = (child for child in tab.findChildren(QDialog) if child.isVisible())
        await asyncio.sleep(0.1)
        dialog.close()
        await until(lambda: not tab.findChildren(QDialog))

    run(go())


def test_every_column_can_be_sorted_by():
    assert {column.order for column in ALL_COLUMNS} <= set(filters.SORT_COLUMNS)


def question(tab, id):
    return examples.fetch(tab.workspace.project.rows, [id])[id].question


def test_pasted_rows_are_selected_and_scrolled_to(run, tab):
    """They came below the last row, out of sight, and behind a filter out of reach."""

    async def go():
        tab.choose("split:test")
        await until(lambda: tab.filter().split == "test" and 0 < tab.model.rowCount() < 100)
        QGuiApplication.clipboard().setText("\n".join(f"q{n}\ta{n}" for n in range(3)))
        tab.table.go_to(tab.model.rowCount() - 1, COLUMNS.index("question"))
        tab.rows.paste.trigger()
        await until(lambda: tab.table.count_selected() == 2)
        selected = [question(tab, id) for id in tab.table.selected_ids()]
        assert selected == ["q1", "q2"]
        visible = tab.table.visualRect(tab.table.currentIndex())
        assert tab.table.viewport().rect().contains(visible.center())
        tab.rows.pasted.emit()
        add = [new_example("from a file")]
        tab.workspace.tasks.start("", tab.workspace.project.write("Import", examples.add, add))
        await until(lambda: tab.table.count_selected() == 1)
        assert question(tab, tab.table.current_id()) == "from a file"

    run(go())


def test_drafts_are_judged_from_where_they_stand(run, tab):
    async def go():
        assert not tab.judge_button.isVisible()
        await tab.workspace.project.write(
            "", lambda db: db.execute("UPDATE example SET status = 'draft' WHERE id < 4") and None
        )
        tab.refresh(ALL_TABLES)
        await until(lambda: tab.judge_button.isVisible())
        assert tab.judge_button.text() == "Let a model judge 3 drafts…"
        tab.judge_button.click()
        dialog = next(one for one in tab.findChildren(QDialog) if one.isVisible())
        await until(lambda: dialog.count.text() == "3 drafts that name their facts")
        dialog.reject()
        tab.table.select_rows([5, 6])
        tab.rows.judge.trigger()
        dialog = next(one for one in tab.findChildren(QDialog) if one.isVisible())
        await until(lambda: dialog.count.text() == "2 rows that name their facts")
        dialog.reject()

    run(go())
