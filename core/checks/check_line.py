"""Checks one line completely, with a fast path for clean rows, which are the most common."""

import re
from typing import Annotated, Literal, NamedTuple

import msgspec

from core.checks import control_tokens, damaged_text, turn_order
from core.checks.check_row import check
from core.checks.line_parsing import LINE_LIMIT, decode
from core.checks.rule_registry import Problem


class CheckedLine(NamedTuple):
    """One line with all its problems; `text` is None when it is unreadable."""

    text: str | None
    problems: list[Problem]


class CleanMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of a role and a text and nothing else."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class _CleanRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: Annotated[list[CleanMessage], msgspec.Meta(min_length=1)]


# What may be damaged text or a control token, in bytes and escapes; it may also be right.
_DOUBTFUL = re.compile(
    rb"&[#a-zA-Z]|<[^a-zA-Z0-9 =]|<[a-z_]+>|\[[A-Z/]|\[gM"
    rb"|\xc3[\x80-\xbf][\xc2\xc5\xc6\xcb\xe2]|\xd0[\xa0\xa1](?:[\xc2\xe2]|\xd1[\x92-\x9f]|\xd0[\x80-\x8f])"
    rb"|\xef\xbf\xbd|\xef\xbb\xbf|\xe9\x94\x9f|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xc2\xad|\xe1\xa0\x8e|\xf3\xa0|\x7f"
    rb"|\\u(?:00[0189abAB]|007[fF]|20[026]|20[aA][cC]|[fF][fF][fF][dD]|[fF][eE][fF][fF]|180[eE]|003[cC]|005[bB]|0026|[dD][bB]40|951[fF])"
)
_decode_row = msgspec.json.Decoder(_CleanRow).decode


def check_line(raw: bytes, limit: int = LINE_LIMIT) -> CheckedLine:
    """Check one line (bytes without the newline): its text and all its problems. Never raises."""
    if len(raw) <= limit and is_clean(raw):
        return CheckedLine(raw.decode(), [])
    decoded = decode(raw, limit)
    if decoded.text is None:
        return CheckedLine(None, decoded.problems)
    return CheckedLine(decoded.text, decoded.problems + check(decoded.value))


def is_clean(raw: bytes) -> bool:
    """Whether the line is a plain conversation without any problem; False means only that it must be checked fully."""
    return clean_messages(raw) is not None


def clean_messages(raw: bytes) -> list[CleanMessage] | None:
    """The messages of a line that is a plain conversation without any problem; None: it must be checked fully."""
    try:
        messages = _decode_row(raw).messages
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # Keys and values are 4 strings a message and 1 for the row: more of them means a repeated key.
    expected = 2 + 8 * len(messages)
    if messages[-1].role != "assistant" or (raw.count(b'"') != expected and _count_quotes(raw) != expected):
        return None
    if not turn_order.is_usual([message.role for message in messages]):
        return None
    for message in messages:
        content = message.content
        if not content or content != content.strip():
            return None
        if content in damaged_text.EMPTY_VALUES:
            return None
    if _DOUBTFUL.search(raw) and any(_is_doubtful(message.content) for message in messages):
        return None
    return messages


def _is_doubtful(content: str) -> bool:
    return control_tokens.find(content) is not None or next(damaged_text.find(content), None) is not None


def _count_quotes(raw: bytes) -> int:
    """The number of double quotes in valid JSON that open or close a string, without escaped ones."""
    plain = raw.replace(b"\\\\", b"")
    return plain.count(b'"') - plain.count(b'\\"')
