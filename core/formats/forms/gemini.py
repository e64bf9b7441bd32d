"""Gemini: `contents` of `parts`, with a `systemInstruction`.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning-prepare
"""

from typing import Any

from core.formats.conversion_losses import get_plain_messages, split_system
from core.formats.forms.content_parts import build_call, join_texts
from core.formats.forms.form import Converted, Json, message, system_message, without

_SYSTEM = ("systemInstruction", "system_instruction")
_ROLES = {"model": "assistant", "user": "user", "function": "tool", "system": "system"}


def is_row(value: Json) -> bool:
    """Whether an object has contents of parts."""
    contents = value.get("contents")
    return (
        isinstance(contents, list)
        and bool(contents)
        and all(isinstance(one, dict) and "parts" in one for one in contents)
    )


def read(value: Json) -> list[Converted]:
    """Convert a row; images and files are left out."""
    lost: set[str] = set()
    messages: list[Json] = []
    for key in _SYSTEM:
        messages += system_message(join_texts(value.get(key))[0] if value.get(key) else "")
    for turn in value["contents"]:
        messages += _read_turn(turn, len(messages), lost)
    return [Converted({"messages": messages}, without(value, "contents", *_SYSTEM), tuple(sorted(lost)))]


def _read_turn(turn: Json, number: int, lost: set[str]) -> list[Json]:
    role = _ROLES.get(str(turn.get("role", "user")), str(turn.get("role")))
    parts = turn["parts"] if isinstance(turn["parts"], list) else [turn["parts"]]
    calls = [_read_call(part, f"call_{number}_{place}") for place, part in enumerate(parts) if "functionCall" in part]
    others = [part for part in parts if "functionCall" not in part]
    text, is_lost = join_texts(others)
    if is_lost:
        lost.add("parts")
    if calls:
        return [{"role": role, **({"content": text} if text else {}), "tool_calls": calls}]
    return [message(role, text)]


def _read_call(part: Any, id: str) -> Json:
    call = part["functionCall"]
    return build_call(id, str(call.get("name", "")), call.get("args", {}))


def write(value: Json) -> Json:
    """Convert a chat row to a Gemini row. Raises `UnsupportedRow` when it has more than plain texts."""
    system, turns = split_system(get_plain_messages(value))
    roles = {"assistant": "model", "user": "user"}
    contents = [{"role": roles[one["role"]], "parts": [{"text": one["content"]}]} for one in turns]
    head: Json = {} if system is None else {"systemInstruction": {"role": "system", "parts": [{"text": system}]}}
    return {**head, "contents": contents}
