"""Checks the whole dataset a moment after rows have changed, one check at a time."""

import asyncio

from PySide6.QtCore import QObject, QTimer, Signal

from core.activity_history import ActivityKind, ActivityOutcome
from core.errors import JukuError
from core.language import tr
from core.progress import Progress, Reporter
from core.review import findings
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui.workspace import Workspace

CHECK_DELAY_MS = 1500  # milliseconds without a change before the check begins


class BackgroundCheck(QObject):
    """Checks the whole dataset a moment after an edit, in another thread.

    `checking` is emitted when a check starts and ends; its findings come as a change of the project.
    """

    checking = Signal(bool)
    progress = Signal(Progress)  # of the running check, in rows

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: asyncio.Task[None] | None = None
        self._project = workspace.project
        self._reporter = Reporter()
        self._pause = QTimer(self, singleShot=True, interval=CHECK_DELAY_MS)
        self._pause.timeout.connect(self._start)
        workspace.tasks.changed.connect(self._on_changes)
        self.ask()

    def ask(self) -> None:
        """Check again soon; a running check is cancelled."""
        self._reporter.cancel()
        if not self._workspace.project.read_only:
            self._pause.start()

    def _on_changes(self, changes: Changes) -> None:
        if changes.tables & {Table.EXAMPLE, Table.FACT}:
            self.ask()

    def is_checking(self) -> bool:
        """Whether the rows are being checked now."""
        return self._task is not None and not self._task.done()

    def _start(self) -> None:
        if not self._workspace.tasks.can_start():
            return
        if self.is_checking() and self._project is self._workspace.project:
            self._pause.start()  # the old one is about to end
            return
        self._project, self._reporter = self._workspace.project, Reporter(self.progress.emit)
        self._task = self._workspace.tasks.start("", self._check(self._project, self._reporter))

    async def _check(self, project: Project, reporter: Reporter) -> Changes | None:
        if not await project.read(findings.is_stale):
            return None
        self.checking.emit(True)
        activities = self._workspace.activities
        activity = activities.begin(ActivityKind.OTHER, tr("Check all rows"), reporter.cancel)
        try:
            return await findings.refresh(project, reporter)
        except asyncio.CancelledError:
            reporter.cancel()
            raise
        except JukuError:
            return None  # nobody asked for this check: the next change starts it again
        finally:
            activities.end(activity, ActivityOutcome.CANCELLED if reporter.cancelled else ActivityOutcome.DONE)
            self.checking.emit(False)
