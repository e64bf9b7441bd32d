"""Finds out what a server can do, without making or paying anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from core.errors import ProviderError
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import Capabilities
from core.providers.retry_policy import HELD, ONCE

NOT_THERE = (404, 405, 501)


async def probe(provider: OpenAIProvider) -> Capabilities:
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
    kept = provider.capabilities
    learned: Any = {name: value for name, value in found.items() if value is not None}
    return replace(kept, **learned, methods=provider.preset.methods, checked_at=time.time())


async def _is_there(provider: OpenAIProvider, look: Callable[[], Awaitable[Any]]) -> bool | None:
    """Whether the server has a route; None where its answer says nothing of it."""
    try:
        await provider.plain(look, ONCE)
    except ProviderError as error:
        if error.code == HELD:
            return None
        if error.status in NOT_THERE or error.code == "not_the_protocol":
            return False
        # What was refused for its content was understood.
        return True if error.status in (400, 403, 409, 413, 415, 422, 429) else None
    return True
