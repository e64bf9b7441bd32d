"""The route of the Responses API without state on the server: whole responses, and streams of events."""

from collections.abc import AsyncIterator

from msgspec import to_builtins
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine.http.chat_routes import ChoiceBuilder
from core.engine.http.client_disconnect import cancel_on_disconnect
from core.engine.http.parameters import parse, read_json
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now, server_sent_event
from core.engine.http.response_request import ResponseRequest
from core.engine.http.services import Services, get_services
from core.engine.http.tool_call_parser import Piece
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion

Event = tuple[str, Json]


async def create(request: Request) -> Response:
    """Answer. Raises the ApiError of a request that is refused, before the first byte of a stream."""
    asked = parse(await read_json(request), ResponseRequest)
    services = get_services(request)
    source = await services.resolve_model(asked.model)
    completion = services.inference.submit(source, asked.to_generation_request())
    async with cancel_on_disconnect(request, completion):
        builder = ResponseBuilder(asked, completion, await completion.wait_until_started())
        if not asked.stream:
            return JSONResponse(await _collect(builder, completion))
        return StreamingResponse(_stream(builder, completion), media_type="text/event-stream")


async def complete(services: Services, body: Json) -> Json:
    """The response for a request of a batch. Raises the ApiError of a request that is refused or fails."""
    asked = parse(body, ResponseRequest)
    if asked.stream:
        raise bad_request("A batch cannot be streamed.", "stream", "unsupported_value")
    source = await services.resolve_model(asked.model)
    completion = services.inference.submit(source, asked.to_generation_request(), background=True)
    try:
        builder = ResponseBuilder(asked, completion, await completion.wait_until_started())
        return await _collect(builder, completion)
    except BaseException:
        completion.cancel()
        raise


async def retrieve(request: Request) -> Response:
    """Responses are not stored. Raises a 404 error that says so."""
    message = f"Response with id '{request.path_params['id']}' not found: this server stores no responses."
    raise ApiError(404, message, param="response_id", code="not_stored")


async def _collect(builder: "ResponseBuilder", completion: PendingCompletion) -> Json:
    async for delta in completion.deltas():
        builder.add(delta)
    return builder.finish()[-1][1]["response"]  # type: ignore[no-any-return]


async def _stream(builder: "ResponseBuilder", completion: PendingCompletion) -> AsyncIterator[str]:
    """The protocol's events."""
    number = 0

    def encode(event: Event) -> str:
        nonlocal number
        text = server_sent_event({"type": event[0], "sequence_number": number, **event[1]}, event[0])
        number += 1
        return text

    try:
        for event in builder.begin():
            yield encode(event)
        async for delta in completion.deltas():
            for event in builder.add(delta):
                yield encode(event)
        for event in builder.finish():
            yield encode(event)
    except ApiError as error:
        yield encode(("response.failed", {"response": builder.fail(error)}))
    finally:
        completion.cancel()


class ResponseBuilder:
    """Builds one response from the deltas of its completion, and the events of its stream."""

    def __init__(self, asked: ResponseRequest, completion: PendingCompletion, started: CompletionStarted) -> None:
        self._asked, self._started = asked, started
        self._choice = ChoiceBuilder(completion)
        self._items: list[Json] = []
        self._is_open = False
        self._logprobs: list[Json] = []  # of tokens whose text is held back
        self._head = _build_head(asked)

    def begin(self) -> list[Event]:
        """The first events."""
        response = self._build("in_progress", None)
        return [("response.created", {"response": response}), ("response.in_progress", {"response": response})]

    def add(self, delta: CompletionDelta) -> list[Event]:
        """The events of a delta."""
        events: list[Event] = []
        self._logprobs += delta.logprobs
        for piece in self._choice.add(delta):
            if piece.call is None:
                events += self._add_text(piece.text)
            else:
                events += self._add_call(piece)
        return events

    def _add_text(self, text: str) -> list[Event]:
        logprobs, self._logprobs = self._logprobs, []
        events: list[Event] = []
        if not self._is_open:
            item = {"type": "message", "id": new_id("msg_"), "status": "in_progress", "role": "assistant"}
            events += self._open({**item, "content": []})
            part: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            events.append(("response.content_part.added", {**self._place(), "content_index": 0, "part": {**part}}))
            self._items[-1]["content"].append(part)
        (part,) = self._items[-1]["content"]
        part["text"] += text
        part["logprobs"] = part["logprobs"] + logprobs
        delta = {**self._place(), "content_index": 0, "delta": text, "logprobs": logprobs}
        return [*events, ("response.output_text.delta", delta)] if text else events

    def _add_call(self, piece: Piece) -> list[Event]:
        if piece.tool_call:
            item = {"type": "function_call", "id": new_id("fc_"), "status": "in_progress", "arguments": ""}
            return self._close("completed") + self._open(
                {**item, "call_id": piece.tool_call.id, "name": piece.tool_call.name}
            )
        self._items[-1]["arguments"] += piece.arguments
        return [("response.function_call_arguments.delta", {**self._place(), "delta": piece.arguments})]

    def _open(self, item: Json) -> list[Event]:
        self._items.append(item)
        self._is_open = True
        event = {
            "output_index": len(self._items) - 1,
            "item": {**item, **({"content": []} if "content" in item else {})},
        }
        return [("response.output_item.added", event)]

    def _close(self, status: str) -> list[Event]:
        """The events that end the item that is open, if one is."""
        if not self._is_open:
            return []
        item, place = self._items[-1], self._place()
        self._is_open, item["status"] = False, status
        events: list[Event] = []
        if item["type"] == "message":
            (part,) = item["content"]
            place["content_index"] = 0
            events.append(("response.output_text.done", {**place, "text": part["text"], "logprobs": part["logprobs"]}))
            events.append(("response.content_part.done", {**place, "part": part}))
        else:
            done = {**place, "name": item["name"], "arguments": item["arguments"]}
            events.append(("response.function_call_arguments.done", done))
        return [*events, ("response.output_item.done", {"output_index": place["output_index"], "item": item})]

    def _place(self) -> Json:
        return {"item_id": self._items[-1]["id"], "output_index": len(self._items) - 1}

    def finish(self) -> list[Event]:
        """The last events; the last one has the whole response."""
        status = "incomplete" if self._choice.reason == "length" else "completed"
        events = [] if self._items else self._add_text("")
        events += self._close(status)
        response = self._build(status, None)
        return [*events, (f"response.{status}", {"response": response})]

    def fail(self, error: ApiError) -> Json:
        """The response of a model that failed."""
        self._close("incomplete")
        return self._build("failed", error)

    def _build(self, status: str, error: ApiError | None) -> Json:
        details = {"reason": "max_output_tokens"} if status == "incomplete" else None
        is_done = status in ("completed", "incomplete")
        return {
            **self._head,
            "status": status,
            "completed_at": now() if status == "completed" else None,
            "error": {"code": "server_error", "message": error.message} if error else None,
            "incomplete_details": details,
            "output": list(self._items),
            "usage": _build_usage(self._started.prompt_tokens, self._choice.num_tokens) if is_done else None,
        }


def _build_usage(prompt_tokens: int, completion_tokens: int) -> Json:
    return {
        "input_tokens": prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _build_head(asked: ResponseRequest) -> Json:
    """The members of a response that repeat the request."""
    tools = [{"description": None, "strict": None, "parameters": None, **to_builtins(tool)} for tool in asked.tools]
    text_format: Json = to_builtins(asked.text.format) if asked.text.format else {"type": "text"}
    text_format = {name: value for name, value in text_format.items() if value is not None}
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": now(),
        "model": asked.model,
        "background": False,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": asked.metadata or {},
        "parallel_tool_calls": asked.parallel_tool_calls,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": asked.temperature,
        "text": {"format": text_format},
        "tool_choice": "auto" if asked.tool_choice is None else asked.tool_choice,
        "tools": tools,
        "top_logprobs": asked.top_logprobs,
        "top_p": asked.top_p,
        "truncation": "disabled",
    }


routes = [
    Route("/v1/responses", create, methods=["POST"]),
    Route("/v1/responses/{id}", retrieve, methods=["GET", "DELETE"]),
]
