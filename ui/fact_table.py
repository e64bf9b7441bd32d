"""The facts of the spec as a table: what each says, and how many rows teach and examine it."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from core.language import tr
from core.facts import Fact
from ui import style, widgets

NAME, TEXT, TRAINED, EXAMINED = range(4)
WIDTHS = {NAME: 74, TRAINED: 78, EXAMINED: 84}
WARNING = "⚠"

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class FactModel(QAbstractTableModel):
    edited = Signal(int, str)  # id and new text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._facts: list[Fact] = []
        self._text = ""
        self._stale: set[int] = set()

    def show_facts(self, facts: list[Fact]) -> None:
        """Show these facts; a view that had the same ones keeps its place and selection."""
        same = [fact.id for fact in facts] == [fact.id for fact in self._facts]
        if not same:
            self.beginResetModel()
        self._facts = facts
        self._find_stale()
        if same:
            self._emit_changed()
        else:
            self.endResetModel()

    def show_text(self, text: str) -> None:
        """The text of the spec, in which each fact's passage should be."""
        self._text = text
        self._find_stale()
        self._emit_changed()

    def _find_stale(self) -> None:
        self._stale = {fact.id for fact in self._facts if fact.quote and fact.quote not in self._text}

    def _emit_changed(self) -> None:
        if self._facts:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._facts) - 1, EXAMINED))

    def fact(self, row: int) -> Fact:
        return self._facts[row]

    def row(self, id: int) -> int | None:
        return next((row for row, fact in enumerate(self._facts) if fact.id == id), None)

    def is_stale(self, fact: Fact) -> bool:
        """Whether the passage that the fact stands on is no longer in the text."""
        return fact.id in self._stale

    def stale(self) -> int:
        """How many facts have lost their passage."""
        return len(self._stale)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._facts)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else EXAMINED + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return (tr("Fact"), tr("Text"), tr("Training"), tr("Exam"))[section]
        if role == Role.TextAlignmentRole and section in (NAME, TEXT):
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role == Role.ToolTipRole and section in (TRAINED, EXAMINED):
            return tr("Rows that teach it") if section == TRAINED else tr("Exam questions that ask for it")
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        fact, column = self._facts[index.row()], index.column()
        if role in (Role.DisplayRole, Role.EditRole):
            mark = f"{WARNING} " if column == NAME and self.is_stale(fact) else ""
            return (f"{mark}{fact.name}", fact.text, fact.trained, fact.examined)[column]
        if role == Role.ToolTipRole:
            stale = tr("Its passage is no longer in the text.") if self.is_stale(fact) else ""
            return widgets.tip(stale or fact.text)
        if role == Role.ForegroundRole and self._is_alarming(fact, column):
            return style.colours("warning")[0]
        if role == Role.TextAlignmentRole and column in (TRAINED, EXAMINED):
            return Qt.AlignmentFlag.AlignCenter
        return None

    def _is_alarming(self, fact: Fact, column: int) -> bool:
        counts = {TRAINED: fact.trained, EXAMINED: fact.examined}
        return self.is_stale(fact) if column in (NAME, TEXT) else counts[column] == 0

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        text = " ".join(str(value).split())
        fact = self._facts[index.row()]
        if role != Role.EditRole or not text or text == fact.text:
            return False
        self.edited.emit(fact.id, text)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == TEXT else flags


class RoomyDelegate(QStyledItemDelegate):
    """Keeps the lines of one cell apart from those of the next."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(0, style.SPACE)


class FactTable(QTableView):
    """One fact at a time is selected; F2 edits its text, Del deletes it, a double click opens its rows."""

    chosen = Signal()
    opened = Signal()
    delete_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(showGrid=False)
        self.facts = FactModel(self)
        self.setModel(self.facts)
        self.setItemDelegate(RoomyDelegate(self))
        self.setAccessibleName(tr("Facts"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._size_columns()
        self.selectionModel().selectionChanged.connect(lambda _new, _old: self.chosen.emit())
        self.facts.modelReset.connect(self.chosen)
        self.doubleClicked.connect(lambda _index: self.opened.emit())
        delete = QShortcut(QKeySequence.StandardKey.Delete, self)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.delete_wanted)

    def _size_columns(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        for column, width in WIDTHS.items():
            self.setColumnWidth(column, width)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)

    def show_facts(self, facts: list[Fact]) -> None:
        """Show these facts; the selected one stays selected."""
        chosen = self.fact()
        self.facts.show_facts(facts)
        if chosen and self.fact() is None:
            self.choose(chosen.id)

    def choose(self, id: int) -> None:
        if (row := self.facts.row(id)) is not None:
            self.selectRow(row)
            self.scrollTo(self.facts.index(row, TEXT))

    def fact(self) -> Fact | None:
        rows = self.selectionModel().selectedRows()
        return self.facts.fact(rows[0].row()) if rows else None

    def edit_text(self) -> None:
        """Edit the selected fact's text in its cell."""
        if fact := self.fact():
            row = self.facts.row(fact.id)
            assert row is not None
            self.setCurrentIndex(self.facts.index(row, TEXT))
            self.edit(self.facts.index(row, TEXT))
