"""The rescue of a model before its shutdown: its files, its answers, retraining, and a comparison of both models."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core import clock
from core.errors import JukuError
from core.generation import recorded_answers, run_recovery
from core.generation.llm_runs import LlmRun
from core.generation.recorded_answers import TASK_NAME, ModelKey
from core.generation.run_recovery import InterruptedRun
from core.language import tr
from core.progress import Progress
from core.rescue import report
from core.storage.project import Changes
from core.storage.schema import Table
from core.training import rescue
from ui import style
from ui.generation.run_progress_and_recovery import (
    RunProgressLine,
    UnfinishedBar,
    format_running,
)
from ui.llm_run_runner import LlmRunResult, Subjects
from ui.rescue.answers_page import AnswersPage
from ui.rescue.comparison_page import ComparisonPage
from ui.rescue.files_page import FilesPage
from ui.rescue.one_click_page import OneClickPage
from ui.rescue.rescue_page import ModelTable, RescuePage, format_error
from ui.rescue.rescue_runner import RescueRunner
from ui.rescue.retraining_page import RetrainingPage
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.workspace import Workspace

RELOAD_DELAY = 150  # milliseconds without another change before what is shown is read again
RESCUE_TABLES = {Table.GOLDEN_ANSWER, Table.INQUIRY, Table.EXAMPLE, Table.JOB, Table.SPEC, Table.RESCUE}


class RescueDialog(QDialog):
    """Saves what can be saved of a model before it is shut down. Not modal.

    A model is asked on when the dialog is closed; nothing is asked twice.
    """

    show_examples = Signal(str)  # a search in the filter's words

    def __init__(
        self,
        workspace: Workspace,
        provider: str = "",
        parent: QWidget | None = None,
        rescuer: RescueRunner | None = None,
    ) -> None:
        """`rescuer` works on when the dialog is closed; without it, a rescue ends with the dialog."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Rescue a model"))
        self._workspace = workspace
        self._runner = workspace.llm_runs
        self._work, self._reading = LatestTask(workspace, self), LatestTask(workspace, self)
        self._unfinished: InterruptedRun | None = None
        self._settling = QTimer(self, singleShot=True, interval=RELOAD_DELAY)
        self.server = DropDown()
        self.server.setAccessibleName(tr("Server"))
        for id, title in server_texts.server_titles(workspace).items():
            self.server.addItem(title, id)
        self.server.setCurrentIndex(max(0, self.server.findData(provider or workspace.settings.provider)))
        self.again, self.note = QPushButton(tr("Refresh")), basics.Note()
        self.line, self.run_line, self.older = ProgressLine(self._work), RunProgressLine(), UnfinishedBar()
        self.models, self.days = ModelTable(), basics.Note()
        self.whole = OneClickPage(workspace, rescuer or RescueRunner(workspace, self))
        self.files, self.answers = FilesPage(workspace), AnswersPage(workspace)
        self.teaching, self.parity = RetrainingPage(workspace), ComparisonPage(workspace)
        self.pages: list[RescuePage] = [self.whole, self.files, self.answers, self.teaching, self.parity]
        self._lay_out()
        self._connect()
        self.load()

    def _lay_out(self) -> None:
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        titles = (tr("In one click"), tr("1  Its files"), tr("2  Its answers"), tr("3  Teach again"), tr("4  Parity"))
        for page, title in zip(self.pages, titles, strict=True):
            self.tabs.addTab(page, title)
        above = QHBoxLayout()
        for part in (self.server, self.again):
            above.addWidget(part)
        above.addWidget(self.line, 1)
        below = QHBoxLayout()
        below.addWidget(self.run_line, 1)
        below.addStretch()
        self.closing = QPushButton(tr("Close"), autoDefault=False)
        below.addWidget(self.closing)
        parts = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        parts.addWidget(self.models)
        parts.addWidget(self.tabs)
        parts.setSizes([190, 430])
        parts.setStretchFactor(1, 1)  # the list keeps its height when something is said below
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(above)
        layout.addWidget(self.days)
        layout.addWidget(parts, 1)
        layout.addWidget(self.older)  # below, as the note is, so that they move nothing when they come
        layout.addWidget(self.note)
        layout.addLayout(below)
        self.again.setAutoDefault(False)
        self.resize(style.scaled(960), style.scaled(720))

    def _connect(self) -> None:
        self.server.activated.connect(lambda _index: self.load())
        self.again.clicked.connect(lambda _checked: self.load())
        self.models.chosen.connect(lambda _line: self._show_model())
        self.closing.clicked.connect(lambda _checked: self.close())
        for page in self.pages:
            page.asked.connect(self._on_asked)
        self.teaching.show_examples.connect(self.show_examples)
        self.run_line.cancelled.connect(lambda: self._runner.cancel(TASK_NAME))
        self.older.continued.connect(lambda: self._on_older(self._runner.resume))
        self.older.taken.connect(lambda: self._on_older(self._runner.apply_arrived))
        self.older.given_up.connect(lambda: self._on_older(self._runner.drop))
        self._runner.changed.connect(self._on_run_changed)
        self._runner.progressed.connect(self._on_progress)
        self._runner.ended.connect(self._on_ended)
        self._workspace.tasks.changed.connect(self._on_changes)
        self._settling.timeout.connect(self._read)
        self.finished.connect(lambda _result: self._stop())

    def _stop(self) -> None:
        for work in (self._work, self._reading):
            work.stop()
        self._settling.stop()
        for page in self.pages:
            page.stop()

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: rows and jobs stay usable beside it."""
        self.show()

    def provider(self) -> str:
        """The id of the chosen server."""
        return str(self.server.currentData())

    def load(self) -> None:
        """Ask the server for its models."""
        self.note.show_text("")
        self.models.show_models([], {}, tr("Asking the server…"))
        self._show_model()
        self._work.start(lambda _reporter: self._load(self.provider()))

    async def _load(self, id: str) -> None:
        project, today = self._workspace.project, clock.today()
        try:
            found = await rescue.list_tuned_models(project, await self._workspace.provider(id), today)
            kept, self._unfinished = await project.read(_load_answer_counts_and_unfinished, id)
        except JukuError as error:
            self.note.show_text(format_error(error), "error")
            self.models.show_models([], {}, tr("Nothing could be read"))
            return
        text = tr("Models fine-tuned there are listed here, the one that is shut down next first.")
        self.models.show_models(found, kept, tr("No fine-tuned models"), text)
        self._show_model()

    def _show_model(self) -> None:
        chosen = self.models.model()
        self.tabs.setVisible(chosen is not None)
        preset, today = server_texts.preset_of(self._workspace, self.provider()).id, clock.today()
        closing = chosen.closing.day if chosen and chosen.closing else None
        name = basics.short_model_name(chosen.model) if chosen else ""
        self.days.show_text(report.format_deadline(name, closing, preset, today), "warning")
        for page in self.pages:
            page.show_model(self.provider(), chosen)
        self._show_run()

    def _read(self) -> None:
        """Read again after a change: answers came, rows changed, a job has ended."""
        for page in self.pages:
            page.read()
        id = self.provider()
        self._reading.start(lambda _reporter: self._read_answer_counts(id))

    async def _read_answer_counts(self, id: str) -> None:
        project = self._workspace.project
        kept, self._unfinished = await project.read(_load_answer_counts_and_unfinished, id)
        if id == self.provider():
            self.models.show_answer_counts(kept)
        self._show_run()

    def _show_run(self) -> None:
        running = self._runner.progress(TASK_NAME)
        is_batch = self._runner.is_batch(TASK_NAME)
        self.run_line.show_progress(running, is_batch)
        if is_batch:
            self.note.show_text(format_running(is_batch))
        self.older.show_llm_run(self._unfinished if running is None else None)
        for page in self.pages:
            page.show_asking(running is not None)

    def _on_asked(self, who: ModelKey, subjects: Subjects, batch: bool) -> None:
        self.note.show_text(format_running(batch))
        self._runner.begin(TASK_NAME, who[1], subjects, provider=who[0], batch=batch)

    def _on_older(self, act: Callable[[LlmRun], None]) -> None:
        if found := self._unfinished:
            self._unfinished = None
            self.older.show_llm_run(None)
            act(found.llm_run)

    def _on_run_changed(self, task: str) -> None:
        if task == TASK_NAME and self.isVisible():
            self._show_run()
            self._settling.start()

    def _on_progress(self, task: str, progress: Progress) -> None:
        if task == TASK_NAME and self._runner.progress(task) is not None:
            self.run_line.show_progress(progress, self._runner.is_batch(task))

    def _on_ended(self, ended: LlmRunResult) -> None:
        if ended.task == TASK_NAME:
            self._unfinished = None  # until it is read again
            self.note.show_text(ended.text, ended.meaning)

    def _on_changes(self, changes: Changes) -> None:
        if self.isVisible() and changes.tables & RESCUE_TABLES:
            self._settling.start()


def _load_answer_counts_and_unfinished(
    db: sqlite3.Connection, provider: str
) -> tuple[dict[str, int], InterruptedRun | None]:
    """How many answers of each model of a provider are kept, and the run that was cut off."""
    kept = {model: count for (id, model), count in recorded_answers.count_answers(db).items() if id == provider}
    return kept, run_recovery.load_newest(db, TASK_NAME)
