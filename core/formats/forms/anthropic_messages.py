"""Messages of Anthropic and Amazon Bedrock: a `system` beside the messages, and contents of parts.

Sources: https://docs.anthropic.com/en/api/messages and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-prepare.html
"""

from typing import Any

from core.formats.conversion_losses import get_plain_messages, split_system
from core.formats.forms.content_parts import convert_turn, join_texts
from core.formats.forms.form import Converted, Json, are_messages, system_message, without

_OWN_PARTS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "image")


def is_row(value: Json) -> bool:
    """Whether messages have a system prompt beside them, or parts that only these services know."""
    messages: Any = value.get("messages")
    if not are_messages(messages):
        return False
    return isinstance(value.get("system"), str | list) or "schemaVersion" in value or any(map(_has_own_part, messages))


def _has_own_part(one: Json) -> bool:
    content = one.get("content")
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and ("type" not in part or part["type"] in _OWN_PARTS) for part in parts)


def read(value: Json) -> list[Converted]:
    """Convert a row: the system prompt becomes the first message."""
    lost: set[str] = set()
    messages = system_message(join_texts(value.get("system") or "")[0])
    for one in value["messages"]:
        turned, left_out = convert_turn(one["role"], one.get("content"))
        extra = {key: entry for key, entry in one.items() if key not in ("role", "content")}
        messages += [turn | (extra if turn is turned[-1] else {}) for turn in turned]
        lost.update(left_out)
    rest = without(value, "messages", "system", "schemaVersion", "tools")
    tools = [_read_tool(tool) for tool in value.get("tools") or []]
    return [Converted({"messages": messages} | ({"tools": tools} if tools else {}), rest, tuple(sorted(lost)))]


def _read_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or "input_schema" not in tool:
        return tool
    about = {key: tool[key] for key in ("name", "description") if key in tool}
    return {"type": "function", "function": {**about, "parameters": tool["input_schema"]}}


def write(value: Json) -> Json:
    """Convert a chat row to messages with the system prompt beside them. Raises `UnsupportedRow` for more than texts."""
    system, turns = split_system(get_plain_messages(value))
    return ({} if system is None else {"system": system}) | {"messages": turns}
