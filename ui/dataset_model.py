"""The examples as Qt sees them: an array of ids, and a cache of the rows on screen."""

from __future__ import annotations

from array import array
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from core import dataset
from core.checks import RULES
from core.dataset import Example
from core.language import tr
from core.project import Project
from ui import style

PAGE = 200
CACHED_PAGES = 50
COLUMNS = ("problems", "question", "answer", "split", "kind", "facts", "tags")
PREVIEW = 400  # characters: a cell never lays out a whole book

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class DatasetModel(QAbstractTableModel):
    edited = Signal(int, str, str)  # id, field, value

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self._ids: array[int] = array("q")
        self._rows: dict[int, Example] = {}

    def show_ids(self, ids: array[int]) -> None:
        """Show these rows; a view that had the same ones keeps its place and selection."""
        if ids == self._ids:
            self._rows.clear()
            if ids:
                self.dataChanged.emit(self.index(0, 0), self.index(len(ids) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self._ids, self._rows = ids, {}
        self.endResetModel()

    def id(self, row: int) -> int:
        return self._ids[row]

    def row(self, id: int) -> int | None:
        try:
            return self._ids.index(id)
        except ValueError:
            return None

    def example(self, row: int) -> Example | None:
        """The row, read from the project in pages; None when it has been deleted meanwhile."""
        id = self._ids[row]
        if id not in self._rows:
            if len(self._rows) > PAGE * CACHED_PAGES:
                self._rows.clear()
            start = row // PAGE * PAGE
            self._rows |= dataset.fetch(self.project.rows, self._ids[start : start + PAGE])
        return self._rows.get(id)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role != Role.DisplayRole:
            return None
        return headings()[section] if orientation == Qt.Orientation.Horizontal else section + 1

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role not in (Role.DisplayRole, Role.EditRole, Role.ForegroundRole):
            return None
        example = self.example(index.row())
        if example is None:
            return None
        field = COLUMNS[index.column()]
        if role == Role.ForegroundRole:
            return style.colours(severity(example.problems))[0] if field == "problems" and example.problems else None
        value: str = getattr(example, field)
        if role == Role.EditRole:
            return value
        if field == "problems":
            return mark(value)
        return value[:PREVIEW].replace("\n", " ")

    def flags(self, index: Index) -> Qt.ItemFlag:
        editable = COLUMNS[index.column()] != "problems"
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if editable else Qt.ItemFlag.NoItemFlags)

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        example = self.example(index.row())
        if example is None or role != Role.EditRole:
            return False
        field = COLUMNS[index.column()]
        if value != getattr(example, field):
            self.edited.emit(example.id, field, value)
        return True


def headings() -> list[str]:
    return [tr("Check"), tr("Question"), tr("Answer"), tr("Split"), tr("Kind"), tr("Facts"), tr("Tags")]


def severity(problems: str) -> str:
    """The worst severity among rule ids parted by spaces."""
    errors = any(RULES[rule].severity == "error" for rule in problems.split())
    return "error" if errors else "warning"


def mark(problems: str) -> str:
    """A sign and a number: told apart without colour, too."""
    if not problems:
        return ""
    return f"{'✖' if severity(problems) == 'error' else '⚠'} {len(problems.split())}"
