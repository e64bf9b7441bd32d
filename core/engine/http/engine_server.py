"""uvicorn's server without its tick: an engine that nobody asks does not wake the processor ten times a second."""

import asyncio
from typing import Any

import uvicorn


class EngineServer(uvicorn.Server):
    """Serves until `should_exit` is set, from any thread or signal handler.

    uvicorn looks ten times a second whether it is, and renews the `Date` of its responses: `EngineConnection` does that
    with each request.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _is_ending = False

    def __init__(self, config: uvicorn.Config) -> None:
        self._end = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether the server ends."""
        return self._is_ending

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._is_ending = value
        if value and self._loop:
            self._loop.call_soon_threadsafe(self._end.set)

    async def main_loop(self) -> None:
        """Wait for the end."""
        self._loop = asyncio.get_running_loop()
        if not self._is_ending:
            await self._end.wait()
        self._loop = None


def create_server(app: Any, connection: type[asyncio.Protocol]) -> EngineServer:
    """The server of an application, whose connections are made by `connection`."""
    return EngineServer(
        uvicorn.Config(
            app,
            http=connection,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # Longer than clients keep an idle connection: else a request may come while it is being closed.
            timeout_keep_alive=300,
            timeout_graceful_shutdown=2,
        )
    )
