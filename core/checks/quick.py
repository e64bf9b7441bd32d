"""One line checked from end to end, with a short way for the clean, common row."""

from typing import Literal, NamedTuple

import msgspec

from core.checks.line import LINE_LIMIT, decode
from core.checks.row import check
from core.checks.rules import Problem


class Checked(NamedTuple):
    """One line with all its problems; `text` is None when it is unreadable."""

    text: str | None
    problems: list[Problem]


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant"]
    content: str


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Message]


_decode_row = msgspec.json.Decoder(_Row).decode


def check_line(raw: bytes, limit: int = LINE_LIMIT) -> Checked:
    """The text of one line (bytes without the newline) and everything that is wrong with it."""
    if len(raw) <= limit and is_clean(raw):
        return Checked(raw.decode(), [])
    decoded = decode(raw, limit)
    if decoded.text is None:
        return Checked(None, decoded.problems)
    return Checked(decoded.text, decoded.problems + check(decoded.value))


def is_clean(raw: bytes) -> bool:
    """Whether the line is a plain conversation without any problem; False means only 'look closer'."""
    try:
        messages = _decode_row(raw).messages
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if not messages or messages[-1].role != "assistant":
        return False
    for message in messages:
        content = message.content
        if not content or content != content.strip() or "<|" in content:
            return False
    # Keys and values are 4 strings a message and 1 for the row: more of them means a key stood twice.
    expected = 2 + 8 * len(messages)
    return raw.count(b'"') == expected or _quotes(raw) == expected


def _quotes(raw: bytes) -> int:
    """How many double quotes of valid JSON open or close a string, those escaped inside strings left out."""
    plain = raw.replace(b"\\\\", b"")
    return plain.count(b'"') - plain.count(b'\\"')
