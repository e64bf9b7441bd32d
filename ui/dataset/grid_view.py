"""The grid view: selection by ranges, keys, and the scroll position that is kept when rows change."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractItemDelegate, QAbstractItemView, QTableView, QWidget

from core.dataset.examples import Example
from core.language import tr
from ui.dataset.cell_delegate import CellDelegate
from ui.dataset.copy_paste_drag import MAX_ROWS_DRAGGED
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS
from ui.dataset.grid_header import GridHeader, RowNumbers
from ui.dataset.grid_model import GridModel

Index = QModelIndex | QPersistentModelIndex
MAX_SELECTION_KEPT = 1_000  # selected rows that are found again when all rows change places
WHOLE_ROWS = QItemSelectionModel.SelectionFlag.Rows
RESTYLE_EVENTS = (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange)


class GridView(QTableView):
    """The table of rows: selection, keys and drag and drop."""

    too_many = Signal(int)  # more rows than can be dragged
    edit_ended = Signal()

    def __init__(self, model: GridModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Rows"))
        self.setModel(model)
        for corner in self.findChildren(QAbstractButton):
            corner.setAccessibleName(tr("Select all"))
        self.rows = model
        self.header = GridHeader(self)
        self.setHorizontalHeader(self.header)
        self.setItemDelegate(CellDelegate(self))
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table; in the editor of a cell it goes to the next one
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        numbers = RowNumbers(self)
        self.setVerticalHeader(numbers)
        numbers.setSelectionModel(QItemSelectionModel(model, self))
        self.header.start()

    def intervals(self) -> list[tuple[int, int]]:
        """The selected rows as (first, last), sorted; a million rows may be one interval."""
        found: list[tuple[int, int]] = []
        for top, bottom in sorted((part.top(), part.bottom()) for part in self.selectionModel().selection().toList()):
            if found and top <= found[-1][1] + 1:
                found[-1] = found[-1][0], max(bottom, found[-1][1])
            else:
                found.append((top, bottom))
        return found

    def count_selected(self) -> int:
        """How many rows are selected."""
        return sum(last - first + 1 for first, last in self.intervals())

    def selected_ids(self) -> array[int]:
        """The ids of the selected rows, in their order."""
        ids = array("q")
        for first, last in self.intervals():
            ids += self.rows.ids()[first : last + 1]
        return ids

    def current_id(self) -> int:
        """The id of the current row, or 0."""
        row = self.currentIndex().row()
        return self.rows.id(row) if 0 <= row < self.rows.rowCount() else 0

    def current_example(self) -> Example | None:
        """The current row, or None."""
        row = self.currentIndex().row()
        return self.rows.example(row) if 0 <= row < self.rows.rowCount() else None

    def current_field(self) -> str:
        """The column of the current cell; '' for none."""
        index = self.currentIndex()
        return COLUMNS[index.column()] if index.isValid() else ""

    def is_editing(self) -> bool:
        """Whether the editor of a cell is open."""
        return self.state() == QAbstractItemView.State.EditingState

    def go_to(self, row: int, column: int | None = None, select: bool = True) -> None:
        """Move the cursor to a row; without `select` the selection is kept."""
        if column is None:
            column = max(self.currentIndex().column(), 0) or COLUMNS.index("question")
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | WHOLE_ROWS
        self.selectionModel().setCurrentIndex(
            self.rows.index(row, column), flags if select else QItemSelectionModel.SelectionFlag.NoUpdate
        )

    def go_by(self, rows: int) -> None:
        """Move the cursor by so many rows, and select the row that it comes to; at an end it stays."""
        row = self.currentIndex().row() + rows
        if 0 <= row < self.rows.rowCount():
            self.go_to(row)

    def select_rows(self, rows: list[int]) -> None:
        """Select these lines, and no others."""
        selection = QItemSelection()
        for row in rows:
            selection.select(self.rows.index(row, 0), self.rows.index(row, 0))
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect | WHOLE_ROWS)

    def invert_selection(self) -> None:
        """Select the rows that are not selected, and no others."""
        if last := self.rows.rowCount():
            every = QItemSelection(self.rows.index(0, 0), self.rows.index(last - 1, len(COLUMNS) - 1))
            self.selectionModel().select(every, QItemSelectionModel.SelectionFlag.Toggle | WHOLE_ROWS)

    @contextmanager
    def keep_place(self) -> Iterator[None]:
        """Keep the cursor, a selection of moderate size and the scroll position while rows change inside."""
        current, column = self.current_id(), self.currentIndex().column()
        selected = set(self.selected_ids()) if self.count_selected() <= MAX_SELECTION_KEPT else set()
        top = self.rowAt(0)
        above = self.rows.id(top) if top >= 0 else 0
        yield
        if selected and self.count_selected() != len(selected):
            self.select_rows(self.rows.rows(selected))
        row = self.rows.row(current) if current else None
        if row is not None and row != self.currentIndex().row():
            self.go_to(row, column, select=not selected)
        if above and (row := self.rows.row(above)) is not None:
            self.verticalScrollBar().setValue(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not self.is_editing() and self.currentIndex().isValid():
            self.edit(self.currentIndex())
            return
        super().keyPressEvent(event)

    def selectionCommand(self, index: Index, event: QEvent | None = None) -> QItemSelectionModel.SelectionFlag:
        """Ctrl+Home and Ctrl+End select the row that they go to: Delete must hit the row that is shown for editing."""
        command = super().selectionCommand(index, event)
        jumps = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)
        keeps = command == QItemSelectionModel.SelectionFlag.NoUpdate
        return QItemSelectionModel.SelectionFlag.ClearAndSelect | WHOLE_ROWS if jumps and keeps else command

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        self.edit_ended.emit()

    def startDrag(self, actions: Qt.DropAction) -> None:
        if (count := self.count_selected()) > MAX_ROWS_DRAGGED:
            self.too_many.emit(count)
        else:
            super().startDrag(actions)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.header.fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        delegate = self.itemDelegate()
        if event.type() in RESTYLE_EVENTS and isinstance(delegate, CellDelegate):
            delegate.restyle()

    def edit_cell(self, row: int, field: str) -> None:
        """Open the editor of a cell, if its column is visible and can be edited."""
        column = COLUMNS.index(field)
        if ALL_COLUMNS[column].editable and not self.isColumnHidden(column):
            self.go_to(row, column)
            self.edit(self.rows.index(row, column))
