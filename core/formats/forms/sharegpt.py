"""ShareGPT: rows of turns `{"from": "human", "value": "…"}`, the format of many public datasets."""

import json
from collections.abc import Iterator
from typing import Any

from core.formats.conversion_losses import UnsupportedRow, get_plain_messages
from core.formats.forms.form import Converted
from core.formats.forms.speakers import role_of_speaker

KEYS = ("conversations", "conversation", "messages")

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def is_row(value: dict[str, Any]) -> bool:
    """Whether a JSON object has the keys of a ShareGPT row."""
    if isinstance(turns := value.get("messages"), list):
        return bool(turns) and all(isinstance(turn, dict) and "from" in turn and "role" not in turn for turn in turns)
    return "messages" not in value and any(isinstance(value.get(key), list) for key in KEYS)


def read(value: dict[str, Any]) -> list[Converted]:
    """Convert a ShareGPT row to a chat row, and keep the keys that have no place in one.

    An invalid turn, and one of an unknown speaker, stay unchanged for the checks to find.
    """
    rest = dict(value)
    turns = rest.pop(next(key for key in KEYS if isinstance(value.get(key), list)))
    messages = list(_convert_turns(turns))
    system, tools = rest.get("system"), rest.get("tools")
    if isinstance(system, str) and (not messages or messages[0].get("role") != "system"):
        messages[:0] = [{"role": "system", "content": system}] if system.strip() else []
        del rest["system"]
    row: dict[str, Any] = {"messages": messages}
    if isinstance(declared := _parse_json(tools), list):
        row |= {"tools": [_convert_tool(tool) for tool in declared]} if declared else {}
        del rest["tools"]
    return [Converted(row, rest)]


def _convert_turns(turns: list[Any]) -> Iterator[Any]:
    calls = 0
    for turn in turns:
        if not isinstance(turn, dict) or "from" not in turn:
            yield turn
            continue
        speaker, rest = turn["from"], {key: turn[key] for key in turn if key not in ("from", "value")}
        if speaker == "function_call" and (call := _parse_call(turn.get("value"), f"call_{calls + 1}")):
            calls += 1
            yield {"role": "assistant", "tool_calls": [call], **rest}
            continue
        role = role_of_speaker(speaker) if isinstance(speaker, str) else speaker
        message = {"role": role} | ({"content": turn["value"]} if "value" in turn else {})
        answers = {"tool_call_id": f"call_{calls}"} if role == "tool" and calls else {}
        yield message | answers | rest


def _parse_call(value: object, id: str) -> dict[str, Any] | None:
    """The tool call in a turn of the speaker `function_call`: a JSON object of name and arguments; None if it is none."""
    call = _parse_json(value)
    if not isinstance(call, dict) or not isinstance(call.get("name"), str) or call.keys() - {"name", "arguments"}:
        return None
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": id, "type": "function", "function": {"name": call["name"], "arguments": text}}


def _convert_tool(tool: Any) -> Any:
    return {"type": "function", "function": tool} if isinstance(tool, dict) and "function" not in tool else tool


def _parse_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def write(value: dict[str, Any]) -> dict[str, Any]:
    """Convert a chat row to a ShareGPT row. Raises `UnsupportedRow` when it has more than plain texts of known roles."""
    turns = []
    for message in get_plain_messages(value, extra=("weight",)):
        if message["role"] not in _SPEAKERS:
            raise UnsupportedRow("role")
        weight = {"weight": message["weight"]} if "weight" in message else {}
        turns.append({"from": _SPEAKERS[message["role"]], "value": message["content"]} | weight)
    return {"conversations": turns}
