"""ShareGPT: a conversation of turns `{"from": "human", "value": "…"}`, as many public data sets have it."""

import json
from collections.abc import Iterator
from typing import Any

from core.formats.conversion_losses import CannotHold, plain_messages

KEYS = ("conversations", "conversation")

_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
}
_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def is_row(value: dict[str, Any]) -> bool:
    return "messages" not in value and any(isinstance(value.get(key), list) for key in KEYS)


def read(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A ShareGPT row as a chat row, and the keys that have no place in one.

    A turn that is no turn, and a speaker who is not known, stay as they are for the checks to find.
    """
    rest = dict(value)
    turns = rest.pop(next(key for key in KEYS if isinstance(value.get(key), list)))
    messages = list(_messages(turns))
    system, tools = rest.get("system"), rest.get("tools")
    if isinstance(system, str) and (not messages or messages[0].get("role") != "system"):
        messages[:0] = [{"role": "system", "content": system}] if system.strip() else []
        del rest["system"]
    row: dict[str, Any] = {"messages": messages}
    if isinstance(declared := _parse_json(tools), list):
        row |= {"tools": [_tool(tool) for tool in declared]} if declared else {}
        del rest["tools"]
    return row, rest


def _messages(turns: list[Any]) -> Iterator[Any]:
    calls = 0
    for turn in turns:
        if not isinstance(turn, dict) or "from" not in turn:
            yield turn
            continue
        speaker, rest = turn["from"], {key: turn[key] for key in turn if key not in ("from", "value")}
        if speaker == "function_call" and (call := _call(turn.get("value"), f"call_{calls + 1}")):
            calls += 1
            yield {"role": "assistant", "tool_calls": [call], **rest}
            continue
        role = _ROLES.get(speaker, speaker) if isinstance(speaker, str) else speaker
        message = {"role": role} | ({"content": turn["value"]} if "value" in turn else {})
        answers = {"tool_call_id": f"call_{calls}"} if role == "tool" and calls else {}
        yield message | answers | rest


def _call(value: object, id: str) -> dict[str, Any] | None:
    """The call that a turn of the speaker `function_call` makes: a JSON object of name and arguments."""
    made = _parse_json(value)
    if not isinstance(made, dict) or not isinstance(made.get("name"), str) or made.keys() - {"name", "arguments"}:
        return None
    arguments = made.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": id, "type": "function", "function": {"name": made["name"], "arguments": text}}


def _tool(tool: Any) -> Any:
    return {"type": "function", "function": tool} if isinstance(tool, dict) and "function" not in tool else tool


def _parse_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def write(value: dict[str, Any]) -> dict[str, Any]:
    """A chat row as a ShareGPT row. Raises CannotHold."""
    turns = []
    for message in plain_messages(value, extra=("weight",)):
        if message["role"] not in _SPEAKERS:
            raise CannotHold("role")
        weight = {"weight": message["weight"]} if "weight" in message else {}
        turns.append({"from": _SPEAKERS[message["role"]], "value": message["content"]} | weight)
    return {"conversations": turns}
