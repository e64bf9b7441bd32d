"""The table model of the suggested links from rows to facts."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from core.generation.fact_links import OpenLink
from core.language import tr
from ui import style
from ui.widgets import basics

ROW_COLUMN, FACT_COLUMN, CONFIDENCE_COLUMN, DECISION_COLUMN = range(4)

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


class FactLinkModel(QAbstractTableModel):
    """The suggested links, as a Qt model that holds the decisions until they are saved."""

    decided = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[OpenLink] = []
        self._texts: dict[str, str] = {}  # of the facts, by name
        self._decisions: dict[int, str] = {}  # by id of a row; '' is no fact

    def show_rows(self, rows: list[OpenLink], texts: dict[str, str]) -> None:
        """Show these rows; decisions on rows that are still shown are kept."""
        self.beginResetModel()
        self._rows, self._texts = rows, texts
        there = {one.row for one in rows}
        self._decisions = {row: names for row, names in self._decisions.items() if row in there}
        self.endResetModel()
        self.decided.emit()

    def facts(self) -> dict[str, str]:
        """The texts of the facts by name."""
        return self._texts

    def row(self, place: int) -> OpenLink:
        """The open link in line `place`."""
        return self._rows[place]

    def decisions(self) -> list[tuple[int, str]]:
        """The ids of the decided rows, each with the names of its facts; '' for none."""
        return list(self._decisions.items())

    def decide(self, places: Sequence[int], names: str) -> None:
        """Set the facts of the rows at `places` by name, '' for none."""
        self._decisions |= {self._rows[place].row: names for place in places}
        self._emit_rows_changed(places)

    def accept(self, places: Sequence[int]) -> None:
        """Accept the suggestions; without one, set no fact."""
        self._decisions |= {self._rows[place].row: self._rows[place].proposed for place in places}
        self._emit_rows_changed(places)

    def reopen(self, places: Sequence[int]) -> None:
        """Take decisions back."""
        for place in places:
            self._decisions.pop(self._rows[place].row, None)
        self._emit_rows_changed(places)

    def accept_from(self, confidence: float) -> None:
        """Accept the suggestions with at least this confidence where nothing is decided."""
        for one in self._rows:
            if _is_from(one, confidence):
                self._decisions.setdefault(one.row, one.proposed)
        self._emit_rows_changed(range(len(self._rows)))

    def count_from(self, confidence: float) -> int:
        """How many suggestions have at least this confidence."""
        return sum(_is_from(one, confidence) for one in self._rows)

    def _emit_rows_changed(self, places: Sequence[int]) -> None:
        """Emit one signal for all: there may be 20,000 rows, and receivers look at each."""
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), DECISION_COLUMN))
        self.decided.emit()

    def fact_names(self, place: int) -> str:
        """The names of the decided facts, else of the suggested ones."""
        one = self._rows[place]
        return self._decisions.get(one.row, one.proposed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else DECISION_COLUMN + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return (tr("Row"), tr("Fact"), tr("Confidence"), tr("Decision"))[section]
        if role == Role.TextAlignmentRole and section != CONFIDENCE_COLUMN:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        place, column = index.row(), index.column()
        if role == Role.DisplayRole:
            return self._cell_text(place, column)
        if role == Role.EditRole and column == FACT_COLUMN:
            return self.fact_names(place)
        if role == Role.ToolTipRole and column in (ROW_COLUMN, FACT_COLUMN):
            return basics.plain_tooltip(
                self.fact_words(place) if column == FACT_COLUMN else _format_decision(self._rows[place])
            )
        if role == Role.TextAlignmentRole and column == CONFIDENCE_COLUMN:
            return Qt.AlignmentFlag.AlignCenter
        if role == Role.ForegroundRole:
            return self._cell_colour(place, column)
        return None

    def _cell_text(self, place: int, column: int) -> str:
        one = self._rows[place]
        if column == ROW_COLUMN:
            return " ".join(_format_decision(one).split())
        if column == FACT_COLUMN:
            return self.fact_words(place)
        if column == CONFIDENCE_COLUMN:
            return tr("model") if one.by_model else f"{min(one.confidence, 0.99):.0%}" if one.proposed else "–"
        if one.row in self._decisions:
            return _decision(self._decisions[one.row], one)
        return tr("linked") if one.facts else ""

    def fact_words(self, place: int) -> str:
        """The facts of a row, each with its name and what it says."""
        names = self.fact_names(place).split()
        return "\n".join(f"{name}: {self._texts.get(name, '')}" for name in names) or tr("no fact")

    def _cell_colour(self, place: int, column: int) -> Any:
        one = self._rows[place]
        if column == DECISION_COLUMN:
            return style.colours("good")[0] if one.row in self._decisions else style.dim()
        return style.dim() if column == FACT_COLUMN and not self.fact_names(place) else None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        if role != Role.EditRole:
            return False
        self.decide([index.row()], str(value))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == FACT_COLUMN else flags


def _format_decision(one: OpenLink) -> str:
    return f"{one.question}\n→ {one.answer}" if one.answer else one.question


def _is_from(one: OpenLink, confidence: float) -> bool:
    """Whether a suggestion has at least this confidence, compared in whole percent as it is shown."""
    return bool(one.proposed) and (one.by_model or round(one.confidence, 2) >= confidence)


def decision_texts() -> list[str]:
    """All texts of the last column."""
    return [tr("linked"), tr("no fact"), tr("accepted"), tr("other fact")]


def _decision(names: str, one: OpenLink) -> str:
    if not names:
        return tr("no fact")
    return tr("accepted") if names == one.proposed else tr("other fact")
