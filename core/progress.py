"""Progress of a long operation, and its cancellation."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

STEPS_PER_PART = 1000  # steps that each part of `Reporter.part` counts as


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """The user asked the operation to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps (None: unknown). `pause`: seconds until the work goes on, while it waits for a server."""

    done: int
    total: int | None = None
    pause: float = 0.0


def cancel_later() -> None:
    """Cancel the running task at its next `await`, so that it can return the result of what is already done."""
    task = asyncio.current_task()
    assert task
    task.uncancel()  # counted once, as `asyncio.timeout` and task groups expect
    task.cancel()


class Reporter:
    """Passed to a long operation: it reports progress and is asked whether to stop. Safe to call from any thread."""

    def __init__(self, on_progress: Callable[[Progress], None] = lambda _progress: None) -> None:
        self._on_progress = on_progress
        self._cancelled = False
        self._on_cancel: list[Callable[[], object]] = []
        self._last = Progress(0)

    @property
    def cancelled(self) -> bool:
        """Whether the user has asked to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """Ask the operation to stop, and call all `on_cancel` functions."""
        self._cancelled = True
        for stop in self._on_cancel:
            stop()

    def on_cancel(self, stop: Callable[[], object]) -> None:
        """Call `stop` on cancellation, for work that is waiting; at once where it is cancelled already."""
        self._on_cancel.append(stop)
        if self._cancelled:
            stop()

    def check(self) -> None:
        """Raises `Cancelled` when the user has asked to stop."""
        if self._cancelled:
            raise Cancelled

    def update(self, done: int, total: int | None = None) -> None:
        """Report `done` of `total` steps. Raises `Cancelled` when the user has asked to stop."""
        self.check()
        self._last = Progress(done, total)
        self._on_progress(self._last)

    def pause(self, seconds: float) -> None:
        """Report that the work waits and continues in `seconds`. Raises `Cancelled` as `update` does."""
        self.check()
        self._on_progress(replace(self._last, pause=seconds))

    def part(self, number: int, parts: int) -> "Reporter":
        """A reporter for part `number` (from 0) of `parts` equal parts; it is cancelled with this one."""
        return _PartReporter(self, number, parts)


class _PartReporter(Reporter):
    def __init__(self, whole: Reporter, number: int, parts: int) -> None:
        super().__init__()
        self._whole, self._number, self._parts = whole, number, parts

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def on_cancel(self, stop: Callable[[], object]) -> None:
        self._whole.on_cancel(stop)

    def cancel(self) -> None:
        self._whole.cancel()

    def check(self) -> None:
        self._whole.check()

    def pause(self, seconds: float) -> None:
        self._whole.pause(seconds)

    def update(self, done: int, total: int | None = None) -> None:
        share = STEPS_PER_PART * done // total if total else 0
        self._whole.update(self._number * STEPS_PER_PART + share, self._parts * STEPS_PER_PART)
