"""The heat map's item model: a row per kind, fact or question, a column per subject, coloured by the rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication

from core.exam import scores
from core.exam.scores import LEAKED, MEMORISED, ExamResult, ResultLine, kind_title
from core.exam.statistics import PassRate
from core.language import tr
from ui import style
from ui.exam import exam_texts
from ui.exam.exam_texts import GAINED_SYMBOL, LOST_SYMBOL, NO_VALUE
from ui.widgets import basics

KIND_LEVEL, FACT_LEVEL, QUESTION_LEVEL = "kinds", "facts", "questions"
SHOW_ALL, SHOW_GAINED, SHOW_LOST, SHOW_NEVER_RIGHT, SHOW_LEAKED = "all", "gained", "lost", "never", "leaked"

HEADING_WIDTH = 104  # pixels of a heading's line

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole


@dataclass(frozen=True, slots=True)
class HeatMapRow:
    """One line: its key, its texts, its rates, the tool tip; `aside` is shown, but no part of the result."""

    key: str
    texts: tuple[str, str]
    line: ResultLine
    tooltip: str = ""
    aside: bool = False
    leaks: bool = False
    last: bool = False  # below the others, however they are sorted


@dataclass(frozen=True, slots=True)
class HeatMapColumn:
    """A subject: its heading, and all there is to say of it."""

    title: str
    tooltip: str


def entries(result: ExamResult, level: str) -> list[HeatMapRow]:
    """The lines of a result: by kind, by fact (with the general questions below), or each question."""
    if level == KIND_LEVEL:
        return [
            HeatMapRow(f"kind:{line.name}", (kind_title(line.name), ""), line, exam_texts.describe_kind(line.name),
                  line.name in (MEMORISED, LEAKED))
            for line in result.kinds
        ]  # fmt: skip
    if level == FACT_LEVEL:
        facts = [HeatMapRow(f"fact:{line.name}", (line.name, line.text), line) for line in result.facts]
        return facts + [entry for line in result.general for entry in _questions(result, [line], below=True)]
    return _questions(result, result.lines)


def _questions(result: ExamResult, lines: Sequence[ResultLine], below: bool = False) -> list[HeatMapRow]:
    found = []
    for line in lines:
        asked = result.questions[line.questions[0]]
        name = tr("Memorised") if line.name == MEMORISED else kind_title(line.name)
        aside = scores.question_part(asked) in (MEMORISED, LEAKED)
        leaks = scores.question_part(asked) == LEAKED
        found.append(HeatMapRow(f"question:{asked.id}", (name, line.text), line, "", aside, leaks, below))
    return found


def is_wanted(entry: HeatMapRow, wanted: str, against: int) -> bool:
    """Whether an entry stays under a filter; gained and lost are meant against the subject `against`."""
    rates = entry.line.rates
    match wanted:
        case "gained" | "lost":
            sign = 1 if wanted == SHOW_GAINED else -1
            return any(entry.line.change(subject, against) == sign for subject in range(len(rates)))
        case "never":
            return any(rate.asked for rate in rates) and not any(rate.passed for rate in rates)
        case "leaked":
            return entry.leaks
    return True


class HeatMapModel(QAbstractTableModel):
    """The rates by kind, fact or question, as a Qt model.

    Each rate says whether it is a gain or a loss against the subject that all are compared with.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: list[HeatMapColumn] = []
        self._entries: list[HeatMapRow] = []
        self._level = FACT_LEVEL
        self._against = 0
        self._order: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def show_entries(
        self, level: str, columns: Sequence[HeatMapColumn], found: Sequence[HeatMapRow], against: int
    ) -> None:
        """Show these lines; a view that had the same ones keeps its place and selection."""
        new = self._sort_rows(found)
        same = (
            level == self._level
            and list(columns) == self._columns
            and [entry.key for entry in new] == [entry.key for entry in self._entries]
        )
        self._against = against
        if same:
            self._entries = new
            if new:
                self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self._level, self._columns, self._entries = level, list(columns), new
        self.endResetModel()

    def entry(self, row: int) -> HeatMapRow:
        """The data of line `row`."""
        return self._entries[row]

    def find(self, key: str) -> int | None:
        """The line with this key; None when it is not shown."""
        return next((row for row, entry in enumerate(self._entries) if entry.key == key), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 2 + len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return shorten_heading(self._columns[section - 2].title) if section > 1 else self._titles()[section]
        if role == Role.ToolTipRole and section > 1:
            return basics.plain_tooltip(self._columns[section - 2].tooltip)
        return _alignment(section) if role == Role.TextAlignmentRole else None

    def _titles(self) -> tuple[str, str]:
        return {FACT_LEVEL: (tr("Fact"), tr("Text")), QUESTION_LEVEL: (tr("Kind"), tr("Question"))}.get(
            self._level, (tr("Kind of question"), "")
        )

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        entry, column = self._entries[index.row()], index.column()
        match role:
            case Role.DisplayRole:
                return entry.texts[column] if column < 2 else self._rate_text(entry, column - 2)
            case Role.BackgroundRole:
                return rate_colour(entry.line.rates[column - 2]) if column > 1 else None
            case Role.TextAlignmentRole:
                return _alignment(column)
            case Role.ToolTipRole:
                return basics.plain_tooltip(self._tooltip(entry, column))
            case Role.ForegroundRole:
                return style.dim() if entry.aside else None
        return None

    def _rate_text(self, entry: HeatMapRow, subject: int) -> str:
        rate = entry.line.rates[subject]
        mark = {1: f"{GAINED_SYMBOL} ", -1: f"{LOST_SYMBOL} "}.get(self._change(entry, subject), "")
        return f"{mark}{rate}   {rate.share:.0%}" if rate.asked else NO_VALUE

    def _change(self, entry: HeatMapRow, subject: int) -> int:
        return 0 if self._level == KIND_LEVEL else entry.line.change(subject, self._against)

    def _tooltip(self, entry: HeatMapRow, column: int) -> str:
        if column < 2:
            leak = tr("A training row asks the same question, so a right answer proves nothing.") if entry.leaks else ""
            return "\n".join(filter(None, (entry.tooltip or entry.texts[column], leak)))
        rate = entry.line.rates[column - 2]
        parts = [f"{rate} · {exam_texts.format_interval(rate)}"] if rate.asked else [tr("Not asked yet.")]
        change = self._change(entry, column - 2)
        if change > 0:
            parts.append(tr("Gained: mostly right here, mostly wrong in the reference."))
        elif change < 0:
            parts.append(tr("Lost: mostly wrong here, mostly right in the reference."))
        return "\n".join(parts)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._order = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = [(index, self._entries[index.row()].key) for index in self.persistentIndexList()]
        self._entries = self._sort_rows(self._entries)
        rows = {entry.key: row for row, entry in enumerate(self._entries)} if before else {}
        for index, key in before:
            self.changePersistentIndex(index, self.index(rows[key], index.column()))
        self.layoutChanged.emit()

    def _sort_rows(self, found: Sequence[HeatMapRow]) -> list[HeatMapRow]:
        """The rows sorted by a column; `last` ones stay below."""
        column, order = self._order
        if column < 0 or column >= 2 + (len(found[0].line.rates) if found else 0):
            return list(found)

        def key(entry: HeatMapRow) -> tuple[float, str]:
            if column < 2:
                return 0.0, entry.texts[column].casefold()
            rate = entry.line.rates[column - 2]
            return (rate.share if rate.asked else -1.0), ""

        sorted_ = sorted(found, key=key, reverse=order == Qt.SortOrder.DescendingOrder)
        return sorted(sorted_, key=lambda entry: entry.last)


def shorten_heading(title: str) -> str:
    """A heading whose lines fit over a rate."""
    font = QFont(QGuiApplication.font())
    font.setBold(True)
    metrics = QFontMetrics(font)
    return "\n".join(
        metrics.elidedText(line, Qt.TextElideMode.ElideRight, HEADING_WIDTH) for line in title.splitlines()
    )


def rate_colour(rate: PassRate) -> QColor | None:
    """A background from red over yellow to green by the share that was right; none for what was not asked."""
    if not rate.asked:
        return None
    low, middle, high = (style.colours(meaning)[1] for meaning in ("error", "warning", "good"))
    return (
        style.mix_colours(low, middle, rate.share * 2)
        if rate.share < 0.5
        else style.mix_colours(middle, high, rate.share * 2 - 1)
    )


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignHCenter
    return side | Qt.AlignmentFlag.AlignVCenter
