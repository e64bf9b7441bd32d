"""The legacy route for completions of plain prompts, whole or streamed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.engine.http.chat_request import SamplingRequest
from core.engine.http.client_disconnect import cancel_on_disconnect
from core.engine.http.parameters import parse, read_json, require_neutral
from core.engine.http.protocol import ApiError, Json, bad_request, new_id, now, server_sent_event
from core.engine.http.services import Services, get_services
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion
from core.engine.inference.generation_request import GenerationRequest

DEFAULT_MAX_TOKENS = 16  # the protocol's
MAX_PROMPTS = 128


class CompletionRequest(SamplingRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for completions."""

    prompt: Any
    max_tokens: Annotated[int, Meta(ge=0)] | None = None
    echo: bool = False
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    best_of: int | None = None
    suffix: str | None = None

    def __post_init__(self) -> None:
        self.check_sampling()
        require_neutral("suffix", self.suffix, ("",))
        if self.best_of is not None:
            require_neutral("best_of", self.best_of, (self.n,))
        if not self.prompts or len(self.prompts) > MAX_PROMPTS or not all(map(_is_prompt, self.prompts)):
            message = (
                f"Invalid 'prompt': expected a text, a list of token ids, or a list of at most {MAX_PROMPTS} such."
            )
            raise bad_request(message, "prompt", "invalid_value")
        if self.echo and not all(isinstance(one, str) for one in self.prompts):
            raise bad_request("This server echoes texts, not token ids.", "echo", "unsupported_value")
        if self.echo and self.stream and self.logprobs is not None:
            message = "This server does not stream 'echo' with 'logprobs'. Ask without 'stream'."
            raise bad_request(message, "stream", "unsupported_value")
        if self.max_tokens == 0 and not self.echo:
            raise bad_request("Invalid 'max_tokens': 0 needs 'echo'.", "max_tokens", "invalid_value")

    @property
    def prompts(self) -> list[Any]:
        """Each prompt: a text or a list of token ids."""
        is_one = isinstance(self.prompt, str) or (self.prompt and _is_prompt(self.prompt))
        return self.prompt if isinstance(self.prompt, list) and not is_one else [self.prompt]

    def to_generation_requests(self) -> list[GenerationRequest]:
        """What it asks of the model, for each prompt."""
        params = self.sampling_params(
            max_tokens=DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens,
            top_logprobs=self.logprobs,
            prompt_logprobs=self.logprobs if self.echo else None,
        )
        return [
            GenerationRequest(prompt=prompt, params=params, n=self.n, is_streamed=self.stream)
            for prompt in self.prompts
        ]


def _is_prompt(prompt: Any) -> bool:
    return isinstance(prompt, str) or (isinstance(prompt, list) and all(map(_is_token_id, prompt)))


def _is_token_id(value: Any) -> bool:
    return type(value) is int


@dataclass(frozen=True)
class PendingCompletions:
    """The work for all prompts of a request."""

    parts: Sequence[PendingCompletion]

    def cancel(self) -> None:
        """Stop computing."""
        for part in self.parts:
            part.cancel()

    def abort(self, error: ApiError) -> None:
        """Stop computing, and let whoever waits for the result raise `error`."""
        for part in self.parts:
            part.abort(error)


async def create(request: Request) -> Response:
    """Complete prompts. Raises the ApiError of a request that is refused, before the first byte of a stream."""
    asked = parse(await read_json(request), CompletionRequest)
    pending = await _submit(get_services(request), asked)
    async with cancel_on_disconnect(request, pending):
        started = [await part.wait_until_started() for part in pending.parts]
        if not asked.stream:
            return JSONResponse(await _collect(asked, pending, started))
        return StreamingResponse(_stream(asked, pending, started), media_type="text/event-stream")


async def complete(services: Services, body: Json) -> Json:
    """The completions for a request of a batch. Raises the ApiError of a request that is refused or fails."""
    asked = parse(body, CompletionRequest)
    if asked.stream:
        raise bad_request("A batch cannot be streamed.", "stream", "unsupported_value")
    pending = await _submit(services, asked, background=True)
    try:
        return await _collect(asked, pending, [await part.wait_until_started() for part in pending.parts])
    except BaseException:
        pending.cancel()
        raise


async def _submit(services: Services, asked: CompletionRequest, background: bool = False) -> PendingCompletions:
    source = await services.resolve_model(asked.model)
    parts = [services.inference.submit(source, one, background) for one in asked.to_generation_requests()]
    return PendingCompletions(parts)


@dataclass
class _Choice:
    """One choice so far."""

    text: str
    has_logprobs: bool
    num_tokens: int = 0

    def add(self, delta: CompletionDelta) -> Json:
        """The choice's members that are new with a delta."""
        logprobs = _convert_logprobs(delta.logprobs, len(self.text)) if self.has_logprobs else None
        self.text += delta.text
        self.num_tokens = delta.num_tokens
        return {"text": delta.text, "logprobs": logprobs, "finish_reason": delta.finish_reason}


def _convert_logprobs(entries: Sequence[Json], offset: int) -> Json:
    """The legacy form of the entries of `logprobs.content`. `offset`: where in the text they begin.

    Of the first token of a prompt there is none: None, as OpenAI has it.
    """
    found: Json = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for entry in entries:
        found["tokens"].append(entry["token"])
        found["token_logprobs"].append(entry["logprob"])
        likely = entry["top_logprobs"]
        found["top_logprobs"].append(None if likely is None else {one["token"]: one["logprob"] for one in likely})
        found["text_offset"].append(offset)
        offset += len(entry["token"])
    return found


def _begin_choices(asked: CompletionRequest) -> list[_Choice]:
    """An empty choice for each completion of each prompt, in the protocol's order."""
    texts = [prompt if asked.echo else "" for prompt in asked.prompts for _ in range(asked.n)]
    return [_Choice(text, asked.logprobs is not None) for text in texts]


async def _deltas(asked: CompletionRequest, pending: PendingCompletions) -> AsyncIterator[tuple[int, CompletionDelta]]:
    """The deltas with the numbers of their choices, prompt after prompt; they are computed together."""
    for number, part in enumerate(pending.parts):
        async for delta in part.deltas():
            yield number * asked.n + delta.index, delta


async def _collect(asked: CompletionRequest, pending: PendingCompletions, started: list[CompletionStarted]) -> Json:
    """The `text_completion` object, when all choices are finished."""
    choices = _begin_choices(asked)
    entries: list[list[Json]] = [[] for _ in choices]
    reasons: dict[int, str | None] = {}
    async for index, delta in _deltas(asked, pending):
        choices[index].add(delta)
        entries[index] += delta.logprobs
        reasons[index] = delta.finish_reason
    listed = [
        {
            "index": index,
            "text": choice.text,
            "logprobs": _convert_logprobs(entries[index], 0) if choice.has_logprobs else None,
            "finish_reason": reasons[index],
        }
        for index, choice in enumerate(choices)
    ]
    return {**_header(asked, started), "choices": listed, "usage": _usage(started, choices)}


def _header(asked: CompletionRequest, started: list[CompletionStarted]) -> Json:
    return {
        "id": new_id("cmpl-"),
        "object": "text_completion",
        "created": now(),
        "model": asked.model,
        "system_fingerprint": started[0].fingerprint,
    }


def _usage(started: list[CompletionStarted], choices: list[_Choice]) -> Json:
    prompt_tokens = sum(one.prompt_tokens for one in started)
    completion_tokens = sum(choice.num_tokens for choice in choices)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


async def _stream(
    asked: CompletionRequest, pending: PendingCompletions, started: list[CompletionStarted]
) -> AsyncIterator[str]:
    """Server-sent events: a chunk for each delta, a usage chunk if requested, `[DONE]`."""
    header, choices = _header(asked, started), _begin_choices(asked)
    if asked.include_usage:
        header["usage"] = None
    try:
        for index, choice in enumerate(choices):
            if choice.text:
                echo = {"index": index, "text": choice.text, "logprobs": None, "finish_reason": None}
                yield server_sent_event({**header, "choices": [echo]})
        async for index, delta in _deltas(asked, pending):
            new = choices[index].add(delta)
            if new["text"] or new["finish_reason"]:
                yield server_sent_event({**header, "choices": [{"index": index, **new}]})
        if asked.include_usage:
            yield server_sent_event({**header, "choices": [], "usage": _usage(started, choices)})
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield server_sent_event(error.body())
    finally:
        pending.cancel()


routes = [Route("/v1/completions", create, methods=["POST"])]
