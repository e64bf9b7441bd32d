"""A few exam questions of the project, offered in an empty conversation."""

import sqlite3

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from core.dataset import examples, filters
from core.dataset.examples import Example
from core.generation import page_rows
from core.language import tr
from core.text.row_templates import BLANK
from ui import style
from ui.widgets import basics
from ui.workspace import Workspace

MAX_SUGGESTIONS, MAX_ROWS_READ = 3, 60
MAX_QUESTION_LENGTH = 90  # characters of a question


class SuggestedQuestions(QWidget):
    """Buttons with questions; hidden if the project has none."""

    chosen = Signal(str)  # the question

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(style.SPACE // 2)

    async def read(self) -> None:
        """Read other questions from the project."""
        questions = await self._workspace.project.read(_load_suggestions)
        while item := self._column.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        if questions:
            self._column.addWidget(basics.label(tr("For example:"), dim=True))
        for question in questions:
            self._column.addWidget(self._build_button(question), 0, Qt.AlignmentFlag.AlignLeft)

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
