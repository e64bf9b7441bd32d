"""Batches at a server: many requests in one file, answered within a day for half the price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from core.providers.files_api import FilesApi
from core.providers.protocol_types import KEY, BatchAnswer, BatchState
from core.providers.retry_policy import ONCE_ONLY
from core.providers.server_codes import explain_failure
from core.redaction import redact

MAX_BATCHES = 1000


class BatchesApi(FilesApi):
    async def create_batch(self, file: str, endpoint: str, token: str) -> BatchState:
        """Ask for a batch, once. Raises `ProviderError`; the batch may exist all the same: look for it with `find_batch`."""
        client = await self.client()
        from openai.types import Batch

        wanted: Any = endpoint
        create = partial(
            client.batches.create,
            input_file_id=file,
            endpoint=wanted,
            completion_window="24h",
            metadata={KEY: token},
        )
        return self.read_answer(_batch, await self._await_and_note("batch", self._request(create, Batch, ONCE_ONLY)))

    async def find_batch(self, token: str) -> BatchState | None:
        """The batch that was created with `token`, or None. Raises `ProviderError`."""
        client = await self.client()
        async for item in self._pages(client.batches.list, MAX_BATCHES):
            state = self.read_answer(_batch, item)
            if state.metadata.get(KEY) == token:
                return state
        return None

    async def batch(self, id: str) -> BatchState:
        """The state of a batch. Raises `ProviderError`."""
        client = await self.client()
        from openai.types import Batch

        return self.read_answer(_batch, await self._request(lambda: client.batches.retrieve(id), Batch))

    async def cancel_batch(self, id: str) -> BatchState:
        """Cancel a batch; sent once. Raises `ProviderError`."""
        client = await self.client()
        from openai.types import Batch

        return self.read_answer(_batch, await self._request(lambda: client.batches.cancel(id), Batch, ONCE_ONLY))

    async def batch_answers(self, file: str) -> list[BatchAnswer]:
        """The answers in an output or error file of a batch of chat requests, without lines that are none. Raises `ProviderError`."""
        lines = (await self.download(file)).decode("utf-8", "replace").split("\n")
        return [answer for line in lines if (answer := _parse_answer(line)) is not None]


def _parse_answer(line: str) -> BatchAnswer | None:
    try:
        entry = json.loads(line)
        return _read_answer(entry["custom_id"], entry.get("response") or {}, entry.get("error"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _read_answer(custom_id: str, response: dict[str, Any], error: Any) -> BatchAnswer:
    status, body = response.get("status_code"), response.get("body") or {}
    wrong = error or body.get("error")
    if wrong or status != 200:
        message = str((wrong or {}).get("message") or (wrong or {}).get("code") or f"HTTP {status}")
        return BatchAnswer(str(custom_id), [], error=redact(message[:500]), status=status)
    return BatchAnswer(
        str(custom_id),
        list(_texts(body)),
        int((body.get("usage") or {}).get("completion_tokens") or 0),
        int((body.get("usage") or {}).get("prompt_tokens") or 0),
        str(body.get("model") or ""),
        str(body.get("system_fingerprint") or ""),
    )


def _texts(body: dict[str, Any]) -> Iterator[str]:
    for choice in sorted(body["choices"], key=lambda choice: choice.get("index", 0)):
        content = choice["message"].get("content")
        if isinstance(content, str):
            yield redact(content)


def _explain(error: Any) -> str:
    return explain_failure(str(error.code or ""), redact(str(error.message or error.code or "")))


def _batch(item: Any) -> BatchState:
    counts = item.request_counts
    errors = getattr(item.errors, "data", None) or []
    return BatchState(
        id=item.id,
        status=str(item.status),
        output_file=item.output_file_id or None,
        error_file=item.error_file_id or None,
        total=int(getattr(counts, "total", 0) or 0),
        completed=int(getattr(counts, "completed", 0) or 0),
        failed=int(getattr(counts, "failed", 0) or 0),
        error="; ".join(_explain(error) for error in errors[:5]),
        metadata=dict(item.metadata or {}),
    )
