"""The line to one server: the openai package's client, its answers checked and its failures worded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import ProviderError
from core.language import tr
from core.providers import openai_package, redirects, server_presets
from core.providers.error_messages import worded
from core.providers.protocol_types import Capabilities
from core.providers.retry_policy import LOOK, OnPause, Pace, Patience, quietly
from core.providers.server_presets import CUSTOM, Preset

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
Ask = Callable[[], Awaitable[Any]]  # sends one request, each time it is called

PAGE = 100
MAX_PAGES = 200  # a server that ignores `after` would page for ever
NOT_THERE = (404, 405, 501)  # what a server answers on a route that it does not have


class Connection:
    """One server. Every method raises `ProviderError`, worded for the person.

    `capabilities` is what is known of the server; a route that it turns out not to have is noted there.
    """

    poll_seconds = 10.0
    timeout_seconds = 120.0
    at_once = 4  # requests, where the server does not tell how many it takes

    def __init__(
        self, id: str, title: str, base_url: str, key: str | None = None, preset: Preset | None = None
    ) -> None:
        self.id = id
        self.title = title
        self.base_url = base_url
        self.preset = preset or server_presets.preset(CUSTOM)
        self.capabilities = Capabilities()
        self.pace = Pace(self.at_once)
        self._key = key
        self._client: AsyncOpenAI | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> AsyncOpenAI:
        """The package's client. What is imported of the package anywhere here is imported after this."""
        async with self._connecting:
            if self._client is None:
                await asyncio.to_thread(openai_package.load)
                # It reads the system's certificates, which takes 50 ms: not on the window's thread.
                self._client = await asyncio.to_thread(self._connect, self.base_url, self._key)
            return self._client

    def _connect(self, base_url: str, key: str | None) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        # Organization and project are given, so that a stray environment variable cannot redirect the requests.
        return AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            organization="",
            project="",
            max_retries=0,  # `_answer` repeats what may be repeated, and at the server's pace
            timeout=Timeout(self.timeout_seconds, connect=min(10.0, self.timeout_seconds)),
            http_client=DefaultAsyncHttpxClient(event_hooks=self._hooks(base_url)),
            default_headers={"api-key": key} if key and self.preset.auth == "api-key" else None,
        )

    def worded(self) -> AbstractContextManager[None]:
        """Whatever fails inside becomes a `ProviderError`."""
        return worded(self.title, self._key)

    def _hooks(self, base_url: str) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
        """What is done with every request and every answer, whatever it is about."""
        from httpx2 import URL

        home = URL(base_url)

        async def leave(request: Any) -> None:
            redirects.strip(request, home)

        async def arrive(response: Any) -> None:
            if redirects.is_same(home, response.request.url):
                self.pace.hear(response.status_code, response.headers)
            redirects.refuse(response)

        return {"request": [leave], "response": [arrive]}

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _answer(self, ask: Ask, kind: type[T], patience: Patience = LOOK, on_pause: OnPause = quietly) -> T:
        """The result of `ask`, which sends one request; every request goes out here, at the server's pace."""
        return await self.pace.patiently(lambda: self._asked(ask, kind), patience, on_pause)

    async def _asked(self, ask: Ask, kind: type[T]) -> T:
        """The result of `ask`. A page of HTML arrives as a plain string, without an error: refuse it here."""
        try:
            with self.worded():
                result = await ask()
        except AttributeError as error:  # where the package expects a list, that string breaks it
            raise not_the_protocol(self.title) from error
        if not isinstance(result, kind) or isinstance(result, str):
            raise not_the_protocol(self.title)
        return result

    async def plain(self, ask: Ask, patience: Patience = LOOK) -> dict[str, Any]:
        """The JSON object of a route that the package has no method for."""
        return await self._answer(ask, dict, patience)

    async def _pages(self, fetch: Callable[..., Awaitable[Any]], most: int = PAGE * MAX_PAGES) -> AsyncIterator[Any]:
        """The items of all pages; ends also where the server never does, or begins again from the start."""
        from openai.pagination import AsyncCursorPage

        after: dict[str, Any] = {}
        seen: set[str] = set()
        for _number in range(MAX_PAGES):
            page = await self._answer(partial(fetch, limit=min(PAGE, most), **after), AsyncCursorPage)
            items = [item for item in page.data or [] if _id(item) not in seen]
            for item in items:
                seen.add(_id(item))
                yield item
            if not items or not page.has_more or len(seen) >= most:
                return
            after = {"after": _id(items[-1])}

    async def _able(self, name: str, call: Awaitable[T]) -> T:
        """The result of `call`; what it tells of the capability `name` is noted."""
        try:
            result = await call
        except ProviderError as error:
            if error.status in NOT_THERE[1:]:
                self._note(name, False)
            raise
        self._note(name, True)
        return result

    def _note(self, name: str, able: bool) -> None:
        if getattr(self.capabilities, name) is not able:
            changed: Any = {name: able}
            self.capabilities = replace(self.capabilities, **changed)


def _id(item: Any) -> str:
    """The id of an item of a list: the package's object, or plain data."""
    return str(item.get("id") if isinstance(item, dict) else item.id)


def not_the_protocol(title: str) -> ProviderError:
    return ProviderError(
        tr("“{server}” does not answer like an OpenAI-compatible server", server=title),
        tr("It sent a page instead of data. Check the base URL in the settings; it often ends in /v1."),
        code="not_the_protocol",
    )
