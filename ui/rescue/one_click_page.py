"""Rescue in one click: files, rows, the old model's exam, a job elsewhere, and the new model's exam, one after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.language import tr
from core.progress import Progress
from core.rescue import report
from core.rescue.records import RescuePlan, RescueStatus, RescueStep
from core.rescue.report import RescueReport
from ui import style
from ui.generation.run_progress_and_recovery import RunProgressLine
from ui.rescue.rescue_runner import RescueRunner
from ui.rescue.target_page import TargetPage
from ui.widgets import basics, server_texts
from ui.workspace import Workspace

DONE_MARK, NEXT_MARK, LATER_MARK, FAILED_MARK = "✓", "▸", "·", "✗"


class OneClickPage(TargetPage):
    """Starts a rescue that works on its own, shows its steps, and what came of it. It goes on when the dialog is closed."""

    def __init__(self, workspace: Workspace, runner: RescueRunner) -> None:
        super().__init__(workspace)
        self.runner = runner
        self._found: RescueReport | None = None
        self.start = basics.primary_button(tr("&Rescue this model"))
        self.go_on = QPushButton(tr("&Continue"))
        self.answers_as = QLineEdit()
        self.answers_as.setPlaceholderText(tr("name under which the new model answers, if it was deployed"))
        self.answers_as.setAccessibleName(tr("Answers as"))
        self.line = RunProgressLine()
        self.line.pause.hide()
        self.steps, self.verdict = basics.label(wrap=True), basics.label(wrap=True)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        words = tr(
            "Juku saves its files, imports their rows, lets the old model sit the exam while it still answers, teaches the "
            "base model below, and lets it sit the same exam. It does not ask in between; what is wrong stops it, and what "
            "was done stays done. Rows and questions go to both servers; a server may bill you for them."
        )
        above = QHBoxLayout()
        above.setSpacing(2 * style.SPACE)
        above.addLayout(self.build_form(), 1)
        for button in (self.go_on, self.start):
            button.setAutoDefault(False)
            above.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        for part in (self.steps, self.verdict):
            part.setTextFormat(Qt.TextFormat.PlainText)
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addWidget(basics.label(words, wrap=True, dim=True))
        layout.addLayout(above)
        layout.addWidget(self.note)
        layout.addWidget(self.answers_as)
        layout.addWidget(self.line)
        page, area = QWidget(), QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.steps)
        column.addWidget(self.verdict)
        column.addStretch()
        area.setWidget(page)
        layout.addWidget(area, 1)

    def _connect(self) -> None:
        self.start.clicked.connect(lambda _checked: self.runner.start(self._plan()))
        self.go_on.clicked.connect(lambda _checked: self._on_go_on())
        self.line.cancelled.connect(self.runner.cancel)
        self.runner.progressed.connect(self._on_progress)
        self.runner.changed.connect(self._on_runner)
        self.connect_target()

    def build_query(self) -> Callable[[sqlite3.Connection], Any]:
        return report.load_newest

    def show_model(self, provider: str, model: Any) -> None:
        super().show_model(provider, model)
        if model is not None:
            self.request_offers()
            self.show_offers()

    def show_data(self, found: RescueReport | None) -> None:
        self._found = found
        own = found if found and self._is_own(found) else None
        self.steps.setText(_format_steps(own) if own else "")
        self.verdict.setText("\n".join(report.build_sentences(own)) if own else "")
        self.steps.setVisible(own is not None)
        self.verdict.setVisible(own is not None)

    def _is_own(self, found: RescueReport) -> bool:
        """Whether it rescues the model that is chosen."""
        return self.model is not None and (found.run.plan.provider, found.run.plan.model) == self.model_key

    def show_buttons(self) -> None:
        running, found = self.runner.is_running, self._found
        unfinished = found is not None and not found.run.is_over and not running and self._is_own(found)
        self.go_on.setVisible(unfinished)
        target = found.run.plan.target if found else ""
        waits = unfinished and found is not None and found.run.step == RescueStep.NEW_EXAM
        self.answers_as.setVisible(waits and server_texts.preset_of(self.workspace, target).deploys)
        busy = tr("A rescue is running.") if running else ""
        reason = busy or ("" if self.model else tr("Choose a model.")) or self.find_unusable()
        basics.set_enabled(self.start, reason)
        self.note.show_text("" if running else self.find_unusable(), "warning")
        for box in (self.server_box, self.base):
            box.setEnabled(not running)
        self.line.setVisible(running)

    def _plan(self) -> RescuePlan:
        path = self.workspace.project.path
        folder = path.with_name(f"{path.stem}-rescued").absolute()
        return RescuePlan(*self.model_key, self.target(), self.base.model_id(), str(folder))

    def _on_go_on(self) -> None:
        if self._found is not None:
            self.runner.go_on(self._found.run.id, "" if self.answers_as.isHidden() else self.answers_as.text().strip())

    def _on_progress(self, progress: Progress) -> None:
        self.line.show_progress(progress)
        if progress.total and not progress.pause:  # a step counts as many
            self.line.count.setText(f"{progress.done / progress.total:.0%}")

    def _on_runner(self) -> None:
        self.line.show_progress(None)
        self.read()
        self.show_buttons()


def _format_steps(found: RescueReport) -> str:
    """A line for each step: done, in work, failed, or later."""
    run, steps = found.run, [step for step in RescueStep if step != RescueStep.DONE]
    at = list(RescueStep).index(run.step)
    marks = [DONE_MARK if number < at else LATER_MARK for number in range(len(steps))]
    if at < len(steps):
        marks[at] = FAILED_MARK if run.status == RescueStatus.FAILED else NEXT_MARK
    return "\n".join(f"{mark}  {report.step_title(step, run)}" for mark, step in zip(marks, steps, strict=True))
