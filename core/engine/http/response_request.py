"""The request of the Responses API: the part of it that needs no state on the server."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from core.engine.http.chat_request import check_message
from core.engine.http.parameters import PositiveInt, Text, check_metadata, require_neutral
from core.engine.http.protocol import Json, bad_request
from core.engine.http.structured_output import (
    Function,
    JsonObjectFormat,
    JsonSchema,
    JsonSchemaFormat,
    Name,
    ResponseFormat,
    TextFormat,
)
from core.engine.http.tool_choice import MAX_TOOLS, ToolChoice, read_tool_choice
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.sampling import DEFAULT_MAX_TOKENS, SamplingParams

LOGPROBS = "message.output_text.logprobs"
NEUTRAL_VALUES: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "context_management": ([],),
    "conversation": (),
    "max_tool_calls": (),
    "moderation": (),
    "previous_response_id": (),
    "prompt": (),
    "reasoning": ({}, {"effort": None}, {"effort": "none"}),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "truncation": ("disabled",),
}
# What an item may have beside its own keys: marks of the server that made it.
ITEM_KEYS = {"type", "id", "status", "phase"}


class NamedSchemaFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema, as this API writes it."""

    name: Name
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The protocol's `text`."""

    format: TextFormat | JsonObjectFormat | NamedSchemaFormat | None = None
    verbosity: Any = None


class FunctionTool(Function, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that the model may call, as this API writes it."""

    type: Literal["function"]


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The protocol's `stream_options`."""

    include_obfuscation: bool | None = False


class ResponseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for a response."""

    model: Text
    input: Any
    instructions: str | None = None
    max_output_tokens: PositiveInt | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] = 0
    tools: Annotated[list[FunctionTool], Meta(max_length=MAX_TOOLS)] = []
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    text: TextOptions = TextOptions()
    include: list[Literal["message.output_text.logprobs", "reasoning.encrypted_content"]] = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: Any = None
    user: Any = None
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    background: Any = None
    context_management: Any = None
    conversation: Any = None
    max_tool_calls: Any = None
    moderation: Any = None
    previous_response_id: Any = None
    prompt: Any = None
    reasoning: Any = None
    service_tier: Any = None
    store: Any = None
    truncation: Any = None

    def __post_init__(self) -> None:
        for name, values in NEUTRAL_VALUES.items():
            require_neutral(name, getattr(self, name), values)
        if self.stream_options and self.stream_options.include_obfuscation:
            require_neutral("stream_options.include_obfuscation", True, (False,))
        require_neutral("text.verbosity", self.text.verbosity, ("medium",))
        if self.metadata is not None:
            check_metadata(self.metadata)
        if not self.messages:
            raise bad_request("Invalid 'input': there is nothing to answer.", "input", "invalid_value")
        read_tool_choice(self.tool_choice, self.tools)

    @property
    def messages(self) -> list[Json]:
        """The conversation as chat messages. Raises a 400 error for an item that this server does not read."""
        items = [{"role": "user", "content": self.input}] if isinstance(self.input, str) else self.input
        if not isinstance(items, list):
            raise bad_request("Invalid 'input': expected a text or a list of items.", "input", "invalid_type")
        head = [{"role": "system", "content": self.instructions}] if self.instructions else []
        messages = [*head, *_read_items(items)]
        for index, message in enumerate(messages[len(head) :]):
            check_message(message, f"input[{index}]")
        return messages

    @property
    def response_format(self) -> ResponseFormat | None:
        """The form of the answer, as chat requests have it."""
        given = self.text.format
        if not isinstance(given, NamedSchemaFormat):
            return given
        return JsonSchemaFormat(JsonSchema(given.name, given.schema, given.description, given.strict))

    @property
    def choice_of_tools(self) -> ToolChoice:
        """The functions that may be called."""
        return read_tool_choice(self.tool_choice, self.tools)

    @property
    def has_logprobs(self) -> bool:
        """Whether log probabilities are asked for."""
        return bool(self.top_logprobs) or LOGPROBS in self.include

    def to_generation_request(self) -> GenerationRequest:
        """What it asks of the model."""
        choice = self.choice_of_tools
        params = SamplingParams(
            max_tokens=self.max_output_tokens or DEFAULT_MAX_TOKENS,
            temperature=self.temperature,
            top_p=self.top_p,
            top_logprobs=self.top_logprobs if self.has_logprobs else None,
            grammar=choice.build_grammar(self.parallel_tool_calls, self.response_format, "text.format"),
        )
        tools = [function.to_tool() for function in choice.functions]
        return GenerationRequest(messages=self.messages, tools=tools, params=params, is_streamed=self.stream)


def _read_items(items: Sequence[Any]) -> list[Json]:
    messages: list[Json] = []
    for index, item in enumerate(items):
        where = f"input[{index}]"
        if not isinstance(item, dict):
            raise bad_request(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
        kind = item.get("type", "message")
        if kind == "function_call":
            _add_call(messages, _read_keys(item, where, "call_id", "name", "arguments"))
        elif kind == "function_call_output":
            values = _read_keys(item, where, "call_id", "output")
            content = _read_content(values["output"], where)
            messages.append({"role": "tool", "tool_call_id": values["call_id"], "content": content})
        elif kind == "message":
            values = _read_keys(item, where, "role", "content")
            messages.append({**values, "content": _read_content(values["content"], where)})
        else:
            message = f"This server reads messages, function calls and their outputs, not {str(kind)[:64]!r}."
            raise bad_request(message, f"{where}.type", "unsupported_value")
    return messages


def _read_keys(item: Json, where: str, *names: str) -> Json:
    """These members of an item. Raises a 400 error where one is missing or another one is there."""
    for name in names:
        if name not in item:
            raise bad_request(f"you must provide a {where}.{name} parameter", f"{where}.{name}", "missing_required_parameter")  # fmt: skip
    if extra := sorted(set(item) - ITEM_KEYS - set(names)):
        key = f"{where}.{extra[0][:100]}"
        raise bad_request(f"Unrecognized request argument supplied: {key}", key, "unknown_parameter")
    return {name: item[name] for name in names}


def _add_call(messages: list[Json], values: Json) -> None:
    """Add a call to the assistant's message before it, or as one of its own."""
    function = {"name": values["name"], "arguments": values["arguments"]}
    call = {"id": values["call_id"], "type": "function", "function": function}
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1]["tool_calls"] = [*messages[-1].get("tool_calls", []), call]


def _read_content(content: Any, where: str) -> Any:
    """A content as chat messages have it: a text, or text parts."""
    if not isinstance(content, list):
        return content
    return [_read_part(part, where) for part in content]


def _read_part(part: Any, where: str) -> Json:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": part.get("text")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part.get("refusal")}
    message = f"Invalid '{where}.content': this server reads text only."
    raise bad_request(message, f"{where}.content", "unsupported_value")
