"""Preferences of ms-swift: messages and a `rejected_response`, or `query`, `response` and `rejected_response`.

Source: https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html
"""

from core.formats.forms import query_history
from core.formats.forms.form import Converted, Json, are_messages, preference, without

_KEYS = ("messages", "rejected_response", "rejected_messages")


def is_row(value: Json) -> bool:
    """Whether an object has an answer and beside it a rejected one."""
    is_rejected = isinstance(value.get("rejected_response"), str) or are_messages(value.get("rejected_messages"))
    return is_rejected and (are_messages(value.get("messages")) or query_history.is_row(value))


def read(value: Json) -> list[Converted]:
    """Convert a row: the last message is the preferred answer."""
    rest = without(value, *_KEYS)
    messages = value.get("messages")
    if not isinstance(messages, list):
        (turned,) = query_history.read(rest)
        messages, rest = (turned.row or {})["messages"], turned.rest
    rejected = value.get("rejected_response") or value["rejected_messages"][-1]
    return [Converted(preference(messages[:-1], messages[-1], rejected), rest)]
