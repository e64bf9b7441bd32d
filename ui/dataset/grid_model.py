"""The Qt model of the grid: an array of ids, and a cache of the visible rows."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.row_edits import SetColumn
from core.storage.project import Project
from ui import style
from ui.dataset.copy_paste_drag import RowsMime
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS, NUMBER_COLUMNS, cell_meanings, cell_text, cell_value, headings

PAGE_ROWS = 200
SORTED_PAGE_ROWS = 48  # rows of a page when they are sorted: each may be stored in another pack
CACHED_PAGES = 50
MIN_NUMPY_IDS = 10_000  # ids from which numpy is worth loading
COMPARE_BLOCK = 1 << 16  # ids compared at once

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
DISPLAY_ROLE, EDIT_ROLE = Role.DisplayRole, Role.EditRole
FOREGROUND_ROLE, ALIGNMENT_ROLE = Role.ForegroundRole, Role.TextAlignmentRole
ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
READ_ONLY_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
EDITABLE_FLAGS = READ_ONLY_FLAGS | Qt.ItemFlag.ItemIsEditable


class RowCells(NamedTuple):
    """A row to paint: the example, its cell texts, and the meanings of coloured cells."""

    example: Example
    texts: tuple[str, ...]
    meanings: dict[int, str]


class GridModel(QAbstractTableModel):
    """The rows of the grid, as a Qt model.

    They are read in pages when they become visible; `edited` gives a changed cell.
    """

    edited = Signal(int, object)  # id, SetColumn
    sort_wanted = Signal(str, bool)  # a name in filters.SORT_COLUMNS ('id' for none), descending

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self._ids: array[int] = array("q")
        self._ascending = True  # whether the ids are sorted, so one is found by bisection
        self._rows: dict[int, RowCells] = {}
        self._headings = headings()
        self._dragged: Path | None = None  # the folder of the files that were dragged out

    def show_ids(self, ids: array[int], ascending: bool = False) -> None:
        """Show these rows. When only one range differs, a view keeps its scroll position and selection."""
        old, self._rows, self._ascending = self._ids, {}, ascending
        if ids == old:
            self._ids = ids
            self._repaint()
            return
        least, a, b = min(len(old), len(ids)), len(old), len(ids)
        start = _common(least, lambda i, j: old[i:j] == ids[i:j])
        end = _common(least - start, lambda i, j: old[a - j : a - i] == ids[b - j : b - i])
        if start or end:
            self._replace(old, ids, start, end)
            return
        self.beginResetModel()
        self._ids = ids
        self.endResetModel()

    def _replace(self, old: array[int], new: array[int], start: int, end: int) -> None:
        """Keep the first `start` and the last `end` rows and exchange those between."""
        nowhere = QModelIndex()
        if start + end < len(old):
            self.beginRemoveRows(nowhere, start, len(old) - end - 1)
            self._ids = old[:start] + old[len(old) - end :]
            self.endRemoveRows()
        if start + end < len(new):
            self.beginInsertRows(nowhere, start, len(new) - end - 1)
            self._ids = new
            self.endInsertRows()
        self._repaint()

    def forget(self, ids: Collection[int] | None = None) -> None:
        """Read these rows (or all) again when they are next painted."""
        if ids is None:
            self._rows.clear()
        else:
            for id in ids:
                self._rows.pop(id, None)
        self._repaint()

    def _repaint(self) -> None:
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(COLUMNS) - 1))

    def id(self, row: int) -> int:
        """The id of the row in line `row`."""
        return self._ids[row]

    def ids(self) -> array[int]:
        """The shown ids in order; not to be modified."""
        return self._ids

    def row(self, id: int) -> int | None:
        """The line of the row with this id; None when it is not shown."""
        return next(iter(self.rows([id])), None)

    def rows(self, ids: Collection[int]) -> list[int]:
        """The row numbers of those of `ids` that are shown, sorted."""
        if self._ascending:
            places = ((bisect_left(self._ids, id), id) for id in ids)
            return sorted(row for row, id in places if row < len(self._ids) and self._ids[row] == id)
        if len(self._ids) < MIN_NUMPY_IDS or not ids:
            return [row for row, id in enumerate(self._ids) if id in ids]
        import numpy as np  # here it is faster than to load it takes

        return list(np.flatnonzero(np.isin(np.frombuffer(self._ids, dtype=np.int64), list(ids))).tolist())

    def example(self, row: int) -> Example | None:
        """The example in a row, read in pages; None when it was deleted meanwhile."""
        cells = self.cells(row)
        return cells.example if cells else None

    def cells(self, row: int) -> RowCells | None:
        """The cells of a row; None when it was deleted meanwhile."""
        id = self._ids[row]
        cells = self._rows.get(id)
        return cells if cells is not None else self._fetch(row).get(id)

    def _fetch(self, row: int) -> dict[int, RowCells]:
        if len(self._rows) > PAGE_ROWS * CACHED_PAGES:
            self._rows.clear()
        size = PAGE_ROWS if self._ascending else SORTED_PAGE_ROWS
        start = row // size * size
        for id, example in examples.fetch(self.project.rows, self._ids[start : start + size]).items():
            self._rows[id] = RowCells(example, cell_text(example), cell_meanings(example))
        return self._rows

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE) -> Any:
        if role != DISPLAY_ROLE:
            return None
        return self._headings[section] if orientation == Qt.Orientation.Horizontal else f"{section + 1:,}"

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        # The grid's own delegate asks `cells` instead; this serves editors, accessibility and other views.
        if role not in (DISPLAY_ROLE, EDIT_ROLE, FOREGROUND_ROLE, ALIGNMENT_ROLE):
            return None
        column = index.column()
        if role == ALIGNMENT_ROLE:
            return ALIGN_RIGHT if column in NUMBER_COLUMNS else None
        cells = self.cells(index.row())
        if cells is None:
            return None
        if role == FOREGROUND_ROLE:
            return style.colours(cells.meanings[column])[0] if column in cells.meanings else None
        return cells.texts[column] if role == DISPLAY_ROLE else cell_value(cells.example, COLUMNS[column])

    def flags(self, index: Index) -> Qt.ItemFlag:
        return EDITABLE_FLAGS if ALL_COLUMNS[index.column()].editable else READ_ONLY_FLAGS

    def setData(self, index: Index, value: Any, role: int = EDIT_ROLE) -> bool:
        example = self.example(index.row())
        if example is None or role != EDIT_ROLE:
            return False
        field = COLUMNS[index.column()]
        if value != getattr(example, field):
            self.edited.emit(example.id, SetColumn(field, value))
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Emit `sort_wanted`: the project sorts, because a proxy model would take a minute for a million rows."""
        self.sort_wanted.emit(ALL_COLUMNS[column].order if column >= 0 else "id", order == Qt.SortOrder.DescendingOrder)

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        rows = sorted({index.row() for index in indexes})
        if self._dragged is None:
            # It outlives the drag: a file manager may read only after the drop.
            self._dragged = Path(tempfile.mkdtemp(prefix="juku-"))
            weakref.finalize(self, shutil.rmtree, self._dragged, ignore_errors=True)
        return RowsMime(self.project, [self._ids[row] for row in rows], self._dragged)


def _common(most: int, same: Callable[[int, int], bool]) -> int:
    """The largest n up to `most` for which the first n are equal; `same(start, end)` compares a range."""
    known, step = 0, COMPARE_BLOCK
    while known < most and step:
        if same(known, min(known + step, most)):
            known = min(known + step, most)
        else:
            step //= 2
    return known
