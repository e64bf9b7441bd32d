"""Finds texts that were damaged on their way: read in a wrong encoding, cut, escaped twice, or empty cells of a table."""

import html
import re
from collections.abc import Iterator

EMPTY_VALUES = frozenset(("nan", "NaN", "None", "null", "NULL", "<NA>", "#N/A", "NaT", "undefined"))

# A letter that is the first byte of a character in UTF-8, and one that is the next byte, both read as Windows-1252.
_NEXT = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122"
_READ_TWICE = re.compile(f"[\u00c2-\u00f4][{_NEXT}]|[РС][\u0080-\u00bf\u0402-\u040f\u0452-\u045f\u2013-\u2122]")
_LOST = re.compile("\ufffd+|锟斤拷")  # the second is what the first looks like, read as GBK
_INVISIBLE = re.compile(
    "[\u0000-\u0007\u000b\u000e-\u001f\u007f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    "|[\U000e0000-\U000e007f]"
)
_JOINERS, _MARKS = "\u200c\u200d", "\u200e\u200f\u061c"
_JOINED = re.compile(
    "[\u0600-\u06ff\u0700-\u07ff\u0900-\u0dff\u1780-\u17ff\u1000-\u109f\ufb50-\ufeff\u2190-\u2bff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-fA-F]{2,6}|[a-zA-Z][a-zA-Z0-9]{1,10});")


def find(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield what is damaged in a text: the rule, the place in characters, and a sample of it."""
    if lost := _LOST.search(text):
        yield "replacement-character", lost.start(), lost.group()
    if (twice := _READ_TWICE.search(text)) and unmangle(text) != text:
        yield "mojibake", twice.start(), text[twice.start() : twice.start() + 20]
    if (place := _find_invisible(text)) is not None:
        yield "invisible-character", place, f"U+{ord(text[place]):04X}"
    if entity := _find_entity(text):
        yield "html-entity", entity.start(), entity.group()
    if text.strip() in EMPTY_VALUES:
        yield "empty-value", 0, text.strip()


def unmangle(text: str) -> str:
    """The text as it was before it was read in a wrong encoding; unchanged where that is not sure."""
    import ftfy  # slow to import, and rarely needed

    return ftfy.fix_encoding(text)


def _find_invisible(text: str) -> int | None:
    return next((match.start() for match in _INVISIBLE.finditer(text) if not _belongs(text, match.start())), None)


def _belongs(text: str, at: int) -> bool:
    """Whether an invisible character has its use: joined emoji and letters, and the direction of mixed texts."""
    char = text[at]
    near = text[max(0, at - 1) : at + 2]
    if char in _JOINERS:
        return _JOINED.search(near) is not None
    if char in _MARKS or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069":
        return _RIGHT_TO_LEFT.search(text) is not None and char not in "\u202d\u202e"
    return char >= "\U000e0000" and "\U0001f3f4" in text  # the flags of Scotland and others


def _find_entity(text: str) -> re.Match[str] | None:
    return next((match for match in _ENTITY.finditer(text) if html.unescape(match.group()) != match.group()), None)


def without_invisible(text: str) -> str:
    """The text without invisible characters that have no use."""
    return _INVISIBLE.sub(lambda match: match.group() if _belongs(text, match.start()) else "", text)


def without_entities(text: str) -> str:
    """The text with HTML entities as characters; unchanged where there are tags, since it may be HTML on purpose."""
    return text if "<" in text else html.unescape(text)
