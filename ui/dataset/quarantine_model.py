"""The lines that could not be read, as a table sees them: ids, and a cache of what is on screen."""

from __future__ import annotations

from array import array
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core import checks
from core.checks.rule_registry import clip
from core.dataset import quarantine
from core.dataset.quarantine import Unread
from core.language import tr
from ui.widgets import basics
from ui.workspace import Workspace

PAGE = 200  # lines read at once
PAGES = 20  # that are kept
PREVIEW = 300  # bytes of a line that the table shows
WAITING = "…"

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class QuarantineModel(QAbstractTableModel):
    """Reads its lines in pages, off the window's thread; until one is there its cells show dots."""

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._ids: array[int] = array("q")
        self._pages: dict[int, dict[int, Unread]] = {}
        self._wanted: set[int] = set()
        self._edition = 0  # a page that was asked for before the ids changed is not the same any more

    def show_ids(self, ids: array[int]) -> None:
        self._edition += 1
        self._wanted.clear()
        if ids == self._ids:
            self._pages.clear()
            return
        self.beginResetModel()
        self._ids, self._pages = ids, {}
        self.endResetModel()

    def ids(self) -> array[int]:
        return self._ids

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return (tr("File"), tr("Line"), tr("Reason"), tr("Text"))[section]
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if role == Role.TextAlignmentRole and index.column() == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Role.DisplayRole, Role.ToolTipRole):
            return None
        entry = self._entry(index.row())
        if entry is None:
            return WAITING if role == Role.DisplayRole else None
        if role == Role.DisplayRole:
            return (entry.source, f"{entry.line:,}", entry.message, shown(entry.raw))[index.column()]
        return basics.tip(_told(entry)) if index.column() == 2 else None

    def _entry(self, row: int) -> Unread | None:
        page = row // PAGE
        if page in self._pages:
            return self._pages[page].get(self._ids[row])
        if page not in self._wanted:
            self._wanted.add(page)
            self._workspace.tasks.start("", self._load(page, self._edition))
        return None

    async def _load(self, page: int, edition: int) -> None:
        ids = self._ids[page * PAGE : (page + 1) * PAGE]
        found = await self._workspace.project.read(quarantine.fetch, ids, PREVIEW)
        if edition != self._edition:
            return
        self._wanted.discard(page)
        if len(self._pages) >= PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[page] = found
        last = min((page + 1) * PAGE, len(self._ids)) - 1
        self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, 3))


def shown(raw: bytes) -> str:
    """The beginning of a line's bytes for a table; what is not UTF-8 stands as \\xNN."""
    return clip(raw[:PREVIEW].decode("utf-8", "backslashreplace"), PREVIEW)


def _told(entry: Unread) -> str:
    rule = checks.RULES.get(entry.rule)
    return f"{entry.message} {rule.explanation()}" if rule else entry.message
