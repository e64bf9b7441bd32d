"""The difference of two states of the dataset: totals, and row by row."""

import json

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.dataset import row_json
from core.dataset.examples import Example
from core.dataset.versions import RowDifference, VersionDiff
from core.language import tr, trn
from ui import style
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.text_highlights import (
    MARK_MEANING,
    MARKS_ROLE,
    MarkDelegate,
    find_changes,
    highlight_spans,
    on_one_line,
    on_two_lines,
    to_utf16_spans,
)
from ui.widgets.value_texts import value_text

Index = QModelIndex | QPersistentModelIndex
ROOT_INDEX = QModelIndex()
ROW_COLUMN, KIND_COLUMN, BEFORE_COLUMN, AFTER_COLUMN = range(4)
CHANGE_MEANINGS = {"added": "good", "removed": "error", "changed": "note"}
SHOWN_FIELDS = ("split", "kind", "status", "tags", "facts", "key_points", "notes", "quote")
MAX_TEXT_CHARACTERS = 200_000  # characters of one side that are shown; a field for text gets slow beyond


class DiffModel(QAbstractTableModel):
    """The differences of two versions, one line per row that differs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RowDifference] = []

    def show_rows(self, rows: list[RowDifference]) -> None:
        """Show these differences."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def add_rows(self, rows: list[RowDifference]) -> None:
        """Add differences at the end."""
        if rows:
            self.beginInsertRows(ROOT_INDEX, len(self._rows), len(self._rows) + len(rows) - 1)
            self._rows = self._rows + rows
            self.endInsertRows()

    def difference(self, row: int) -> RowDifference:
        """The difference in line `row`."""
        return self._rows[row]

    def rowCount(self, parent: Index = ROOT_INDEX) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = ROOT_INDEX) -> int:
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Row"), tr("Change"), tr("Before"), tr("After"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        found = self._rows[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == KIND_COLUMN:
            return QColor(style.colours(CHANGE_MEANINGS[found.kind])[0])
        if role == MARK_MEANING:
            return "error" if index.column() == BEFORE_COLUMN else "good"
        if role not in (Qt.ItemDataRole.DisplayRole, MARKS_ROLE):
            return None
        if index.column() in (BEFORE_COLUMN, AFTER_COLUMN):
            text, spans = _cell_text(found, index.column())
            return text if role == Qt.ItemDataRole.DisplayRole else spans
        if role == MARKS_ROLE:
            return None
        return f"{found.id:,}" if index.column() == ROW_COLUMN else change_titles()[found.kind]


def change_titles() -> dict[str, str]:
    """The screen texts of the kinds of changes."""
    return {"added": tr("added"), "removed": tr("removed"), "changed": tr("changed")}


def _cell_text(found: RowDifference, column: int) -> tuple[str, list[tuple[int, int]]]:
    sides = (format_brief(found.before), format_brief(found.after))
    if not (found.before and found.after):
        return on_one_line(sides[column - BEFORE_COLUMN], [])
    return on_two_lines(*differing_fields(found.before, found.after))[column - BEFORE_COLUMN]


def format_brief(example: Example | None) -> str:
    """A row's question and answer on one line."""
    return f"{example.question}\n{example.answer}" if example else ""


def differing_fields(before: Example, after: Example) -> tuple[str, str]:
    """The differing parts of two states of a row: question and answer, else fields, else the whole row."""
    if format_brief(before) != format_brief(after):
        return format_brief(before), format_brief(after)
    names = field_titles()
    fields = [field for field in SHOWN_FIELDS if getattr(before, field) != getattr(after, field)]
    if not fields:
        return _conversation(before.data), _conversation(after.data)
    lines = ([f"{names[field]}: {_field_text(row, field)}" for field in fields] for row in (before, after))
    return "\n".join(next(lines)), "\n".join(next(lines))


def _field_text(example: Example, field: str) -> str:
    stored: str = getattr(example, field)
    return value_text(stored) if field in ("split", "kind", "status") else stored


def format_whole(example: Example | None) -> str:
    """A whole row as text: its non-empty fields, then its messages."""
    if example is None:
        return ""
    names = field_titles()
    fields = [f"{names[field]}: {value}" for field in SHOWN_FIELDS if (value := _field_text(example, field))]
    return "\n".join(fields)[:MAX_TEXT_CHARACTERS] + "\n\n" + _conversation(example.data)[:MAX_TEXT_CHARACTERS]


def _conversation(data: str) -> str:
    turns = row_json.read_messages(data)
    if not turns:
        return json.dumps(json.loads(data), ensure_ascii=False, indent=2)
    return "\n\n".join(_format_message(turn) for turn in turns)


def _format_message(turn: row_json.RowMessage) -> str:
    weight = "" if turn.weight is None else f" ({tr('weight')} {turn.weight})"
    texts = [part.text for part in turn.parts]
    return "\n".join([f"{turn.role}{weight}:", *texts, *filter(None, (turn.refusal, turn.calls))])


def field_titles() -> dict[str, str]:
    """The screen texts of the fields that a version compares."""
    return {
        "split": tr("Split"),
        "kind": tr("Kind"),
        "status": tr("Status"),
        "tags": tr("Tags"),
        "facts": tr("Facts"),
        "key_points": tr("Key points"),
        "quote": tr("Source passage"),
        "notes": tr("Notes"),
    }


class DiffView(QWidget):
    """The comparison of two versions; `more_wanted` asks for the next page, `row_chosen` gives a clicked row."""

    more_wanted = Signal(int)
    row_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.summary = basics.label(wrap=True)
        self.model = DiffModel(self)
        self.nothing = EmptyState()
        self.more = QPushButton()
        self.more.clicked.connect(lambda: self.more_wanted.emit(self.model.rowCount()))
        self.before, self.after = _build_side(tr("Before")), _build_side(tr("After"))
        self._total = 0
        self._make_table()
        self._lay_out()
        self.show_message(*[""] * 2)

    def _make_table(self) -> None:
        self.table = QTableView(wordWrap=False, showGrid=False)
        self.table.setAlternatingRowColors(True)
        self.table.setModel(self.model)
        tables.set_up(self.table, tr("Rows that differ"))
        self.table.setItemDelegate(MarkDelegate(self.table))
        header = self.table.horizontalHeader()
        for column, width in ((ROW_COLUMN, 70), (KIND_COLUMN, 90)):
            tables.set_column_width(self.table, column, width)
        for column in (BEFORE_COLUMN, AFTER_COLUMN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().currentRowChanged.connect(lambda index, _before: self._show_row(index.row()))
        self.table.activated.connect(lambda index: self.row_chosen.emit(self.model.difference(index.row()).id))

    def _lay_out(self) -> None:
        sides = QWidget()
        beside = QHBoxLayout(sides)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(style.SPACE)
        for name, side in ((tr("Before"), self.before), (tr("After"), self.after)):
            column = QVBoxLayout()
            column.setSpacing(style.SPACE // 3)
            column.addWidget(basics.label(name, dim=True))
            column.addWidget(side, 1)
            beside.addLayout(column, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        splitter.addWidget(self.table)
        splitter.addWidget(sides)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(splitter)
        above = QHBoxLayout()
        above.addWidget(self.summary, 1)
        above.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(above)
        layout.addWidget(self.pages, 1)

    def show_message(self, title: str, text: str) -> None:
        """Show a text in place of the rows."""
        self.nothing.set_texts(title, text)
        self.pages.setCurrentWidget(self.nothing)
        self.summary.setText("")
        self.more.hide()
        self.model.show_rows([])

    def show_diff(self, diff: VersionDiff, more: bool = False) -> None:
        """Show the first page of a comparison, or append `more` of it."""
        self._total = diff.added + diff.removed + diff.changed
        if not self._total:
            self.show_message(tr("No difference"), tr("Both contain the same rows."))
            return
        if more:
            self.model.add_rows(diff.rows)
        else:
            self.model.show_rows(diff.rows)
            basics.select_row(self.table, 0)
        self.summary.setText(_format_summary(diff))
        self.pages.setCurrentIndex(1)
        left = self._total - self.model.rowCount()
        self.more.setText(trn("Show more ({n} is left)", "Show more ({n} are left)", left))
        self.more.setVisible(left > 0)

    def _show_row(self, row: int) -> None:
        if not 0 <= row < self.model.rowCount():
            self.before.clear()
            self.after.clear()
            return
        found = self.model.difference(row)
        before, after = format_whole(found.before), format_whole(found.after)
        removed, added = find_changes(before, after) if found.kind == "changed" else ([], [])
        for side, text, spans, meaning in ((self.before, before, removed, "error"), (self.after, after, added, "good")):
            side.setPlainText(text)
            highlight_spans(side, spans, meaning)
            _reveal(side, spans)


def _format_summary(diff: VersionDiff) -> str:
    parts = (
        trn("{n} row added", "{n} rows added", diff.added),
        trn("{n} removed", "{n} removed", diff.removed),
        trn("{n} changed", "{n} changed", diff.changed),
    )
    return " · ".join(parts)


def _build_side(name: str) -> QPlainTextEdit:
    side = QPlainTextEdit(readOnly=True, tabChangesFocus=True)
    side.setAccessibleName(name)
    side.setPlaceholderText(tr("The row is not there."))
    return side


def _reveal(side: QPlainTextEdit, spans: list[tuple[int, int]]) -> None:
    """Scroll to the first mark."""
    if spans:
        cursor = side.textCursor()
        cursor.setPosition(to_utf16_spans(side.toPlainText(), spans)[0][0])
        side.setTextCursor(cursor)
        side.centerCursor()
