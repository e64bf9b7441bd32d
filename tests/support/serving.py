"""What tests of providers share: the scripted server's own provider, used and closed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from core.providers import Provider, Reply
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


def count_chats(provider: Provider) -> list[int]:
    """A list that grows by how many chat requests of `provider` are under way, whenever one more begins."""
    chat, under_way, running = provider.chat, [], 0

    async def count(*args: Any, **more: Any) -> Reply:
        nonlocal running
        running += 1
        under_way.append(running)
        try:
            return await chat(*args, **more)
        finally:
            running -= 1

    provider.chat = count  # type: ignore[method-assign]
    return under_way
