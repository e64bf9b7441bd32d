"""The table of facts: chosen, edited, and seen at a glance for what each still lacks."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from core.exam.fact_coverage import KINDS, FactCoverage
from core.language import tr
from core.spec.facts import Fact
from ui import style
from ui.spec.fact_table_model import COVERED, ENTRY, EXAMINED, KNOWN, NAME, RECALL, TEXT, FactModel
from ui.widgets import basics

CELL = 19  # pixels of one kind's count
WIDTHS = {NAME: 66, COVERED: CELL * len(KINDS) + 16, EXAMINED: 58, RECALL: 66, KNOWN: 62}

Index = QModelIndex | QPersistentModelIndex


class RoomyDelegate(QStyledItemDelegate):
    """Keeps the lines of one cell apart from those of the next."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(0, style.SPACE)


class CoverageDelegate(RoomyDelegate):
    """Paints the counts of a fact's rows by kind: coloured where enough, or where some lack."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self.initStyleOption(option, index)
        QApplication.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        entry: FactCoverage = index.data(ENTRY)
        lacking = entry.uncovered
        height = min(CELL, option.rect.height() - 4)
        top = option.rect.center().y() - height // 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, kind in enumerate(KINDS):
            box = QRect(option.rect.left() + 6 + place * CELL, top, CELL - 3, height)
            count = entry.approved[kind]
            if not entry.fact.ignored:
                front, back = style.colours("warning" if kind in lacking else "good")
                painter.setBrush(back)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawRoundedRect(box, 3, 3)
                painter.setPen(front)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(count) if count < 100 else "…")
        painter.restore()


class FactTable(QTableView):
    """F2 or a double click edits a fact's text, Del deletes the chosen ones, Enter shows their rows."""

    chosen = Signal()
    opened = Signal()
    delete_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(showGrid=False)
        self.facts = FactModel(self)
        self.setModel(self.facts)
        self.setItemDelegate(RoomyDelegate(self))
        self.setItemDelegateForColumn(COVERED, CoverageDelegate(self))
        self.setAccessibleName(tr("Facts"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setTabKeyNavigation(False)
        self.setWordWrap(True)
        self.verticalHeader().hide()
        self._size_columns()
        self.selectionModel().selectionChanged.connect(lambda _new, _old: self.chosen.emit())
        self.facts.modelReset.connect(self.chosen)
        self.doubleClicked.connect(lambda _index: self.edit_text())
        for key, signal in ((QKeySequence.StandardKey.Delete, self.delete_wanted), (Qt.Key.Key_Return, self.opened)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(signal)

    def _size_columns(self) -> None:
        # Two lines for every fact: to measure each text would hold up the window where there are thousands.
        self.verticalHeader().setDefaultSectionSize(2 * self.fontMetrics().lineSpacing() + style.SPACE)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(30)
        for column, width in WIDTHS.items():
            needed = header.fontMetrics().horizontalAdvance(
                f"{self.facts.headerData(column, Qt.Orientation.Horizontal)}"
            )
            self.setColumnWidth(column, max(width, needed + 22))
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)

    def show_entries(self, entries: list[FactCoverage], lost: set[int]) -> None:
        """Show these facts; the selected one stays selected. What nobody has measured has no column."""
        before = self.fact()
        self.facts.show_entries(entries, lost)
        self.setColumnHidden(RECALL, not any(entry.recall for entry in entries))
        self.setColumnHidden(KNOWN, not any(entry.fact.known for entry in entries))
        if before and self.fact() is None:
            self.choose(before.id)

    def choose(self, id: int) -> None:
        if (row := self.facts.row(id)) is not None:
            basics.select_row(self, row, TEXT)
            self.scrollTo(self.facts.index(row, TEXT))

    def fact(self) -> Fact | None:
        """The chosen fact, or the first of several."""
        chosen = self.chosen_facts()
        return chosen[0] if chosen else None

    def chosen_facts(self) -> list[Fact]:
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.facts.fact(row) for row in rows]

    def edit_text(self) -> None:
        """Edit the selected fact's text in its cell."""
        if fact := self.fact():
            row = self.facts.row(fact.id)
            assert row is not None
            basics.select_row(self, row, TEXT)
            self.edit(self.facts.index(row, TEXT))
