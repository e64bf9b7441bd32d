"""The route for chat completions, whole or streamed."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine.http.chat_request import ChatRequest
from core.engine.http.client_disconnect import cancel_on_disconnect
from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now, server_sent_event
from core.engine.http.services import Services, get_services
from core.engine.http.tool_call_parser import Piece, ToolCallParser
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion


async def create(request: Request) -> Response:
    """Answer a conversation. Raises the ApiError of a request that is refused, before the first byte of a stream."""
    chat = parse(await read_json(request), ChatRequest)
    services = get_services(request)
    source = await services.resolve_model(chat.model)
    completion = services.inference.submit(source, chat.to_generation_request())
    async with cancel_on_disconnect(request, completion):
        started = await completion.wait_until_started()
        if not chat.stream:
            return JSONResponse(await _collect(completion, started))
        return StreamingResponse(_stream(completion, started, chat.include_usage), media_type="text/event-stream")


async def complete(services: Services, body: Json) -> Json:
    """The completion for a request of a batch. Raises the ApiError of a request that is refused or fails."""
    chat = parse(body, ChatRequest)
    if chat.stream:
        raise bad_request("A batch cannot be streamed.", "stream", "unsupported_value")
    source = await services.resolve_model(chat.model)
    completion = services.inference.submit(source, chat.to_generation_request(), background=True)
    try:
        return await _collect(completion, await completion.wait_until_started())
    except BaseException:
        completion.cancel()
        raise


class ChoiceBuilder:
    """Builds one choice from its deltas. `num_tokens`: so far. `reason`: its finish reason in the protocol's words."""

    def __init__(self, completion: PendingCompletion) -> None:
        params = completion.request.params
        self._parser = ToolCallParser() if completion.request.tools else None
        self._has_logprobs = params.top_logprobs is not None
        self.content, self.num_tokens = "", 0
        self.reason: str | None = None
        self._logprobs: list[Json] = []

    @property
    def tool_calls(self) -> list[Json]:
        """The calls so far."""
        return [call.to_json() for call in self._parser.calls] if self._parser else []

    def add(self, delta: CompletionDelta) -> list[Piece]:
        """What came with a delta, apart by text and calls."""
        self.num_tokens = delta.num_tokens
        self._logprobs += delta.logprobs
        pieces = [Piece(text=delta.text)] if delta.text else []
        if self._parser:
            pieces = self._parser.feed(delta.text)
            pieces += self._parser.flush() if delta.finish_reason else []
        self.content += "".join(piece.text for piece in pieces)
        is_call = delta.finish_reason == "stop" and self.tool_calls
        self.reason = "tool_calls" if is_call else delta.finish_reason
        return pieces

    def logprobs(self, entries: list[Json]) -> Json | None:
        """The protocol's `logprobs` object with these entries; None where they were not asked for."""
        return {"content": entries, "refusal": None} if self._has_logprobs else None

    def to_json(self, index: int) -> Json:
        """The choice of a `chat.completion`, when it is finished."""
        calls = self.tool_calls
        message: Json = {"role": "assistant", "content": self.content, "refusal": None}
        if calls:
            message |= {"content": self.content or None, "tool_calls": calls}
        return {
            "index": index,
            "message": message,
            "logprobs": self.logprobs(self._logprobs),
            "finish_reason": self.reason,
        }


async def collect_choices(completion: PendingCompletion) -> list[ChoiceBuilder]:
    """All choices, when they are finished. Raises the ApiError when the model fails."""
    choices = [ChoiceBuilder(completion) for _ in range(completion.request.n)]
    async for delta in completion.deltas():
        choices[delta.index].add(delta)
    return choices


async def _collect(completion: PendingCompletion, started: CompletionStarted) -> Json:
    """The `chat.completion` object, when all choices are finished."""
    choices = await collect_choices(completion)
    usage = build_usage(started, choices)
    listed = [choice.to_json(index) for index, choice in enumerate(choices)]
    return {**_header(completion, started, "chat.completion"), "choices": listed, "usage": usage}


def _header(completion: PendingCompletion, started: CompletionStarted, kind: str) -> Json:
    """What a completion and every chunk of a stream begin with."""
    return {
        "id": new_id("chatcmpl-"),
        "object": kind,
        "created": now(),
        "model": completion.source.id,
        "system_fingerprint": started.fingerprint,
    }


def build_usage(started: CompletionStarted, choices: list[ChoiceBuilder]) -> Json:
    """The protocol's `usage` object."""
    prompt_tokens, completion_tokens = started.prompt_tokens, sum(choice.num_tokens for choice in choices)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


async def _stream(completion: PendingCompletion, started: CompletionStarted, include_usage: bool) -> AsyncIterator[str]:
    """Server-sent events: a chunk for each delta, a usage chunk if requested, `[DONE]`."""
    header = _header(completion, started, "chat.completion.chunk")
    if include_usage:
        header["usage"] = None
    choices = [ChoiceBuilder(completion) for _ in range(completion.request.n)]
    try:
        for index in range(completion.request.n):
            yield _chunk(header, index, {"role": "assistant", "content": "", "refusal": None})
        async for delta in completion.deltas():
            choice = choices[delta.index]
            changes = [_to_delta(piece) for piece in choice.add(delta)]
            logprobs = choice.logprobs(delta.logprobs)
            if delta.logprobs and not changes:
                changes = [{}]
            for change in changes:
                yield _chunk(header, delta.index, change, logprobs=logprobs)
                logprobs = None
            if choice.reason:
                yield _chunk(header, delta.index, {}, choice.reason)
        if include_usage:
            yield server_sent_event({**header, "choices": [], "usage": build_usage(started, choices)})
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield server_sent_event(error.body())
    finally:
        completion.cancel()


def _to_delta(piece: Piece) -> Json:
    """The protocol's `delta` for a piece."""
    if piece.call is None:
        return {"content": piece.text}
    if piece.tool_call:
        head = {"id": piece.tool_call.id, "type": "function"}
        call = {"index": piece.call, **head, "function": {"name": piece.tool_call.name, "arguments": ""}}
    else:
        call = {"index": piece.call, "function": {"arguments": piece.arguments}}
    return {"tool_calls": [call]}


def _chunk(
    header: Json, index: int, delta: Json, finish_reason: str | None = None, logprobs: Json | None = None
) -> str:
    choice: dict[str, Any] = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
    return server_sent_event({**header, "choices": [choice]})


routes = [Route("/v1/chat/completions", create, methods=["POST"])]
