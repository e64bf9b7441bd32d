"""Tests the connection to a server: whether it answers, what it can do, and what to do next. Costs nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from core.errors import ProviderError
from core.language import tr, trn
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import Capabilities
from core.providers.retry_policy import HELD_BACK, ONCE_ONLY
from core.settings import ProviderSettings

NOT_THE_PROTOCOL_CODES = ("not_the_protocol", "unreadable")  # codes of answers that are a page, or no JSON
_VERSION = re.compile(r"/v\d+(?=/|$)")

Look = Callable[[], Awaitable[Any]]  # sends one request


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The result of a connection test. `advice` says what to do next, after success what the server can do.

    `capabilities` is None where they are not known. `base_url` is the address to enter instead, where the server answers
    there and not at the one that was entered.
    """

    ok: bool
    title: str
    advice: str
    models: int = 0
    capabilities: Capabilities | None = None
    base_url: str = ""


async def check_connection(provider: OpenAIProvider) -> ConnectionStatus:
    """Ask the server for its models and test what it can do; costs nothing. A `ProviderError` becomes the result."""
    try:
        models = await provider.models()
    except ProviderError as error:
        return await _explain_failure(provider, error)
    found = await probe_capabilities(provider)
    provider.capabilities = found
    title = trn("Connected: {n} model", "Connected: {n} models", len(models))
    return ConnectionStatus(True, title, _describe_capabilities(provider, found), len(models), found)


def store_capabilities(entry: ProviderSettings, found: Capabilities) -> None:
    """Store what a test has found in the server's settings."""
    values = {name: getattr(found, name) for name in Capabilities.__slots__}
    entry.capabilities = {name: value for name, value in values.items() if isinstance(value, bool)}
    entry.checked_at = found.checked_at or time.time()


async def probe_capabilities(provider: OpenAIProvider) -> Capabilities:
    """What the server can do. Whether jobs can be paused and models deleted shows only when it is first tried."""

    client = await provider.client()

    def post(path: str) -> Look:
        # An empty request: a server that has the route refuses its content, and does nothing.
        return lambda: provider.request_json(lambda: client.post(path, cast_to=object, body={}), ONCE_ONLY)

    looks: dict[str, Look] = {
        "files": provider.look_at_files,
        "jobs": provider.look_at_jobs,
        "batch": lambda: provider.request_json(
            lambda: client.get("/batches", cast_to=object, options={"params": {"limit": 1}}), ONCE_ONLY
        ),
        "moderation": post("/moderations"),
        "embeddings": post("/embeddings"),
    }
    answers = await asyncio.gather(*(_is_there(look) for look in looks.values()))
    found: Any = dict(zip(looks, answers, strict=True))
    # The route of events and checkpoints cannot be told from a job that is not there: both are 404.
    if found["jobs"] is False:
        found |= {"events": False, "checkpoints": False, "pause": False, "model_delete": False}
    earlier = provider.capabilities
    learned: Any = {name: value for name, value in found.items() if value is not None}
    return replace(earlier, **learned, methods=provider.preset.methods, checked_at=time.time())


async def _is_there(look: Look, refusals: Container[int] = (400, 403, 409, 413, 415, 422, 429)) -> bool | None:
    """Whether the server has a route; None where its answer does not show it. `refusals` show it: what was refused was understood."""
    try:
        await look()
    except ProviderError as error:
        if error.code == HELD_BACK:
            return None
        if error.status in MISSING_ROUTE_STATUSES or error.code in NOT_THE_PROTOCOL_CODES:
            return False
        return True if error.status in refusals else None
    return True


async def _explain_failure(provider: OpenAIProvider, error: ProviderError) -> ConnectionStatus:
    """What is wrong with a server that listed no models: its address, or only the list is missing."""
    if error.status not in MISSING_ROUTE_STATUSES and error.code not in NOT_THE_PROTOCOL_CODES:
        return ConnectionStatus(False, error.title, error.message)
    # A web page would be sent for any route, and refuses most of what is sent to it, too.
    if error.status in MISSING_ROUTE_STATUSES and await _answers_questions(provider):
        return await _describe_unlisted(provider)
    url = await _find_address(provider)
    if url:
        advice = tr("The server answers at {url}, not at the address that was entered. Use that one as the base URL.", url=url)  # fmt: skip
        return ConnectionStatus(False, error.title, advice, base_url=url)
    return ConnectionStatus(False, error.title, _build_advice(provider))


async def _describe_unlisted(provider: OpenAIProvider) -> ConnectionStatus:
    """A server that answers questions and has no list of its models."""
    found = await probe_capabilities(provider)
    provider.capabilities = found
    advice = tr("It does not list its models: enter their names under “More models”, as its documentation has them.")
    text = f"{_describe_capabilities(provider, found)} {advice}"
    return ConnectionStatus(True, tr("Connected"), text, capabilities=found)


async def _answers_questions(provider: OpenAIProvider) -> bool:
    """Whether the server has the chat's route; no model is asked."""
    client = await provider.client()

    def ask() -> Awaitable[Any]:
        return client.post("/chat/completions", cast_to=object, body={})

    return bool(await _is_there(lambda: provider.request_json(ask, ONCE_ONLY), (400, 422)))


async def _find_address(provider: OpenAIProvider) -> str:
    """The address at the same server under which it lists models; '' where none of the usual ones does."""
    client = await provider.client()
    for url in _guess_addresses(provider.base_url):
        other = client.with_options(base_url=url)

        def ask(other: Any = other) -> Awaitable[Any]:
            return other.get("/models", cast_to=object)  # type: ignore[no-any-return]

        if await _is_there(partial(provider.request_json, ask, ONCE_ONLY), (401, 403)):
            return url
    return ""


def _guess_addresses(base_url: str) -> list[str]:
    """Where else the API may be: what was entered up to its version, with a version, or at the server's root."""
    parts = urlsplit(base_url)
    path, version = parts.path.rstrip("/"), _VERSION.search(parts.path)
    paths = [path[: version.end()]] if version else []
    paths += [f"{path}/v1", "/v1", f"{path}/openai/v1"]
    guessed = [parts._replace(path=one, query="", fragment="").geturl() for one in dict.fromkeys(paths)]
    return [url for url in guessed if url != base_url.rstrip("/")]


def _build_advice(provider: OpenAIProvider) -> str:
    if _VERSION.search(urlsplit(provider.base_url).path):
        return tr(
            "There is no OpenAI-compatible API at this address. Compare the base URL with the server's documentation."
        )
    return tr("There is no OpenAI-compatible API at this address, and none at {url}. Compare the base URL with the "
              "server's documentation.", url=f"{provider.base_url.rstrip('/')}/v1")  # fmt: skip


def _describe_capabilities(provider: OpenAIProvider, found: Capabilities) -> str:
    if not found.jobs:
        return tr("It answers questions; it does not support training.")
    if provider.preset.methods:
        return tr("It trains models and answers questions.")
    return tr("It answers questions. It supports only reinforcement training, which Juku shows but does not start.")
