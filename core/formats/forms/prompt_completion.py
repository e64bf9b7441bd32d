"""Prompt and completion as messages, as TRL has them for conversations.

Source: https://huggingface.co/docs/trl/dataset_formats
"""

from core.formats.conversion_losses import UnsupportedRow, get_plain_messages
from core.formats.forms.form import Converted, Json, are_messages, without

_KEYS = ("prompt", "completion")


def is_row(value: Json) -> bool:
    """Whether both sides are lists of messages."""
    return "messages" not in value and all(are_messages(value.get(key)) for key in _KEYS)


def read(value: Json) -> list[Converted]:
    """Convert a row: the completion follows the prompt."""
    return [Converted({"messages": [*value["prompt"], *value["completion"]]}, without(value, *_KEYS))]


def write(value: Json) -> Json:
    """Convert a chat row. Raises `UnsupportedRow` for more than plain texts, and where an answer is not the last message."""
    messages = get_plain_messages(value)
    if messages[-1]["role"] != "assistant" or len(messages) < 2:
        raise UnsupportedRow("answer")
    return {"prompt": messages[:-1], "completion": messages[-1:]}
