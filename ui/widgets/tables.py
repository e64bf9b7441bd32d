"""What all tables are; and tables of plain texts, with a text in place of an empty one; in one kind rows can be ticked."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedWidget, QTableView, QTableWidget, QTableWidgetItem

from ui import style
from ui.widgets import basics, context_menus

T = TypeVar("T")
MAX_COLUMN_WIDTH = 380  # pixels of a column that is not the last
MAX_CHECKABLE_WIDTH = 420  # pixels of a column of a table with ticks
MAX_TABLE_ROWS = 1000  # a window with more rows is slow, and nobody reads them
TICK_WIDTH = 16  # pixels of the tick's box, which Qt does not count


def set_column_width(view: QTableView, column: int, width: int) -> None:
    """Make a column `width` pixels wide at the normal size of texts, and at least as wide as its heading."""
    title = view.horizontalHeader().sectionSizeFromContents(column).width()
    view.setColumnWidth(column, max(style.scaled(width), title))


def widen_to_title(view: QTableView, column: int, margin: int = 0) -> None:
    """Make a column that is narrower than its heading as wide as that, and `margin` pixels."""
    title = view.horizontalHeader().sectionSizeFromContents(column).width() + margin
    if view.columnWidth(column) < title and not view.isColumnHidden(column):
        view.setColumnWidth(column, title)


class TextTable(QStackedWidget):
    """Rows of plain texts, one of which can be selected; an empty table shows a text instead."""

    chosen = Signal(int)  # the line, -1 for none

    def __init__(self, name: str, columns: Sequence[str], even: int = 0) -> None:
        """The first `even` columns share the remaining width."""
        super().__init__()
        self.table, self.nothing = build(name, columns), basics.EmptyState()
        header = self.table.horizontalHeader()
        header.setMaximumSectionSize(-1 if even else style.scaled(MAX_COLUMN_WIDTH))
        header.setStretchLastSection(not even)
        for column in range(even):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._even = even
        self.table.itemSelectionChanged.connect(lambda: self.chosen.emit(self.line()))
        self.addWidget(self.nothing)
        self.addWidget(self.table)

    def name_columns(self, columns: Sequence[str]) -> None:
        """Replace the column headings."""
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))

    def line(self) -> int:
        """The selected row, -1 for none."""
        rows = self.table.selectionModel().selectedRows()
        return rows[0].row() if rows else -1

    def choose(self, line: int) -> None:
        """Select a line."""
        basics.select_row(self.table, line)

    def show_lines(self, lines: Sequence[Sequence[str]], title: str, text: str) -> None:
        """Show `lines` and select the first; without any, show `title` and `text`."""
        self.nothing.set_texts(title, text)
        self.setCurrentIndex(1 if lines else 0)
        self.table.blockSignals(True)
        self.table.clearSelection()
        self.table.setRowCount(len(lines))
        for row, cells in enumerate(lines):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(" ".join(cell[:500].split()))
                item.setToolTip(basics.plain_tooltip(cell[:2000]) if cell else "")
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        for column in range(self._even, self.table.columnCount() - (0 if self._even else 1)):
            self.table.resizeColumnToContents(column)
            room = self.table.columnWidth(column) + style.SPACE
            self.table.setColumnWidth(column, min(style.scaled(MAX_COLUMN_WIDTH), room))

    def colour(self, row: int, column: int, colour: QColor) -> None:
        """Colour the text of a cell."""
        item = self.table.item(row, column)
        assert item
        item.setForeground(colour)


class CheckableTable(QStackedWidget, Generic[T]):
    """A table of items, of which some can be ticked. `cells` returns the texts of an item's row; the first has the tick."""

    checked_changed = Signal()

    def __init__(self, name: str, columns: Sequence[str], cells: Callable[[T], tuple[str, ...]]) -> None:
        super().__init__()
        self._cells, self._items = cells, list[T]()
        self.table, self.nothing = build(name, columns), basics.EmptyState()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setMaximumSectionSize(style.scaled(MAX_CHECKABLE_WIDTH))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.itemChanged.connect(lambda _item: self.checked_changed.emit())
        self.addWidget(self.nothing)
        self.addWidget(self.table)

    def show_items(self, items: Sequence[T], nothing: str, advice: str) -> None:
        """Show `items`, none ticked; without any, the texts `nothing` and `advice`."""
        self._items = list(items)
        self.nothing.set_texts(nothing, advice)
        self.setCurrentIndex(1 if items else 0)
        self.table.blockSignals(True)
        self.table.setRowCount(len(items))
        for row, item in enumerate(items):
            for column, text in enumerate(self._cells(item)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(basics.plain_tooltip(text) if text else "")
                if column == 0:
                    cell.setFlags(cell.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    cell.setCheckState(Qt.CheckState.Unchecked)
                self.table.setItem(row, column, cell)
        self.table.blockSignals(False)
        self.table.resizeColumnsToContents()
        for column in range(self.table.columnCount() - 1):
            room = style.SPACE + (TICK_WIDTH if column == 0 else 0)
            self.table.setColumnWidth(
                column, min(style.scaled(MAX_CHECKABLE_WIDTH), self.table.columnWidth(column) + room)
            )

    def items(self) -> list[T]:
        """All items, in the order shown."""
        return self._items

    def checked_items(self) -> list[T]:
        """The ticked items."""
        checked = Qt.CheckState.Checked
        return [item for row, item in enumerate(self._items) if self._first_cell(row).checkState() == checked]

    def check_items(self, wanted: Callable[[T], bool]) -> None:
        """Tick the items for which `wanted` is true, and no others."""
        for row, item in enumerate(self._items):
            self._first_cell(row).setCheckState(Qt.CheckState.Checked if wanted(item) else Qt.CheckState.Unchecked)

    def _first_cell(self, row: int) -> QTableWidgetItem:
        item = self.table.item(row, 0)
        assert item
        return item


def set_up(view: QTableView, name: str, several: bool = False, lines: int = 1) -> None:
    """Make `view` a table as all are: whole rows are selected, one or `several`; nothing is edited; Tab leaves it.

    `name` is for screen readers, `lines` of text fit into a row. Who has more to offer than a copy of the lines calls
    `context_menus.offer`.
    """
    view.setAccessibleName(name)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    modes = QAbstractItemView.SelectionMode
    view.setSelectionMode(modes.ExtendedSelection if several else modes.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setTabKeyNavigation(False)
    view.setShowGrid(False)
    view.setWordWrap(lines > 1)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(lines * view.fontMetrics().lineSpacing() + style.SPACE)
    header = view.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    context_menus.offer(view)


def build(name: str, columns: Sequence[str]) -> QTableWidget:
    """An empty table of plain texts with these headings."""
    table = QTableWidget(0, len(columns))
    table.setHorizontalHeaderLabels(list(columns))
    set_up(table, name)
    return table
