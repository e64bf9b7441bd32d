"""The replacements that are about to be made, one line each, with what changes marked."""

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from core.dataset.bulk_edits import Replacement
from core.language import tr
from ui.widgets import basics
from ui.widgets.text_highlights import MARKS, MEANING, Span, on_two_lines

Index = QModelIndex | QPersistentModelIndex
ROOT_INDEX = QModelIndex()
ROW, FIELD, BEFORE, AFTER = range(4)
TIP = 2000  # characters of a text that a tool tip shows


class ReplaceModel(QAbstractTableModel):
    """`left_out` holds the ids of the rows whose tick was taken away; a row has one tick for all its fields."""

    ticked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changes: Sequence[Replacement] = ()
        self._marked: dict[int, tuple[tuple[str, list[Span]], tuple[str, list[Span]]]] = {}
        self.left_out: set[int] = set()

    def show_changes(self, changes: Sequence[Replacement]) -> None:
        self.beginResetModel()
        self._changes, self._marked = changes, {}
        self.endResetModel()

    def change(self, row: int) -> Replacement:
        return self._changes[row]

    def rowCount(self, parent: Index = ROOT_INDEX) -> int:
        return 0 if parent.isValid() else len(self._changes)

    def columnCount(self, parent: Index = ROOT_INDEX) -> int:
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Row"), tr("Field"), tr("Before"), tr("After"))[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        ticks = Qt.ItemFlag.ItemIsUserCheckable if index.column() == ROW else Qt.ItemFlag.NoItemFlags
        return super().flags(index) | ticks

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        change = self._changes[index.row()]
        if index.column() in (BEFORE, AFTER):
            return self._text(index.row(), index.column(), role)
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == ROW:
            return Qt.CheckState.Unchecked if change.id in self.left_out else Qt.CheckState.Checked
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{change.id:,}" if index.column() == ROW else field_names().get(change.field, change.field)
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.tick(self._changes[index.row()].id, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def tick(self, id: int, wanted: bool) -> None:
        (self.left_out.discard if wanted else self.left_out.add)(id)
        last = self.index(self.rowCount() - 1, ROW)
        self.dataChanged.emit(self.index(0, ROW), last, [Qt.ItemDataRole.CheckStateRole])
        self.ticked.emit()

    def _text(self, row: int, column: int, role: int) -> object:
        """Differences are looked for only in the lines that are seen."""
        change = self._changes[row]
        if role == MEANING:
            return "error" if column == BEFORE else "good"
        if role == Qt.ItemDataRole.ToolTipRole:
            return basics.tip((change.before if column == BEFORE else change.after)[:TIP])
        if role not in (Qt.ItemDataRole.DisplayRole, MARKS):
            return None
        if row not in self._marked:
            self._marked[row] = on_two_lines(change.before, change.after)
        text, spans = self._marked[row][column - BEFORE]
        return text if role == Qt.ItemDataRole.DisplayRole else spans


def field_names() -> dict[str, str]:
    """The fields that can be searched, as the screen calls them."""
    return {
        "question": tr("Question"),
        "answer": tr("Answer"),
        "system": tr("System prompt"),
        "tags": tr("Tags"),
        "notes": tr("Notes"),
        "key_points": tr("Key points"),
    }
