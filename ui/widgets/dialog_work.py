"""Slow work of a dialog: one piece at a time, the newest, with a bar that shows how far it is."""

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from core.language import tr, trn
from core.progress import Progress, Reporter
from core.storage.project import Changes
from ui import style
from ui.tasks import Command
from ui.workspace import Workspace

PATIENCE = 400  # milliseconds of work before a bar is worth showing


class Latest(QObject):
    """Runs what was asked for last; the work before it is told to stop."""

    progress = Signal(Progress)
    busy = Signal(bool)

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._task: asyncio.Task[None] | None = None
        self._reporter = Reporter()
        self._is_busy = False

    def ask(self, work: Callable[[Reporter], Command], label: str = "") -> None:
        """Start `work`, which reports to the reporter it is given. With a `label` the status bar shows it, too."""
        self.stop()
        self._reporter = reporter = Reporter(self.progress.emit)
        self._task = self._workspace.tasks.start(label, self._run(work, reporter))
        self._tell(True)

    def stop(self) -> None:
        self._reporter.cancel()
        self._reporter = Reporter()  # the old one's end is no news: the dialog may be gone by then
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._tell(False)

    def is_busy(self) -> bool:
        return self._is_busy

    def _tell(self, busy: bool) -> None:
        self._is_busy = busy
        self.busy.emit(busy)

    async def _run(self, work: Callable[[Reporter], Command], reporter: Reporter) -> Changes | None:
        try:
            return await work(reporter)
        except asyncio.CancelledError:
            reporter.cancel()  # what runs in a thread learns of it only in this way
            raise
        finally:
            if reporter is self._reporter:
                self._tell(False)


class ProgressLine(QWidget):
    """Shows the progress of work that takes a while, with a button that stops it."""

    def __init__(self, *works: Latest, keeps_place: bool = True) -> None:
        super().__init__()
        self._bar = QProgressBar(textVisible=False, maximum=0)
        self._bar.setFixedHeight(8)
        self._bar.setAccessibleName(tr("Progress"))
        self.cancel = QPushButton(tr("Cancel"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self.cancel)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE)
        self._patience.timeout.connect(self.show)
        for work in works:
            self.cancel.clicked.connect(work.stop)
            work.busy.connect(self._on_busy)
            work.progress.connect(self._on_progress)
        place = self.sizePolicy()
        place.setRetainSizeWhenHidden(keeps_place)  # what stands below must not jump
        self.setSizePolicy(place)
        self.hide()

    def _on_busy(self, busy: bool) -> None:
        if busy:
            self._bar.setMaximum(0)
            self._patience.start()
        else:
            self._patience.stop()
            self.hide()

    def _on_progress(self, progress: Progress) -> None:
        self._bar.setMaximum(1000 if progress.total else 0)
        if progress.total:
            self._bar.setValue(1000 * progress.done // progress.total)


def pause_words(progress: Progress) -> str:
    """That a server asks to wait, and for how long; '' where nothing waits."""
    if not progress.pause:
        return ""
    return trn("The server is busy: asked again in {n} second", "The server is busy: asked again in {n} seconds",
               max(1, round(progress.pause)))  # fmt: skip
