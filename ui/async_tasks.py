"""The one place where the window starts asynchronous work."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.activity_history import ActivityKind, ActivityOutcome
from core.errors import JukuError
from core.language import tr
from core.progress import Cancelled, Progress, Reporter
from core.storage.project import Changes
from ui.activities import Activities, Activity

log = logging.getLogger(__name__)

Command = Coroutine[Any, Any, Changes | None]


class Tasks(QObject):
    """Runs commands, reports their progress, and says what they changed.

    An expected failure goes to `failed`; anything else is a bug and reaches the event loop's handler.
    """

    changed = Signal(Changes)  # after each write
    progress = Signal(str, Progress)  # the label of the task, and how far it is
    busy = Signal(str)  # the label of the newest running task that can be cancelled, '' when there is none
    failed = Signal(JukuError)

    def __init__(self, parent: QObject | None = None, activities: Activities | None = None) -> None:
        super().__init__(parent)
        self.activities = activities or Activities(self)
        self._activity_of: dict[asyncio.Task[None], Activity] = {}  # of each running task that has a label
        self.progress.connect(self._on_progress)
        self._running: dict[asyncio.Task[None], str] = {}
        self._windowless: set[asyncio.Task[None]] = set()
        self._owned: dict[int, set[asyncio.Task[None]]] = {}  # by the id of the owner
        self._closed = False

    def start(
        self,
        label: str,
        command: Command,
        owner: QObject | None = None,
        kind: ActivityKind = ActivityKind.OTHER,
        is_windowless: bool = False,
    ) -> asyncio.Task[None]:
        """Run `command`. With a `label` it is an activity of this kind: shown in the status bar, where it can be cancelled.

        With an `owner`, such as a dialog that shows what is read, it is cancelled when that is destroyed. What
        `is_windowless` uses nothing of the window that began it: another one may take its place meanwhile.
        """
        task = asyncio.get_running_loop().create_task(
            self._run(command), name=label or getattr(command, "__qualname__", "")
        )
        self._running[task] = label
        if label:
            self._activity_of[task] = self.activities.begin(kind, label, task.cancel)
        if is_windowless:
            self._windowless.add(task)
        task.add_done_callback(self._on_done)
        task.add_done_callback(lambda _task: command.close())  # one that is cancelled at once never began
        if owner is not None:
            self._bind_to_owner(task, owner)
        self.busy.emit(self.label)
        if self._closed:  # a timer that fires late finds the project closed
            task.cancel()
        return task

    def _bind_to_owner(self, task: asyncio.Task[None], owner: QObject) -> None:
        key = id(owner)
        if key not in self._owned:
            self._owned[key] = set()
            owner.destroyed.connect(lambda: self._cancel_owned(key))
        self._owned[key].add(task)
        task.add_done_callback(self._owned[key].discard)

    def _cancel_owned(self, key: int) -> None:
        for task in self._owned.pop(key, ()):
            task.cancel()

    def can_start(self) -> bool:
        """Whether the loop runs and the window is open; a timer may fire when neither is true any more."""
        with suppress(RuntimeError):
            return asyncio.get_running_loop().is_running() and not self._closed
        return False

    @property
    def label(self) -> str:
        """The label of the newest running task that has one; '' if none has."""
        return next((label for label in reversed(self._running.values()) if label), "")

    @property
    def window_label(self) -> str:
        """The label of the newest running task that needs the window it was begun in; '' if there is none."""
        return next((label for task in reversed(self.running_in_window()) if (label := self._running[task])), "")

    def reporter(self, label: str) -> Reporter:
        """A reporter whose progress is shown under `label`."""
        return Reporter(lambda progress: self.progress.emit(label, progress))

    def cancel(self) -> None:
        """Cancel the newest task that has a label."""
        for task, label in reversed(self._running.items()):
            if label:
                task.cancel()
                return

    def tell(self, text: str, is_failure: bool = False, task: asyncio.Task[None] | None = None) -> None:
        """Note what came of the running task, or of `task`, for the history; nothing for one without a label."""
        if activity := self._activity_of.get(task or asyncio.current_task()):  # type: ignore[arg-type]
            activity.text, activity.is_failure = text, is_failure

    def _on_progress(self, label: str, progress: Progress) -> None:
        found = (one for task, one in reversed(self._activity_of.items()) if self._running.get(task) == label)
        if activity := next(found, None):
            self.activities.report(activity, progress)

    async def _run(self, command: Command) -> None:
        try:
            changes = await command
        except JukuError as error:
            log.info("%s", error)
            self.tell(f"{error.title}\n{error.message}", is_failure=True)
            self.failed.emit(error)
        except Cancelled:
            task = asyncio.current_task()
            if activity := self._activity_of.pop(task, None) if task else None:
                self.activities.end(activity, ActivityOutcome.CANCELLED)
        else:
            if changes and changes.tables:
                self.changed.emit(changes)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if activity := self._activity_of.pop(task, None):
            self._end_activity(activity, task)
        self._windowless.discard(task)
        self.busy.emit(self.label)
        if not task.cancelled() and (error := task.exception()):
            task.get_loop().call_exception_handler({"message": f"task {task.get_name()}", "exception": error})

    def _end_activity(self, activity: Activity, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self.activities.end(
                activity, ActivityOutcome.INTERRUPTED if self._closed else ActivityOutcome.CANCELLED, activity.text
            )
        elif task.exception():
            self.activities.end(
                activity, ActivityOutcome.FAILED, tr("Something unexpected happened; the log says more.")
            )
        else:
            self.activities.end(activity, ActivityOutcome.FAILED if activity.is_failure else ActivityOutcome.DONE)

    def running_in_window(self) -> list[asyncio.Task[None]]:
        """The tasks that have not ended and may need the window they were begun in."""
        return [task for task in self._running if task not in self._windowless]

    def running(self) -> list[asyncio.Task[None]]:
        """The tasks that have not ended."""
        return list(self._running)

    async def close(self) -> None:
        """Cancel what runs; nothing starts any more."""
        self._closed = True
        await cancel_all(self.running())


async def cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel `tasks` and wait until they have cleaned up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
