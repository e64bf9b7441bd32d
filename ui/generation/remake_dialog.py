"""Rewrites the rows whose fact has changed: by a chat model, or without one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from core.dataset import examples
from core.dataset.examples import Example
from core.generation import row_remaking
from core.language import tr, trn
from core.progress import Reporter
from core.spec import facts
from ui.generation.model_task_dialogs import ModelTaskDialog, RequestEstimate, Subjects
from ui.generation.run_progress_and_recovery import RowWriterChoice
from ui.llm_run_runner import LlmRunResult
from ui.widgets.tables import MAX_TABLE_ROWS, TextTable
from ui.workspace import Workspace


class RemakeDialog(ModelTaskDialog):
    """Writes new answers for rows whose facts have changed; they can also be marked as still right.

    `drafts_wanted`: the person wants to see the new rows.
    """

    drafts_wanted = Signal()

    def __init__(
        self, workspace: Workspace, parent: QWidget | None = None, names: Collection[str] | None = None
    ) -> None:
        words = tr(
            "These rows were written before their fact changed. Each gets a new answer that agrees with the fact as it "
            "is now, and becomes a draft. Undo brings the old rows back."
        )
        super().__init__(workspace, "remake", tr("Remake rows"), words, parent, names=names)
        self.still_right = QPushButton(tr("They are still &right"), autoDefault=False)
        self.still_right.clicked.connect(lambda _checked: self._on_still_right())
        self.drafts = QPushButton(tr("Show the &drafts"), autoDefault=False)
        self.drafts.clicked.connect(self.drafts_wanted)
        self.drafts.clicked.connect(lambda _checked: self.close())
        self.drafts.hide()
        self._before: dict[int, Example] = {}  # the rows as they were while they were out of date
        self.new_rows = TextTable(tr("Remade rows"), [tr("Question"), tr("Old answer"), tr("New answer")], even=3)
        self.new_rows.hide()
        self.body.addWidget(self.new_rows, 1)
        self.buttons.insertWidget(self.buttons.indexOf(self.primary), self.still_right)
        self.buttons.insertWidget(self.buttons.indexOf(self.primary), self.drafts)

    def model_part(self) -> QWidget:
        words = tr(
            "Replaces the changed words and figures in the old answer, or uses the fact itself as the answer. Rows that "
            "were made without a model are made anew."
        )
        self.ways = RowWriterChoice(self.model, words)
        self.ways.changed.connect(self._on_way)
        return self.ways

    def subjects(self) -> Callable[[sqlite3.Connection], Subjects]:
        names = self.scope.names()
        return lambda db: row_remaking.build_subjects(row_remaking.find_stale_rows(db, names))

    def empty_texts(self) -> tuple[str, str]:
        return tr("No row is out of date"), tr(
            "When a passage of the spec changes, the rows of its fact are listed here."
        )

    def format_subjects(self, subjects: Subjects) -> str:
        return trn("{n} row is out of date", "{n} rows are out of date", len(subjects))

    def button_text(self, count: int) -> str:
        return trn("Remake {n} row", "Remake {n} rows", count) if count else tr("Remake")

    def show_data(self, found: RequestEstimate) -> None:
        super().show_data(found)
        self._before |= examples.fetch(self.workspace.project.rows, [subject["row"] for subject in found.subjects])
        self.estimate.setVisible(self.ways.online.isChecked())
        self.still_right.setEnabled(bool(found.subjects))
        self.show_start()

    def disabled_reason(self) -> str:
        if self.ways.offline.isChecked() and self.asked and self.asked.subjects:
            return ""
        return super().disabled_reason()

    def start(self) -> None:
        names = self.scope.names()
        self.drafts.hide()
        if self.ways.offline.isChecked():
            self.runner.write(self.task, tr("Remake rows"), _remake(names))
        else:
            super().start()

    def on_ended(self, ended: LlmRunResult) -> None:
        super().on_ended(ended)
        if ended.task == self.task:
            self.drafts.setVisible(ended.meaning != "error" and not ended.is_empty)
            self._show_new_rows()

    def _show_new_rows(self) -> None:
        """Show each new row beside the old one, to decide whether to approve it."""
        now = examples.fetch(self.workspace.project.rows, list(self._before))
        changed = [
            (before, now[id]) for id, before in self._before.items() if id in now and now[id].answer != before.answer
        ]
        lines = [(row.question, before.answer, row.answer) for before, row in changed[:MAX_TABLE_ROWS]]
        self.new_rows.show_lines(lines, "", "")
        self.new_rows.setVisible(bool(lines))

    def _on_way(self) -> None:
        self.estimate.setVisible(self.ways.online.isChecked())
        self.show_start()

    def _on_still_right(self) -> None:
        names = self.scope.names()
        write = self.workspace.project.write(
            tr("Mark rows as still right"), lambda db: facts.confirm(db, row_remaking.find_stale_rows(db, names))
        )
        self.workspace.tasks.start("", write)


def _remake(names: set[str] | None) -> Callable[[sqlite3.Connection, Reporter], str]:
    return lambda db, reporter: row_remaking.remake_without_model(db, row_remaking.find_stale_rows(db, names), reporter)
