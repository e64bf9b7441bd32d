"""The header of the grid: columns are shown, hidden, moved and resized; the layout is stored."""

from PySide6.QtCore import QByteArray, QEvent, QItemSelectionModel, QPoint, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from core.language import tr
from ui import style
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS, headings

FILLER_COLUMN = COLUMNS.index("answer")  # takes the room that is left, until a person sizes it
NUMBER_INSET = 8  # pixels beside a row's number
NUMBER_ALIGNMENT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MIN_FILLER_WIDTH = 220  # pixels it keeps when there is no room


class RowNumbers(QHeaderView):
    """The row numbers, painted directly: sections styled by a style sheet are as slow as the cells."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(Qt.Orientation.Vertical, table)
        self.setSectionsClickable(True)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setDefaultSectionSize(table.fontMetrics().height() + style.SPACE)
        self.setHighlightSections(False)

    def paintSection(self, painter: QPainter, rect: QRect, row: int) -> None:
        painter.fillRect(rect, self.palette().window())
        painter.setPen(self.palette().placeholderText().color())
        painter.drawText(rect.adjusted(0, 0, -NUMBER_INSET, 0), NUMBER_ALIGNMENT, f"{row + 1:,}")


class GridHeader(QHeaderView):
    """The header of the grid. The free width goes to the answer column until a person resizes it."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, table)
        self._table = table
        self._fills = True
        self._filling = False
        self._is_usual = False  # whether the columns are as they were made, and not as a person left them
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(style.scaled(44))
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)

    def start(self) -> None:
        """Must be called when the header is set in the table and has its sections."""
        # With a selection model of its own the header does not ask every row when all are selected.
        self.setSelectionModel(QItemSelectionModel(self._table.model(), self))
        self.setSortIndicatorClearable(True)
        self.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._table.setSortingEnabled(True)
        self._arrange()
        self.sectionResized.connect(self._on_resized)

    def menu(self, clicked: int = -1) -> QMenu:
        """A menu of the columns with check marks, built each time; before them what can be done with the column `clicked`."""
        menu = QMenu(self)
        if clicked >= 0:
            hide = menu.addAction(tr("Hide “{column}”", column=headings()[clicked]))
            hide.setEnabled(self.count() - self.hiddenSectionCount() > 1)
            hide.triggered.connect(lambda: self.show_column(clicked, False))
            menu.addAction(tr("Fit to its contents")).triggered.connect(
                lambda: self._table.resizeColumnToContents(clicked)
            )
            menu.addSeparator()
        for column, title in sorted(enumerate(headings()), key=lambda item: self.visualIndex(item[0])):
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(not self.isSectionHidden(column))
            # The last one stays: without any there would be no header left to bring one back.
            action.setEnabled(self.isSectionHidden(column) or self.count() - self.hiddenSectionCount() > 1)
            action.toggled.connect(lambda shown, column=column: self.show_column(column, shown))
        menu.addSeparator()
        menu.addAction(tr("Reset columns")).triggered.connect(self.reset_columns)
        return menu

    def show_order(self, other: "GridHeader") -> None:
        """Show the same order as another header, without sorting anew."""
        self._table.model().blockSignals(True)
        self.setSortIndicator(other.sortIndicatorSection(), other.sortIndicatorOrder())
        self._table.model().blockSignals(False)

    def show_column(self, column: int, shown: bool) -> None:
        """Show or hide a column; the answers take the free width."""
        self._is_usual = False
        self.setSectionHidden(column, not shown)
        self.fill()

    def reset_columns(self) -> None:
        """Return to the default order, widths and visible columns."""
        for place in range(self.count()):
            self.moveSection(self.visualIndex(place), place)
        self._fills = True
        self._arrange()
        self.fill()

    def shown_columns(self) -> list[int]:
        """The visible columns, from left to right."""
        order = (self.logicalIndex(place) for place in range(self.count()))
        return [column for column in order if not self.isSectionHidden(column)]

    def fill(self) -> None:
        """Give the free width to the answer column."""
        if not self._fills or self.isSectionHidden(FILLER_COLUMN):
            return
        room = self._table.viewport().width() - (self.length() - self.sectionSize(FILLER_COLUMN))
        self._filling = True
        self.resizeSection(FILLER_COLUMN, max(style.scaled(MIN_FILLER_WIDTH), room))
        self._filling = False

    def layout_text(self) -> str:
        """The columns' order, widths and visibility as text, for the settings."""
        return f"{int(self._fills)} {' '.join(COLUMNS)} {bytes(self.saveState().toBase64().data()).decode()}"

    def restore_layout(self, text: str) -> None:
        """Apply what `layout_text` returned; a text from a version with other columns is ignored."""
        fills, *names, saved = text.split(" ") if " " in text else ("", "")
        if tuple(names) == COLUMNS and self.restoreState(QByteArray.fromBase64(saved.encode("ascii", "replace"))):
            self._fills, self._is_usual = fills == "1", False
            self.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self.fill()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._is_usual:  # the headings may be bold now
            self._arrange()
            self.fill()

    def _arrange(self) -> None:
        self._filling = self._is_usual = True
        for number, column in enumerate(ALL_COLUMNS):
            self.setSectionHidden(number, not column.shown)
            self.resizeSection(number, max(style.scaled(column.width), self.sectionSizeFromContents(number).width()))
        self._filling = False

    def _on_resized(self, column: int, _before: int, size: int) -> None:
        if self._filling or not size:
            return
        self._is_usual = False
        if column == FILLER_COLUMN:
            self._fills = False
        self.fill()

    def _on_menu(self, place: QPoint) -> None:
        menu = self.menu(self.logicalIndexAt(place))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.mapToGlobal(place))
