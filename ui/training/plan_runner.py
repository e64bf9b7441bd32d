"""Works on a plan of several steps, with or without an open dialog: the base of teaching until learned and of the rescue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from PySide6.QtCore import QObject, Signal

from core.activity_history import ActivityKind
from core.progress import Progress, Reporter
from core.storage.project import Changes, OnChanges, Project
from core.storage.schema import Table
from core.training import jobs
from core.training.jobs import Job
from ui.workspace import Workspace

Work = Callable[[Project, Reporter, OnChanges], Awaitable[object]]


class PlanRunner(QObject):
    """Runs one plan at a time. Its jobs are sent and followed by the queue, as all others are.

    When the window closes, a run is left as it is: it can be continued, and its training job goes on.
    """

    kind = ActivityKind.OTHER  # of what it runs
    changed = Signal()  # a run has begun or ended
    progressed = Signal(Progress)

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: asyncio.Task[None] | None = None
        self._project: Project | None = None
        self._news = asyncio.Event()  # something became of a job
        workspace.tasks.changed.connect(self._on_changed)
        workspace.queue.ended.connect(self._on_ended)

    @property
    def is_running(self) -> bool:
        """Whether it works on the open project."""
        return self._task is not None and not self._task.done() and self._project is self._workspace.project

    def cancel(self) -> None:
        """Stop the run and its training job; it can be continued."""
        if self._task is not None:
            self._task.cancel()

    def _run(self, label: str, work: Work) -> None:
        """Start `work`, unless it is running."""
        if self.is_running:
            return
        self._project = self._workspace.project
        self._task = self._workspace.tasks.start(
            label, self._work(self._project, label, work), kind=self.kind, is_windowless=True
        )
        self._task.add_done_callback(lambda _task: self.changed.emit())
        self.changed.emit()

    async def _work(self, project: Project, label: str, work: Work) -> None:
        def show(progress: Progress) -> None:
            self._workspace.tasks.progress.emit(label, progress)
            self.progressed.emit(progress)

        def notify(changes: Changes) -> None:
            if changes.tables and project is self._workspace.project:
                self._workspace.tasks.changed.emit(changes)

        reporter = Reporter(show)
        try:
            await work(project, reporter, notify)
        except asyncio.CancelledError:
            reporter.cancel()  # what runs in a thread learns of it only in this way
            raise

    async def _follow(self, project: Project, id: int) -> Job:
        """Wait until the queue has brought the job to its end."""
        self._workspace.queue.wake()
        while True:
            self._news.clear()
            job = await project.read(jobs.load, id)
            if job.ended:
                return job
            await self._news.wait()

    def _is_left(self, project: Project) -> bool:
        """Whether the window closes, or another project was opened in it."""
        return project is not self._workspace.project or not self._workspace.tasks.can_start()

    def _on_ended(self, _job: Job) -> None:
        self._news.set()

    def _on_changed(self, changes: Changes) -> None:
        if Table.JOB in changes.tables:
            self._news.set()
