"""The questions behind a rate, and side by side what each model answered."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from core import grading
from core.evals import Answer, Question
from core.language import tr
from ui import style, widgets
from ui.exam_model import brief_name

Piece = tuple[str, str]  # a text and its meaning: good, error, or '' for an ordinary one
RIGHT, WRONG = "✓", "✗"


class AnswerText(QPlainTextEdit):
    """Plain text in the colours of its meanings; what is shown already keeps its place."""

    def __init__(self) -> None:
        super().__init__(readOnly=True)
        self._pieces: list[Piece] = []

    def show_pieces(self, pieces: list[Piece]) -> None:
        if pieces == self._pieces:
            return
        self._pieces = pieces
        self.clear()
        cursor = QTextCursor(self.document())
        for text, meaning in pieces:
            form = QTextCharFormat()
            form.setForeground(style.colours(meaning)[0] if meaning else self.palette().text())
            cursor.insertText(text, form)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            pieces, self._pieces = self._pieces, []
            self.show_pieces(pieces)


class AnswersView(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._models: list[str] = []
        self._questions: list[Question] = []
        self._answers: dict[tuple[int, str], list[Answer]] = {}
        self._wanted: set[int] = set()
        self.title = widgets.heading("")
        self.list = QListWidget(uniformItemSizes=True, wordWrap=True, spacing=2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(tr("Questions"))
        self.list.currentRowChanged.connect(lambda _row: self._show_question())
        self.question = widgets.label(wrap=True)
        self.reference = widgets.label(wrap=True)
        self.points = widgets.label(wrap=True, dim=True)
        self.texts: list[AnswerText] = []
        self._columns = QHBoxLayout()
        self._lay_out()

    def _lay_out(self) -> None:
        detail = QWidget()
        below = QVBoxLayout(detail)
        below.setContentsMargins(0, 0, 0, 0)
        for part in (self.question, self.reference, self.points):
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            below.addWidget(part)
        font = self.question.font()
        font.setBold(True)
        self.question.setFont(font)
        below.addLayout(self._columns, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        splitter.addWidget(self.list)
        splitter.addWidget(detail)
        splitter.setSizes([200, 320])
        splitter.setHandleWidth(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(splitter, 1)

    def choose(self, title: str, wanted: set[int]) -> None:
        """Show the questions at these positions of the run from now on."""
        self.title.setText(title)
        self._wanted = wanted
        self.list.blockSignals(True)
        self.list.clear()
        self.list.blockSignals(False)

    def show_outcome(self, models: list[str], questions: list[Question], answers: list[Answer]) -> None:
        if models != self._models:
            self._make_columns(models)
        self._models = models
        self._questions = [question for number, question in enumerate(questions) if number in self._wanted]
        self._answers = {}
        for answer in answers:
            self._answers.setdefault((answer.question, answer.model), []).append(answer)
        self._show_list()
        self._show_question()

    def _show_list(self) -> None:
        """Each question with a mark per model; filled in place, so that a selection stays."""
        self.list.blockSignals(True)
        for number, question in enumerate(self._questions):
            if number == self.list.count():
                self.list.addItem(QListWidgetItem())
            marks = " ".join(self._mark(question, model) for model in self._models)
            self.list.item(number).setText(f"{marks}   {question.question}")
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)

    def _mark(self, question: Question, model: str) -> str:
        given = self._answers.get((question.id, model), [])
        passed = sum(answer.passed for answer in given)
        if len(given) > 1:
            return f"{passed}/{len(given)}"
        return (RIGHT if passed else WRONG) if given else "–"

    def _make_columns(self, models: list[str]) -> None:
        while (item := self._columns.takeAt(0)) is not None:
            item.widget().deleteLater()
        self.texts = [self._add_column(model) for model in models]

    def _add_column(self, model: str) -> AnswerText:
        name = widgets.label(brief_name(model), dim=True)
        name.setToolTip(widgets.tip(model))
        text = AnswerText()
        text.setAccessibleName(tr("Answers of {model}", model=brief_name(model)))
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(name)
        layout.addWidget(text, 1)
        self._columns.addWidget(column, 1)
        return text

    def _show_question(self) -> None:
        row = self.list.currentRow()
        question = self._questions[row] if 0 <= row < len(self._questions) else None
        self.question.setText(question.question if question else "")
        self.reference.setText(tr("Reference: {answer}", answer=question.reference) if question else "")
        points = [point_words(point.text) for point in grading.parse(question.key_points)] if question else []
        self.points.setText(tr("Key points: {points}", points="; ".join(points)) if points else "")
        self.points.setVisible(bool(points))
        for model, text in zip(self._models, self.texts, strict=True):
            given = self._answers.get((question.id, model), []) if question else []
            text.show_pieces(answer_pieces(question, given) if question else [])


def answer_pieces(question: Question, given: list[Answer]) -> list[Piece]:
    """The answers to one question as a person reads them: the mark, the text, and which points are in it."""
    found: list[Piece] = []
    for answer in given:
        verdict = tr("{mark} Right", mark=RIGHT) if answer.passed else tr("{mark} Wrong", mark=WRONG)
        found.append((f"\n\n{verdict}" if found else verdict, "good" if answer.passed else "error"))
        given_text = answer.text.strip() or tr("(an empty answer)")
        found.append((f"\n{given_text}", ""))
        for text, met in grading.grade(answer.text, question.key_points or question.reference).points:
            found.append((f"\n    {RIGHT if met else WRONG} {point_words(text)}", "good" if met else "error"))
    return found or [(tr("Not asked yet."), "")]


def point_words(text: str) -> str:
    """A key point as a person reads it: alternatives by “or”, and what must not be said."""
    words = tr(" or ").join(part.strip() for part in text.removeprefix("!").split("|"))
    return tr("not: {words}", words=words) if text.startswith("!") else words
