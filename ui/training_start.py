"""From a wish to jobs in the queue: the rows are checked before anything is sent, and several can be asked for at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core import training, versions
from core.language import tr
from core.project import Changes
from core.training import Plan
from ui import queue_runner
from ui.sweep_dialog import SweepDialog
from ui.training_form import TrainingForm
from ui.workspace import Workspace


class TrainingStart(QObject):
    """`busy` says in words what is being done, '' when it is done; `queued` tells the jobs that were made."""

    busy = Signal(str)
    queued = Signal(list)
    show_examples = Signal(str)

    def __init__(self, workspace: Workspace, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._owner = workspace, owner

    def start(self, provider: str, plans: Sequence[Plan], sweep: str = "") -> None:
        """Check the rows of the plans, and put them into the queue."""
        self.busy.emit(tr("Checking the rows…"))
        self._workspace.tasks.start("", self._start(provider, list(plans), sweep))

    async def _start(self, provider: str, plans: list[Plan], sweep: str) -> Changes:
        try:
            return await self._queue(provider, plans, sweep)
        finally:
            self.busy.emit("")

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
