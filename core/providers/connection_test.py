"""Tests the connection to a server: whether it answers, what it can do, and what to do next. Costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from core.errors import ProviderError
from core.language import tr, trn
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import Capabilities
from core.providers.retry_policy import HELD_BACK, ONCE_ONLY
from core.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The result of a connection test. `advice` says what to do next, after success what the server can do.

    `capabilities` is None where they are not known.
    """

    ok: bool
    title: str
    advice: str
    models: int = 0
    capabilities: Capabilities | None = None


async def check_connection(provider: OpenAIProvider) -> ConnectionStatus:
    """Ask the server for its models and test what it can do; costs nothing. A `ProviderError` becomes the result."""
    try:
        models = await provider.models()
    except ProviderError as error:
        return ConnectionStatus(False, error.title, _build_advice(provider, error))
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

    def get(path: str, **query: object) -> Awaitable[Any]:
        return client.get(path, cast_to=object, options={"params": query})

    def post(path: str) -> Awaitable[Any]:
        # An empty request: a server that has the route refuses its content, and does nothing.
        return client.post(path, cast_to=object, body={})

    looks: dict[str, Callable[[], Awaitable[Any]]] = {
        "files": lambda: get("/files", limit=1),
        "jobs": lambda: get("/fine_tuning/jobs", limit=1),
        "batch": lambda: get("/batches", limit=1),
        "moderation": lambda: post("/moderations"),
        "embeddings": lambda: post("/embeddings"),
    }
    answers = await asyncio.gather(*(_is_there(provider, look) for look in looks.values()))
    found: Any = dict(zip(looks, answers, strict=True))
    # The route of events and checkpoints cannot be told from a job that is not there: both are 404.
    if found["jobs"] is False:
        found |= {"events": False, "checkpoints": False, "pause": False, "model_delete": False}
    earlier = provider.capabilities
    learned: Any = {name: value for name, value in found.items() if value is not None}
    return replace(earlier, **learned, methods=provider.preset.methods, checked_at=time.time())


async def _is_there(provider: OpenAIProvider, look: Callable[[], Awaitable[Any]]) -> bool | None:
    """Whether the server has a route; None where its answer does not show it."""
    try:
        await provider.request_json(look, ONCE_ONLY)
    except ProviderError as error:
        if error.code == HELD_BACK:
            return None
        if error.status in MISSING_ROUTE_STATUSES or error.code == "not_the_protocol":
            return False
        # What was refused for its content was understood.
        return True if error.status in (400, 403, 409, 413, 415, 422, 429) else None
    return True


def _build_advice(provider: OpenAIProvider, error: ProviderError) -> str:
    path = provider.base_url.rstrip("/")
    lost = error.status == 404 or error.code == "not_the_protocol"
    if lost and not path.endswith(("/v1", "/v4")):
        return tr("There is no OpenAI-compatible API at this address. Most servers need a base URL that ends in "
                  "/v1: try {url}.",
                  url=f"{path}/v1")  # fmt: skip
    if lost and path.endswith("/v1"):
        return tr(
            "There is no OpenAI-compatible API at this address. Compare the base URL with the server's documentation."
        )
    return error.message


def _describe_capabilities(provider: OpenAIProvider, found: Capabilities) -> str:
    if not found.jobs:
        return tr("It answers questions; it does not support training.")
    if provider.preset.methods:
        return tr("It trains models and answers questions.")
    return tr("It answers questions. It supports only reinforcement training, which Juku shows but does not start.")
