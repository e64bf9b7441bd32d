"""Questions to a model: streamed where somebody reads along, in one piece, or as the body of a request that goes into a batch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from core.errors import ProviderError
from core.providers.error_messages import unreadable_answer_error
from core.providers.http_client import Connection, not_openai_protocol_error
from core.providers.protocol_types import Message, OnText, Reply, Sampling
from core.providers.retry_policy import QUESTIONING, OnPause, ignore_pause
from core.redaction import redact, redact_json

# Until an answer that is not streamed has come: a long one of a large model.
WHOLE_ANSWER_SECONDS = 600.0


class ChatApi(Connection):
    async def chat(
        self,
        model: str,
        messages: list[Message],
        sampling: Sampling,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
        on_pause: OnPause = ignore_pause,
    ) -> Reply:
        """Ask `model`, streaming each piece of answer number i to `on_text(i, piece)`; without it, nothing is streamed.

        `schema` is a `json_schema` for structured output, which not every server has. A busy server is asked again when
        it wants to be, and `on_pause` is called; anything else is not sent again: what got lost would be paid twice.
        Raises `ProviderError`, also where no answer came.
        """
        started = time.monotonic()
        body, reply = chat_body(model, messages, sampling, schema), _Accumulator(sampling.n)
        if on_text is None:
            await self._ask_whole(body, reply, on_pause)
        else:
            await self._ask_stream(body, reply, on_text, on_pause)
        return reply.finish(model, started)

    async def _ask_whole(self, body: dict[str, Any], reply: _Accumulator, on_pause: OnPause) -> None:
        """Ask for an answer in one piece: reading a stream takes several times as long on this side."""
        client = await self.client()
        from openai import Timeout
        from openai.types.chat import ChatCompletion

        create: Any = client.chat.completions.create
        seconds = max(self.timeout_seconds, WHOLE_ANSWER_SECONDS)
        timeout = Timeout(seconds, connect=min(10.0, self.timeout_seconds))
        found = await self._request(lambda: create(timeout=timeout, **body), ChatCompletion, QUESTIONING, on_pause)
        reply.add_whole(found)
        if not reply.begun:
            raise unreadable_answer_error(self.title, "HTTP 200")

    async def _ask_stream(self, body: dict[str, Any], reply: _Accumulator, on_text: OnText, on_pause: OnPause) -> None:
        client = await self.client()
        from openai import AsyncStream

        create: Any = client.chat.completions.create
        wanted = {**body, "stream": True, "stream_options": {"include_usage": True}}
        stream: AsyncStream[Any] = await self._request(lambda: create(**wanted), AsyncStream, QUESTIONING, on_pause)
        async with stream:
            with self.translate_errors():
                async for chunk in stream:
                    for index, piece in reply.add(chunk):
                        on_text(index, piece)
        if not reply.begun:
            raise self._no_stream(stream)

    async def call(
        self, model: str, messages: list[Message], tools: list[dict[str, Any]]
    ) -> tuple[str, dict[str, Any]] | None:
        """The name of the function that `model` calls, and its arguments; None where it calls none of them. Raises `ProviderError`."""
        client = await self.client()
        from openai.types.chat import ChatCompletion

        create: Any = client.chat.completions.create

        wanted = {"model": model, "messages": messages, "tools": tools, "tool_choice": "required", "temperature": 0}
        wanted["parallel_tool_calls"] = False  # the first call is what counts
        found = await self._request(lambda: create(**wanted), ChatCompletion, QUESTIONING)
        known = {tool["function"]["name"] for tool in tools}
        for choice in found.choices or []:
            for call in getattr(choice.message, "tool_calls", None) or []:
                function = getattr(call, "function", None)
                if function is not None and function.name in known:
                    return function.name, _arguments(function.arguments)
        return None

    def _no_stream(self, stream: Any) -> ProviderError:
        """What to say of an answer that holds no piece of a stream: a page, or broken data, arrives as an empty one."""
        kind = stream.response.headers.get("content-type", "")
        return (
            not_openai_protocol_error(self.title)
            if "html" in kind
            else unreadable_answer_error(self.title, f"HTTP 200, {kind}")
        )


def _arguments(text: str) -> dict[str, Any]:
    """What a model wrote as the arguments of a function; what is no JSON object is none."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return redact_json(found) if isinstance(found, dict) else {}


def chat_messages(system_prompt: str, question: str) -> list[Message]:
    """The messages that ask `question`, the same in training, chat and exam.

    A model trained under a system prompt seems untrained under another.
    """
    system: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*system, {"role": "user", "content": question}]


def chat_body(
    model: str, messages: list[Message], sampling: Sampling, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON body of a chat request."""
    body: dict[str, Any] = {"model": model, "messages": messages, "temperature": sampling.temperature}
    body |= {"top_p": sampling.top_p, "max_tokens": sampling.max_tokens}
    body |= {"n": sampling.n} if sampling.n > 1 else {}
    body |= {"seed": sampling.seed} if sampling.seed is not None else {}
    body |= {"stop": list(sampling.stop)} if sampling.stop else {}
    return body | ({"response_format": {"type": "json_schema", "json_schema": schema}} if schema else {})


class _Accumulator:
    """Puts the pieces of a stream together."""

    def __init__(self, n: int) -> None:
        self._texts = [""] * n
        self.begun: set[int] = set()
        self._reasons: dict[int, str] = {}
        self.first_at: float | None = None  # when the first text came, by the monotonic clock
        self._model = self._fingerprint = ""
        self._tokens = self._sent = 0

    def _add_head(self, found: Any) -> None:
        self._model = found.model or self._model
        self._fingerprint = getattr(found, "system_fingerprint", None) or self._fingerprint
        if found.usage:
            self._tokens = int(found.usage.completion_tokens or 0)
            self._sent = int(found.usage.prompt_tokens or 0)

    def add_whole(self, completion: Any) -> None:
        """Take an answer that came in one piece."""
        self._add_head(completion)
        for choice in completion.choices or []:
            self.begun.add(choice.index)
            if choice.finish_reason:
                self._reasons[choice.index] = str(choice.finish_reason)
            if choice.message and choice.message.content and choice.index < len(self._texts):
                self._texts[choice.index] = choice.message.content

    def add(self, chunk: Any) -> Iterator[tuple[int, str]]:
        """Take a piece of a stream; yields the new texts with the numbers of their answers."""
        self._add_head(chunk)
        for choice in chunk.choices or []:
            self.begun.add(choice.index)
            if choice.finish_reason:
                self._reasons[choice.index] = str(choice.finish_reason)
            if choice.delta and choice.delta.content and choice.index < len(self._texts):
                self.first_at = self.first_at or time.monotonic()
                self._texts[choice.index] += choice.delta.content
                yield choice.index, choice.delta.content

    def finish(self, model: str, started: float) -> Reply:
        """The reply to a request that was `started` then, by the monotonic clock."""
        # A stream that is cut ends like any other: only the finish reasons tell that it is whole. Some servers give
        # one answer however many are wanted: those that never began are none.
        complete = self._reasons.keys() == self.begun
        return Reply(
            [redact(text) for index, text in enumerate(self._texts) if index in self.begun],
            self._model or model,
            self._fingerprint,
            time.monotonic() - started,
            self._tokens,
            complete,
            self._sent,
            self.first_at - started if self.first_at else 0.0,
            tuple(self._reasons.get(index, "") for index in sorted(self.begun)),
        )
