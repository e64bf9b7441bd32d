"""The request for a chat completion."""

import json
from typing import Annotated, Any

from msgspec import Meta, Struct

from core.engine.http.parameters import PositiveInt, Text, check_metadata, require_neutral
from core.engine.http.protocol import bad_request
from core.engine.http.structured_output import FunctionTool, ResponseFormat
from core.engine.http.tool_choice import MAX_TOOLS, ToolChoice, read_tool_choice
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.sampling import DEFAULT_MAX_TOKENS, SamplingParams

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# Parameters that ask for nothing with these values, which clients send by habit. Any other value is refused by name.
NEUTRAL_VALUES: dict[str, tuple[Any, ...]] = {
    "function_call": ("none", "auto"),
    "functions": ([],),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "store": (False,),
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
Penalty = Annotated[float, Meta(ge=-2, le=2)]
LogitBias = Annotated[dict[str, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=10_000)]


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The protocol's `stream_options`."""

    include_usage: bool | None = False
    include_obfuscation: bool | None = False


class SamplingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What requests for completions of every kind have in common."""

    model: Text
    temperature: Annotated[float, Meta(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    max_tokens: PositiveInt | None = None
    n: Annotated[int, Meta(ge=1, le=128)] = 1
    stop: str | Annotated[list[str], Meta(max_length=4)] = []
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Any = None
    frequency_penalty: Penalty = 0.0
    presence_penalty: Penalty = 0.0
    logit_bias: LogitBias = {}

    def check_sampling(self) -> None:
        """Raise a 400 error for values that do not go together."""
        if self.stream_options and self.stream_options.include_obfuscation:
            require_neutral("stream_options.include_obfuscation", True, (False,))
        if self.stream_options and not self.stream:
            raise bad_request("'stream_options' needs 'stream'.", "stream_options", "invalid_value")
        if not all(self.stop_strings):
            raise bad_request("Invalid 'stop': expected strings that are not empty.", "stop", "invalid_value")
        if wrong := [key for key in self.logit_bias if not (key.isascii() and key.isdigit() and len(key) < 10)]:
            message = f"Invalid 'logit_bias': the key {wrong[0][:64]!r} is not the number of a token."
            raise bad_request(message, "logit_bias", "invalid_value")

    def sampling_params(self, **more: Any) -> SamplingParams:
        """The parameters of the model's sampler, with `more` that only one kind of request has."""
        values = {
            "max_tokens": self.max_tokens or DEFAULT_MAX_TOKENS,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": tuple(self.stop_strings),
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
            "logit_bias": {int(key): value for key, value in self.logit_bias.items()},
        }
        return SamplingParams(**{**values, **more})

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def stop_strings(self) -> list[str]:
        """`stop` as a list."""
        return [self.stop] if isinstance(self.stop, str) else self.stop


class ChatRequest(SamplingRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid chat request. `messages` stay as they are: a chat template gets every key of them."""

    messages: Annotated[list[Any], Meta(min_length=1)]
    max_completion_tokens: PositiveInt | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] = 0
    response_format: ResponseFormat | None = None
    tools: Annotated[list[FunctionTool], Meta(max_length=MAX_TOOLS)] = []
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    metadata: Any = None
    function_call: Any = None
    functions: Any = None
    modalities: Any = None
    service_tier: Any = None
    store: Any = None

    def __post_init__(self) -> None:
        for name, values in NEUTRAL_VALUES.items():
            require_neutral(name, getattr(self, name), values)
        self.check_sampling()
        if self.metadata is not None:
            check_metadata(self.metadata)
        if self.max_tokens and self.max_completion_tokens:
            raise bad_request("Give 'max_tokens' or 'max_completion_tokens', not both.", "max_tokens", "invalid_value")
        if self.top_logprobs and not self.logprobs:
            raise bad_request("'top_logprobs' needs 'logprobs'.", "top_logprobs", "invalid_value")
        read_tool_choice(self.tool_choice, self._functions)
        for index, message in enumerate(self.messages):
            check_message(message, f"messages[{index}]")

    @property
    def _functions(self) -> list[Any]:
        return [tool.function for tool in self.tools]

    @property
    def choice_of_tools(self) -> ToolChoice:
        """The functions that may be called."""
        return read_tool_choice(self.tool_choice, self._functions)

    def to_generation_request(self) -> GenerationRequest:
        """What it asks of the model."""
        choice = self.choice_of_tools
        params = self.sampling_params(
            max_tokens=self.max_tokens or self.max_completion_tokens or DEFAULT_MAX_TOKENS,
            top_logprobs=self.top_logprobs if self.logprobs else None,
            grammar=choice.build_grammar(self.parallel_tool_calls, self.response_format),
        )
        tools = [function.to_tool() for function in choice.functions]
        return GenerationRequest(messages=self.messages, tools=tools, params=params, n=self.n, is_streamed=self.stream)


def check_message(message: Any, name: str) -> None:
    """Raise a 400 error unless `message`, the parameter `name`, is one of the protocol's messages that is read here."""
    if not isinstance(message, dict):
        raise bad_request(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
    for key, value in message.items():
        if key not in MESSAGE_KEYS and not (key in ANSWER_KEYS and not value):
            key = f"{name}.{key[:100]}"
            raise bad_request(f"Unrecognized request argument supplied: {key}", key, "unknown_parameter")
    role = message.get("role")
    if role not in ROLES:
        raise bad_request(f"Invalid value for '{name}.role': {role!r}.", f"{name}.role", "invalid_value")
    _check_content(message, name)
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(_is_tool_call(call) for call in calls):
        raise bad_request(f"Invalid '{name}.tool_calls'.", f"{name}.tool_calls", "invalid_value")
    legacy = message.get("function_call")
    if legacy is not None and not _is_tool_call({"function": legacy}):
        raise bad_request(f"Invalid '{name}.function_call'.", f"{name}.function_call", "invalid_value")


def _check_content(message: dict[str, Any], name: str) -> None:
    content, is_assistant = message.get("content"), message["role"] == "assistant"
    types = ("text", "refusal") if is_assistant else ("text",)
    is_parts = isinstance(content, list) and all(_is_text_part(part, types) for part in content)
    keys_instead = ("tool_calls", "function_call", "refusal") if is_assistant else ()
    may_be_absent = content is None and any(message.get(key) for key in keys_instead)
    if not (isinstance(content, str) or is_parts or may_be_absent):
        text = f"Invalid '{name}.content': expected a string or text parts."
        raise bad_request(text, f"{name}.content", "invalid_value")
    if not isinstance(message.get("refusal"), str | None):
        raise bad_request(f"Invalid '{name}.refusal': expected a string.", f"{name}.refusal", "invalid_type")


def _is_tool_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return False
    arguments = function.get("arguments")
    if not arguments:
        return arguments is None or arguments == ""
    try:
        return isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _is_text_part(part: Any, types: tuple[str, ...]) -> bool:
    return isinstance(part, dict) and part.get("type") in types and isinstance(part.get(part["type"]), str)
