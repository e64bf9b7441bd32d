"""Limits that hold on any machine, however busy: how long to wait for what must come, and how much work something is."""

import time
from collections.abc import Callable

PATIENCE = 240.0  # seconds: only what hangs takes as long
YARDSTICK = 0.02  # seconds that `_known_work` takes on an idle machine


def effort(work: Callable[[], object]) -> float:
    """The seconds that `work()` keeps an idle processor busy.

    Counted in the processor time of this thread, so that waiting for other processes is none of it, and measured
    against work that is known, so that sharing a core's caches isn't either.
    """
    before = _processor_time(_known_work)
    spent = _processor_time(work)
    slowness = max(before, _processor_time(_known_work)) / YARDSTICK
    return spent / max(1.0, slowness)


def _processor_time(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def _known_work() -> int:
    return sum(len(str(number)) for number in range(120_000))
