"""Lines of plain texts as a table, for what people only read."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTableWidget, QTableWidgetItem

from ui import style
from ui.widgets import basics
from ui.widgets.empty_state import Nothing

WIDEST = 380  # pixels of a column that is not the last
MOST = 1000  # lines of a table of texts: a window that holds more is slow, and nobody reads it


class TextTable(QStackedWidget):
    """Lines of plain texts, one of which can be chosen; where there are none, words say why."""

    chosen = Signal(int)  # the line, -1 for none

    def __init__(self, name: str, columns: Sequence[str], even: int = 0) -> None:
        """The first `even` columns share the room that is left."""
        super().__init__()
        self.table, self.nothing = QTableWidget(0, len(columns)), Nothing()
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setAccessibleName(name)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMaximumSectionSize(-1 if even else WIDEST)
        header.setStretchLastSection(not even)
        for column in range(even):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._even = even
        self.table.itemSelectionChanged.connect(lambda: self.chosen.emit(self.line()))
        self.addWidget(self.nothing)
        self.addWidget(self.table)

    def name_columns(self, columns: Sequence[str]) -> None:
        """Other columns from now on."""
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))

    def line(self) -> int:
        """The chosen line, -1 for none."""
        rows = self.table.selectionModel().selectedRows()
        return rows[0].row() if rows else -1

    def choose(self, line: int) -> None:
        basics.select_row(self.table, line)

    def show_lines(self, lines: Sequence[Sequence[str]], title: str, text: str) -> None:
        """Show them, the first chosen; without any, `title` and `text` stand there."""
        self.nothing.say(title, text)
        self.setCurrentIndex(1 if lines else 0)
        self.table.blockSignals(True)
        self.table.clearSelection()
        self.table.setRowCount(len(lines))
        for row, cells in enumerate(lines):
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(" ".join(cell[:500].split()))
                item.setToolTip(basics.tip(cell[:2000]) if cell else "")
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        for column in range(self._even, self.table.columnCount() - (0 if self._even else 1)):
            self.table.resizeColumnToContents(column)
            room = self.table.columnWidth(column) + style.SPACE
            self.table.setColumnWidth(column, min(WIDEST, room))

    def colour(self, row: int, column: int, colour: QColor) -> None:
        self.table.item(row, column).setForeground(colour)
