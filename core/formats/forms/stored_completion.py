"""Requests and answers of OpenAI's chat API as it stores them: messages with every parameter, most of them null.

Source: https://platform.openai.com/docs/api-reference/chat/list
"""

from typing import Any

from core.formats.forms.form import Converted, Json, are_messages, without

_OWN = frozenset(
    [
        "choices",
        "tool_choice",
        "response_format",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "store",
        "stream",
        "seed",
        "service_tier",
        "system_fingerprint",
        "reasoning_effort",
        "request_id",
    ]
)
_ROW = ("messages", "tools", "parallel_tool_calls", "functions")
_IN_MESSAGES = ("audio", "annotations")


def is_row(value: Json) -> bool:
    """Whether messages come with parameters of a request, or with parts of an answer that rows do not have."""
    messages: Any = value.get("messages")
    return are_messages(messages) and (
        not _OWN.isdisjoint(value)
        or any(value.get(key, "") is None for key in _ROW[1:])
        or any(key in one for one in messages for key in _IN_MESSAGES)
    )


def read(value: Json) -> list[Converted]:
    """Convert a row: nulls and empty lists are dropped, parameters become notes, the answer is the last message."""
    messages = [*map(_clean, value["messages"])]
    choices = value.get("choices")
    answers = (
        [one["message"] for one in choices if isinstance(one, dict) and isinstance(one.get("message"), dict)]
        if (isinstance(choices, list))
        else []
    )
    if answers and (not messages or messages[-1].get("role") != "assistant"):
        messages.append(_clean(answers[0]))
    row = {"messages": messages} | {key: value[key] for key in _ROW[1:] if value.get(key)}
    return [Converted(row, without(value, *_ROW, "choices"), ("choices",) if len(answers) > 1 else ())]


def _clean(one: Any) -> Json:
    """A message without nulls and without parts that are only in answers."""
    return {key: entry for key, entry in one.items() if entry is not None and not (key in _IN_MESSAGES and not entry)}
