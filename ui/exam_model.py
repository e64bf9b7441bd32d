"""Rates as a table: a line per kind, fact or question, a column per model, coloured by how much was right."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette

from core.evals import Rate, Row
from core.language import tr
from ui import style, widgets

GAINED, LOST = "▲", "▼"

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its texts, its rates, and the positions of its questions in the run."""

    key: str
    texts: tuple[str, ...]
    row: Row
    questions: tuple[int, ...]
    about: str = ""  # the tool tip
    aside: bool = False  # shown, but not part of the result


class RatesModel(QAbstractTableModel):
    def __init__(self, titles: tuple[str, ...], marks: bool, parent: QObject | None = None) -> None:
        """With `marks` each rate says whether it is a gain or a loss against the first model's."""
        super().__init__(parent)
        self._titles = titles
        self._marks = marks
        self._models: list[str] = []
        self._lines: list[Line] = []
        self._order: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def show_lines(self, models: list[str], lines: list[Line]) -> None:
        """Show these lines; a view that had the same ones keeps its place and selection."""
        lines = self._sorted(lines)
        same = models == self._models and [line.key for line in lines] == [line.key for line in self._lines]
        if same:
            self._lines = lines
            if lines:
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self._models, self._lines = models, lines
        self.endResetModel()

    def line(self, row: int) -> Line:
        return self._lines[row]

    def find(self, key: str) -> int | None:
        return next((row for row, line in enumerate(self._lines) if line.key == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles) + len(self._models)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        model = section - len(self._titles)
        if role == Role.DisplayRole:
            return self._titles[section] if model < 0 else brief_name(self._models[model])
        if role == Role.ToolTipRole and model >= 0:
            return widgets.tip(self._models[model])
        if role == Role.TextAlignmentRole:
            return _alignment(model)
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        line, model = self._lines[index.row()], index.column() - len(self._titles)
        if role == Role.TextAlignmentRole:
            return _alignment(model)
        if role == Role.ToolTipRole:
            return self._tip(line, index.column())
        if role == Role.FontRole and line.aside:
            return _italic()
        if role == Role.ForegroundRole and line.aside:
            return QGuiApplication.palette().color(QPalette.ColorRole.PlaceholderText)
        if model < 0:
            return line.texts[index.column()] if role == Role.DisplayRole else None
        if role == Role.BackgroundRole:
            return heat(line.row.rates[model])
        return self._rate_text(line.row, model) if role == Role.DisplayRole else None

    def _rate_text(self, row: Row, model: int) -> str:
        rate, mark = row.rates[model], ""
        if self._marks:
            mark = {1: f"{GAINED} ", -1: f"{LOST} "}.get(row.change(model), "")
        return f"{mark}{rate}   {rate.share:.0%}" if rate.asked else "–"

    def _tip(self, line: Line, column: int) -> str | None:
        model = column - len(self._titles)
        if model < 0:
            return widgets.tip(line.about or line.texts[column])
        change = line.row.change(model) if self._marks else 0
        if change > 0:
            return widgets.tip(tr("Gained: mostly right here, mostly wrong with the first model."))
        return widgets.tip(tr("Lost: mostly wrong here, mostly right with the first model.")) if change else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._order = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = {index.row(): self._lines[index.row()].key for index in self.persistentIndexList()}
        self._lines = self._sorted(self._lines)
        rows = {line.key: row for row, line in enumerate(self._lines)}
        for index in self.persistentIndexList():
            self.changePersistentIndex(index, self.index(rows[before[index.row()]], index.column()))
        self.layoutChanged.emit()

    def _sorted(self, lines: list[Line]) -> list[Line]:
        column, order = self._order
        model = column - len(self._titles)
        if column < 0 or model >= len(self._models):
            return lines

        def key(line: Line) -> tuple[float, str]:
            if model < 0:
                return 0.0, line.texts[column].casefold()
            return (line.row.rates[model].share if line.row.rates[model].asked else -1.0), ""

        return sorted(lines, key=key, reverse=order == Qt.SortOrder.DescendingOrder)


def brief_name(model: str) -> str:
    """A model's name without the base it was tuned from, for a narrow heading."""
    parts = widgets.short_name(model).split(" · ")
    return " · ".join(parts[:-1]) or model


def heat(rate: Rate) -> QColor | None:
    """A background from red over yellow to green by the share that was right; none for what was not asked."""
    if not rate.asked:
        return None
    low, middle, high = (style.colours(meaning)[1] for meaning in ("error", "warning", "good"))
    return _between(low, middle, rate.share * 2) if rate.share < 0.5 else _between(middle, high, rate.share * 2 - 1)


def _between(one: QColor, other: QColor, share: float) -> QColor:
    pairs = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(start + (end - start) * share) for start, end in pairs))


def _alignment(model: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if model < 0 else Qt.AlignmentFlag.AlignHCenter
    return side | Qt.AlignmentFlag.AlignVCenter


def _italic() -> QFont:
    font = QFont(QGuiApplication.font())
    font.setItalic(True)
    return font
