"""Rescue, the answers: record a model's answers to the project's questions before it is shut down."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout

from core.exam import key_points
from core.generation import recorded_answers
from core.generation.recorded_answers import RecordedAnswer, RecordingEstimate
from core.language import tr, trn
from core.providers import LOCAL
from ui import style
from ui.rescue.rescue_page import BatchBox, RescuePage, format_mark, format_recording_cost, split_with_text
from ui.widgets import basics
from ui.widgets.tables import MAX_TABLE_ROWS, TextTable
from ui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _AnswersData:
    """`total` questions, of which those in `left` are not asked yet."""

    total: int
    left: RecordingEstimate
    kept: list[RecordedAnswer]


class AnswersPage(RescuePage):
    """Records a model's answers as an LLM run."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._left, self._kept = RecordingEstimate(0, 0, 0, None), list[RecordedAnswer]()
        self.all_rows = QCheckBox(tr("Also the questions of all approved rows, not only those of the exam"))
        self.summary, self.cost = basics.label(wrap=True), basics.label(wrap=True, dim=True)
        self.batch = BatchBox()
        self.record = basics.primary_button("")
        self.record.setAutoDefault(False)
        self.table = TextTable(tr("Saved answers"), [tr("Question"), tr("Answer"), tr("Mark")], even=2)
        self.whole = QPlainTextEdit(readOnly=True)
        self.whole.setAccessibleName(tr("The answer in full"))
        self._lay_out()
        self.all_rows.toggled.connect(lambda _on: self.read())
        self.batch.toggled.connect(lambda _on: self.show_buttons())
        self.record.clicked.connect(lambda _checked: self._on_record())
        self.table.chosen.connect(self._show_whole)

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(basics.column(self.all_rows, self.batch, self.summary, self.cost), 1)
        above.addWidget(self.record, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addLayout(above)
        layout.addWidget(self.note)
        layout.addWidget(split_with_text(self.table, self.whole, 2), 1)

    def build_query(self) -> Callable[[sqlite3.Connection], _AnswersData]:
        who, all_rows = self.model_key, self.all_rows.isChecked()

        def read(db: sqlite3.Connection) -> _AnswersData:
            asked = recorded_answers.load_questions(db, all_rows)
            left = recorded_answers.find_unanswered(db, who, asked)
            return _AnswersData(
                len(asked),
                recorded_answers.estimate(who, left, who[0] == LOCAL),
                recorded_answers.load_answers(db, who),
            )

        return read

    def show_data(self, found: Any) -> None:
        self._left, self._kept = found.left, found.kept
        asked = trn("The project has {n} question to ask.", "The project has {n} questions to ask.", found.total)
        if not found.total:
            asked = tr("The project has no questions yet. Import the model's rows, or write exam questions.")
        self.summary.setText(f"{asked} {_format_saved_count(len(found.kept))}")
        lines = []
        for one in found.kept[:MAX_TABLE_ROWS]:
            grade = one.mark(one.answer)
            lines.append((one.question, one.answer, format_mark(grade.score, grade.passed)))
        nothing = tr(
            "The model's answers are saved here while it is still available; a model that is taught again is "
            "compared with them."
        )
        self.table.show_lines(lines, tr("No answers saved yet"), nothing)
        self.whole.setVisible(bool(lines))
        self._show_whole(-1)
        if lines:
            self.table.choose(0)

    def _show_whole(self, line: int) -> None:
        if not 0 <= line < len(self._kept):
            self.whole.clear()
            return
        one = self._kept[line]
        parts = [(tr("Question"), one.question), (tr("Answer"), one.answer), (tr("Expected"), one.reference)]
        parts.append((tr("Key points"), key_points.format_points(one.key_points)))
        self.whole.setPlainText("\n\n".join(f"{title}\n{text}" for title, text in parts if text))

    def show_buttons(self) -> None:
        left = self._left.requests
        self.batch.show_server(self.workspace, self.provider if left else "")
        self.cost.setText(format_recording_cost(self._left, self.provider, self.batch.is_wanted()))
        self.cost.setVisible(left > 0)
        self.record.setText(trn("Record {n} answer", "Record {n} answers", left) if left else tr("Record answers"))
        reason = "" if left else tr("There are no questions left to ask.")
        basics.set_enabled(self.record, reason or (tr("Asking the server…") if self.is_asking else ""))

    def _on_record(self) -> None:
        who, all_rows = self.model_key, self.all_rows.isChecked()

        def build_subjects(db: sqlite3.Connection) -> Any:
            return recorded_answers.build_subjects(
                who, recorded_answers.find_unanswered(db, who, recorded_answers.load_questions(db, all_rows))
            )

        self.asked.emit(who, build_subjects, self.batch.is_wanted())


def _format_saved_count(kept: int) -> str:
    if not kept:
        return ""
    text = trn("{n} answer is saved.", "{n} answers are saved.", kept)
    return text if kept <= MAX_TABLE_ROWS else text + " " + tr("The first {n} are shown.", n=f"{MAX_TABLE_ROWS:,}")
