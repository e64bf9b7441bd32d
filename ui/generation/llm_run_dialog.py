"""The base of dialogs that send many requests to a chat model: what will be sent, the progress, the outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.errors import JukuError
from core.generation import run_recovery
from core.generation.llm_run_tasks import TASKS
from core.generation.run_recovery import InterruptedRun
from core.language import tr
from core.progress import Progress, Reporter
from core.providers import model_kinds
from core.storage.project import Changes
from core.storage.schema import Table
from ui import style
from ui.generation import run_progress_and_recovery
from ui.generation.raw_replies_dialog import show_replies
from ui.generation.run_progress_and_recovery import RunProgressLine, UnfinishedBar
from ui.llm_run_runner import LlmRunResult
from ui.widgets import basics
from ui.widgets.chat_model_row import ChatModelRow
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

RELOAD_DELAY_MS = 150  # milliseconds without another change before what is shown is read again
SHOWN_TABLES = {Table.SPEC, Table.FACT, Table.EXAMPLE, Table.INQUIRY}


class LlmRunDialog(QDialog):
    """The base of dialogs that send many requests to a chat model. Not modal.

    A run goes on when the dialog is closed; `finished_with` then reports its outcome too.
    A subclass gives `build_query`, which reads the project; `show_data`, which shows what was read;
    `disabled_reason`; and `start`, which the primary button calls.
    """

    finished_with = Signal(str)  # what came of a run that was begun here, in words

    def __init__(
        self,
        workspace: Workspace,
        task: str,
        title: str,
        parent: QWidget | None = None,
        demanding: bool = True,
        use: str = model_kinds.ANSWER,
    ) -> None:
        super().__init__(parent)
        assert task in TASKS, task
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.workspace, self.task = workspace, task
        self.runner = workspace.llm_runs
        self._unfinished: InterruptedRun | None = None
        self.is_loaded = False  # whether the project has been read yet
        self._mine = False  # whether the run was begun here
        self._work = LatestTask(workspace, self)
        self._settling = QTimer(self, singleShot=True, interval=RELOAD_DELAY_MS)
        self.older = UnfinishedBar()
        self.body = QVBoxLayout()
        self.body.setSpacing(style.SPACE)
        self.model = ChatModelRow(workspace, task, demanding, TASKS[task].role, use)
        self.note = basics.Note()
        self.replies_button = QPushButton(tr("&What the model wrote…"), autoDefault=False)
        self.replies_button.hide()
        self.last: LlmRunResult | None = None  # what came of the run before
        self.line = RunProgressLine()
        self.primary = basics.primary_button("")
        self.closing = QPushButton(tr("Close"))
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.buttons = buttons = QHBoxLayout()
        buttons.addWidget(self.line, 1)
        buttons.addStretch()
        buttons.addWidget(self.primary)
        buttons.addWidget(self.closing)
        for button in (self.primary, self.closing):
            button.setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(self.body, 1)
        layout.addWidget(self.older)  # below, so that it moves nothing when it comes
        layout.addWidget(self.note)
        layout.addWidget(self.replies_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(buttons)

    def _connect(self) -> None:
        self.primary.clicked.connect(lambda _checked: self._on_start())
        QShortcut(QKeySequence("Ctrl+Return"), self, self._on_start)
        self.closing.clicked.connect(lambda _checked: self.close())
        self.replies_button.clicked.connect(lambda _checked: self._on_replies())
        self.line.cancelled.connect(lambda: self.runner.cancel(self.task))
        self.older.continued.connect(self._on_continue)
        self.older.taken.connect(self._on_take)
        self.older.given_up.connect(self._on_give_up)
        self.model.changed.connect(self.show_start)
        self._settling.timeout.connect(self.read)
        self.runner.changed.connect(self._on_run_changed)
        self.runner.progressed.connect(self._on_progress)
        self.runner.ended.connect(self.on_ended)
        self.workspace.tasks.changed.connect(self._on_changes)
        self.finished.connect(lambda _result: self._work.stop())

    def build_query(self) -> Callable[[sqlite3.Connection], Any]:
        """A function that reads the project. It runs in another thread, so it must not read widgets."""
        raise NotImplementedError

    async def work_out(self, found: Any, reporter: Reporter) -> Any:
        """Work out the rest of what is shown from what the query returned, where that takes long: `project.read` does
        one thing at a time."""
        return found

    def show_data(self, found: Any) -> None:
        """Show what was read and worked out."""
        raise NotImplementedError

    def disabled_reason(self) -> str:
        """Why nothing can be started (nothing to do, no model); '' when it can."""
        raise NotImplementedError

    def model_reason(self) -> str:
        """Why no model can be asked; '' when one can."""
        return "" if self.model.model_id() else self.model.note.text() or tr("Choose a model.")

    def start(self) -> None:
        """Start the run. Overridden by each dialog."""
        raise NotImplementedError

    def advice(self) -> str:
        """What to do when nothing usable came of the replies."""
        return tr("Look at what the model wrote. Then try again, or choose a larger model.")

    def open(self) -> None:
        """Not modal, unlike `QDialog.open`: facts and rows stay usable."""
        self.show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            self._on_run_changed(self.task)

    def done(self, result: int) -> None:
        # With a run of its own it only hides, to tell the outcome.
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, not self.runs_mine())
        super().done(result)

    def runs_mine(self) -> bool:
        """Whether a run that was started here is still going on."""
        return self._mine and self.runner.progress(self.task) is not None

    def read_soon(self) -> None:
        """Read again after a moment: several changes may come together."""
        self._settling.start()

    def read(self) -> None:
        """Read again from the project what the dialog shows."""
        self._settling.stop()
        reading = self.build_query()
        self._work.start(lambda reporter: self._read(reading, reporter))

    async def _read(self, reading: Callable[[sqlite3.Connection], Any], reporter: Reporter) -> Changes | None:
        project, provider = self.workspace.project, self.model.provider()
        try:
            self._unfinished = await project.read(run_recovery.load_newest, self.task, reporter=reporter)
            model = await project.read(
                run_progress_and_recovery.load_last_model, provider, self.task, reporter=reporter
            )
            found = await self.work_out(await project.read(reading, reporter=reporter), reporter)
        except JukuError as error:
            self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")
            return None
        self.is_loaded = True
        self.model.prefer(model)
        self.show_data(found)
        self._show_run()
        return None

    def show_start(self) -> None:
        """Enable the primary button, or show why it is disabled."""
        running = self.runner.progress(self.task) is not None
        reading = tr("Loading…") if not self.is_loaded else tr("This is already running.") if running else ""
        basics.set_enabled(self.primary, reading or self.disabled_reason())

    def _show_run(self) -> None:
        running = self.runner.progress(self.task)
        is_batch = self.runner.is_batch(self.task)
        self.line.show_progress(running, is_batch)
        if is_batch:
            self.note.show_text(run_progress_and_recovery.format_running(is_batch))
        self.older.show_llm_run(self._unfinished if running is None else None)
        self.show_start()

    def _on_replies(self) -> None:
        if self.last:
            show_replies(self.workspace, self.last.llm_run, self)

    def _on_start(self) -> None:
        if self.primary.isEnabled():
            self._begin(self.start)

    def _begin(self, act: Callable[[], None]) -> None:
        """Start a run by `act`; its outcome is shown here."""
        self._mine = True
        self.replies_button.hide()
        self.note.show_text(run_progress_and_recovery.format_running(is_batch=False))
        act()

    def _on_continue(self) -> None:
        if found := self._unfinished:
            self._begin(lambda: self.runner.resume(found.llm_run))

    def _on_take(self) -> None:
        if found := self._unfinished:
            self._begin(lambda: self.runner.apply_arrived(found.llm_run))

    def _on_give_up(self) -> None:
        if found := self._unfinished:
            self._unfinished = None
            self.note.show_text("")
            self.older.show_llm_run(None)
            self.runner.drop(found.llm_run)

    def _on_run_changed(self, task: str) -> None:
        if task == self.task and self.isVisible():
            self._show_run()
            self.read()

    def _on_progress(self, task: str, progress: Progress) -> None:
        if task == self.task and self.runner.progress(task) is not None:
            self.line.show_progress(progress, self.runner.is_batch(task))

    def on_ended(self, ended: LlmRunResult) -> None:
        """Show the outcome of a run of the dialog's own task."""
        if ended.task != self.task:
            return
        self._unfinished = None  # until it is read again
        self.last = ended
        self.note.show_text(
            "\n".join(filter(None, (ended.text, self.advice() if ended.is_empty else ""))), ended.meaning
        )
        self.replies_button.setVisible(ended.llm_run > 0)
        if self._mine:
            self._mine = False
            self.finished_with.emit(ended.text)
            if not self.isVisible():
                self.deleteLater()

    def _on_changes(self, changes: Changes) -> None:
        if self.isVisible() and changes.tables & SHOWN_TABLES:
            self.read_soon()


def show_run_outcome(dialog: LlmRunDialog, window: QWidget, approve: Callable[[], object] | None = None) -> None:
    """Show the outcome of the dialog's run at the bottom of `window`; a failure is shown in the dialog while it is open.

    `approve` opens the approval of the drafts that came of it.
    """

    def say(text: str) -> None:
        ended = dialog.last
        assert ended
        if dialog.isVisible() and ended.meaning != "good":
            return
        notice = Notice(window, text, ended.meaning, lasting=ended.meaning != "good")
        if ended.is_empty:
            workspace = dialog.workspace
            notice.add_button(tr("What the model wrote…"), lambda: show_replies(workspace, ended.llm_run, window))
        elif approve is not None and ended.meaning != "error":
            notice.add_button(tr("Approve drafts by kind…"), approve)

    dialog.finished_with.connect(say)
