"""What the formats that are poorer than a chat row share: they say what they cannot hold and never bend it."""

from collections.abc import Sequence
from typing import Any

from core.language import tr


class CannotHold(Exception):  # noqa: N818 - no failure: the row is left out and counted
    """The format has no place for something in the row; `reason` is a key of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_text(reason: str) -> str:
    """Why rows were left out, for the person."""
    return {
        "turns": tr("more than one question and answer"),
        "tools": tr("tool calls"),
        "content": tr("images, or content that is not one text"),
        "weight": tr("weights of messages"),
        "role": tr("a role that the format does not have"),
        "keys": tr("keys that the format does not have"),
        "rejected": tr("no rejected answer"),
        "messages": tr("no readable messages"),
    }[reason]


def plain_messages(value: dict[str, Any], extra: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The row's messages, when they are all plain texts. Raises CannotHold."""
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise CannotHold("messages")
    if any(key in value for key in ("tools", "functions", "parallel_tool_calls")):
        raise CannotHold("tools")
    if value.keys() - {"messages"}:
        raise CannotHold("keys")
    for message in messages:
        _require_plain(message, extra)
    return messages


def _require_plain(message: Any, extra: Sequence[str]) -> None:
    if not isinstance(message, dict):
        raise CannotHold("messages")
    if any(message.get(key) for key in ("tool_calls", "function_call", "tool_call_id")):
        raise CannotHold("tools")
    if not isinstance(message.get("content"), str) or not isinstance(message.get("role"), str):
        raise CannotHold("content")
    if "weight" in message and "weight" not in extra:
        raise CannotHold("weight")
    if message.keys() - {"role", "content", *extra}:
        raise CannotHold("keys")


def single_turn(value: dict[str, Any]) -> tuple[str | None, str, str]:
    """System prompt (None without one), question and answer. Raises CannotHold for any other row."""
    messages = plain_messages(value)
    roles = [message["role"] for message in messages]
    if "developer" in roles or set(roles) - {"system", "user", "assistant"}:
        raise CannotHold("role")
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        raise CannotHold("turns")
    texts = [message["content"] for message in messages]
    system = texts[0] if len(texts) == 3 else None
    if system is not None and not system.strip():
        raise CannotHold("content")  # a blank prompt would not come back
    return system, texts[-2], texts[-1]
