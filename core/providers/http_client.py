"""The connection to one server: the client of the openai package, with its answers checked and its errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from core.checks.rule_registry import clip
from core.errors import ProviderError
from core.language import tr
from core.providers import openai_package, redirects, server_presets
from core.providers.error_messages import translate_errors, unreadable_answer_error
from core.providers.protocol_types import Capabilities
from core.providers.retry_policy import READING, OnPause, RateLimiter, RetryPolicy, ignore_pause
from core.providers.server_presets import CUSTOM, ServerPreset
from core.redaction import redact

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
SendRequest = Callable[[], Awaitable[Any]]  # sends one request, each time it is called

PAGE_SIZE = 100
MAX_PAGES = 200  # a server that ignores `after` would page for ever
MISSING_ROUTE_STATUSES = (404, 405, 501)  # what a server answers on a route that it does not have


class Connection:
    """The connection to one server. Every method that sends a request raises `ProviderError`, with advice for the person.

    `capabilities` is what is known of the server; a route that it turns out not to have is stored there.
    """

    poll_seconds = 10.0
    timeout_seconds = 120.0
    at_once = 4  # requests, where the server does not tell how many it takes

    def __init__(
        self, id: str, title: str, base_url: str, key: str | None = None, preset: ServerPreset | None = None
    ) -> None:
        self.id = id
        self.title = title
        self.base_url = base_url
        self.preset = preset or server_presets.preset(CUSTOM)
        self.capabilities = Capabilities()
        self.unlisted_models: tuple[str, ...] = ()  # that the server has beside those it lists: the person knows them
        self.limiter = RateLimiter(self.at_once)
        self._key = key
        self._client: AsyncOpenAI | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> AsyncOpenAI:
        """The package's client; whatever else is imported from the package must be imported after this call."""
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
            max_retries=0,  # `_request` repeats what may be repeated, as fast as the server allows
            timeout=Timeout(self.timeout_seconds, connect=min(10.0, self.timeout_seconds)),
            http_client=DefaultAsyncHttpxClient(event_hooks=self._hooks(base_url)),
            default_headers={"api-key": key} if key and self.preset.auth == "api-key" else None,
        )

    def translate_errors(self) -> AbstractContextManager[None]:
        """A context that raises `ProviderError` for every failure of a request."""
        return translate_errors(self.title, self._key)

    def _hooks(self, base_url: str) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
        """The hooks for every request and every response: private headers, limits, redirects."""
        from httpx2 import URL

        home = URL(base_url)

        async def leave(request: Any) -> None:
            redirects.strip_private_headers(request, home)

        async def arrive(response: Any) -> None:
            if redirects.is_same_server(home, response.request.url):
                self.limiter.note_response(response.status_code, response.headers)
            redirects.refuse_redirect(response)

        return {"request": [leave], "response": [arrive]}

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _request(
        self, ask: SendRequest, kind: type[T], policy: RetryPolicy = READING, on_pause: OnPause = ignore_pause
    ) -> T:
        """The result of `ask`, which sends one request; every request is sent here, as fast as the server allows."""
        return await self.limiter.run(lambda: self._send(ask, kind), policy, on_pause)

    async def _send(self, ask: SendRequest, kind: type[T]) -> T:
        """The result of `ask`. A page of HTML arrives as a plain string, without an error: refuse it here."""
        try:
            with self.translate_errors():
                result = await ask()
        except AttributeError as error:  # where the package expects a list, that string breaks it
            raise not_openai_protocol_error(self.title) from error
        if not isinstance(result, kind) or isinstance(result, str):
            raise not_openai_protocol_error(self.title)
        return result

    def read_answer(self, parse: Callable[..., T], *answer: Any) -> T:
        """`parse(*answer)`. Raises `ProviderError` where the answer has other types than its protocol says, or an error instead."""
        try:
            return parse(*answer)
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError) as error:
            told = next((_find_error_text(part) for part in answer if isinstance(part, dict)), "")
            raise unreadable_answer_error(self.title, clip(redact(told or str(error), self._key), 200)) from error

    async def request_json(self, ask: SendRequest, policy: RetryPolicy = READING) -> dict[str, Any]:
        """The JSON object of a route that the package has no method for. Raises `ProviderError`."""
        return await self._request(ask, dict, policy)

    async def _pages(
        self, fetch: Callable[..., Awaitable[Any]], most: int = PAGE_SIZE * MAX_PAGES
    ) -> AsyncIterator[Any]:
        """Yields the items of all pages; ends also where a server never ends, or begins again."""
        from openai.pagination import AsyncCursorPage

        after: dict[str, Any] = {}
        seen: set[str] = set()
        for _number in range(MAX_PAGES):
            page = await self._request(partial(fetch, limit=min(PAGE_SIZE, most), **after), AsyncCursorPage)
            items = [item for item in self.read_answer(list_items, page) if _item_id(item) not in seen]
            for item in items:
                seen.add(_item_id(item))
                yield item
            if not items or not page.has_more or len(seen) >= most:
                return
            after = {"after": _item_id(items[-1])}

    async def _await_and_note(self, name: str, call: Awaitable[T]) -> T:
        """Returns the result of `call`, and notes what it shows about the capability `name`."""
        try:
            result = await call
        except ProviderError as error:
            if error.status in MISSING_ROUTE_STATUSES[1:]:
                self._note_capability(name, False)
            raise
        self._note_capability(name, True)
        return result

    def _note_capability(self, name: str, able: bool) -> None:
        if getattr(self.capabilities, name) is not able:
            changed: Any = {name: able}
            self.capabilities = replace(self.capabilities, **changed)


def list_items(page: Any) -> list[Any]:
    """The items of a page. Raises `TypeError` for an error with status 200, and for what is no list of objects.

    A list that is taken for empty would have a job made twice: its first one would not be found.
    """
    if error := getattr(page, "error", None):
        raise TypeError(_find_error_text({"error": error}))
    items = page.data or []
    if not isinstance(items, list) or any(isinstance(item, str | int | float | list) for item in items):
        raise TypeError(f"{items!r:.80}")
    return items


def _item_id(item: Any) -> str:
    """The id of an item of a list: the package's object, or plain data."""
    return str(item.get("id") if isinstance(item, dict) else item.id)


def _find_error_text(answer: dict[str, Any]) -> str:
    """What a server reports of an error in an answer with status 200; '' where it reports none."""
    error = answer.get("error") or (answer.get("message") if "code" in answer else "") or ""
    return str((error.get("message") or error) if isinstance(error, dict) else error)


def not_openai_protocol_error(title: str) -> ProviderError:
    """The error for a server that sends a web page instead of data; `title` is the server's."""
    return ProviderError(
        tr("“{server}” does not answer like an OpenAI-compatible server", server=title),
        tr("It sent a page instead of data. Check the base URL in the settings; it often ends in /v1."),
        code="not_the_protocol",
    )
