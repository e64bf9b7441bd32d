"""The result of an exam: per kind of question, per fact, and what was gained and lost."""

from dataclasses import dataclass

from PySide6.QtCore import QItemSelection, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from core.evals import Answer, Question, Rate, Result, Row
from core.language import tr, trn
from ui import style, widgets
from ui.exam_answers import AnswersView
from ui.exam_model import GAINED, LOST, Line, RatesModel, brief_name

NAME_WIDTH = 76
RATE_WIDTH = 128
ALL, ONLY_GAINED, ONLY_LOST = range(3)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run with all that was asked and answered; `result.questions` has the order of `questions`."""

    result: Result
    questions: list[Question]
    answers: list[Answer]


class ExamResult(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._outcome: Outcome | None = None
        self.summary = widgets.label(wrap=True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.kinds = RatesTable((tr("Kind of question"),), False, tr("Right answers by kind of question"))
        self.facts = RatesTable((tr("Fact"), tr("Text")), True, tr("Right answers by fact"))
        self.facts.setSortingEnabled(True)
        self.facts.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.filter = QComboBox()
        self.filter.addItems([tr("All"), tr("Gained"), tr("Lost")])
        self.filter.setAccessibleName(tr("Which facts to show"))
        self.answers = AnswersView()
        self._connect()
        self._lay_out()

    def _connect(self) -> None:
        self.filter.currentIndexChanged.connect(lambda _index: self._show_facts())
        self.kinds.chosen.connect(lambda line: self._on_chosen(line, self.facts))
        self.facts.chosen.connect(lambda line: self._on_chosen(line, self.kinds))

    def _lay_out(self) -> None:
        above_facts = QHBoxLayout()
        above_facts.addWidget(widgets.heading(tr("Facts and general questions")))
        above_facts.addStretch()
        above_facts.addWidget(self.filter)
        tables = QWidget()
        left = QVBoxLayout(tables)
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(self.kinds)
        left.addSpacing(style.SPACE // 2)
        left.addLayout(above_facts)
        left.addWidget(self.facts, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(tables)
        splitter.addWidget(self.answers)
        splitter.setSizes([680, 540])
        splitter.setHandleWidth(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.summary)
        layout.addWidget(splitter, 1)

    def show_outcome(self, outcome: Outcome) -> None:
        """Show a run; the selection stays where it is as long as the run is the same."""
        other = self._outcome is None or self._outcome.result.run.id != outcome.result.run.id
        self._outcome = outcome
        self.summary.setText("\n".join(_summary(outcome)))
        self.kinds.show_lines(outcome.result.run.models, _kind_lines(outcome))
        self.kinds.fit()
        self._show_facts()
        if other:
            self.kinds.choose_first()
        else:
            self.answers.show_outcome(outcome.result.run.models, outcome.questions, outcome.answers)

    def _show_facts(self) -> None:
        if self._outcome is not None:
            wanted = self.filter.currentIndex()
            lines = [line for line in _fact_lines(self._outcome) if _is_wanted(line.row, wanted)]
            self.facts.show_lines(self._outcome.result.run.models, lines)

    def _on_chosen(self, line: Line, other: "RatesTable") -> None:
        other.clearSelection()
        assert self._outcome
        outcome = self._outcome
        self.answers.choose(" ".join(line.texts), set(line.questions))
        self.answers.show_outcome(outcome.result.run.models, outcome.questions, outcome.answers)


class RatesTable(QTableView):
    """A table of rates; `chosen` tells the line that was selected."""

    chosen = Signal(Line)

    def __init__(self, titles: tuple[str, ...], marks: bool, name: str) -> None:
        super().__init__(alternatingRowColors=False, showGrid=False, wordWrap=False)
        self.rates = RatesModel(titles, marks, self)
        self._stretched = len(titles) - 1
        self._sized = 0
        self.setModel(self.rates)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.selectionModel().selectionChanged.connect(self._on_selected)

    def show_lines(self, models: list[str], lines: list[Line]) -> None:
        key = line.key if (line := self.current_line()) else ""
        self.rates.show_lines(models, lines)
        if self.horizontalHeader().count() != self._sized:
            self._size_columns()
        row = self.rates.find(key)
        if row is not None and self.current_line() is None:
            self._select_quietly(row)

    def _size_columns(self) -> None:
        header = self.horizontalHeader()
        self._sized = header.count()
        for section in range(self._sized):
            self.setColumnWidth(section, RATE_WIDTH if section > self._stretched else NAME_WIDTH)
        header.setSectionResizeMode(self._stretched, QHeaderView.ResizeMode.Stretch)

    def _select_quietly(self, row: int) -> None:
        self.selectionModel().blockSignals(True)
        self.selectRow(row)
        self.selectionModel().blockSignals(False)

    def current_line(self) -> Line | None:
        rows = self.selectionModel().selectedRows()
        return self.rates.line(rows[0].row()) if rows else None

    def choose_first(self) -> None:
        """Select the first line that belongs to the result."""
        rows = range(self.rates.rowCount())
        row = next((row for row in rows if not self.rates.line(row).aside), 0)
        self.clearSelection()
        self.selectRow(row)

    def fit(self) -> None:
        """Be as high as the lines."""
        self.setFixedHeight(self.horizontalHeader().height() + self.verticalHeader().length() + 2 * self.frameWidth())

    def sizeHint(self) -> QSize:
        return QSize(480, 160)

    def _on_selected(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        if line := self.current_line():
            self.chosen.emit(line)


def kind_words() -> dict[str, tuple[str, str]]:
    """What each kind of exam question is called, and what it shows."""
    return {
        "memorised": (
            tr("Memorised – trained wording, not the result"),
            tr("The very wording of a training row. It shows that the training worked, not that the fact is known."),
        ),
        "reworded": (tr("Reworded"), tr("The same question in words that were never trained on.")),
        "reverse": (tr("Reverse"), tr("The question asked from its answer: from what to which.")),
        "applied": (tr("Applied"), tr("A situation in which the fact must be used.")),
        "not_stated": (tr("Not stated"), tr("Asks what the text does not say; right is to say so.")),
        "general": (tr("General"), tr("Everyday knowledge from outside the text, which must not get worse.")),
    }


def _kind_lines(outcome: Outcome) -> list[Line]:
    words = kind_words()
    return [
        Line(
            row.name,
            (words[row.name][0],),
            row,
            tuple(number for number, question in enumerate(outcome.questions) if question.kind == row.name),
            words[row.name][1],
            aside=row.name == "memorised",
        )
        for row in outcome.result.kinds
    ]


def _fact_lines(outcome: Outcome) -> list[Line]:
    taught: dict[str, list[int]] = {}
    for number, question in enumerate(outcome.questions):
        for name in question.facts.split():
            taught.setdefault(name, []).append(number)
    facts = [
        Line(f"fact:{row.name}", (row.name, row.text), row, tuple(taught[row.name])) for row in outcome.result.facts
    ]
    general = kind_words()["general"][0]
    return facts + [
        Line(f"question:{number}", (general, row.text), row, (number,))
        for number, row in enumerate(outcome.result.questions)
        if row.name == "general"
    ]


def _is_wanted(row: Row, wanted: int) -> bool:
    changes = [row.change(model) for model in range(1, len(row.rates))]
    return wanted == ALL or (1 if wanted == ONLY_GAINED else -1) in changes


def _summary(outcome: Outcome) -> list[str]:
    result = outcome.result
    return [_comparison(result, model) for model in range(1, len(result.run.models))]


def _comparison(result: Result, model: int) -> str:
    gained, lost = result.gained(model), result.lost(model)
    first, later = _held_out(result, 0), _held_out(result, model)
    parts = [
        tr("{model}: {before} → {after} of the held-out questions right", model=brief_name(result.run.models[model]),
           before=first, after=later),
        trn("gained {n} fact", "gained {n} facts", sum(row.name != "general" for row in gained))
        + _named(gained, GAINED),
        trn("lost {n} fact", "lost {n} facts", sum(row.name != "general" for row in lost)) + _named(lost, LOST),
    ]  # fmt: skip
    return " · ".join(parts)


def _named(rows: list[Row], mark: str) -> str:
    """The facts by their names, and how many of the general questions."""
    names = [row.name for row in rows if row.name != "general"]
    general = len(rows) - len(names)
    if general:
        names.append(trn("{n} general question", "{n} general questions", general))
    return f" ({mark} {', '.join(names)})" if names else ""


def _held_out(result: Result, model: int) -> Rate:
    rates = [row.rates[model] for row in result.kinds if row.name != "memorised"]
    return Rate(sum(rate.passed for rate in rates), sum(rate.asked for rate in rates))
