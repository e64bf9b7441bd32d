"""What is done with selected rows: bulk changes, copy and paste, and the menus and keys that lead there."""

from array import array
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QComboBox, QInputDialog, QPushButton, QWidget

from core.dataset import examples
from core.dataset.filters import Filter, find
from core.errors import FormatError
from core.formats import clipboard_text, jsonl
from core.spec import spec
from tests.support.pages.controls import choose_at
from tests.support.until import until
from ui.dataset import bulk_actions, copy_paste_drag
from ui.dataset.bulk_actions import BulkDialog
from ui.dataset.filter_bar import FilterBar
from ui.dataset.grid_columns import COLUMNS
from ui.dataset.grid_model import GridModel
from ui.dataset.grid_view import GridView
from ui.dataset.row_actions import RowActions
from ui.widgets.message_bar import Notice


class Grid:
    """The table with its actions, without the tab around them."""

    def __init__(self, workspace, qtbot):
        self.workspace, self.project = workspace, workspace.project
        self.owner = QWidget()
        qtbot.addWidget(self.owner)
        self.model = GridModel(workspace.project, self.owner)
        self.table = GridView(self.model, self.owner)
        self.rows = RowActions(workspace, self.table, self.owner)
        workspace.tasks.changed.connect(lambda _changes: self.reload())
        self.owner.show()
        self.reload()

    def reload(self):
        self.model.show_ids(find(self.project.rows), ascending=True)

    def row(self, id):
        return examples.fetch(self.project.rows, [id])[id]

    def go_to(self, row, field):
        self.table.go_to(row, COLUMNS.index(field))


@pytest.fixture
def grid(run, workspace, qtbot):
    async def make():
        return Grid(workspace, qtbot)

    return run(make())


def test_every_bulk_change_is_one_named_step(run, grid):
    steps = {
        ("split", "test"): ("Set 3 rows to test", lambda row: row.split == "test"),
        ("status", "draft"): ("Change 3 rows to drafts", lambda row: row.status == "draft"),
        ("add_tag", "new old"): ("Add tags in 3 rows", lambda row: {"new", "old"} <= set(row.tags.split())),
        ("remove_tag", "old"): ("Remove tags in 3 rows", lambda row: "old" not in row.tags),
        ("facts", "f90"): ("Set the facts in 3 rows", lambda row: row.facts == "f90"),
        ("question_prefix", "Q: "): ("Add text before the question in 3 rows", lambda row: row.question[:3] == "Q: "),
        ("answer_prefix", "A: "): ("Add text before the answer in 3 rows", lambda row: row.answer[:3] == "A: "),
        ("system", "Be brief."): ("Change the system prompt in 3 rows", lambda row: '"Be brief."' in row.data),
    }

    async def go():
        grid.table.select_rows([0, 1, 5])
        before = [grid.row(id) for id in (1, 2, 6)]
        for (action, value), (label, holds) in steps.items():
            grid.rows.apply_bulk(action, value)
            await until(lambda label=label: grid.project.undo_label == label)
            assert all(holds(grid.row(id)) for id in (1, 2, 6)), action
        for _step in steps:
            await grid.project.undo()
        assert [grid.row(id) for id in (1, 2, 6)] == before

    run(go())


def test_what_a_judge_has_refused_is_not_approved_with_the_others(run, grid):
    def judged(db):
        db.execute("UPDATE example SET status = 'draft' WHERE id IN (1, 2, 3)")
        for id, rule in ((1, "judge-contradicts"), (3, "judge-not-in-text")):
            db.execute("UPDATE example SET problems = ? WHERE id = ?", (f"fact-stale {rule}", id))

    async def go():
        await grid.project.write("", judged)
        grid.table.select_rows([0, 1, 2])
        grid.rows.approve.trigger()
        await until(lambda: grid.owner.findChildren(Notice))
        await until(lambda: grid.project.undo_label == "Approve 1 row")
        assert [grid.row(id).status for id in (1, 2, 3)] == ["draft", "approved", "draft"]
        notice = grid.owner.findChildren(Notice)[-1]
        assert notice.text.text() == "2 rows were not approved: a judge has refused them."
        (anyway,) = [button for button in notice.findChildren(QPushButton) if button.text() == "Approve anyway"]
        anyway.click()
        await until(lambda: grid.project.undo_label == "Approve 2 rows")
        assert [grid.row(id).status for id in (1, 2, 3)] == ["approved"] * 3
        await grid.project.undo()
        await grid.project.undo()
        assert [grid.row(id).status for id in (1, 2, 3)] == ["draft"] * 3

    run(go())


def test_the_dialog_asks_for_what_each_change_needs(run, grid):
    async def go():
        dialog = BulkDialog(grid.workspace, array("q", [1, 2]), "kind", grid.owner)
        dialog.choice.setCurrentIndex(dialog.choice.findData("reverse"))
        dialog.accept()
        await until(lambda: grid.row(1).kind == grid.row(2).kind == "reverse")
        other = BulkDialog(grid.workspace, array("q", [1]), "add_tag", grid.owner)
        assert not other.ok.isEnabled()
        other.line.setText("easy")
        assert other.ok.isEnabled()
        other.action.setCurrentIndex(other.action.findData("system"))
        other.text.setPlainText("Be kind.")
        other.accept()
        await until(lambda: "Be kind." in grid.row(1).data)

    run(go())


def test_what_is_typed_into_the_dialog_of_a_bulk_change_is_its_value(run, grid, qtbot):
    async def go():
        dialog = BulkDialog(grid.workspace, array("q", [1]), "add_tag")
        qtbot.addWidget(dialog)
        dialog.open()
        dialog.activateWindow()
        await until(dialog.isActiveWindow)
        assert dialog.line.hasFocus()

    run(go())


def test_a_bulk_change_is_cancelled_as_a_whole(run, grid):
    async def go():
        everything = find(grid.project.rows)

        def slow(db, ids, reporter):
            examples.delete(db, ids)
            reporter.cancel()
            reporter.update(1, 2)

        bulk_actions.start_write(grid.workspace, "Delete", slow, everything)
        await until(lambda: not grid.workspace.tasks.running())
        assert find(grid.project.rows) == everything

    run(go())


def test_filling_down_takes_the_uppermost_value(run, grid):
    async def go():
        answer = grid.row(1).answer
        grid.go_to(7, "answer")
        grid.table.select_rows([0, 4, 7])
        grid.rows.fill_down.trigger()
        await until(lambda: grid.project.undo_label == "Fill 2 rows")
        assert grid.row(5).answer == grid.row(8).answer == answer

    run(go())


def test_copied_cells_come_back_as_they_were(run, grid):
    async def go():
        await grid.project.write("", examples.set_field, 2, "answer", 'two\nlines,\t"quoted"')
        grid.table.select_rows([1, 2])
        grid.rows.copy.trigger()
        clipboard = QGuiApplication.clipboard()
        clipboard.setText("")
        await until(clipboard.text)
        before = grid.row(2), grid.row(3)
        grid.go_to(1, "problems")
        grid.table.select_rows([10, 11])
        grid.rows.paste.trigger()
        await until(lambda: grid.project.undo_label == "Paste into 2 rows")
        await until(lambda: grid.row(11).answer == before[0].answer)
        assert [grid.row(id).question for id in (11, 12)] == [row.question for row in before]

    run(go())


def test_one_column_of_the_selected_rows_is_copied(run, grid):
    async def go():
        clipboard = QGuiApplication.clipboard()
        await grid.project.write("", examples.set_field, 2, "answer", "two\nlines")
        for rows, expected in (([0], grid.row(1).answer), ([0, 1], f'{grid.row(1).answer}\r\n"two\nlines"\r\n')):
            clipboard.setText("")
            grid.go_to(0, "answer")
            grid.table.select_rows(rows)
            grid.rows.copy_column.trigger()
            await until(clipboard.text)
            assert clipboard.text().replace("\r\n", "\n") == expected.replace("\r\n", "\n")

    run(go())


def test_copies_of_rows_are_drafts_behind_the_last_row(run, grid):
    async def go():
        count = len(grid.model.ids())
        await grid.project.write("", lambda db: db.execute("UPDATE example SET problems = 'fact-stale' WHERE id = 3"))
        before = [grid.row(id) for id in (1, 3)]
        grid.table.select_rows([0, 2])
        grid.rows.duplicate.trigger()
        await until(lambda: len(grid.model.ids()) == count + 2)
        assert grid.project.undo_label == "Duplicate 2 rows"
        copies = [grid.row(id) for id in grid.model.ids()[-2:]]
        assert [row.status for row in copies] == ["draft", "draft"]
        for row, copy in zip(before, copies, strict=True):
            fields = {"id": copy.id, "status": "draft", "source": "", "line": None}
            assert copy == replace(row, **fields)
        await grid.project.undo()
        assert len(find(grid.project.rows)) == count

    run(go())


def test_the_selection_is_inverted(grid):
    count = grid.model.rowCount()
    grid.table.select_rows([0, 2, 3])
    grid.rows.invert_selection.trigger()
    assert grid.table.intervals() == [(1, 1), (4, count - 1)]
    grid.rows.invert_selection.trigger()
    assert grid.table.intervals() == [(0, 0), (2, 3)]


def test_the_cursor_goes_to_the_row_of_a_number(run, grid):
    async def go():
        grid.go_to(0, "answer")
        grid.rows.previous_row.trigger()
        assert grid.table.currentIndex().row() == 0
        grid.rows.next_row.trigger()
        assert grid.table.intervals() == [(1, 1)]
        grid.rows.go_to_row.trigger()
        dialog = grid.owner.findChild(QInputDialog)
        assert (dialog.intMinimum(), dialog.intMaximum(), dialog.intValue()) == (1, grid.model.rowCount(), 2)
        dialog.setIntValue(41)
        dialog.accept()
        assert grid.table.intervals() == [(40, 40)]
        assert grid.table.current_field() == "answer"

    run(go())


VALUE_FILTERS = {
    "split": ("Filter by “train”", "split:train", "-split:train"),
    "tags": ("Filter by “a&&b c”", "tag:a&b tag:c", "-tag:a&b -tag:c"),
    "facts": ("Filter by “(none)”", "-fact:*", "fact:*"),
    "source": ("Filter by “my rows.csv”", 'source:"my rows.csv"', '-source:"my rows.csv"'),
    "question": ("Filter by “two balls”", "two balls", None),
    "notes": (None, None, None),
}


@pytest.mark.parametrize("field", VALUE_FILTERS)
def test_rows_are_filtered_by_the_value_of_a_cell(run, grid, qtbot, field):
    title, same, other = VALUE_FILTERS[field]
    bar = FilterBar()
    qtbot.addWidget(bar)
    grid.rows.filter_wanted.connect(bar.narrow)
    grid.rows.search_wanted.connect(bar.search_text)

    async def go():
        await grid.project.write("", examples.set_field, 1, "question", "two balls")
        values = {"tags": "a&b c", "facts": "", "source": "my rows.csv", "split": "train"}
        columns = ", ".join(f"{name} = ?" for name in values)
        await grid.project.write(
            "", lambda db: db.execute(f"UPDATE example SET {columns} WHERE id = 1", [*values.values()])
        )
        grid.model.forget()
        grid.go_to(0, field)
        menu = grid.rows.build_context_menu(grid.owner)
        entries = {
            action.text(): action for action in menu.actions() if action.text().startswith(("Filter by", "Excl"))
        }
        assert next(iter(entries), None) == title
        for start, expected in (("Filter", same), ("Excl", other)):
            bar.clear()
            chosen = [action for text, action in entries.items() if text.startswith(start)]
            assert len(chosen) == (expected is not None)
            for action in chosen:
                action.trigger()
                assert bar.line.text() == expected

    run(go())


def test_rows_are_copied_as_a_markdown_table_that_can_be_pasted(run, grid):
    async def go():
        await grid.project.write("", examples.set_field, 2, "answer", "two | or\nthree")
        grid.table.select_rows([1, 2])
        clipboard = QGuiApplication.clipboard()
        clipboard.setText("")
        grid.rows.copy_markdown.trigger()
        await until(clipboard.text)
        found = clipboard_text.detect_pasted(clipboard.text())
        assert found.has_head and {"question", "answer"} <= found.mapping.keys()
        assert len(clipboard.text().splitlines()) == 4 and r"two \| or<br>three" in clipboard.text()

    run(go())


def test_what_is_pasted_below_the_last_row_becomes_new_rows(run, grid):
    async def go():
        last = len(grid.model.ids()) - 1
        prompt = spec.load(grid.project.rows).system_prompt
        QGuiApplication.clipboard().setText("q1\ta1\nq2\ta2\nq3\ta3\n")
        grid.go_to(last, "question")
        grid.rows.paste.trigger()
        await until(lambda: len(grid.model.ids()) == last + 3)
        new = grid.row(grid.model.id(last + 2))
        assert (new.question, new.answer) == ("q3", "a3")
        assert jsonl.system_prompt(new.data) == prompt
        assert grid.row(grid.model.id(last)).answer == "a1"
        await grid.project.undo()
        assert len(find(grid.project.rows)) == last + 1

    run(go())


def test_one_cell_is_pasted_into_all_selected_rows(run, grid):
    async def go():
        QGuiApplication.clipboard().setText("Draft\n")
        grid.go_to(0, "status")
        grid.table.select_rows([0, 1, 2])
        grid.rows.paste.trigger()
        await until(lambda: grid.row(3).status == "draft")
        assert [grid.row(id).status for id in (1, 2, 4)] == ["draft", "draft", "approved"]

    run(go())


def test_a_value_that_its_column_does_not_know_is_refused():
    columns = [COLUMNS.index("split"), COLUMNS.index("kind")]
    with pytest.raises(FormatError, match="Nothing was pasted"):
        copy_paste_drag.build_paste_plan([["exam", ""]], [1], columns)
    assert copy_paste_drag.build_paste_plan([["TEST", ""]], [1], columns).edits == [
        (1, "split", "test"),
        (1, "kind", ""),
    ]


def test_rows_of_a_file_on_the_clipboard_are_imported(run, grid):
    async def go():
        pasted = []
        grid.rows.text_pasted.connect(pasted.append)
        for text in ('{"messages": []}', "| question | answer |\n|---|---|\n| a | b |"):
            QGuiApplication.clipboard().setText(text)
            grid.rows.paste.trigger()
            assert pasted.pop() == text

    run(go())


def test_menus_show_the_keys_and_need_a_selection(grid):
    grid.table.clearSelection()
    assert not grid.rows.delete.isEnabled()
    assert not grid.rows.approve.isEnabled()
    grid.table.select_rows([0])
    menu = grid.rows.build_context_menu(grid.owner)
    texts = [action.text() for action in menu.actions()]
    assert texts[:3] == ["&Edit the cell", "Edit as &JSON…", ""]
    judge = texts.index("Let a model &judge…")
    assert texts[judge:] == ["Let a model &judge…", "&Approve", "&Reject", "Mark as dra&ft", "&Split", "&Kind",
                         "Add ta&gs…", "&Bulk edit…", "", "&Delete"]  # fmt: skip
    assert menu.actions()[judge + 1].shortcut().toString() == "Alt+A"
    actions = grid.rows.findChildren(QAction, options=Qt.FindChildOption.FindDirectChildrenOnly)
    taken = [key.toString() for action in actions for key in action.shortcuts()]
    assert len(taken) == len(set(taken)) > 10, taken
    shown = {*menu.actions(), *grid.rows.build_rows_menu(grid.owner).actions()}
    assert [action.text() for action in actions if action not in shown] == ["&Search"]


@pytest.fixture
def bar(qtbot):
    bar = FilterBar()
    qtbot.addWidget(bar)
    bar.show_counts({"split": {"train": 3, "test": 1}, "problems": {"role-unknown": 2}, "tags": {"a": 1}})
    return bar


def test_the_words_and_the_lists_say_the_same(bar):
    changes = []
    bar.changed.connect(lambda: changes.append(bar.filter()))
    bar.choose("split:test length:>20 goal line")
    assert bar.boxes["split"].currentData() == "test"
    assert bar.least.text() == "20"
    choose_at(bar.boxes["split"], 0)
    bar.most.textEdited.emit("90")
    assert bar.line.text() == "length:>20 length:<90 goal line"
    assert changes[-1] == Filter(text="goal line", min_length=20, max_length=90)
    bar.clear_button.click()
    assert bar.is_empty()
    assert len(changes) == 4


def test_what_no_row_has_any_more_is_still_said_to_be_looked_for(bar):
    bar.choose("status:draft")
    bar.show_counts({"status": {"draft": 2}})
    assert bar.boxes["status"].currentText() == "draft (2)"
    bar.show_counts({"status": {"approved": 2}})
    assert bar.boxes["status"].currentText() == "draft (0)"
    bar.clear()
    bar.show_counts({"status": {"approved": 2}})
    assert [bar.boxes["status"].itemText(at) for at in range(bar.boxes["status"].count())] == [
        "Any status",
        "approved (2)",
    ]


def test_half_a_regular_expression_is_not_searched(bar, qtbot):
    searched = []
    bar.changed.connect(lambda: searched.append(bar.filter()))
    bar.regex.setChecked(True)
    bar.line.setText("(goal")
    assert "not a regular expression yet" in bar.error_note.text()
    assert not bar._typing.isActive()
    with qtbot.waitSignal(bar.changed):
        bar.line.setText("(goal)")
    assert searched == [Filter(text="(goal)", regex=True)]
    assert not bar.error_note.text()


def test_a_list_that_is_open_stays_open_when_counts_come(bar):
    box: QComboBox = bar.boxes["split"]
    items = [box.itemText(index) for index in range(box.count())]
    assert items == ["All splits", "train (3)", "test (1)"]
    cleared = []
    box.model().rowsRemoved.connect(lambda *_: cleared.append(1))
    bar.show_counts({"split": {"train": 3, "test": 1}})
    assert not cleared
    assert box.itemData(1, Qt.ItemDataRole.UserRole) == "train"
