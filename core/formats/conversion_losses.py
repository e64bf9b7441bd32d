"""Shared by the formats that cannot hold every chat row: they refuse a row with a reason and never change it."""

from collections.abc import Sequence
from typing import Any

from core.language import tr


class UnsupportedRow(Exception):  # noqa: N818 - no failure: the row is left out and counted
    """The format has no place for something in the row; `reason` is a key that `format_loss_reason` knows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def format_loss_reason(reason: str) -> str:
    """Why rows were left out, translated."""
    return {
        "turns": tr("more than one question and answer"),
        "tools": tr("tool calls"),
        "content": tr("images, or content that is not one text"),
        "weight": tr("weights of messages"),
        "role": tr("a role that the format does not have"),
        "keys": tr("keys that the format does not have"),
        "rejected": tr("no rejected answer"),
        "messages": tr("no readable messages"),
        "question": tr("no question of a user"),
        "answer": tr("no answer at the end"),
        "outputs": tr("more than one answer on a side"),
        "length": tr("texts longer than a cell of a sheet may be (32,767 characters)"),
        "characters": tr("characters that a sheet cannot hold"),
        "rows": tr("more rows than a sheet has (1,048,576)"),
    }[reason]


def get_plain_messages(value: dict[str, Any], extra: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The row's messages. Raises `UnsupportedRow` when one has more than a role, a text and the keys of `extra`."""
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UnsupportedRow("messages")
    if any(key in value for key in ("tools", "functions", "parallel_tool_calls")):
        raise UnsupportedRow("tools")
    if value.keys() - {"messages"}:
        raise UnsupportedRow("keys")
    for message in messages:
        _require_plain(message, extra)
    return messages


def _require_plain(message: Any, extra: Sequence[str]) -> None:
    if not isinstance(message, dict):
        raise UnsupportedRow("messages")
    if any(message.get(key) for key in ("tool_calls", "function_call", "tool_call_id")):
        raise UnsupportedRow("tools")
    if not isinstance(message.get("content"), str) or not isinstance(message.get("role"), str):
        raise UnsupportedRow("content")
    if "weight" in message and "weight" not in extra:
        raise UnsupportedRow("weight")
    if message.keys() - {"role", "content", *extra}:
        raise UnsupportedRow("keys")


def split_system(messages: list[dict[str, Any]]) -> tuple[str | None, list[dict[str, Any]]]:
    """The system prompt before plain messages (None without one), and the turns of user and assistant after it.

    Raises `UnsupportedRow` for other roles, and for a blank prompt, which would be lost when the file is read again.
    """
    has_system = messages[0]["role"] == "system"
    turns = messages[1:] if has_system else messages
    if any(message["role"] not in ("user", "assistant") for message in turns):
        raise UnsupportedRow("role")
    if not turns:
        raise UnsupportedRow("messages")
    system = messages[0]["content"] if has_system else None
    if system is not None and not system.strip():
        raise UnsupportedRow("content")
    return system, turns


def get_single_turn(value: dict[str, Any]) -> tuple[str | None, str, str]:
    """System prompt (None without one), question and answer. Raises `UnsupportedRow` for any other row."""
    messages = get_plain_messages(value)
    roles = [message["role"] for message in messages]
    if "developer" in roles or set(roles) - {"system", "user", "assistant"}:
        raise UnsupportedRow("role")
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        raise UnsupportedRow("turns")
    texts = [message["content"] for message in messages]
    system = texts[0] if len(texts) == 3 else None
    if system is not None and not system.strip():
        raise UnsupportedRow("content")  # a blank prompt would be lost when the file is read again
    return system, texts[-2], texts[-1]
