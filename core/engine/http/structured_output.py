"""The grammar of a completion: JSON of any kind or by a schema, and calls of tools in the form of `tool_syntax`."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from core.engine.http.protocol import Json
from core.engine.inference.grammar import Grammar
from core.engine.models.tool_syntax import CALL_BEGIN, CALL_END

# Between values one space: a small model would go on with spaces and line breaks for ever. A plain text and no pattern,
# which llama.cpp's own llguidance, an older one, writes as it stands.
_WHITESPACE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
MAX_CALLS = 16
CALL_NAME = CALL_BEGIN + '\n{"name": "'
CALL_ARGUMENTS = '", "arguments": '
CALL_CLOSE = "}\n" + CALL_END
Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]


class TextFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="text"):
    """Any text."""


class JsonObjectFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class JsonSchema(Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON schema with its name. `strict`: what of it cannot be followed is refused, else left out."""

    name: Name
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: JsonSchema


ResponseFormat = TextFormat | JsonObjectFormat | JsonSchemaFormat


class Function(Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the model may call. `parameters`: the JSON schema of its arguments."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def to_tool(self) -> Json:
        """The protocol's tool object, as chat templates render it."""
        function: Json = {"name": self.name}
        if self.description:
            function["description"] = self.description
        return {"type": "function", "function": {**function, "parameters": self.parameters or _ANY_OBJECT}}


_ANY_OBJECT: Json = {"type": "object", "properties": {}}


class FunctionTool(Struct, frozen=True, forbid_unknown_fields=True):
    """The protocol's tool object."""

    type: Literal["function"]
    function: Function


def build_json_grammar(response_format: ResponseFormat | None, param: str = "response_format") -> Grammar | None:
    """The grammar of a response format; None for any text."""
    schema = _find_schema(response_format)
    if schema is None:
        return None
    return Grammar(f"start: {_json(schema)}\n", param)


def _find_schema(response_format: ResponseFormat | None) -> Json | None:
    """The schema that the answer follows, with llguidance's options; None for any text."""
    if isinstance(response_format, JsonObjectFormat):
        return _with_options({"type": "object"}, True)
    if isinstance(response_format, JsonSchemaFormat):
        found = response_format.json_schema
        return _with_options(found.schema or {}, bool(found.strict))
    return None


def _with_options(schema: Json, strict: bool) -> Json:
    return {**schema, "x-guidance": {**_WHITESPACE, "lenient": not strict}}


def _json(schema: Json) -> str:
    return f"%json {json.dumps(schema, ensure_ascii=False)}"


def build_tool_grammar(
    functions: Sequence[Function], is_required: bool, is_parallel: bool, response_format: ResponseFormat | None
) -> Grammar:
    """The grammar of an answer that may call functions, or has to (`is_required`), several times if
    `is_parallel`.

    An answer without a call is of the response format.
    """
    bodies = [_build_body(function) for function in functions]
    # A small model may not know when to stop.
    more = f"({json.dumps(chr(10) + CALL_BEGIN)} body){{0,{MAX_CALLS - 1}}}" if is_parallel else ""
    calls = f"body {more}"
    schema = _find_schema(response_format)
    lines = ["%llguidance {}"]
    if is_required:
        lines.append(f"start: {json.dumps(CALL_BEGIN)} {calls}")
    elif schema:
        lines += [f"start: answer | {json.dumps(CALL_BEGIN)} {calls}", f"answer: {_json(schema)}"]
    else:
        # A lazy rule ends where the text begins a call: from there on, the call is all that may come.
        lines += [f"start: TEXT | before {calls}", r"TEXT: /(.|\n)*/", rf"before[lazy]: /(.|\n)*{CALL_BEGIN}/"]
    lines.append("body: " + " | ".join(f"body_{index}" for index in range(len(bodies))))
    lines += [f"body_{index}: {body}" for index, body in enumerate(bodies)]
    return Grammar("\n".join(lines) + "\n", "tools")


def _build_body(function: Function) -> str:
    """What comes after `<tool_call>` in a call of this function."""
    head = CALL_NAME.removeprefix(CALL_BEGIN) + function.name + CALL_ARGUMENTS
    schema = {"type": "object", **(function.parameters or {})}
    return f"{json.dumps(head)} {_json(_with_options(schema, bool(function.strict)))} {json.dumps(CALL_CLOSE)}"
