"""How a long operation tells where it is, and learns that it should stop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

WHOLE = 1000  # steps of a part of a work, when it stands for one of several


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """The person asked the operation to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`pause` is the seconds until the work goes on, where it waits for someone else."""

    done: int
    total: int | None = None
    pause: float = 0.0


def cancel_later() -> None:
    """Cancel the running task where it next waits: what it was cancelled for is done, and whoever asked for it is to hear that."""
    task = asyncio.current_task()
    assert task
    task.uncancel()  # counted once, as `asyncio.timeout` and task groups expect
    task.cancel()


class Reporter:
    """Given to a long operation; safe to call from any thread."""

    def __init__(self, on_progress: Callable[[Progress], None] = lambda _progress: None) -> None:
        self._on_progress = on_progress
        self._cancelled = False
        self._on_cancel: list[Callable[[], object]] = []
        self._last = Progress(0)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True
        for stop in self._on_cancel:
            stop()

    def on_cancel(self, stop: Callable[[], object]) -> None:
        """Call `stop` when the person cancels, for work that waits for something else."""
        self._on_cancel.append(stop)
        if self._cancelled:
            stop()

    def check(self) -> None:
        """Raise `Cancelled` when the person has asked to stop."""
        if self._cancelled:
            raise Cancelled

    def update(self, done: int, total: int | None = None) -> None:
        """Report `done` of `total` steps; raises `Cancelled` when the person has asked to stop."""
        self.check()
        self._last = Progress(done, total)
        self._on_progress(self._last)

    def pause(self, seconds: float) -> None:
        """Report that the work waits and goes on in `seconds`; raises `Cancelled` as `update` does."""
        self.check()
        self._on_progress(replace(self._last, pause=seconds))

    def part(self, number: int, parts: int) -> "Reporter":
        """A reporter for one of `parts` equal pieces of the work, from 0; it is cancelled with this one."""
        return _Part(self, number, parts)


class _Part(Reporter):
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
        share = WHOLE * done // total if total else 0
        self._whole.update(self._number * WHOLE + share, self._parts * WHOLE)
