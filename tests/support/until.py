"""Waiting for what the window does by itself, on the event loop and with an end."""

import asyncio
from collections.abc import Callable

from tests.support.patience import PATIENCE


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop run until `condition()` holds; fails at once where a task or callback of the loop has failed.

    Else it fails after `PATIENCE` seconds.
    """
    failures = getattr(asyncio.get_running_loop(), "failures", [])

    async def poll() -> None:
        while not condition():
            assert not failures, failures
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), PATIENCE)
