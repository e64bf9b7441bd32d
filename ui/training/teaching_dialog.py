"""The dialog that teaches until learned: the plan, the progress, the curve of facts learned, and what came of it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.exam.statistics import PassRate
from core.language import tr, trn
from core.progress import Progress
from core.providers import model_kinds
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.teaching import records, report
from core.teaching.records import TeachingPlan, TeachingRun
from core.teaching.report import TeachingReport
from core.teaching.stopping import OWN_QUESTIONS, RULES
from ui import style
from ui.charts.trend_lines import TrendLine, TrendPoint
from ui.generation import run_progress_and_recovery
from ui.generation.run_progress_and_recovery import RunProgressLine
from ui.training.teaching_runner import TeachingRunner
from ui.widgets import basics
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.widgets.model_box import ModelBox, format_unusable, load_training_choice
from ui.workspace import Workspace

if TYPE_CHECKING:
    from ui.charts.trend_plot import TrendPlot

SHOWN_TABLES = {*records.TABLES, Table.EVAL_RUN, Table.EVAL_ANSWER}
MAX_MINUTES, MAX_ROUNDS = 10_000, 50
WIDTH, HEIGHT_OF_A_RUN = 760, 680  # pixels; before a run the dialog is as high as its fields
PLOT_HEIGHT = 240  # pixels; the verdict stands above it


class TeachingDialog(QDialog):
    """Teaches until learned. Not modal: a run goes on when it is closed, and is shown again when it is opened."""

    def __init__(self, workspace: Workspace, runner: TeachingRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Teach until learned"))
        self.workspace, self.runner = workspace, runner
        self.plot: TrendPlot | None = None
        self._found: TeachingReport | None = None
        self._reload = ThrottledReload(workspace, self, self._load)
        self._make_fields()
        self._make_results()
        self._lay_out()
        self._connect()
        self._show_offers()
        self._show_state()

    def _make_fields(self) -> None:
        self.model = ModelBox(self.workspace, "teaching", model_kinds.TRAINED)
        self.minutes = basics.integer_field(1, MAX_MINUTES, int(records.DEFAULT_MINUTES))
        self.rounds = basics.integer_field(1, MAX_ROUNDS, records.DEFAULT_ROUNDS)
        self.target = basics.integer_field(1, 100, round(100 * records.DEFAULT_TARGET))
        self.target.setSuffix(" %")
        self.own = QCheckBox(
            tr("Also questions that a small model &writes itself, where its writer is trained already")
        )
        self.everyday = QCheckBox(tr("Also e&veryday questions with the model’s own answers"))
        self.general = QCheckBox(tr("&General questions in the exam, to see what is forgotten"))
        self.general.setChecked(True)

    def _make_results(self) -> None:
        self.rows, self.verdict = basics.label(wrap=True, dim=True), basics.label(wrap=True)
        for part in (self.rows, self.verdict):
            part.setTextFormat(Qt.TextFormat.PlainText)
            part.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note, self.line = basics.Note(), RunProgressLine()
        self.line.pause.hide()
        self.primary = basics.primary_button(tr("Start teaching"))
        self.again = QPushButton(tr("&Continue"), autoDefault=False)
        self.closing = QPushButton(tr("Close"), autoDefault=False)
        self.primary.setAutoDefault(False)

    def _lay_out(self) -> None:
        words = tr(
            "Each round makes rows for the facts that are not learned, trains the base model anew on all rows, and asks "
            "questions that were kept for this. The rows are approved without you, except those with doubts; each round is "
            "one step that can be undone. The exam is not looked at before the end: then it is asked once."
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(style.SPACE)
        grid.setVerticalSpacing(style.HAIR)
        fields = (
            (tr("Base &model"), self.model),
            (tr("Budget in m&inutes"), self.minutes),
            (tr("&Rounds, at most"), self.rounds),
            (tr("Facts that are &enough"), self.target),
        )
        for column, (title, field) in enumerate(fields):
            label = basics.label(title, dim=True)
            label.setBuddy(field)
            field.setAccessibleName(title.replace("&", ""))
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
        grid.setColumnStretch(0, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.line, 1)
        buttons.addStretch()
        for button in (self.again, self.primary, self.closing):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.label(words, wrap=True, dim=True))
        layout.addLayout(grid)
        for part in (self.own, self.everyday, self.general):
            layout.addWidget(part)
        self._results = self._build_results()
        self._results.hide()
        layout.addWidget(self._results, 1)
        layout.addWidget(self.note)
        layout.addLayout(buttons)
        self.resize(style.scaled(WIDTH), self.sizeHint().height())

    def _build_results(self) -> QWidget:
        """What came out, the curve, and each round; they scroll, since there may be many rounds."""
        self._plot_place, page, area = QVBoxLayout(), QWidget(), QScrollArea(widgetResizable=True)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addWidget(self.verdict)
        column.addLayout(self._plot_place)
        column.addWidget(self.rows)
        column.addStretch()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(page)
        return area

    def _connect(self) -> None:
        self.primary.clicked.connect(lambda _checked: self._on_start())
        self.again.clicked.connect(lambda _checked: self._on_continue())
        self.closing.clicked.connect(lambda _checked: self.close())
        self.line.cancelled.connect(self.runner.cancel)
        self.model.currentIndexChanged.connect(lambda _index: self._show_state())
        self.runner.changed.connect(self._on_run_changed)
        self.runner.progressed.connect(self._on_progress)
        self.workspace.offers_changed.connect(self._show_offers)
        self.workspace.tasks.changed.connect(self._on_changes)

    def open(self) -> None:
        """Not modal, unlike `QDialog.open`."""
        self.show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.plot is None:
            from ui.charts.trend_plot import TrendPlot

            self.plot = TrendPlot()
            self.plot.setFixedHeight(style.scaled(PLOT_HEIGHT))
            self._plot_place.addWidget(self.plot)
            self._reload.request()

    def plan(self) -> TeachingPlan:
        """What is chosen."""
        return TeachingPlan(
            self.workspace.settings.provider,
            self.model.usable(),
            float(self.minutes.value()),
            self.rounds.value(),
            self.target.value() / 100,
            (RULES, OWN_QUESTIONS) if self.own.isChecked() else (RULES,),
            self.everyday.isChecked(),
            self.general.isChecked(),
        )

    async def _load(self, project: Project) -> None:
        def read(db: sqlite3.Connection) -> TeachingReport | None:
            run = records.load_newest(db)
            return report.load(db, run) if run else None

        found = await project.read(read)
        if project is self.workspace.project:
            self._found = found
            self._show_results()
            self._show_state()

    def _show_results(self) -> None:
        found = self._found
        if self.plot is not None:
            lines = build_lines(found.run) if found else []
            self.plot.show_lines(lines, tr("round"))
            self.plot.setAccessibleDescription(self._format_rounds())
        self._show_room(found is not None)
        self.rows.setText(self._format_rounds())
        self.verdict.setText("\n".join(report.build_sentences(found)) if found and not self.runner.is_running else "")

    def _show_room(self, has_run: bool) -> None:
        """Give the dialog the height of a run, once there is one."""
        if has_run and self._results.isHidden():
            self._results.show()
            self.resize(self.width(), max(self.height(), style.scaled(HEIGHT_OF_A_RUN)))

    def _format_rounds(self) -> str:
        run = self._found.run if self._found else None
        return "\n".join(report.format_round(one, len(run.facts)) for one in run.results) if run else ""

    def _show_state(self) -> None:
        """What can be done now."""
        running, run = self.runner.is_running, self._found.run if self._found else None
        if not running:
            self.line.show_progress(None)
        basics.set_enabled(self.primary, self._disabled_reason(), self.note)
        self.again.setVisible(run is not None and not run.is_over and not running)
        for field in (self.model, self.minutes, self.rounds, self.target, self.own, self.everyday, self.general):
            field.setEnabled(not running)

    def _disabled_reason(self) -> str:
        offer = self.model.offer()
        if self.runner.is_running:
            return run_progress_and_recovery.format_running(False)
        if not self.model.usable():
            return format_unusable(offer, self.workspace.provider_title()) if offer else tr("Choose a model.")
        return ""

    def _show_offers(self) -> None:
        provider, model = self.workspace.role("student")
        offers = self.workspace.offers
        self.model.show_offers(provider, offers, model, load_training_choice(self.workspace, provider, offers))
        self._show_state()

    def _on_start(self) -> None:
        self.runner.start(self.plan())

    def _on_continue(self) -> None:
        if self._found is not None:
            self.runner.go_on(self._found.run.id)

    def _on_run_changed(self) -> None:
        self._show_state()
        self._reload.request()

    def _on_changes(self, changes: Changes) -> None:
        if changes.tables & SHOWN_TABLES:
            self._reload.request()

    def _on_progress(self, progress: Progress) -> None:
        self.line.show_progress(progress)
        run = self._found.run if self._found else None
        if run is not None and run.reason:
            return  # the exam: its questions are counted
        if progress.total and not progress.pause:
            left = trn("{n} minute left", "{n} minutes left", max(0, progress.total - progress.done) // 60)
            self.line.count.setText(f"{report.round_title(len(run.results))} · {left}" if run else left)


def build_lines(run: TeachingRun) -> list[TrendLine]:
    """The curves of a run: the share of facts learned, and of probe questions right."""
    learned, right = [], []
    for one in run.results:
        label = str(one.number) if one.number else tr("before")
        tip = report.format_round(one, len(run.facts))
        share = PassRate.of([name in one.learned for name in run.facts], [1] * len(run.facts))
        learned.append(TrendPoint(one.number, label, share, tip))
        right.append(TrendPoint(one.number, label, one.recall, tip))
    return [TrendLine(tr("facts learned"), learned), TrendLine(tr("questions right"), right)] if learned else []
