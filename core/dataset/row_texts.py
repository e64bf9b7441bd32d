"""What is said in a row, taken apart once for all that looks at its words: instructions, what is asked, the answer."""

from typing import Any, NamedTuple

import msgspec

from core import checks
from core.formats import jsonl

INSTRUCTIONS = ("system", "developer")


class Said(NamedTuple):
    """`asked` is all from the instructions to the last answer, earlier turns too: without them it would mean another thing."""

    prompt: str
    asked: str
    answer: str

    @property
    def key(self) -> str:
        """What rows are compared by. A statement asks nothing; it is compared by what it says."""
        return self.asked or f"\n{self.answer}"


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: str
    content: str


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Message]


_decode_plain = msgspec.json.Decoder(_Row).decode


def turns(data: str) -> Said:
    """Takes apart the JSON text of a row of any layout."""
    try:
        messages = [(message.role, message.content) for message in _decode_plain(data).messages]
    except msgspec.ValidationError:
        return _turns_of(msgspec.json.decode(data))
    return _parted(messages)


def _parted(messages: list[tuple[str, str]]) -> Said:
    last = len(messages) - 1
    while last >= 0 and messages[last][0] != "assistant":
        last -= 1
    before = messages[:last] if last >= 0 else messages
    return Said(
        "\n".join(content for role, content in before if role in INSTRUCTIONS),
        "\n".join(content for role, content in before if role not in INSTRUCTIONS),
        messages[last][1] if last >= 0 else "",
    )


def _turns_of(value: Any) -> Said:
    row = value.get("input") if isinstance(value, dict) and isinstance(value.get("input"), dict) else value
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list):
        return Said("", jsonl.question(value), jsonl.answer(value))
    parts = [(checks.role_of(message), jsonl.message_text(message)) for message in messages]
    # The answers of a row of two stand behind the conversation.
    return _parted(parts if row is value else [*parts, ("assistant", jsonl.answer(value))])
