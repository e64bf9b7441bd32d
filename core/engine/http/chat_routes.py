"""The route for chat completions, whole or streamed."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine.http.chat_request import ChatRequest
from core.engine.http.client_disconnect import cancel_on_disconnect
from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now
from core.engine.http.services import Services, get_services
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion


async def create(request: Request) -> Response:
    """Answer a conversation. Raises the ApiError of a request that is refused, before the first byte of a stream."""
    chat = parse(await read_json(request), ChatRequest)
    services = get_services(request)
    completion = services.scheduler.submit(await services.resolve_model(chat.model), chat.to_generation_request())
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
    completion = services.scheduler.submit(source, chat.to_generation_request(), background=True)
    try:
        return await _collect(completion, await completion.wait_until_started())
    except BaseException:
        completion.cancel()
        raise


async def _collect(completion: PendingCompletion, started: CompletionStarted) -> Json:
    """The `chat.completion` object, when all choices are finished."""
    texts = ["" for _ in range(completion.request.n)]
    last: dict[int, CompletionDelta] = {}
    async for delta in completion.deltas():
        texts[delta.index] += delta.text
        if delta.finish_reason:
            last[delta.index] = delta
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": last[index].finish_reason,
        }
        for index, text in enumerate(texts)
    ]
    usage = _usage(started, sum(delta.num_tokens for delta in last.values()))
    return {**_header(completion, started, "chat.completion"), "choices": choices, "usage": usage}


def _header(completion: PendingCompletion, started: CompletionStarted, kind: str) -> Json:
    """What a completion and every chunk of a stream begin with."""
    return {
        "id": new_id("chatcmpl-"),
        "object": kind,
        "created": now(),
        "model": completion.source.id,
        "system_fingerprint": started.fingerprint,
    }


def _usage(started: CompletionStarted, completion_tokens: int) -> Json:
    prompt_tokens = started.prompt_tokens
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
    completion_tokens = 0
    try:
        for index in range(completion.request.n):
            yield _chunk(header, index, {"role": "assistant", "content": "", "refusal": None})
        async for delta in completion.deltas():
            if delta.text:
                yield _chunk(header, delta.index, {"content": delta.text})
            if delta.finish_reason:
                completion_tokens += delta.num_tokens
                yield _chunk(header, delta.index, {}, delta.finish_reason)
        if include_usage:
            yield _event({**header, "choices": [], "usage": _usage(started, completion_tokens)})
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield _event(error.body())
    finally:
        completion.cancel()


def _chunk(header: Json, index: int, delta: Json, finish_reason: str | None = None) -> str:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _event({**header, "choices": [choice]})


def _event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


routes = [Route("/v1/chat/completions", create, methods=["POST"])]
