"""What tests of providers share: the scripted server's own provider, used and closed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.providers import Provider
from tests.support.fake_server import KEY, FakeServer

T = TypeVar("T")


def run(server: FakeServer, work: Callable[[Provider], Awaitable[T]], key: str = KEY, **changes: object) -> T:
    """What `work(provider)` returns; `changes` are attributes of the provider. It is closed afterwards."""

    async def whole() -> T:
        provider = server.provider(key)
        for name, value in changes.items():
            setattr(provider, name, value)
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(whole())
