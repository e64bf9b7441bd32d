"""Runs Python's cyclic garbage collector on the window's thread only: on another thread it would destroy Qt objects.

A widget or timer that dies on a worker's thread leaves its timers running, addressed to what is no longer there.
"""

import gc

from PySide6.QtCore import QObject, QTimer

LOOK_INTERVAL = 500  # milliseconds between two looks at how much has gathered


class GarbageCollector(QObject):
    """Collects garbage on the window's thread only.

    While it lives, Python's own collections are off, and `collect_due` does what they would have done.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self, interval=LOOK_INTERVAL)
        self._timer.timeout.connect(self.collect_due)
        self._timer.start()

    def collect_due(self) -> None:
        """Collect the oldest generation that is due by Python's own thresholds."""
        due = [number for number, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)) if count > most]  # fmt: skip
        if due:
            gc.collect(due[-1])
