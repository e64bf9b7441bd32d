"""The table of the spec's facts: its model, and the view with the counts of rows by kind."""

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeySequence, QPainter, QPen, QShortcut, QTextCharFormat
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from core.exam import fact_coverage
from core.exam.fact_coverage import EXAM, EXTRA_KINDS, KINDS, STUDY_PLAN, FactCoverage
from core.language import tr, trn
from core.spec.facts import Fact
from ui import style
from ui.widgets import basics, tables
from ui.widgets.value_texts import value_text

NAME_COLUMN, TEXT_COLUMN, COVERAGE_COLUMN, EXAM_COLUMN, RECALL_COLUMN, BASE_KNOWS_COLUMN = range(6)  # columns
CELL_WIDTH = 19  # pixels of one kind's count
COLUMN_WIDTHS = {
    NAME_COLUMN: 66,
    COVERAGE_COLUMN: CELL_WIDTH * len(KINDS) + 16,
    EXAM_COLUMN: 58,
    RECALL_COLUMN: 66,
    BASE_KNOWS_COLUMN: 62,
}
WARNING_SIGN = "⚠"
ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


def row_kind_titles() -> dict[str, str]:
    """The screen texts of the kinds of rows."""
    return {**{kind: value_text(kind) for kind in (*KINDS, *EXTRA_KINDS)}, EXAM: tr("for the exam")}


def state_titles(state: str, count: int) -> str:
    """The number of facts in each state of coverage, as text."""
    match state:
        case "covered":
            return trn("{n} covered", "{n} covered", count)
        case "thin":
            return trn("{n} needs rows", "{n} need rows", count)
        case "unproved":
            return trn("{n} without an exam question", "{n} without an exam question", count)
        case "bare":
            return trn("{n} without rows", "{n} without rows", count)
    assert state == "stale", state
    return trn("{n} out of date", "{n} out of date", count)


STATE_MEANINGS = {"covered": "good", "thin": "note", "unproved": "note", "bare": "warning", "stale": "error"}

# What the colours of the states say for those who do not see them; what is covered has no line.
STATE_UNDERLINES = {
    "thin": QTextCharFormat.UnderlineStyle.DotLine, "unproved": QTextCharFormat.UnderlineStyle.DotLine,
    "bare": QTextCharFormat.UnderlineStyle.DashUnderline, "stale": QTextCharFormat.UnderlineStyle.WaveUnderline,
}  # fmt: skip


def format_fact_details(entry: FactCoverage, lost: bool) -> str:
    """A fact's details, one per line."""
    lines = [entry.fact.text]
    if lost:
        lines.append(tr("Its source passage is no longer in the text."))
    if entry.stale:
        lines.append(trn("{n} row was written before the fact changed.",
                         "{n} rows were written before the fact changed.", entry.stale))  # fmt: skip
    if entry.stale and entry.fact.was:
        lines += [tr("Before: {text}", text=entry.fact.was), tr("Now: {text}", text=entry.fact.quote)]
    titles = row_kind_titles()
    counts = [f"{titles[kind]} {entry.approved[kind]}/{STUDY_PLAN[kind]}" for kind in KINDS]
    counts += [f"{titles[kind]} {entry.approved[kind]}" for kind in EXTRA_KINDS if entry.approved[kind]]
    lines.append(tr("Rows: {counts}", counts=", ".join(counts)))
    if entry.also_stated:
        lines.append(trn("{n} row about another fact also states it.",
                         "{n} rows about other facts also state it.", entry.also_stated))  # fmt: skip
    if entry.drafts:
        lines.append(trn("{n} draft waits for approval.", "{n} drafts wait for approval.", entry.drafts))
    if entry.lacking:
        listed = ", ".join(f"{titles[kind]} {count}" for kind, count in entry.lacking.items())
        lines.append(tr("Missing: {counts}", counts=listed))
    return "\n".join(lines)


class FactTableModel(QAbstractTableModel):
    """The facts with their coverage, as a Qt model; `edited` gives a fact's new text."""

    edited = Signal(int, str)  # id and new text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[FactCoverage] = []
        self._rows: dict[int, int] = {}  # id of a fact -> row
        self._lost: set[int] = set()

    def show_entries(self, entries: list[FactCoverage], lost: set[int]) -> None:
        """Show these; with the same facts as before a view keeps scroll position and selection. `lost` have no passage."""
        same = [entry.fact.id for entry in entries] == [entry.fact.id for entry in self._entries]
        if not same:
            self.beginResetModel()
        self._entries, self._lost = entries, lost
        self._rows = {entry.fact.id: row for row, entry in enumerate(entries)}
        if same:
            self._emit_data_changed()
        else:
            self.endResetModel()

    def _emit_data_changed(self) -> None:
        if self._entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._entries) - 1, BASE_KNOWS_COLUMN))

    def entries(self) -> list[FactCoverage]:
        """All facts with their coverage, in the order shown."""
        return self._entries

    def fact(self, row: int) -> Fact:
        """The fact in line `row`."""
        return self._entries[row].fact

    def entry(self, id: int) -> FactCoverage | None:
        """The coverage of the fact with this id; None when it is not there."""
        row = self.row(id)
        return None if row is None else self._entries[row]

    def row(self, id: int) -> int | None:
        """The line of the fact with this id; None when it is not there."""
        return self._rows.get(id)

    def is_lost(self, fact: Fact) -> bool:
        """Whether the fact's passage is no longer in the text."""
        return fact.id in self._lost

    def count_lost(self) -> int:
        """How many facts have no passage."""
        return len(self._lost)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else BASE_KNOWS_COLUMN + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return (tr("Fact"), tr("Text"), tr("Rows by kind"), tr("Exam"), tr("Recall"), tr("Base"))[section]
        if role == Role.TextAlignmentRole and section in (NAME_COLUMN, TEXT_COLUMN, COVERAGE_COLUMN):
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        if role == Role.ToolTipRole:
            return self._build_tooltip(section)
        return None

    def _build_tooltip(self, section: int) -> str | None:
        titles = row_kind_titles()
        return {
            COVERAGE_COLUMN: tr(
                "Rows that teach the fact, in this order: {kinds}", kinds=", ".join(titles[k] for k in KINDS)
            ),
            EXAM_COLUMN: tr("Wordings that are kept for the exam and never used for training"),
            RECALL_COLUMN: tr("Right answers in the newest exam"),
            BASE_KNOWS_COLUMN: tr("Right answers of the base model, before any training"),
        }.get(section)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        entry, column = self._entries[index.row()], index.column()
        if role == Role.DisplayRole:
            return self._cell_text(entry, column)
        if role == ENTRY_ROLE:
            return entry
        if role == Role.EditRole:
            return entry.fact.text if column == TEXT_COLUMN else None
        if role in (Role.ToolTipRole, Role.AccessibleDescriptionRole):
            text = format_fact_details(entry, self.is_lost(entry.fact))
            return basics.plain_tooltip(text) if role == Role.ToolTipRole else text
        if role == Role.ForegroundRole:
            return self._colour(entry, column)
        if role == Role.TextAlignmentRole and column in (EXAM_COLUMN, RECALL_COLUMN, BASE_KNOWS_COLUMN):
            return Qt.AlignmentFlag.AlignCenter
        return None

    def _cell_text(self, entry: FactCoverage, column: int) -> str:
        fact = entry.fact
        mark = f"{WARNING_SIGN} " if self.is_lost(fact) or entry.stale else ""
        known = {"known": tr("knows"), "sometimes": tr("partly"), "unknown": tr("no"), "": ""}
        recall = str(entry.recall) if entry.recall else ""
        shown = (
            f"{mark}{fact.name}",
            fact.text,
            "",
            str(entry.examined),
            recall,
            known[fact_coverage.knowledge(fact.known)],
        )
        return shown[column]

    def _colour(self, entry: FactCoverage, column: int) -> Any:
        if entry.fact.ignored:
            return style.dim()
        alarming = {
            NAME_COLUMN: self.is_lost(entry.fact) or entry.stale,
            TEXT_COLUMN: self.is_lost(entry.fact),
            EXAM_COLUMN: not entry.examined,
        }
        return style.colours("warning")[0] if alarming.get(column) else None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        text = " ".join(str(value).split())
        fact = self.fact(index.row())
        if role != Role.EditRole or not text or text == fact.text:
            return False
        self.edited.emit(fact.id, text)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == TEXT_COLUMN else flags


class RoomyDelegate(QStyledItemDelegate):
    """Adds space between the rows."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(0, style.SPACE)


class CoverageDelegate(RoomyDelegate):
    """Paints the counts of a fact's rows by kind: coloured where enough, or where some lack."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self.initStyleOption(option, index)
        QApplication.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        entry: FactCoverage = index.data(ENTRY_ROLE)
        lacking = entry.uncovered
        width = style.scaled(CELL_WIDTH)
        height = min(width, option.rect.height() - 2 * style.HAIR)
        top = option.rect.center().y() - height // 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, kind in enumerate(KINDS):
            box = QRect(option.rect.left() + style.SPACE // 2 + place * width, top, width - style.SMALL_RADIUS, height)
            count = entry.approved[kind]
            if not entry.fact.ignored:
                front, back = style.colours("warning" if kind in lacking else "good")
                painter.setBrush(back)
                is_lacking = QPen(front, 1, Qt.PenStyle.DashLine)  # seen also without its colour
                painter.setPen(is_lacking if kind in lacking else QPen(Qt.PenStyle.NoPen))
                painter.drawRoundedRect(box, style.SMALL_RADIUS, style.SMALL_RADIUS)
                painter.setPen(front)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(count) if count < 100 else "…")
        painter.restore()


class FactTable(QTableView):
    """The table of facts.

    F2 or a double click edits a fact's text, Del deletes the selected ones, Enter shows their rows.
    """

    chosen = Signal()
    opened = Signal()
    delete_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(showGrid=False)
        self.facts = FactTableModel(self)
        self.setModel(self.facts)
        self.setItemDelegate(RoomyDelegate(self))
        self.setItemDelegateForColumn(COVERAGE_COLUMN, CoverageDelegate(self))
        tables.set_up(self, tr("Facts"), several=True, lines=2)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
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
        header = self.horizontalHeader()
        header.setMinimumSectionSize(style.scaled(30))
        for column, width in COLUMN_WIDTHS.items():
            self.setColumnWidth(column, style.scaled(width))
        self._make_room_for_titles()
        header.setSectionResizeMode(TEXT_COLUMN, QHeaderView.ResizeMode.Stretch)

    def _make_room_for_titles(self) -> None:
        for column in COLUMN_WIDTHS:
            tables.widen_to_title(self, column, style.SPACE // 2)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self.model() is not None:  # its titles may be bold now
            self._make_room_for_titles()

    def show_entries(self, entries: list[FactCoverage], lost: set[int]) -> None:
        """Show these facts; the selection is kept. Columns without any measured value are hidden."""
        before = self.fact()
        self.facts.show_entries(entries, lost)
        self.setColumnHidden(RECALL_COLUMN, not any(entry.recall for entry in entries))
        self.setColumnHidden(BASE_KNOWS_COLUMN, not any(entry.fact.known for entry in entries))
        if before and self.fact() is None:
            self.choose(before.id)

    def choose(self, id: int) -> None:
        """Select the fact with this id and scroll to it."""
        if (row := self.facts.row(id)) is not None:
            basics.select_row(self, row, TEXT_COLUMN)
            self.scrollTo(self.facts.index(row, TEXT_COLUMN))

    def fact(self) -> Fact | None:
        """The first selected fact."""
        chosen = self.chosen_facts()
        return chosen[0] if chosen else None

    def chosen_facts(self) -> list[Fact]:
        """The selected facts, in the order shown."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.facts.fact(row) for row in rows]

    def edit_text(self) -> None:
        """Edit the selected fact's text in its cell."""
        if fact := self.fact():
            row = self.facts.row(fact.id)
            assert row is not None
            basics.select_row(self, row, TEXT_COLUMN)
            self.edit(self.facts.index(row, TEXT_COLUMN))
