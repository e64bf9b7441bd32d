"""Runs Python's cyclic garbage collector on the window's thread only: on another thread it would destroy Qt objects.

A widget or timer that dies on a worker's thread leaves its timers running, addressed to what is no longer there.
"""

import gc

from PySide6.QtCore import QAbstractEventDispatcher, QObject, QTimer

LOOK_INTERVAL = 500  # milliseconds between two looks at how much has gathered
QUIET_OBJECTS = 100  # new objects between two looks, up to which nothing happens: the look itself makes some


class GarbageCollector(QObject):
    """Collects garbage on the window's thread only.

    While it lives, Python's own collections are off, and `collect_due` does what they would have done. In a process
    where nothing happens it does not look: each look would wake the processor.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._seen = 0  # objects, at the last look
        self._woke_itself = False  # whether the loop turns only because of the last look
        self._timer = QTimer(self, interval=LOOK_INTERVAL)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        if dispatcher := QAbstractEventDispatcher.instance():
            dispatcher.awake.connect(self._on_awake)

    def is_looking(self) -> bool:
        """Whether something has happened since the last look."""
        return self._timer.isActive()

    def _on_awake(self) -> None:
        """The loop turns: an event has come, or a task goes on. Some platforms say so before the timer, some after it."""
        if self._woke_itself:
            self._woke_itself = False
        elif not self._timer.isActive():
            self._timer.start()

    def look(self) -> None:
        """Collect what is due, and look no more where nothing has happened since the last look."""
        self.collect_due()
        before, self._seen = self._seen, gc.get_count()[0]
        if abs(self._seen - before) <= QUIET_OBJECTS:  # no thread makes any, either
            self._timer.stop()
            self._woke_itself = True

    def collect_due(self) -> None:
        """Collect the oldest generation that is due by Python's own thresholds."""
        due = [number for number, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)) if count > most]  # fmt: skip
        if due:
            gc.collect(due[-1])
