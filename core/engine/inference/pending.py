"""A request where its answer is awaited, on the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.engine.http.protocol import ApiError

E = TypeVar("E")


@dataclass(eq=False, kw_only=True)
class Pending(Generic[E]):
    """A request whose events of type E come one by one. `on_cancel` is called once, when it is cancelled; `on_event`
    with each event, also those that nobody reads any longer."""

    on_cancel: Callable[[], None]
    on_event: Callable[[E | ApiError], None] = lambda _: None
    _inbox: asyncio.Queue[E | ApiError] = field(default_factory=asyncio.Queue)
    _is_cancelled: bool = False

    def receive(self, event: E | ApiError) -> None:
        """Take the next event."""
        self.on_event(event)
        self._inbox.put_nowait(event)

    async def next_event(self) -> E:
        """Wait for the next event. Raises it where it is an ApiError."""
        event = await self._inbox.get()
        if isinstance(event, ApiError):
            raise event
        return event

    def cancel(self) -> None:
        """Stop computing."""
        if not self._is_cancelled:
            self._is_cancelled = True
            self.on_cancel()

    def abort(self, error: ApiError) -> None:
        """Stop computing, and let whoever waits here raise `error`."""
        self.cancel()
        self.receive(error)
