"""The questions behind a rate of the heat map, and the subjects' answers side by side."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QListView, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from core.exam import degenerate_answers, graders
from core.exam.answers import ExamAnswer
from core.exam.judges import JUDGE, AnswerMark
from core.exam.runs import ExamQuestion
from core.exam.scores import PASS_SHARE
from core.language import tr
from ui import style
from ui.exam.exam_texts import NO_VALUE, RIGHT_SYMBOL, WRONG_SYMBOL
from ui.exam.result_data import ExamOutcome
from ui.widgets import basics, context_menus

Piece = tuple[str, str]  # a text and its meaning: good, error, dim, or '' for an ordinary one
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
MAX_QUESTIONS = 8  # lines of the list of questions, before it scrolls
MIN_COLUMN_WIDTH = 210  # pixels of a column of answers


class ColouredAnswer(QPlainTextEdit):
    """Plain text in the colours of its meanings; what is shown already keeps its place."""

    def __init__(self) -> None:
        super().__init__(readOnly=True)
        self._pieces: list[Piece] = []

    def show_pieces(self, pieces: list[Piece]) -> None:
        """Show pieces of text, each in the colour of its meaning."""
        if pieces == self._pieces:
            return
        self._pieces = pieces
        self.clear()
        cursor = QTextCursor(self.document())
        for text, meaning in pieces:
            form = QTextCharFormat()
            colour = style.dim() if meaning == "dim" else style.colours(meaning)[0] if meaning else None
            form.setForeground(colour or self.palette().text())
            cursor.insertText(text, form)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            pieces, self._pieces = self._pieces, []
            self.show_pieces(pieces)


class QuestionListModel(QAbstractListModel):
    """Questions of a run, each with a mark per subject."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._outcome: ExamOutcome | None = None
        self._places: tuple[int, ...] = ()

    def show_places(self, outcome: ExamOutcome, places: tuple[int, ...]) -> None:
        """Show the questions in these rows of the result; a view that had the same ones keeps its place."""
        before = self._outcome
        same = before is not None and before.run.id == outcome.run.id and places == self._places
        if same and before is not None and len(before.result.questions) == len(outcome.result.questions):
            self._outcome = outcome
            if places:
                self.dataChanged.emit(self.index(0), self.index(len(places) - 1))
            return
        self.beginResetModel()
        self._outcome, self._places = outcome, places
        self.endResetModel()

    def question(self, row: int) -> ExamQuestion | None:
        """The question in line `row`; None where there is none."""
        if self._outcome is None or not 0 <= row < len(self._places):
            return None
        return self._outcome.result.questions[self._places[row]]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._places)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        question = self.question(index.row())
        if question is None:
            return None
        if role == Role.DisplayRole:
            return f"{self._format_marks(self._places[index.row()])}   {question.question}"
        return basics.plain_tooltip(question.question) if role == Role.ToolTipRole else None

    def _format_marks(self, place: int) -> str:
        assert self._outcome
        result = self._outcome.result
        return " ".join(map(_format_rate, result.passed[place], result.asked[place]))


def _format_rate(passed: float, asked: float) -> str:
    if asked > 1:
        return f"{passed:.0f}/{asked:.0f}"
    return (RIGHT_SYMBOL if passed > PASS_SHARE else WRONG_SYMBOL) if asked else NO_VALUE


class AnswerComparison(QWidget):
    """The questions of a run, and the answers of all subjects to the selected one.

    `wanted` asks for them: a run may have more answers than can be held in memory.
    """

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._outcome: ExamOutcome | None = None
        self._titles: list[str] = []
        self.title = basics.heading("")
        self.title.setWordWrap(True)
        self.questions = QuestionListModel(self)
        self.list = QListView(uniformItemSizes=True)
        self.list.setModel(self.questions)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(tr("Questions"))
        self.list.setStyleSheet(style.ROOMY_LIST_SHEET)
        context_menus.offer(self.list)
        self.list.selectionModel().currentRowChanged.connect(lambda _now, _before: self._show_question())
        self.question, self.reference = basics.label(wrap=True), basics.label(wrap=True)
        self.points, self.leak = basics.label(wrap=True, dim=True), basics.Note()
        self.texts: list[ColouredAnswer] = []
        self._columns = QHBoxLayout()
        self._columns.setContentsMargins(0, 0, 0, 0)
        self._lay_out()

    def _lay_out(self) -> None:
        detail, columns = QWidget(), QWidget()
        columns.setLayout(self._columns)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(columns)
        below = QVBoxLayout(detail)
        below.setContentsMargins(0, 0, 0, 0)
        for part in (self.question, self.reference, self.points):
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            below.addWidget(part)
        below.addWidget(self.leak)
        font = self.question.font()
        font.setBold(True)
        self.question.setFont(font)
        below.addWidget(scroll, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.title)
        layout.addWidget(self.list)
        layout.addWidget(detail, 1)

    def show_questions(self, outcome: ExamOutcome, title: str, places: tuple[int, ...]) -> None:
        """Show these questions (by their rows in the result), the one that was chosen before if it is among them."""
        before = self.current_question()
        titles = [column.title for column in outcome.columns]
        if titles != self._titles:
            self._titles = titles
            self._make_columns(titles, [column.tooltip for column in outcome.columns])
        self._outcome = outcome
        self.title.setText(title)
        self.list.selectionModel().blockSignals(True)
        self.questions.show_places(outcome, places)
        lines = min(max(1, len(places)), MAX_QUESTIONS)
        self.list.setFixedHeight(lines * self.list.sizeHintForRow(0) + 2 * self.list.frameWidth())
        rows = {one.id: row for row in range(len(places)) if (one := self.questions.question(row))}
        row = rows.get(before.id, 0) if before else 0
        self.list.setCurrentIndex(self.questions.index(row))
        self.list.selectionModel().blockSignals(False)
        self._show_question()

    def current_question(self) -> ExamQuestion | None:
        """The selected question; None for none."""
        return self.questions.question(self.list.currentIndex().row())

    def _make_columns(self, titles: Sequence[str], tooltips: Sequence[str]) -> None:
        while (item := self._columns.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        self.texts = [self._add_column(title, tooltip) for title, tooltip in zip(titles, tooltips, strict=True)]

    def _add_column(self, title: str, tooltip: str) -> ColouredAnswer:
        name = basics.label(title, dim=True)
        basics.explain(name, tooltip)
        text = ColouredAnswer()
        text.setAccessibleName(tr("Answers of {model}", model=title.replace("\n", " · ")))
        column = QWidget()
        column.setMinimumWidth(style.scaled(MIN_COLUMN_WIDTH))
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(name)
        layout.addWidget(text, 1)
        self._columns.addWidget(column, 1)
        return text

    def _show_question(self) -> None:
        found = self.current_question()
        self.question.setText(found.question if found else "")
        self.reference.setText(tr("Reference: {answer}", answer=found.reference) if found else "")
        points = (
            graders.format_key_points(self._outcome.run.grader, found.key_points) if found and self._outcome else ""
        )
        self.points.setText(tr("Key points: {points}", points=points) if points else "")
        self.points.setVisible(bool(points))
        self.leak.show_text(format_leak(found) if found else "", "warning")
        if found:
            self.wanted.emit(found.id)
        else:
            self.show_answers(0, [], {})

    def show_answers(
        self, question: int, found: Sequence[ExamAnswer], marks: Mapping[int, Sequence[AnswerMark]]
    ) -> None:
        """Show the answers to a question, unless another one has been chosen meanwhile."""
        chosen = self.current_question()
        if (chosen.id if chosen else 0) != question or self._outcome is None:
            return
        for subject, text in zip(self._outcome.run.subjects, self.texts, strict=True):
            given = [answer for answer in found if answer.subject == subject.id]
            text.show_pieces(format_answers(given, marks, self._outcome.run.sampling.max_tokens) if question else [])


def format_answers(given: Sequence[ExamAnswer], marks: Mapping[int, Sequence[AnswerMark]], limit: int) -> list[Piece]:
    """One subject's answers to one question as coloured pieces of text; equal repeats are listed once.

    `limit`: the tokens of the longest answer.
    """
    found: list[Piece] = []
    alike = sorted(given, key=lambda one: min(other.sample for other in given if other.text == one.text))
    for text, group in groupby(alike, key=lambda one: one.text):
        repeats = list(group)
        first = repeats[0]
        times = f"   {len(repeats)}×" if len(repeats) > 1 else ""
        gap = "\n\n" if found else ""
        found.append((f"{gap}{_format_verdict(first)}{times}", _meaning(first.passed)))
        found.append((f"\n{text.strip() or tr('(an empty answer)')}", ""))
        if flaw := degenerate_answers.find_flaw(text, first.received, limit):
            found.append((f"\n{degenerate_answers.describe_flaw(flaw)}", "warning"))
        if first.reason:
            found.append((f"\n{first.reason}", "dim"))
        found += [(f"\n{_format_mark(mark)}", _meaning(mark.passed)) for mark in marks.get(first.id, ())]
    if not found:
        return [(tr("Not asked yet."), "")]
    return [*found, ("\n\n" + "\n".join([_format_provenance(given), *_format_passages(given)]), "dim")]


def _format_verdict(answer: ExamAnswer) -> str:
    if answer.passed is None:
        return tr("Not marked")
    score = "" if answer.score in (None, 0.0, 1.0) else f" · {100 * (answer.score or 0):.0f}"
    words = tr("{mark} Right", mark=RIGHT_SYMBOL) if answer.passed else tr("{mark} Wrong", mark=WRONG_SYMBOL)
    return words + score


def _meaning(passed: bool | None) -> str:
    return "" if passed is None else "good" if passed else "error"


def _format_mark(mark: AnswerMark) -> str:
    who = tr("Judge") if mark.grader == JUDGE else tr("Person")
    text = tr("{who}: {score} of 100", who=who, score=f"{100 * mark.score:.0f}")
    return f"{text} – {mark.reason}" if mark.reason else text


def _format_provenance(given: Sequence[ExamAnswer]) -> str:
    """What the server says has answered, how long it took and how much was sent."""
    models = dict.fromkeys(" · ".join(filter(None, (one.reported, one.fingerprint))) for one in given)
    seconds = sum(one.seconds for one in given) / len(given)
    sent, received = (sum(values) // len(given) for values in zip(*((one.sent, one.received) for one in given), strict=True))  # fmt: skip
    parts = [
        tr("Answered by {model}", model=", ".join(filter(None, models)) or tr("a server that does not report it")),
        tr("{n} s", n=f"{seconds:.1f}"),
    ]
    if sent or received:
        parts.append(tr("{sent} tokens sent, {received} received", sent=f"{sent:,}", received=f"{received:,}"))
    return " · ".join(parts)


def _format_passages(given: Sequence[ExamAnswer]) -> list[str]:
    """The passages in the prompt."""
    found = given[0].passages
    lines = [f"[{number}] {one.passage.whole}" for number, one in enumerate(found, 1)]
    return [tr("In the prompt:"), *lines] if lines else []


def format_leak(question: ExamQuestion) -> str:
    """Which training row asks the same, and how nearly; '' where none does."""
    if not question.leak:
        return ""
    row, _gap, percent = question.leak.partition(" ")
    return tr(
        "Training row {row} asks the same ({share} % similar): a right answer proves nothing.", row=row, share=percent
    )
