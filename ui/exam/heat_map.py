"""The heat map: facts, kinds or questions against subjects, sorted and filtered, with the answers behind a row."""

from PySide6.QtCore import QItemSelection, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.language import tr, trn
from ui import style
from ui.exam import heat_map_model
from ui.exam.answer_comparison import AnswerComparison
from ui.exam.heat_map_model import (
    FACT_LEVEL,
    KIND_LEVEL,
    QUESTION_LEVEL,
    SHOW_ALL,
    SHOW_GAINED,
    SHOW_LEAKED,
    SHOW_LOST,
    SHOW_NEVER_RIGHT,
    HeatMapModel,
    HeatMapRow,
)
from ui.exam.result_data import ExamOutcome
from ui.widgets import basics, tables
from ui.widgets.drop_down import DropDown

NAME_WIDTH, RATE_WIDTH, TEXT_WIDTH = 66, 126, 200


class HeatMapTable(QTableView):
    """A table of rates; `chosen` gives the selected row."""

    chosen = Signal(HeatMapRow)

    def __init__(self) -> None:
        super().__init__(showGrid=False, wordWrap=False)
        self.setAlternatingRowColors(False)
        self.rates = HeatMapModel(self)
        self._sized = 0
        self.setModel(self.rates)
        tables.set_up(self, tr("Right answers"))
        header = self.horizontalHeader()
        header.setMinimumHeight(2 * self.fontMetrics().height() + style.SPACE + style.HAIR)
        self.setSortingEnabled(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.selectionModel().selectionChanged.connect(self._on_selected)

    def show_entries(self, outcome: ExamOutcome, level: str, found: list[HeatMapRow], against: int) -> None:
        """Show the rows of a level; changes are those against the subject at place `against`."""
        key = entry.key if (entry := self.current()) else ""
        self.rates.show_entries(level, outcome.columns, found, against)
        if self.horizontalHeader().count() != self._sized:
            self._size_columns()
        alone = level == KIND_LEVEL  # the kinds have no texts beside their names
        self.setColumnHidden(1, alone)
        name = max(style.scaled(NAME_WIDTH), self.horizontalHeader().sectionSizeFromContents(0).width())
        self.setColumnWidth(0, name + style.scaled(TEXT_WIDTH) if alone else name)
        self._fit_texts()
        row = self.rates.find(key)
        if row is not None and self.current() is None:
            self.selectionModel().blockSignals(True)
            basics.select_row(self, row)
            self.selectionModel().blockSignals(False)

    def _size_columns(self) -> None:
        header = self.horizontalHeader()
        self._sized = header.count()
        for section in range(self._sized):
            width = RATE_WIDTH if section > 1 else TEXT_WIDTH if section else NAME_WIDTH
            tables.set_column_width(self, section, width)
        self._fit_texts()

    def _fit_texts(self) -> None:
        """Give the texts what the rates leave, and never less than they need to be read: then the table scrolls."""
        header = self.horizontalHeader()
        others = sum(header.sectionSize(section) for section in range(header.count()) if section != 1)
        if header.count() > 1 and not self.isColumnHidden(1):
            self.setColumnWidth(1, max(style.scaled(TEXT_WIDTH), self.viewport().width() - others))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit_texts()

    def current(self) -> HeatMapRow | None:
        """The selected row; None for none."""
        rows = self.selectionModel().selectedRows()
        return self.rates.entry(rows[0].row()) if rows else None

    def choose(self, key: str) -> bool:
        """Select a line; False where it is not shown."""
        row = self.rates.find(key)
        if row is not None:
            basics.select_row(self, row)
            self.scrollTo(self.rates.index(row, 0), QAbstractItemView.ScrollHint.PositionAtCenter)
        return row is not None

    def sizeHint(self) -> QSize:
        return QSize(style.scaled(480), style.scaled(160))

    def _on_selected(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        if entry := self.current():
            self.chosen.emit(entry)


class HeatMap(QWidget):
    """The table of rates with its filters, and the answers of the selected row."""

    def __init__(self) -> None:
        super().__init__()
        self._outcome: ExamOutcome | None = None
        self._against = 0
        self.level, self.filter, self.count = DropDown(), DropDown(), basics.label(dim=True)
        for title, level in (
            (tr("By fact"), FACT_LEVEL),
            (tr("By kind of question"), KIND_LEVEL),
            (tr("By question"), QUESTION_LEVEL),
        ):
            self.level.addItem(title, level)
        for title, wanted in (
            (tr("All"), SHOW_ALL), (tr("Gained"), SHOW_GAINED), (tr("Lost"), SHOW_LOST), (tr("Never right"), SHOW_NEVER_RIGHT),
            (tr("Leaked"), SHOW_LEAKED),
        ):  # fmt: skip
            self.filter.addItem(title, wanted)
        self.level.setAccessibleName(tr("What a row stands for"))
        self.filter.setAccessibleName(tr("Curves to show"))
        self.table, self.answers = HeatMapTable(), AnswerComparison()
        self.level.currentIndexChanged.connect(lambda _index: self._on_level())
        self.filter.currentIndexChanged.connect(lambda _index: self._show_entries())
        self.table.chosen.connect(self._show_answers)
        self._lay_out()

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        for part in (self.level, self.filter, self.count):
            above.addWidget(part)
        above.addStretch()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(above)
        column.addWidget(self.table, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.setObjectName("exam-facts")
        splitter.addWidget(left)
        splitter.addWidget(self.answers)
        splitter.setSizes([740, 480])
        splitter.setHandleWidth(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(splitter, 1)

    def show_outcome(self, outcome: ExamOutcome) -> None:
        """Show a run; the selection stays where it is as long as the run is the same."""
        other = self._outcome is None or self._outcome.run.id != outcome.run.id
        self._outcome = outcome
        self._show_entries()
        if other or self.table.current() is None:
            self._choose_first()
        elif entry := self.table.current():
            self._show_answers(entry)

    def set_reference(self, subject: int) -> None:
        """Show gains and losses against this subject."""
        if subject != self._against:
            self._against = subject
            self._show_entries()

    def show_line(self, level: str, key: str, wanted: str = SHOW_ALL) -> None:
        """Select a line, whatever is filtered now; without a key only show what is `wanted`."""
        self.level.setCurrentIndex(self.level.findData(level))
        self.filter.setCurrentIndex(self.filter.findData(wanted))
        if not key or not self.table.choose(key):
            self._choose_first()

    def _choose_first(self) -> None:
        """Select the first line that belongs to the result."""
        rows = range(self.table.rates.rowCount())
        if not rows and self._outcome is not None:
            self.answers.show_questions(self._outcome, "", ())
        row = next((row for row in rows if not self.table.rates.entry(row).aside), 0)
        self.table.clearSelection()
        basics.select_row(self.table, row)

    def _on_level(self) -> None:
        self._show_entries()
        self._choose_first()

    def _show_entries(self) -> None:
        if self._outcome is None:
            return
        level, wanted = self.level.currentData(), self.filter.currentData()
        every = self._outcome.entries[level]
        found = (
            every
            if wanted == SHOW_ALL
            else [one for one in every if heat_map_model.is_wanted(one, wanted, self._against)]
        )
        self.table.show_entries(self._outcome, level, found, self._against)
        self.count.setText(trn("{n} line", "{n} lines", len(found)))

    def _show_answers(self, entry: HeatMapRow) -> None:
        assert self._outcome
        self.answers.show_questions(self._outcome, " · ".join(filter(None, entry.texts)), entry.line.questions)
