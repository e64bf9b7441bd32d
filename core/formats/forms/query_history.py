"""Query and response with the history before them, as ms-swift, ChatGLM and Qwen have them."""

from typing import Any

from core.formats.forms.form import Converted, Json, message, system_message, without

_ANSWERS = ("response", "answer", "output")


def is_row(value: Json) -> bool:
    """Whether an object has a query and an answer as texts."""
    return isinstance(value.get("query"), str) and any(isinstance(value.get(key), str) for key in _ANSWERS)


def read(value: Json) -> list[Converted]:
    """Convert a row; `history` is a list of pairs of question and answer."""
    answer = next(key for key in _ANSWERS if isinstance(value.get(key), str))
    messages = system_message(value.get("system"))
    rest = without(value, "query", answer, "system", "history")
    history: Any = value.get("history")
    if is_history(history):
        messages += [
            message(role, text) for pair in history for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
    elif history:
        rest["history"] = history
    return [
        Converted({"messages": [*messages, message("user", value["query"]), message("assistant", value[answer])]}, rest)
    ]


def is_history(history: Any) -> bool:
    """Whether a value is a list of pairs of texts."""
    return isinstance(history, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in history
    )
