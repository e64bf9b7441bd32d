"""Mending what can be mended safely: only the broken place changes, and the result must be readable."""

import json
import re
from collections.abc import Iterator

from core.checks.content import has_spare_blanks
from core.checks.line import LINE_LIMIT, STRING, decode, decode_text, readings
from core.checks.messages import ROLES, role_of
from core.checks.spans import Edit, Span, edited, elements, members, whole

_TOKEN = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_SLIP = re.compile(
    rf"(?P<string>{STRING})"
    r"|,(?=[ \t\r\n]*+(?:[}\]]|$))"
    r"|[“”„‟＂](?P<quoted>[^“”„‟＂\"\\]*+)[“”„‟＂]"
)


def fix(rule: str, text: str) -> str | None:
    """The row's JSON text with that rule's problem mended and the rest to the letter; None where that is unsafe."""
    if rule == "json-broken":
        return _mended(text) if decode_text(text).text is None else None
    mend = {"role-unknown": _roles, "whitespace": _blanks}.get(rule)
    if mend is None or decode_text(text).text is None:
        return None
    edits = list(mend(text))
    return edited(text, edits) if edits else None


def repair(raw: bytes) -> bytes | None:
    """An unreadable line as readable UTF-8: other encodings, trailing commas, curly quotes; None if it stays broken."""
    if len(raw) > LINE_LIMIT or decode(raw).text is not None:
        return None
    for text in _readings(raw):
        if mended := text if decode_text(text).text else _mended(text):
            return mended.encode()
    return None


def _readings(raw: bytes) -> Iterator[str]:
    try:
        yield raw.decode()
    except UnicodeDecodeError:
        yield from (text for _name, text in readings(raw))
    else:
        if b"\0" in raw:
            yield from (text for _name, text in readings(raw))


def _mended(text: str) -> str | None:
    mended = _SLIP.sub(_without_slip, text.removeprefix("\ufeff"))
    return mended if decode_text(mended).text is not None else None


def _without_slip(match: re.Match[str]) -> str:
    if match["string"]:
        return match["string"]
    return "" if match["quoted"] is None else f'"{match["quoted"]}"'


def _messages(text: str) -> Iterator[tuple[dict[str, Span], Span]]:
    """The members of each message object, and its own span."""
    messages = members(text, whole(text)).get("messages")
    if messages is not None and isinstance(messages.value, list):
        for message in elements(text, messages):
            if isinstance(message.value, dict):
                yield members(text, message), message


def _roles(text: str) -> Iterator[Edit]:
    for parts, message in _messages(text):
        role = role_of(message.value)
        if role and parts["role"].value != role:
            assert role in ROLES
            yield Edit(parts["role"].start, parts["role"].end, json.dumps(role))


def _blanks(text: str) -> Iterator[Edit]:
    for parts, message in _messages(text):
        content = parts.get("content")
        if content and has_spare_blanks(content.value, role_of(message.value)):
            tokens = _TOKEN.findall(text[content.start + 1 : content.end - 1])
            first, last = _edges(tokens)
            yield Edit(content.start, content.end, '"' + "".join(tokens[first:last]) + '"')


def _edges(tokens: list[str]) -> tuple[int, int]:
    """Where the text begins and ends among a JSON string's characters, each as it is spelled."""
    first, last = 0, len(tokens)
    while first < last and _is_blank(tokens[first]):
        first += 1
    while first < last and _is_blank(tokens[last - 1]):
        last -= 1
    return first, last


def _is_blank(token: str) -> bool:
    return str(json.loads(f'"{token}"')).isspace()
