"""What runs for the person now, and what ran: one list for tasks, training jobs and downloads."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from PySide6.QtCore import QObject, Signal

from core import activity_history
from core.activity_history import ActivityKind, ActivityOutcome, HistoryEntry
from core.progress import Progress

SHORT_SECONDS = 10.0  # what nobody waited for, such as a changed cell, is no entry of the history
MIN_SHARE, MIN_SECONDS = 0.02, 3.0  # of the work that must be done before its pace tells the rest


@dataclass(eq=False, slots=True)
class Activity:
    """Something that runs. `seconds_left` is what its owner knows; else it is estimated from the pace."""

    entry: HistoryEntry
    cancel: Callable[[], object] | None = None
    progress: Progress = field(default_factory=lambda: Progress(0))
    seconds_left: float | None = None
    text: str = ""  # what its work has told so far of what came of it
    is_failure: bool = False  # whether that text is an error
    _first: tuple[float, float] | None = None  # the share and the time of the first progress
    _is_told: bool = False  # whether its owner tells how long it still takes, also that this is not known yet

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1; None where it is not known."""
        return min(1.0, self.progress.done / self.progress.total) if self.progress.total else None

    def report(self, progress: Progress, seconds_left: float | None = None) -> None:
        """Note how far it is."""
        self.progress = progress
        self.seconds_left = self.seconds_left if self._is_told and seconds_left is None else seconds_left
        if (share := self.share) is not None:
            if self._first is None or share < self._first[0]:
                self._first = share, time.monotonic()
            if seconds_left is None and not self._is_told:
                self.seconds_left = self._estimate(share)

    def tell_time_left(self, seconds: float | None) -> None:
        """Its owner knows better than its pace how long it still takes; None: that is not known yet."""
        self.seconds_left, self._is_told = seconds, True

    def _estimate(self, share: float) -> float | None:
        assert self._first
        done, passed = share - self._first[0], time.monotonic() - self._first[1]
        return (1 - share) * passed / done if done >= MIN_SHARE and passed >= MIN_SECONDS else None


class Activities(QObject):
    """What runs, and the history. It knows no work itself: whoever runs something begins, reports and ends it here."""

    changed = Signal()  # something has begun or ended, or the history has changed
    progressed = Signal(Activity)
    ended = Signal(HistoryEntry)

    def __init__(self, parent: QObject | None, project: Callable[[], str] = lambda: "") -> None:
        """`project` returns the path of the project that is open now."""
        super().__init__(parent)
        self._project = project
        self._running: list[Activity] = []
        self._history: list[HistoryEntry] | None = None  # read when it is shown first

    def running(self) -> list[Activity]:
        """What runs now, the newest first."""
        return self._running[::-1]

    def history(self) -> list[HistoryEntry]:
        """What has ended, in all projects and windows, the newest first; also what another window still runs."""
        if self._history is None:
            self._history = activity_history.load()
        mine = {one.entry.id for one in self._running}
        return [one for one in self._history if one.id not in mine]

    def reload(self) -> None:
        """Read the history again: another window may have ended something."""
        activity_history.shorten()
        self._history = None
        self.changed.emit()

    def begin(
        self, kind: ActivityKind, label: str, cancel: Callable[[], object] | None = None, reference: str = ""
    ) -> Activity:
        """Note that something begins. What another window, or this one before, has left with the same reference goes on;
        so does what the window had begun that this one took the place of, as when the language changes."""
        pid, start = activity_history.own_process()
        project = self._project() if kind != ActivityKind.MODEL else ""
        entry = HistoryEntry(secrets.token_hex(8), kind, label, time.time(), project, reference, pid=pid, process=start)
        before = next((one for one in self._running if reference and _is_same(one.entry, entry)), None)
        if before is not None:
            self._running.remove(before)
        if left := before.entry if before else self.find_left(reference) if reference else None:
            entry = msgspec.structs.replace(entry, id=left.id, started=left.started)
        activity = Activity(entry, cancel)
        self._running.append(activity)
        if kind != ActivityKind.OTHER:
            self._record(entry)
        self.changed.emit()
        return activity

    def find_left(self, reference: str) -> HistoryEntry | None:
        """An entry of the open project that no window ended, such as a job that went on when its window was closed."""
        project = self._project()
        return next(
            (one for one in self.history() if one.outcome == ActivityOutcome.CONTINUES and one.reference == reference
             and one.project == project), None,
        )  # fmt: skip

    def report(self, activity: Activity, progress: Progress, seconds_left: float | None = None) -> None:
        """Note how far it is."""
        activity.report(progress, seconds_left)
        self.progressed.emit(activity)

    def end(self, activity: Activity, outcome: ActivityOutcome, text: str = "") -> None:
        """Note how it ended, and what came of it as the person is told."""
        if activity not in self._running:
            return
        self._running.remove(activity)
        now = time.time()
        entry = msgspec.structs.replace(
            activity.entry, ended=now, outcome=outcome, text=(text or activity.text).strip()
        )
        is_short = now - entry.started < SHORT_SECONDS and outcome in (ActivityOutcome.DONE, ActivityOutcome.CANCELLED)
        if entry.kind != ActivityKind.OTHER or not is_short:
            self._record(entry)
            self.ended.emit(entry)
        self.changed.emit()

    def leave(self, activity: Activity) -> None:
        """Follow something no longer that goes on by itself, such as a job of a project that is left."""
        self.end(activity, ActivityOutcome.CONTINUES)

    def close_left(self, reference: str, outcome: ActivityOutcome, text: str) -> None:
        """Note how something ended that no window followed to its end."""
        if left := self.find_left(reference):
            self._record(msgspec.structs.replace(left, ended=time.time(), outcome=outcome, text=text))
            self.changed.emit()

    def _record(self, entry: HistoryEntry) -> None:
        activity_history.record(entry)
        if self._history is not None:
            self._history = [entry, *(one for one in self._history if one.id != entry.id)]

    def drop(self, ids: set[str]) -> None:
        """Take entries out of the history."""
        activity_history.drop(ids)
        self._history = None
        self.changed.emit()


def _is_same(one: HistoryEntry, other: HistoryEntry) -> bool:
    return (one.reference, one.project) == (other.reference, other.project)
