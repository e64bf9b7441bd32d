"""The questions of a conversation with the answers of all panes side by side; an edited question starts a branch."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from core.chat.conversations import ChatTurn, ConversationThread
from core.language import tr
from ui import style
from ui.chat.answer_view import AnswerView
from ui.spec.spec_chat_messages import MessageText
from ui.widgets import basics
from ui.widgets.basics import LinkButton
from ui.widgets.text_fields import QuestionField


class QuestionRow(QWidget):
    """One question with the answers of all panes.

    `branch_chosen` gives the turn that is to be shown instead; `edited` the new text of the question.
    """

    edited = Signal(str)
    branch_chosen = Signal(int)
    again_wanted = Signal(int)  # a pane's number
    code_wanted = Signal(int)  # a pane's number
    marked = Signal(int, object, str)  # the answer's id, the mark (0 to 100) or None, the note
    example_wanted = Signal(object, bool)  # the `ChatAnswer`, and whether it goes to the exam

    def __init__(self, turn: ChatTurn, title_of: Callable[[str], str]) -> None:
        super().__init__()
        self.turn = turn
        self._title_of = title_of
        self._branches: list[int] = []
        self._is_busy = self._is_last = False
        self.columns: dict[int, AnswerView] = {}
        self.question = MessageText(tr("You"), turn.text, own=True)
        self.back, self.on = (
            basics.tool_button("‹", tr("Previous wording"), has_tip=True),
            basics.tool_button("›", tr("Next wording"), has_tip=True),
        )
        self.place = basics.label(dim=True)
        self.edit = LinkButton(tr("Edit"))
        self.edit.setToolTip(tr("Rephrase the question; the conversation so far is kept as a branch"))
        self.field = QuestionField()
        self.field.setAccessibleName(tr("The question in other words"))
        self.field.setPlaceholderText("")
        self.send, self.cancel = QPushButton(tr("Ask")), QPushButton(tr("Cancel"))
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(style.SPACE // 3)
        head.addWidget(self.question, 1)
        for part in (self.back, self.place, self.on, self.edit):
            head.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        acts = QHBoxLayout()
        acts.addStretch()
        acts.addWidget(self.send)
        acts.addWidget(self.cancel)
        self._form = basics.column(self.field, acts)
        self._form.hide()
        self._sides = QHBoxLayout()
        self._sides.setSpacing(style.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, style.SPACE)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(head)
        layout.addWidget(self._form)
        layout.addLayout(self._sides)

    def _connect(self) -> None:
        self.back.clicked.connect(lambda _checked: self._choose(-1))
        self.on.clicked.connect(lambda _checked: self._choose(1))
        self.edit.clicked.connect(lambda _checked: self._show_form(self._form.isHidden()))
        self.field.sent.connect(self._on_edited)
        self.send.clicked.connect(lambda _checked: self._on_edited())
        self.cancel.clicked.connect(lambda _checked: self._show_form(False))

    def show_thread(self, thread: ConversationThread, panes: Sequence[int]) -> None:
        """The branches of this question, and the answers of these panes, in their order."""
        self._branches = [turn.id for turn in thread.branches(self.turn)]
        at = self._branches.index(self.turn.id)
        self.place.setText(f"{at + 1}/{len(self._branches)}")
        for part in (self.back, self.place, self.on):
            part.setVisible(len(self._branches) > 1)
        self.back.setEnabled(at > 0)
        self.on.setEnabled(at + 1 < len(self._branches))
        self.show_panes(panes)
        for number, column in self.columns.items():
            column.show_answers(thread.answers_of(self.turn.id, number))

    def show_panes(self, panes: Sequence[int]) -> None:
        """A column for each pane; those of others are taken away."""
        for number in [*self.columns]:
            if number not in panes:
                column = self.columns.pop(number)
                self._sides.removeWidget(column)
                column.hide()
                column.deleteLater()
        for place, number in enumerate(panes):
            if number not in self.columns:
                self.columns[number] = self._build_column(number)
                self._sides.insertWidget(place, self.columns[number], 1)
        self._allow()

    def allow(self, is_busy: bool, is_last: bool) -> None:
        """While something is being answered nothing else is asked; only the last question is asked again."""
        self._is_busy, self._is_last = is_busy, is_last
        self._allow()

    def _allow(self) -> None:
        for part in (self.edit, self.send):
            part.setEnabled(not self._is_busy)
        for column in self.columns.values():
            column.allow_asking(self._is_last and not self._is_busy)

    def _build_column(self, number: int) -> AnswerView:
        column = AnswerView(self._title_of)
        column.again_wanted.connect(lambda: self.again_wanted.emit(number))
        column.code_wanted.connect(lambda: self.code_wanted.emit(number))
        column.marked.connect(self.marked)
        column.example_wanted.connect(self.example_wanted)
        return column

    def _choose(self, step: int) -> None:
        if not self._is_busy:
            self.branch_chosen.emit(self._branches[self._branches.index(self.turn.id) + step])

    def _show_form(self, is_open: bool) -> None:
        self.field.setPlainText(self.turn.text)
        self._form.setVisible(is_open)
        if is_open:
            self.field.setFocus()

    def _on_edited(self) -> None:
        text = self.field.toPlainText().strip()
        if text and not self._is_busy:
            self._show_form(False)
            self.edited.emit(text)


class ConversationView(QScrollArea):
    """The questions of a conversation; its scroll bar is always shown, so that answers are as wide as the headers above."""

    def __init__(self, make_row: Callable[[ChatTurn], QuestionRow]) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.rows: list[QuestionRow] = []
        self._make_row = make_row
        self._at_end = True  # whether what comes is to be followed
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.SPACE)
        self._column.addStretch()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(page)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._on_grown)

    def show_path(self, path: Sequence[ChatTurn]) -> list[QuestionRow]:
        """Show these turns; existing rows stay. Returns the new rows."""
        kept = 0
        while kept < min(len(self.rows), len(path)) and self.rows[kept].turn == path[kept]:
            kept += 1
        for row in self.rows[kept:]:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        new = [self._make_row(turn) for turn in path[kept:]]
        for row in new:
            self._column.insertWidget(self._column.count() - 1, row)
        self.rows[kept:] = new
        self._at_end = True
        return new

    def row(self, turn: int) -> QuestionRow | None:
        """The row of the turn with this id; None when it is not shown."""
        return next((row for row in self.rows if row.turn.id == turn), None)

    def _on_scrolled(self, value: int) -> None:
        self._at_end = value >= self.verticalScrollBar().maximum() - style.SPACE

    def _on_grown(self, _least: int, most: int) -> None:
        if self._at_end:
            self.verticalScrollBar().setValue(most)
