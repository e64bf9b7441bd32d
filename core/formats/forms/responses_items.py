"""The Responses API: `input` and `output` are lists of items, messages and tool calls among them.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from typing import Any

from core.formats.forms.content_parts import build_call, convert_turn
from core.formats.forms.form import Converted, Json, message, system_message, without

_KEYS = ("input", "output", "instructions", "tools", "object", "items", "ideal")


def is_row(value: Json) -> bool:
    """Whether an object has items as its output, or as both."""
    return (
        _are_items(value.get("items"))
        or (_are_items(value.get("output")) and isinstance(value.get("input"), str | list))
        or (_are_items(value.get("input")) and isinstance(value.get("ideal"), str | list))
    )


def _are_items(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and ("role" in one or "type" in one) for one in value)
    )


def read(value: Json) -> list[Converted]:
    """Convert a row; what the model thought is left out. `ideal` is the answer of OpenAI's evals."""
    lost: set[str] = set()
    messages = system_message(value.get("instructions"))
    for key in ("input", "items", "output"):
        items = value.get(key) or []
        for item in [message("user", items)] if isinstance(items, str) else items:
            messages += _read_item(item, lost)
    if ideal := value.get("ideal"):
        messages.append(message("assistant", ideal if isinstance(ideal, str) else ideal[0]))
        lost |= {"choices"} if isinstance(ideal, list) and len(ideal) > 1 else set()
    tools = [_read_tool(tool) for tool in value.get("tools") or []]
    row = {"messages": messages} | ({"tools": tools} if tools else {})
    return [Converted(row, without(value, *_KEYS), tuple(sorted(lost)))]


def _read_item(item: Any, lost: set[str]) -> list[Json]:
    kind = item.get("type", "message")
    if kind == "function_call":
        return [{"role": "assistant", "tool_calls": [
            build_call(str(item.get("call_id", "")), str(item.get("name", "")), item.get("arguments", ""))
        ]}]  # fmt: skip
    if kind == "function_call_output":
        return [{"role": "tool", "tool_call_id": str(item.get("call_id", "")), "content": str(item.get("output", ""))}]
    if kind != "message":
        lost.add("thinking" if kind == "reasoning" else "parts")
        return []
    turned, left_out = convert_turn(str(item.get("role", "")), item.get("content"))
    lost.update(left_out)
    return turned


def _read_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function" or "function" in tool:
        return tool
    return {
        "type": "function",
        "function": {key: entry for key, entry in tool.items() if key not in ("type", "strict")},
    }
