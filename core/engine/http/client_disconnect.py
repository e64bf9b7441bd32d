"""Notices when the client of a request hangs up, so that nothing is computed for nobody."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from starlette.requests import Request

from core.engine.http.protocol import ApiError


class Computed(Protocol):
    """What is on its way to the client."""

    def leave(self) -> None:
        """Stop computing."""

    def hang_up(self, error: ApiError) -> None:
        """Stop computing, and end the wait for it with this error."""


@contextlib.asynccontextmanager
async def hearing(request: Request, computed: Computed) -> AsyncIterator[None]:
    """Stops what is computed when the client hangs up, or when the block ends with an error."""
    watch = asyncio.create_task(_watch(request, computed))
    try:
        yield
    except BaseException:
        computed.leave()
        raise
    finally:
        watch.cancel()


async def _watch(request: Request, computed: Computed) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    computed.hang_up(ApiError(499, "The client closed the connection."))
