"""Services that chat as OpenAI does and train by routes of their own: the base of their adapters, one module for each."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Awaitable
from typing import Any, ClassVar

from core.errors import JukuError, ProviderError
from core.language import tr
from core.providers.openai_api import OpenAIProvider
from core.providers.protocol_types import JobCheckpoint, JobState, read_entries, require_texts
from core.providers.retry_policy import ONCE_ONLY, READING, RetryPolicy

MARK_CHARACTERS = 16  # of a token, in a job's name: 64 bits


class OwnJobsProvider(OpenAIProvider):
    """A service with its own training routes. A subclass overrides the routes it has; it has no pause and no checkpoints.

    Such a service has no metadata. A job carries its token in a name that the service keeps (`build_mark`), so that it is
    found again after a lost answer and never made twice.
    """

    # The statuses of the service, as the protocol's; others stay as they are, and count as not ended.
    statuses: ClassVar[dict[str, str]] = {}

    async def call_route(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        policy: RetryPolicy | None = None,
        **query: Any,
    ) -> dict[str, Any]:
        """The JSON object that a route of the service answers; anything but GET is sent once. Raises `ProviderError`.

        `path` is a path below the base URL, or a whole URL.
        """
        client = await self.client()
        options: Any = {"params": query} if query else {}

        def ask() -> Awaitable[Any]:
            if method == "GET":
                return client.get(path, cast_to=object, options=options)
            return client.post(path, cast_to=object, body=body or {}, options=options)

        return await self.request_json(ask, policy or (READING if method == "GET" else ONCE_ONLY))

    def read_list(self, answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """The objects in a list of an answer; some services leave out an empty one. Raises `ProviderError` for an error.

        A list that is taken for empty would have a job made twice: its first one would not be found.
        """
        return self.read_answer(_read_list, answer, name)

    @classmethod
    def read_status(cls, status: object) -> str:
        """The protocol's word for a status of the service. Raises `TypeError` where there is none."""
        require_texts(status)
        return cls.statuses.get(str(status), str(status))

    async def look_at_jobs(self) -> None:
        """Ask for the list of jobs, to see whether the key may. Raises `ProviderError`."""
        await self.jobs(1)

    async def find_jobs(self, token: str) -> list[JobState]:
        """The jobs that were created with `token`: one at most, if all went well. Raises `ProviderError`."""
        return [job for job in await self.jobs() if build_mark(token) in job.metadata.values()]

    async def checkpoints(self, job: str) -> list[JobCheckpoint]:  # noqa: ARG002 - as the routes it stands for
        """None: the service saves no model on the way that could be asked."""
        return []

    async def model_limits(self) -> dict[str, dict[str, int]]:
        """None: the service does not tell how many jobs the account may run."""
        return {}

    async def pause_job(self, id: str) -> JobState:  # noqa: ARG002
        """Raises `ProviderError`: the service cannot pause."""
        raise self._cannot_pause()

    async def resume_job(self, id: str) -> JobState:  # noqa: ARG002
        """Raises `ProviderError`: the service cannot pause, so nothing can be resumed."""
        raise self._cannot_pause()

    def _cannot_pause(self) -> ProviderError:
        return ProviderError(
            tr("“{server}” cannot pause a job", server=self.title),
            tr("It goes on. It can only be cancelled."),
            status=405,
        )


def _read_list(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    if name not in answer and not {"error", "code", "message"}.isdisjoint(answer):
        raise KeyError(name)
    return read_entries(answer.get(name))


def build_mark(token: str) -> str:
    """The part of a job's name that tells which request made it."""
    return f"j{token[:MARK_CHARACTERS]}"


def build_suffix(suffix: str | None, token: str, limit: int) -> str:
    """A suffix of at most `limit` characters with the token's mark at its end: what a person wrote is cut where it is too long."""
    mark = build_mark(token)
    own = re.sub(r"[^A-Za-z0-9]+", "-", suffix or "").strip("-")[: max(0, limit - len(mark) - 1)].strip("-")
    return f"{own}-{mark}" if own else mark


def find_mark(name: object) -> str:
    """The mark in a name; '' where there is none."""
    found = re.search(rf"(?:^|-)(j[0-9a-f]{{{MARK_CHARACTERS}}})(?:$|-)", str(name or ""))
    return found[1] if found else ""


def read_time(text: object) -> float:
    """Unix seconds of a time such as `2026-11-30T04:05:06Z`, or `2026-11-30 04:05:06` (in UTC); 0 for anything else."""
    try:
        if isinstance(text, int | float):
            return float(text)
        found = datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def chosen_numbers(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Those that are not left to the service."""
    return {name: value for name, value in hyperparameters.items() if value != "auto"}


def event_id(*parts: object) -> str:
    """An id for an event of a service that gives them none: the same for the same event."""
    return f"event-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"


def require_supervised(title: str, method: str) -> None:
    """Raises `JukuError` for another method than supervised, before anything is sent."""
    if method != "supervised":
        words = tr("“{server}” does not support training with the method “{method}”", server=title, method=method)
        raise JukuError(words, tr("Nothing was sent. Choose another method or another server."))
