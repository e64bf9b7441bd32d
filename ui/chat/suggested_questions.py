"""A few exam questions of the project, offered in an empty conversation and below a short one."""

import sqlite3
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLayout, QPushButton, QVBoxLayout, QWidget

from core.dataset import examples, filters
from core.dataset.examples import Example
from core.generation import page_rows
from core.language import tr
from core.storage.project import Project
from core.text.row_templates import BLANK
from ui import style
from ui.widgets import basics
from ui.widgets.flow_layout import FlowLayout

MAX_SUGGESTIONS, MAX_ROWS_READ = 3, 60
MAX_QUESTION_LENGTH = 90  # characters of a question


async def load(project: Project) -> list[str]:
    """A few questions of the project that a person might ask."""
    return await project.read(_load_suggestions)


class SuggestedQuestions(QWidget):
    """Buttons with questions, one below the other in the middle; with `in_line` as many in a line as there is room for."""

    chosen = Signal(str)  # the question

    def __init__(self, in_line: bool = False) -> None:
        super().__init__()
        self._title = basics.label(tr("Ask next:") if in_line else tr("For example:"), dim=True)
        self._side = Qt.AlignmentFlag.AlignLeft if in_line else Qt.AlignmentFlag.AlignHCenter
        self._layout: QLayout = FlowLayout(self, style.SPACE // 2) if in_line else QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(style.SPACE // 2)
        self._add(self._title)
        self._buttons: list[QPushButton] = []

    def show_questions(self, questions: Sequence[str]) -> None:
        """Offer these questions; none hides all of it."""
        for button in self._buttons:
            self._layout.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = [self._build_button(question) for question in questions]
        for button in self._buttons:
            self._add(button)
        self.setVisible(bool(questions))

    def _add(self, part: QWidget) -> None:
        self._layout.addWidget(part)
        self._layout.setAlignment(part, self._side)

    def _build_button(self, question: str) -> QPushButton:
        line = " ".join(question.split())
        shown = line if len(line) <= MAX_QUESTION_LENGTH else f"{line[:MAX_QUESTION_LENGTH]}…"
        button = QPushButton(shown.replace("&", "&&"))
        button.clicked.connect(lambda: self.chosen.emit(question))
        return button


def _load_suggestions(db: sqlite3.Connection) -> list[str]:
    """A few exam questions, from all over the exam: those that read as a person asks, others where there are too few."""
    ids = filters.find(db, filters.Filter(split="test"))
    chosen = ids[:: max(1, len(ids) // MAX_ROWS_READ)][:MAX_ROWS_READ]
    by_rank: list[list[str]] = [[] for _rank in range(4)]
    for example in examples.fetch(db, chosen).values():
        if example.question:
            by_rank[_rank(example)].append(example.question)
    spread = [one for group in by_rank for one in group[:: max(1, len(group) // MAX_SUGGESTIONS)][:MAX_SUGGESTIONS]]
    return spread[:MAX_SUGGESTIONS]


def _rank(example: Example) -> int:
    """How little a question reads as a person would ask it: last those with a blank, before them keywords."""
    if any(blank in example.question for blank in BLANK.values()):
        return 3
    if not example.question.rstrip().endswith(("?", "？", "か。")) or example.tags in page_rows.CLOSED_FORMS:
        return 2
    return int(example.source == page_rows.SOURCE)
