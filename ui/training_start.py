"""From a wish to jobs in the queue: the rows are checked before anything is sent, and several can be asked for at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core import training, versions
from core.language import tr
from core.progress import Reporter
from core.project import Changes
from core.training import Plan
from ui import queue_runner
from ui.sweep_dialog import SweepDialog
from ui.training_form import TrainingForm
from ui.workspace import Workspace

if TYPE_CHECKING:
    from core.preflight import Report

try:
    from core import preflight
    from ui.preflight_dialog import PreflightDialog
except ImportError:  # until the pre-flight has landed
    preflight = None


class TrainingStart(QObject):
    """`busy` says in words what is being done, '' when it is done; `queued` tells the jobs that were made."""

    busy = Signal(str)
    queued = Signal(list)
    show_examples = Signal(str)

    def __init__(self, workspace: Workspace, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._owner = workspace, owner

    def start(self, provider: str, plans: Sequence[Plan], sweep: str = "") -> None:
        """Check the plans, ask where there is something to ask, and put them into the queue."""
        self.busy.emit(tr("Checking the rows…"))
        self._workspace.tasks.start("", self._start(provider, list(plans), sweep))

    async def _start(self, provider: str, plans: list[Plan], sweep: str) -> Changes | None:
        try:
            report = await self._examine(provider, plans)
            if report is None or not _asks(report):
                return await self._queue(provider, plans, sweep)
            self._ask(report, provider, plans, sweep)
            return None
        finally:
            self.busy.emit("")

    def _ask(self, report: Report, provider: str, plans: list[Plan], sweep: str) -> None:
        dialog = PreflightDialog(self._workspace, report, self._owner)
        dialog.started.connect(lambda: self._workspace.tasks.start("", self._queue(provider, plans, sweep)))
        dialog.show_examples.connect(self.show_examples)
        dialog.open()

    async def _examine(self, provider_id: str, plans: list[Plan]) -> Report | None:
        """What there is to say of all plans together: each finding once, and the costs added up."""
        if preflight is None:
            return None
        provider = await self._workspace.provider(provider_id)
        project = self._workspace.project
        reports = [await preflight.examine(project, provider, plan, Reporter()) for plan in plans]
        return together(reports)

    async def _queue(self, provider: str, plans: Sequence[Plan], sweep: str) -> Changes:
        ids = await training.enqueue(self._workspace.project, provider, plans, sweep)
        self.queued.emit(ids)
        queue_runner.of(self._workspace).wake(provider)
        return Changes("", records={"job", "version", "revision"})

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
        dialog.open()


def _asks(report: Report) -> bool:
    """Whether there is something to decide: what costs nothing and has no faults just begins."""
    return report.cost is not None or any(finding.severity != "note" for finding in report.findings)


def together(reports: Sequence[Report]) -> Report:
    """The reports of several jobs as one: a finding that they share stands there once, costs are added up."""
    findings = list({(one.rule, one.message): one for report in reports for one in report.findings}.values())
    costs = [report.cost for report in reports if report.cost is not None]
    cost = replace(costs[0], low=sum(one.low for one in costs), high=sum(one.high for one in costs)) if costs else None
    return replace(reports[0], findings=findings, cost=cost)
