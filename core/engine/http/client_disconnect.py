"""Cancels the work for a request when its client disconnects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from starlette.requests import Request

from core.engine.http.protocol import ApiError


class Cancellable(Protocol):
    """The work for one request."""

    def cancel(self) -> None:
        """Stop computing."""

    def abort(self, error: ApiError) -> None:
        """Stop computing, and let whoever waits for the result raise `error`."""


@contextlib.asynccontextmanager
async def cancel_on_disconnect(request: Request, work: Cancellable) -> AsyncIterator[None]:
    """Cancel `work` when the client disconnects, or when the block raises."""
    watch = asyncio.create_task(_watch(request, work))
    try:
        yield
    except BaseException:
        work.cancel()
        raise
    finally:
        watch.cancel()


async def _watch(request: Request, work: Cancellable) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.abort(ApiError(499, "The client closed the connection."))
