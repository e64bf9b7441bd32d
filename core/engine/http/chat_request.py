"""The request for a chat completion."""

import json
from typing import Annotated, Any

from msgspec import Meta, Struct

from core.engine.http.parameters import PositiveInt, Text, check_metadata
from core.engine.http.protocol import bad_request
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.sampling import DEFAULT_MAX_TOKENS, SamplingParams

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# Parameters that ask for nothing with these values, which clients send by habit. Any other value is refused by name.
NEUTRAL_VALUES: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "parallel_tool_calls": (True, False),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
}
MESSAGE_KEYS = (
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "tool_call_id",
    "function_call",
    "reasoning_content",
)
# Keys of an answer, which a client that sends it back leaves in with null.
ANSWER_KEYS = ("annotations", "audio")


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The protocol's `stream_options`."""

    include_usage: bool | None = False
    include_obfuscation: bool | None = False


class ChatRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid chat request. `messages` stay as they are: a chat template gets every key of them."""

    model: Text
    messages: Annotated[list[Any], Meta(min_length=1)]
    temperature: Annotated[float, Meta(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    n: Annotated[int, Meta(ge=1, le=128)] = 1
    stop: str | Annotated[list[str], Meta(max_length=4)] = []
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Any = None
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    metadata: Any = None
    frequency_penalty: Any = None
    function_call: Any = None
    functions: Any = None
    logit_bias: Any = None
    logprobs: Any = None
    modalities: Any = None
    parallel_tool_calls: Any = None
    presence_penalty: Any = None
    response_format: Any = None
    service_tier: Any = None
    store: Any = None
    tool_choice: Any = None
    tools: Any = None
    top_logprobs: Any = None

    def __post_init__(self) -> None:
        for name, values in NEUTRAL_VALUES.items():
            _require_neutral(name, getattr(self, name), values)
        if self.stream_options and self.stream_options.include_obfuscation:
            _require_neutral("stream_options.include_obfuscation", True, (False,))
        if self.metadata is not None:
            check_metadata(self.metadata)
        if self.max_tokens and self.max_completion_tokens:
            raise bad_request("Give 'max_tokens' or 'max_completion_tokens', not both.", "max_tokens", "invalid_value")
        if self.stream_options and not self.stream:
            raise bad_request("'stream_options' needs 'stream'.", "stream_options", "invalid_value")
        if not all(self.stop_strings):
            raise bad_request("Invalid 'stop': expected strings that are not empty.", "stop", "invalid_value")
        for index, message in enumerate(self.messages):
            _check_message(message, f"messages[{index}]")

    def to_generation_request(self) -> GenerationRequest:
        """What it asks of the model."""
        params = SamplingParams(
            max_tokens=self.max_tokens or self.max_completion_tokens or DEFAULT_MAX_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=tuple(self.stop_strings),
        )
        return GenerationRequest(messages=self.messages, params=params, n=self.n)

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def stop_strings(self) -> list[str]:
        """`stop` as a list."""
        return [self.stop] if isinstance(self.stop, str) else self.stop


def _require_neutral(name: str, value: Any, neutral: tuple[Any, ...]) -> None:
    """Raise a 400 error for a value that asks for something this server does not do."""
    # In Python, True equals 1 and False 0.
    if value is None or any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in neutral):
        return
    values = " or ".join(json.dumps(one) for one in neutral)
    raise bad_request(
        f"This server does not support '{name}': leave it out, or send {values}.", name, "unsupported_value"
    )


def _check_message(message: Any, name: str) -> None:
    if not isinstance(message, dict):
        raise bad_request(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
    for key, value in message.items():
        if key not in MESSAGE_KEYS and not (key in ANSWER_KEYS and not value):
            key = f"{name}.{key[:100]}"
            raise bad_request(f"Unrecognized request argument supplied: {key}", key, "unknown_parameter")
    role = message.get("role")
    if role not in ROLES:
        raise bad_request(f"Invalid value for '{name}.role': {role!r}.", f"{name}.role", "invalid_value")
    content = message.get("content")
    is_text_parts = isinstance(content, list) and all(_is_text_part(part) for part in content)
    may_be_absent = content is None and role == "assistant" and message.get("tool_calls")
    if not (isinstance(content, str) or is_text_parts or may_be_absent):
        text = f"Invalid '{name}.content': expected a string or text parts."
        raise bad_request(text, f"{name}.content", "invalid_value")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(_is_tool_call(call) for call in calls):
        raise bad_request(f"Invalid '{name}.tool_calls'.", f"{name}.tool_calls", "invalid_value")


def _is_tool_call(call: Any) -> bool:
    return isinstance(call, dict) and isinstance(call.get("function"), dict)


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
