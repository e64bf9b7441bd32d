"""Rescue, the comparison: whether the retrained model answers as the old one did, question by question."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout

from core.errors import JukuError
from core.exam import key_points
from core.generation import recorded_answers
from core.generation.recorded_answers import AnswerPair, ModelKey, PairCounts, RecordingEstimate
from core.language import tr, trn
from core.providers import LOCAL
from core.training import jobs
from ui import style
from ui.rescue.rescue_page import (
    BatchBox,
    RescuePage,
    format_error,
    format_mark,
    format_recording_cost,
    split_with_text,
)
from ui.widgets import basics, file_dialogs
from ui.widgets.drop_down import DropDown
from ui.widgets.message_bar import Notice
from ui.widgets.tables import MAX_TABLE_ROWS, TextTable
from ui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _ComparisonData:
    """`others` can be compared with; `new` is the one that was chosen, with its pairs and what is left to ask it."""

    kept: int
    others: list[ModelKey]
    new: ModelKey | None
    left: RecordingEstimate
    pairs: list[AnswerPair]
    waits: bool  # whether a job that teaches it again has not ended


class ComparisonPage(RescuePage):
    """Compares the saved answers of two models, and exports the comparison."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._pairs: list[AnswerPair] = []
        self._left, self._others = RecordingEstimate(0, 0, 0, None), list[ModelKey]()
        self.batch = BatchBox()
        self.other = DropDown()
        self.other.setAccessibleName(tr("Compare with"))
        self.other.setMinimumContentsLength(30)
        self.other.setPlaceholderText(tr("No other model yet"))
        self.again, self.export = QPushButton(tr("Ask the same question")), QPushButton(tr("Export as CSV…"))
        self.verdict, self.cost = basics.label(wrap=True), basics.label(wrap=True, dim=True)
        columns = [tr("Question"), tr("Old answer"), tr("New answer"), tr("Old"), tr("New"), tr("Verdict")]
        self.table = TextTable(tr("Parity"), columns, even=3)
        self.whole = QPlainTextEdit(readOnly=True)
        self.whole.setAccessibleName(tr("Full text of both answers"))
        self._lay_out()
        self._wanted: ModelKey | None = None  # the chosen one; else the one retrained last
        self.other.activated.connect(lambda _index: self._on_other())
        self.batch.toggled.connect(lambda _on: self.show_buttons())
        self.again.clicked.connect(lambda _checked: self._on_again())
        self.export.clicked.connect(lambda _checked: self._on_export())
        self.table.chosen.connect(self._show_whole)

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(basics.label(tr("Compare with")))
        above.addWidget(self.other, 1)
        for button in (self.again, self.export):
            button.setAutoDefault(False)
            above.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addLayout(above)
        for part in (self.batch, self.cost, self.verdict, self.note):
            layout.addWidget(part)
        layout.addWidget(split_with_text(self.table, self.whole, 3), 1)

    def build_query(self) -> Callable[[sqlite3.Connection], _ComparisonData]:
        old, wanted = self.model_key, self._wanted

        def read(db: sqlite3.Connection) -> _ComparisonData:
            known = jobs.load_all(db)
            others = _load_others(db, old, known)
            new = wanted if wanted in others else next(iter(others), None)
            kept = recorded_answers.load_questions_of(db, old)
            left = recorded_answers.find_unanswered(db, new, kept) if new else []
            estimate = (
                recorded_answers.estimate(new, left, new[0] == LOCAL) if new else RecordingEstimate(0, 0, 0, None)
            )
            pairs = recorded_answers.load_pairs(db, old, new) if new else []
            waits = any(job.sweep == old[1] and not job.ended for job in known)
            return _ComparisonData(len(kept), others, new, estimate, pairs, waits)

        return read

    def _on_other(self) -> None:
        self._wanted = self.new_model()
        self.read()

    def new_model(self) -> ModelKey | None:
        """The model that is compared with the old one; None for none."""
        at = self.other.currentIndex()
        return self._others[at] if 0 <= at < len(self._others) else None

    def show_data(self, found: Any) -> None:
        if found.others != self._others:
            self._others = found.others
            self.other.clear()
            self.other.addItems([f"{basics.short_model_name(model)} – {self.server(id)}" for id, model in found.others])
        if found.new:
            self.other.setCurrentIndex(found.others.index(found.new))
        self._left, self._pairs = found.left, found.pairs
        self.verdict.setText(
            format_tally(recorded_answers.count_results(found.pairs), found.kept) if found.pairs else ""
        )
        self.verdict.setVisible(bool(found.pairs))
        self.table.show_lines([_format_cells(pair) for pair in found.pairs[:MAX_TABLE_ROWS]], *_explain_empty(found))
        for row, pair in enumerate(found.pairs[:MAX_TABLE_ROWS]):
            self.table.colour(row, 5, style.colours("good" if pair.agrees else "error")[0])
        self.whole.setVisible(bool(found.pairs))
        self._show_whole(-1)
        if found.pairs:
            self.table.choose(0)

    def show_buttons(self) -> None:
        count, new = self._left.requests, self.new_model()
        self.batch.show_server(self.workspace, new[0] if new and count else "")
        self.cost.setText(format_recording_cost(self._left, new[0], self.batch.is_wanted()) if new else "")
        self.cost.setVisible(bool(self.cost.text()))
        self.again.setText(
            trn("Ask it {n} question", "Ask it {n} questions", count) if count else tr("Ask the same question")
        )
        reason = "" if count else tr("There are no questions left to ask.")
        basics.set_enabled(self.again, reason or (tr("Asking the server…") if self.is_asking else ""))
        self.other.setEnabled(bool(self._others))
        self.export.setEnabled(bool(self._pairs))

    def _show_whole(self, line: int) -> None:
        if not 0 <= line < len(self._pairs):
            self.whole.clear()
            return
        one = self._pairs[line]
        parts = [
            (tr("Question"), one.old.question), (tr("Old answer"), one.old.answer), (tr("New answer"), one.new),
            (tr("Expected"), one.old.reference), (tr("Key points"), key_points.format_points(one.old.key_points)),
        ]  # fmt: skip
        self.whole.setPlainText("\n\n".join(f"{title}\n{text}" for title, text in parts if text))

    def _on_again(self) -> None:
        old, new = self.model_key, self.new_model()
        if new is None:
            return

        def build_subjects(db: sqlite3.Connection) -> Any:
            return recorded_answers.build_subjects(
                new, recorded_answers.find_unanswered(db, new, recorded_answers.load_questions_of(db, old))
            )

        self.asked.emit(new, build_subjects, self.batch.is_wanted())

    def _on_export(self) -> None:
        file_dialogs.save_dialog(
            self, self.workspace.settings, file_dialogs.REPORTS, tr("Export the comparison"), f"{tr('Parity')}.csv",
            self.export_to, "CSV (*.csv)",
        ).open()  # fmt: skip

    def export_to(self, path: Path) -> None:
        """Write the table that is shown, all of its lines."""
        new = self.new_model()
        assert new is not None
        try:
            recorded_answers.export(path, self._pairs, self.model_key, new)
        except JukuError as error:
            Notice(self.window(), format_error(error), "error", lasting=True)
        else:
            Notice(self.window(), tr("“{name}” was written.", name=path.name))


def _load_others(db: sqlite3.Connection, old: ModelKey, known: list[jobs.Job]) -> list[ModelKey]:
    """The models to compare with: those retrained from this one, others of the project, those with saved answers."""
    mine = sorted((job for job in known if job.fine_tuned_model), key=lambda job: (job.sweep != old[1], -job.id))
    found = [(job.provider, job.fine_tuned_model or "") for job in mine] + list(recorded_answers.count_answers(db))
    return [who for who in dict.fromkeys(found) if who != old]


def _format_cells(pair: AnswerPair) -> tuple[str, ...]:
    marks = [format_mark(grade.score, grade.passed) for grade in (pair.old_mark, pair.new_mark)]
    return pair.old.question, pair.old.answer, pair.new, *marks, tr("agrees") if pair.agrees else tr("differs")


def _explain_empty(found: _ComparisonData) -> tuple[str, str]:
    if not found.kept:
        return tr("No answers saved yet"), tr(
            "Record the old model's answers first: the new one is compared with them."
        )
    if found.new is None and found.waits:
        return tr("Training again"), tr("When the job has finished, its model is asked the same questions here.")
    if found.new is None:
        return tr("No other model yet"), tr("Train the rows again, here or on another server; then compare.")
    return tr("Not asked yet"), tr("Ask the new model the same questions; both answers are then shown side by side.")


def format_tally(tally: PairCounts, kept: int) -> str:
    """The numbers of the comparison as text."""
    parts = [
        tr("{n} of {kept} questions compared: the two agree on {agree}.", n=f"{tally.pairs:,}", kept=f"{kept:,}",
           agree=f"{tally.agree:,}"),
        tr("Right: {old} before, {new} now.", old=f"{tally.old_right:,}", new=f"{tally.new_right:,}"),
    ]  # fmt: skip
    if tally.lost or tally.gained:
        parts.append(tr("{lost} lost, {gained} gained.", lost=f"{tally.lost:,}", gained=f"{tally.gained:,}"))
    return " ".join(parts)
