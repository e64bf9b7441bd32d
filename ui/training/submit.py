"""From a wish to jobs in the queue: all is looked at before anything is sent, and several can be asked for at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.dataset import system_prompts, versions
from core.language import tr
from core.progress import Reporter
from core.providers import Provider
from core.storage.project import Changes
from core.storage.schema import Table
from core.training import preflight, submit
from core.training.preflight import Objection, PreflightReport
from core.training.submit import TrainingPlan
from ui.training.preflight_dialog import PreflightDialog
from ui.training.sweep_dialog import SweepDialog
from ui.training.training_form import TrainingForm
from ui.widgets import server_texts
from ui.widgets.background_work import LatestTask
from ui.workspace import Workspace


class TrainingStart(QObject):
    """`busy` says in words what is being done, '' when it is done; `queued` tells the jobs that were made."""

    busy = Signal(str)
    queued = Signal(list)
    asked = Signal(PreflightDialog)  # the dialog that a person must answer first
    show_examples = Signal(str)

    def __init__(self, workspace: Workspace, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._owner = workspace, owner
        self._work, self._is_stopped = LatestTask(workspace, self), False
        self._work.busy.connect(lambda busy: self.busy.emit(tr("Checking before the start…") if busy else ""))
        self._agreed: set[tuple[str, frozenset[Objection]]] = set()  # what costs nothing is not asked twice

    def start(self, provider: str, plans: Sequence[TrainingPlan], sweep: str = "") -> None:
        """Look at the rows, the cost and the server; where nothing speaks against it, put the jobs into the queue."""
        if self._is_stopped:
            return
        self._work.start(
            lambda reporter: self._start(provider, list(plans), sweep, reporter), tr("Checking before the start")
        )

    def stop(self) -> None:
        """The window that wanted it is closed: what is being looked at starts nothing, and nobody is told."""
        self._is_stopped = True
        self._work.stop()

    async def _start(self, provider: str, plans: list[TrainingPlan], sweep: str, reporter: Reporter) -> Changes | None:
        async def connect() -> Provider:
            return await self._workspace.provider(provider)

        preset = server_texts.preset_of(self._workspace, provider)
        report = await preflight.examine(self._workspace.project, provider, preset, connect, plans, reporter)
        if report.asks and (provider, frozenset(report.objections)) not in self._agreed:
            self._ask(report, provider, plans, sweep)
            return Changes("", records={Table.FINDING})
        return await self._queue(provider, plans, sweep)

    def _ask(self, report: PreflightReport, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        dialog = PreflightDialog(report, server_texts.server_title(self._workspace, provider), self._owner.window())
        dialog.started.connect(lambda: self._on_agreed(report, provider, plans, sweep))
        dialog.rows_wanted.connect(self.show_examples)
        dialog.prompt_wanted.connect(lambda prompt: self._on_prompt(prompt, provider, plans, sweep))
        dialog.open()
        self.asked.emit(dialog)

    def _on_agreed(self, report: PreflightReport, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        if report.cost == (0.0, 0.0):
            self._agreed.add((provider, frozenset(report.objections)))
        self._workspace.tasks.start("", self._queue(provider, plans, sweep))

    def _on_prompt(self, prompt: str, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        """Ask under the rows' prompt from now on, and look once more."""

        async def work() -> Changes:
            changes = await self._workspace.project.write(tr("Use the rows’ prompt"), system_prompts.use, prompt)
            self.start(provider, plans, sweep)
            return changes

        self._workspace.tasks.start("", work())

    async def _queue(self, provider: str, plans: Sequence[TrainingPlan], sweep: str) -> Changes:
        ids = await submit.enqueue(self._workspace.project, provider, plans, sweep)
        if not self._is_stopped:
            self.queued.emit(ids)
        self._workspace.queue.wake(provider)
        return Changes("", records={Table.JOB, Table.VERSION, Table.REVISION})

    def ask_for_several(self, form: TrainingForm) -> None:
        """Let the person choose what differs between several jobs."""
        self._workspace.tasks.start("", self._ask_for_several(form))

    async def _ask_for_several(self, form: TrainingForm) -> None:
        kept = await self._workspace.project.read(versions.versions)
        provider = self._workspace.settings.provider
        dialog = SweepDialog(form.plan(), form.ranges(), form.tags(), kept, self._owner)
        dialog.wanted.connect(lambda plans, name: self.start(provider, plans, name))
        self.busy.connect(dialog.show_busy)
        self.queued.connect(dialog.accept)
        self.show_examples.connect(dialog.reject)
        dialog.open()
