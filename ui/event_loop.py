"""The event loop of the window: asyncio's, turned by Qt."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from typing import Any

import qasync


class EventLoop(qasync.QEventLoop):  # type: ignore[misc]  # qasync has no types
    """qasync's loop, which also closes async generators that nobody read to the end, as asyncio's own loops do.

    httpx reads an answer with such generators. One that was left, by a cancelled question for instance, would be closed
    by Python's garbage collector outside of any task, where it cannot wait for its connection to be given back.
    """

    def run_forever(self) -> int:
        """As `asyncio.loop.run_forever`; returns Qt's exit code."""
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=self._close_generator)
        try:
            result: int = super().run_forever()
        finally:
            sys.set_asyncgen_hooks(*before)
        return result

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Called by Python, in any thread, when `generator` is thrown away before its end."""
        if self.is_running():
            self.call_soon_threadsafe(lambda: self.create_task(_close(generator)))


async def _close(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()
