"""The route for chat completions, whole or streamed."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine.http import chat_request, request_body, services
from core.engine.http.client_disconnect import hearing
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now
from core.engine.inference.request_scheduler import Answer, Piece, Started


async def create(request: Request) -> Response:
    """Answer a conversation. Errors of the request come before the first byte of a stream."""
    asked = chat_request.read(await request_body.read(request))
    parts = services.of(request)
    answer = parts.answers.ask(await parts.source(asked.model), asked)
    async with hearing(request, answer):
        started = await answer.started()
        if not asked.stream:
            return JSONResponse(await _whole(answer, started))
        return StreamingResponse(_stream(answer, started), media_type="text/event-stream")


async def complete(parts: services.Engine, value: Json) -> Json:
    """The answer to a conversation of a batch, whole; raises the ApiError."""
    asked = chat_request.read(value)
    if asked.stream:
        raise bad_request("A batch cannot be streamed.", "stream", "unsupported_value")
    answer = parts.answers.ask(await parts.source(asked.model), asked, aside=True)
    try:
        return await _whole(answer, await answer.started())
    except BaseException:
        answer.leave()
        raise


async def _whole(answer: Answer, started: Started) -> Json:
    texts = ["" for _ in range(answer.chat.n)]
    ends: dict[int, Piece] = {}
    async for piece in answer.pieces():
        texts[piece.index] += piece.text
        if piece.finish:
            ends[piece.index] = piece
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": ends[index].finish,
        }
        for index, text in enumerate(texts)
    ]
    usage = _usage(started, sum(end.tokens for end in ends.values()))
    return {**_head(answer, started, "chat.completion"), "choices": choices, "usage": usage}


def _head(answer: Answer, started: Started, kind: str) -> Json:
    return {
        "id": new_id("chatcmpl-"),
        "object": kind,
        "created": now(),
        "model": answer.chat.model,
        "system_fingerprint": started.fingerprint,
    }


def _usage(started: Started, written: int) -> Json:
    prompt = started.prompt_tokens
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


async def _stream(answer: Answer, started: Started) -> AsyncIterator[str]:
    """Server-sent events: a chunk for each piece, a usage chunk where asked for, `[DONE]`."""
    head = _head(answer, started, "chat.completion.chunk")
    if answer.chat.usage:
        head["usage"] = None
    written = 0
    try:
        for index in range(answer.chat.n):
            yield _chunk(head, index, {"role": "assistant", "content": "", "refusal": None})
        async for piece in answer.pieces():
            if piece.text:
                yield _chunk(head, piece.index, {"content": piece.text})
            if piece.finish:
                written += piece.tokens
                yield _chunk(head, piece.index, {}, piece.finish)
        if answer.chat.usage:
            yield _event({**head, "choices": [], "usage": _usage(started, written)})
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield _event(error.body())
    finally:
        answer.leave()


def _chunk(head: Json, index: int, delta: Json, finish: str | None = None) -> str:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event({**head, "choices": [choice]})


def _event(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


routes = [Route("/v1/chat/completions", create, methods=["POST"])]
