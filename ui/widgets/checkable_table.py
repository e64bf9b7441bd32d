"""A table of things from a server, in which some can be ticked."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTableWidget, QTableWidgetItem

from ui import style
from ui.widgets import basics
from ui.widgets.empty_state import Nothing

T = TypeVar("T")
WIDEST = 420  # pixels of a column
TICK = 16  # of its box, which Qt does not count


class PickingTable(QStackedWidget, Generic[T]):
    """`cells` makes the texts of a line; the first has the tick."""

    picked_changed = Signal()

    def __init__(self, name: str, columns: Sequence[str], cells: Callable[[T], tuple[str, ...]]) -> None:
        super().__init__()
        self._cells, self._things = cells, list[T]()
        self.table, self._nothing = QTableWidget(0, len(columns)), Nothing()
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setAccessibleName(name)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setMaximumSectionSize(WIDEST)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.itemChanged.connect(lambda _item: self.picked_changed.emit())
        self.addWidget(self._nothing)
        self.addWidget(self.table)

    def show_things(self, things: Sequence[T], nothing: str, advice: str) -> None:
        """Show them, none ticked; where there are none, `nothing` and `advice` stand there."""
        self._things = list(things)
        self._nothing.say(nothing, advice)
        self.setCurrentIndex(1 if things else 0)
        self.table.blockSignals(True)
        self.table.setRowCount(len(things))
        for row, thing in enumerate(things):
            for column, text in enumerate(self._cells(thing)):
                item = QTableWidgetItem(text)
                item.setToolTip(basics.tip(text) if text else "")
                if column == 0:
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    item.setCheckState(Qt.CheckState.Unchecked)
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        self.table.resizeColumnsToContents()
        for column in range(self.table.columnCount() - 1):
            room = style.SPACE + (TICK if column == 0 else 0)
            self.table.setColumnWidth(column, min(WIDEST, self.table.columnWidth(column) + room))

    def things(self) -> list[T]:
        return self._things

    def picked(self) -> list[T]:
        """Those that are ticked."""
        return [
            thing for row, thing in enumerate(self._things) if self._item(row).checkState() == Qt.CheckState.Checked
        ]

    def pick(self, wanted: Callable[[T], bool]) -> None:
        """Tick those that are `wanted`, and no others."""
        for row, thing in enumerate(self._things):
            self._item(row).setCheckState(Qt.CheckState.Checked if wanted(thing) else Qt.CheckState.Unchecked)

    def _item(self, row: int) -> QTableWidgetItem:
        item: QTableWidgetItem = self.table.item(row, 0)
        return item
