"""Background work of dialogs and tabs: only the newest task runs, reloads are throttled, a bar shows the progress."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget
from shiboken6 import isValid

from core.activity_history import ActivityKind
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Progress, Reporter
from core.storage.project import Changes, Project
from ui import style
from ui.async_tasks import Command
from ui.workspace import Workspace

SHOW_BAR_AFTER = 400  # milliseconds of work before a progress bar is shown
RELOAD_PAUSE = 0.3  # seconds between two loads while changes keep coming


class LatestTask(QObject):
    """Runs the work that was started last; the work before it is cancelled."""

    progress = Signal(Progress)  # of the work that was started last
    busy = Signal(bool)  # whether work is going on

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: asyncio.Task[None] | None = None
        self._reporter = Reporter()
        self._is_busy = False

    def start(
        self, work: Callable[[Reporter], Command], label: str = "", kind: ActivityKind = ActivityKind.OTHER
    ) -> None:
        """Start `work`, which reports to the reporter it is given. With a `label` the status bar shows it too."""
        self.stop()
        self._reporter = reporter = Reporter(self.progress.emit)
        if label:
            reporter = self._reporter = Reporter(partial(self._show_progress, label))
        self._task = self._workspace.tasks.start(label, self._run(work, reporter), self, kind)
        self._set_busy(True)

    def _show_progress(self, label: str, progress: Progress) -> None:
        self.progress.emit(progress)
        self._workspace.tasks.progress.emit(label, progress)

    def stop(self) -> None:
        """Cancel the work; what it returns is ignored."""
        self._reporter.cancel()
        self._reporter = Reporter()  # the old one's end is no news: the dialog may be gone by then
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._set_busy(False)

    def is_busy(self) -> bool:
        """Whether work is going on."""
        return self._is_busy

    def _set_busy(self, busy: bool) -> None:
        self._is_busy = busy
        self.busy.emit(busy)

    async def _run(self, work: Callable[[Reporter], Command], reporter: Reporter) -> Changes | None:
        try:
            return await work(reporter)
        except asyncio.CancelledError:
            reporter.cancel()  # what runs in a thread learns of it only in this way
            raise
        finally:
            if reporter is self._reporter and isValid(self):
                self._set_busy(False)


class ProgressLine(QWidget):
    """A progress bar of `works` with a Cancel button; shown only while work takes a while."""

    def __init__(self, *works: LatestTask, keeps_place: bool = True) -> None:
        super().__init__()
        self._bar = QProgressBar(textVisible=False, maximum=0)
        self._bar.setFixedHeight(style.BAR_HEIGHT)
        self._bar.setAccessibleName(tr("Progress"))
        self.cancel = QPushButton(tr("Cancel"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self.cancel)
        self._delay = QTimer(self, singleShot=True, interval=SHOW_BAR_AFTER)
        self._delay.timeout.connect(self.show)
        for work in works:
            self.cancel.clicked.connect(work.stop)
            work.busy.connect(self._on_busy)
            work.progress.connect(self._on_progress)
        place = self.sizePolicy()
        place.setRetainSizeWhenHidden(keeps_place)  # what is below must not move
        self.setSizePolicy(place)
        self.hide()

    def _on_busy(self, busy: bool) -> None:
        if busy:
            self._bar.setMaximum(0)
            self._delay.start()
        else:
            self._delay.stop()
            self.hide()

    def _on_progress(self, progress: Progress) -> None:
        self._bar.setMaximum(1000 if progress.total else 0)
        if progress.total:
            self._bar.setValue(1000 * progress.done // progress.total)


class ThrottledReload:
    """Calls `load` for each `request`, never twice at once; requests made while it runs are done once, afterwards.

    `owner` shows what is loaded: when it is destroyed, the loading ends.
    """

    def __init__(self, workspace: Workspace, owner: QObject, load: Callable[[Project], Awaitable[None]]) -> None:
        self._workspace, self._owner = workspace, owner
        self._load = load
        self._task: asyncio.Task[None] | None = None
        self._project = workspace.project
        self._is_requested = False

    def request(self) -> None:
        """Read again soon; requests that come during a read are answered by one more."""
        self._is_requested = True
        project = self._workspace.project
        if self._task is None or self._task.done() or self._project is not project:
            self._project = project
            self._task = self._workspace.tasks.start("", self._run(project), self._owner)

    async def _run(self, project: Project) -> None:
        while self._is_requested and project is self._workspace.project:
            self._is_requested = False
            try:
                await self._load(project)
            except JukuError as error:  # what was asked for meanwhile is read all the same
                self._workspace.tasks.failed.emit(error)
            await asyncio.sleep(RELOAD_PAUSE)


def format_pause(progress: Progress) -> str:
    """How long the server asks to wait, as text; '' when it does not."""
    if not progress.pause:
        return ""
    return trn("The server is busy: asked again in {n} second", "The server is busy: asked again in {n} seconds",
               max(1, round(progress.pause)))  # fmt: skip
