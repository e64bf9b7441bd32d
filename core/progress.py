"""How a long operation tells where it is, and learns that it should stop."""

from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """The person asked the operation to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int | None = None


class Reporter:
    """Given to a long operation; safe to call from any thread."""

    def __init__(self, on_progress: Callable[[Progress], None] = lambda _progress: None) -> None:
        self._on_progress = on_progress
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def update(self, done: int, total: int | None = None) -> None:
        """Report `done` of `total` steps; raises `Cancelled` when the person has asked to stop."""
        if self._cancelled:
            raise Cancelled
        self._on_progress(Progress(done, total))
