"""The grid without the tab: its model, its selection, its editors and its painting."""

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication

from core.dataset.examples import Example
from core.dataset.row_edits import SetColumn
from tests.support.pages.keys import press
from tests.support.patience import PATIENCE, effort
from ui.dataset.cell_delegate import TextEditor
from ui.dataset.copy_paste_drag import MAX_ROWS_DRAGGED, PLAIN_TEXT, URI_LIST
from ui.dataset.grid_columns import COLUMNS, cell_meanings, cell_text
from ui.dataset.grid_model import COMPARE_BLOCK, GridModel, RowCells, _common
from ui.dataset.grid_view import GridView

MILLION = 1_000_000
ENTER = Qt.Key.Key_Return


class FakeModel(GridModel):
    def __init__(self, rows):
        super().__init__(None)
        self.show_ids(array("q", range(1, rows + 1)), ascending=True)
        self.asked = self.asked_flags = 0

    def flags(self, index):
        self.asked_flags += 1
        return super().flags(index)

    def _fetch(self, row):
        self.asked += 1
        start = row // 200 * 200
        for id in self.ids()[start : start + 200]:
            example = Example("{}", f"question {id}", f"answer {id}", tags="a b", id=id)
            self._rows[id] = RowCells(example, cell_text(example), cell_meanings(example))
        return self._rows


@pytest.fixture
def grid(qtbot):
    def make(rows=50):
        view = GridView(FakeModel(rows))
        qtbot.addWidget(view)
        view.resize(900, 400)
        view.show()
        return view

    return make


def compose(widget, half, whole=""):
    event = QInputMethodEvent(half, [])
    event.setCommitString(whole)
    QApplication.sendEvent(widget, event)


def test_select_all_of_a_million_rows_takes_milliseconds(grid):
    view = grid(MILLION)
    view.rows.asked_flags = 0

    def select():
        view.selectAll()
        assert view.count_selected() == MILLION
        assert len(view.selected_ids()) == MILLION

    assert effort(select) < 0.5
    assert view.rows.asked_flags < 5_000, "Qt asks every row: a header has lost its own selection model"


def test_a_frame_of_a_million_rows_reads_one_page_or_two(grid):
    view = grid(MILLION)
    view.verticalScrollBar().setValue(MILLION // 2)
    view.rows.asked = 0
    view.grab()
    assert view.rows.asked <= 2


def test_selected_rows_are_given_from_the_top_down(grid):
    view = grid()
    for row in (9, 3, 4, 30):
        view.selectionModel().select(
            view.rows.index(row, 0), QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        )
    assert view.intervals() == [(3, 4), (9, 9), (30, 30)]
    assert list(view.selected_ids()) == [4, 5, 10, 31]


@given(st.lists(st.integers(0, 5), max_size=40), st.lists(st.integers(0, 5), max_size=40))
def test_new_ids_are_shown_whatever_the_old_ones_were(old, new):
    model = GridModel(None)
    model.show_ids(array("q", old))
    rows = []
    model.rowsInserted.connect(lambda _parent, first, last: rows.append(last - first + 1))
    model.rowsRemoved.connect(lambda _parent, first, last: rows.append(first - last - 1))
    model.modelReset.connect(lambda: rows.append(None))
    model.show_ids(array("q", new))
    assert list(model.ids()) == new
    assert None in rows or sum(rows) == len(new) - len(old)


def test_what_two_arrays_have_in_common_is_found_by_blocks():
    one = array("q", range(3 * COMPARE_BLOCK))
    other = array("q", one)
    other[2 * COMPARE_BLOCK + 17] = -1
    assert _common(len(one), lambda i, j: one[i:j] == other[i:j]) == 2 * COMPARE_BLOCK + 17


def test_rows_appended_keep_selection_and_place(grid):
    view = grid(300)
    view.go_to(120)
    view.verticalScrollBar().setValue(110)
    view.rows.show_ids(array("q", range(1, 1001)), ascending=True)
    assert view.current_id() == 121
    assert view.rowAt(0) == 110
    assert view.count_selected() == 1


def test_half_a_japanese_word_is_never_committed(grid):
    """While an input method composes, Enter, Tab and Escape belong to it and not to the cell."""
    view = grid()
    edits = []
    view.rows.edited.connect(lambda *edit: edits.append(edit))
    view.edit_cell(1, "question")
    editor = view.findChild(TextEditor)
    editor.setPlainText("")
    compose(editor, "へんぴん")
    for key in (ENTER, Qt.Key.Key_Tab, Qt.Key.Key_Escape):
        press(editor, key)
    assert view.is_editing()
    assert not edits
    compose(editor, "", "返品")
    press(editor, ENTER)
    assert edits == [(2, SetColumn("question", "返品"))]


def test_japanese_can_be_typed_into_a_cell_that_is_not_open_yet(grid):
    view = grid()
    view.go_to(1, COLUMNS.index("answer"))
    compose(view, "へ")
    editor = view.findChild(TextEditor)
    assert editor is not None
    assert editor.toPlainText() in ("", "answer 2")
    compose(editor, "", "返品")
    edits = []
    view.rows.edited.connect(lambda *edit: edits.append(edit))
    press(editor, ENTER)
    assert edits == [(2, SetColumn("answer", "返品"))]


def test_keys_open_a_cell_go_to_the_next_and_break_lines(grid, qtbot):
    view = grid()
    edits = []
    view.rows.edited.connect(lambda *edit: edits.append(edit))
    view.go_to(0, COLUMNS.index("question"))
    press(view, ENTER)
    editor = view.findChild(TextEditor)
    editor.setPlainText("a")
    editor.moveCursor(editor.textCursor().MoveOperation.End)
    press(editor, ENTER, Qt.KeyboardModifier.ShiftModifier)
    press(editor, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: bool(edits), timeout=int(PATIENCE * 1000))
    assert edits == [(1, SetColumn("question", "a\n"))]
    assert view.currentIndex().column() == COLUMNS.index("answer")
    assert view.is_editing()


def test_typing_stays_when_other_rows_change(grid):
    view = grid()
    view.edit_cell(1, "question")
    editor = view.findChild(TextEditor)
    editor.selectAll()
    editor.insertPlainText("half")
    view.rows.forget()
    assert editor.toPlainText() == "half"


def test_columns_are_hidden_from_the_menu_but_never_all(grid):
    view = grid()
    header = view.header
    for column in list(header.shown_columns())[1:]:
        header.show_column(column, False)
    hide, *_ = header.menu(header.shown_columns()[0]).actions()
    assert (hide.text().split()[0], hide.isEnabled()) == ("Hide", False)
    ticks = [action for action in header.menu().actions() if action.isChecked()]
    assert len(ticks) == 1
    assert not ticks[0].isEnabled()


def test_the_column_that_was_clicked_is_fitted_or_hidden(grid):
    view = grid()
    column = COLUMNS.index("tags")
    hide, fit, *_ = view.header.menu(column).actions()
    assert (hide.text(), fit.text()) == ("Hide “Tags”", "Fit to its contents")
    view.header.resizeSection(column, 300)
    fit.trigger()
    assert view.header.sectionSize(column) < 300
    hide.trigger()
    assert column not in view.header.shown_columns()


def test_many_rows_are_not_dragged(grid):
    view = grid(MAX_ROWS_DRAGGED + 1)
    refused = []
    view.too_many.connect(refused.append)
    view.selectAll()
    view.startDrag(Qt.DropAction.CopyAction)
    assert refused == [MAX_ROWS_DRAGGED + 1]


def test_rows_are_dragged_as_a_file_that_outlives_the_drag(sample):
    model = GridModel(sample)
    model.show_ids(array("q", [1, 2, 3]), ascending=True)
    mime = model.mimeData([model.index(row, column) for row in (2, 0) for column in (0, 1)])
    assert set(mime.formats()) == {URI_LIST, PLAIN_TEXT}
    (url,) = mime.urls()
    text = mime.text()
    del mime
    with Path(url.toLocalFile()).open(encoding="utf-8") as file:
        assert file.read() == text
    assert text.count("\n") == 2
    assert '"messages"' in text


def test_a_value_that_is_not_offered_stays_when_its_list_is_left(grid):
    view = grid(3)
    view.rows._rows[1] = RowCells(Example("{}", kind="riddle", id=1), cell_text(Example("{}", id=1)), "")
    index, written = view.rows.index(0, COLUMNS.index("kind")), []
    view.rows.edited.connect(lambda *edit: written.append(edit))
    delegate = view.itemDelegateForIndex(index)
    box = delegate.createEditor(view, None, index)
    delegate.setEditorData(box, index)
    assert box.placeholderText() == "riddle"
    delegate.setModelData(box, view.rows, index)
    assert not written
    box.setCurrentIndex(box.findData("reverse"))
    delegate.setModelData(box, view.rows, index)
    assert written == [(1, SetColumn("kind", "reverse"))]


def test_ctrl_end_selects_the_row_it_goes_to(grid):
    view = grid()
    view.go_to(3)
    press(view, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert view.current_id() == 50 and list(view.selected_ids()) == [50]
    press(view, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert list(view.selected_ids()) == [view.current_id()] == [1]
