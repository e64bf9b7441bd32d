"""Removes the marks from a paragraph of Markdown and keeps the origin of each character, so that quotes stay exact."""

import html
import re
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it.common.utils import normalizeReference

from core.lazy_loading import lazy_pattern

HIDDEN, CLOSED = "\ue001", "\ue000"  # in a shadow: a mark, and a character of code, where no sentence ends
CJK = "\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
MAX_LABEL_CHARACTERS = 200  # characters of a link's label

_MARK, _SHOWN, _ENTITY, _CODE = 0, 1, 2, 3
_SHOWN_RUN = lazy_pattern(rb"[\x01\x03]+|\x02")
_HIDDEN_RUN = lazy_pattern(rb"\x00+|[\x02\x03]+")
_IS_CJK = lazy_pattern(f"[{CJK}]")
_TICKS = lazy_pattern("`+")
_MARKUP_CHARACTER = lazy_pattern(r"[\\`<&\[*_~]")

# Every alternative ends at the next character of its kind or after a bounded run: time is linear in the text's length.
_TARGET = (
    r"\((?:[ \t\n]{0,9}(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)"
    r"(?:[ \t\n]{1,9}(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t\n]{0,9})\)"
)
_TOKEN = lazy_pattern(
    r"\\(?P<escaped>[!-/:-@\[-`{-~\n])"
    r"|(?P<ticks>`+)"
    r"|<(?P<address>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]{1,64}@[^\s<>@]{1,255})>"
    r"|(?P<tag><!--[^<>]{0,1000}-->|</?[A-Za-z][A-Za-z0-9-]*(?:[\s/][^<>]{0,1000})?>)"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
    r"|(?P<note>\[\^[^\[\]\s]{1,80}\]:?)"
    r"|(?P<open>!?\[)"
    rf"|\](?P<target>{_TARGET})"
    rf"|\](?P<label>\[[^\[\]]{{0,{MAX_LABEL_CHARACTERS}}}\])"
    r"|(?P<close>\])"
    r"|(?P<run>\*+|_+|~~+)"
)


@dataclass(slots=True)
class Prose:
    """A paragraph: `raw` are its lines, joined by line breaks; `references` the labels of the text's link definitions."""

    raw: str
    references: Collection[str] = ()
    _kinds: bytearray = field(default_factory=bytearray)  # the kind of each character; empty where there are no marks
    _brackets: list[tuple[int, int]] = field(default_factory=list)
    _openers: dict[str, list[list[int]]] = field(default_factory=dict)
    _ticks: dict[int, list[int]] | None = None

    def __post_init__(self) -> None:
        if not _MARKUP_CHARACTER.search(self.raw):
            return
        self._kinds = bytearray([_SHOWN]) * len(self.raw)
        position = 0
        while match := _TOKEN.search(self.raw, position):
            position = self._read_token(match)

    @property
    def shadow(self) -> str:
        """`raw` with `HIDDEN` for each mark and `CLOSED` for each character in which no sentence ends."""
        pieces, position = [], 0
        for match in _HIDDEN_RUN.finditer(self._kinds):
            start, end = match.span()
            pieces.append(self.raw[position:start])
            pieces.append((CLOSED if self._kinds[start] else HIDDEN) * (end - start))
            position = end
        return "".join([*pieces, self.raw[position:]])

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The plain text of a part of `raw`, on one line."""
        end = len(self.raw) if end is None else end
        if not self._kinds:
            return _join_lines(self.raw[start:end])
        pieces = []
        for match in _SHOWN_RUN.finditer(self._kinds, start, end):
            piece = self.raw[match.start() : match.end()]
            if self._kinds[match.start()] == _ENTITY:
                piece = html.unescape(self.raw[match.start() : self.raw.index(";", match.start()) + 1])
            pieces.append(piece)
        return _join_lines("".join(pieces))

    def _read_token(self, match: re.Match[str]) -> int:
        """Set the kinds of the characters of one token; returns the position to continue at."""
        start, end = match.span()
        match match.lastgroup:
            case "escaped":
                self._set_kind(start, start + 1)
            case "ticks":
                return self._read_code(start, end)
            case "address":
                self._set_kind(start, end, _CODE)
                self._set_kind(start, start + 1)
                self._set_kind(end - 1, end)
            case "tag" | "note":
                self._set_kind(start, end)
            case "entity":
                self._set_kind(start, end)
                self._kinds[start] = _ENTITY
            case "open":
                self._brackets.append((start, end))
            case "run":
                self._read_run(start, end)
            case _:
                return self._read_link(match)
        return end

    def _set_kind(self, start: int, end: int, kind: int = _MARK) -> None:
        self._kinds[start:end] = bytes([kind]) * (end - start)

    def _read_code(self, start: int, end: int) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in _TICKS.finditer(self.raw):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        same = self._ticks.get(end - start, [])
        number = bisect_right(same, start)
        if number == len(same):
            return end
        close = same[number]
        self._set_kind(end, close, _CODE)
        self._set_kind(start, end)
        self._set_kind(close, close + end - start)
        return close + end - start

    def _read_link(self, match: re.Match[str]) -> int:
        """Read a closing bracket: with a target after it, or a defined label, its brackets and target are marks."""
        close = match.start()
        if not self._brackets:
            return close + 1
        start, inner = self._brackets.pop()
        if not match["target"]:
            label = (match["label"] or "")[1:-1] or self.raw[inner : min(close, inner + MAX_LABEL_CHARACTERS)]
            if not self.references or normalizeReference(label) not in self.references:
                return close + 1
        if self.raw[start] == "!":
            self._set_kind(start, match.end())  # an image has no text
        else:
            self._set_kind(start, inner)
            self._set_kind(close, match.end())
        return match.end()

    def _read_run(self, start: int, end: int) -> None:
        """Pair a run of `*`, `_` or `~` with an earlier one. More lenient than CommonMark, which does not close before kanji."""
        char = self.raw[start]
        before, after = self.raw[start - 1 : start] or " ", self.raw[end : end + 1] or " "
        opens, closes = not after.isspace(), not before.isspace()
        if char == "_":  # snake_case is no emphasis
            opens, closes = opens and not before.isalnum(), closes and not after.isalnum()
        openers = self._openers.setdefault(char, [])
        while closes and openers and start < end:
            opener = openers[-1]
            n = min(opener[1], end - start)
            self._set_kind(opener[0] + opener[1] - n, opener[0] + opener[1])
            self._set_kind(start, start + n)
            opener[1] -= n
            start += n
            if not opener[1]:
                openers.pop()
        if opens and start < end:
            openers.append([start, end - start])


def is_cjk(text: str) -> bool:
    """Whether the text has a Japanese or Chinese character."""
    return _IS_CJK.search(text) is not None


def _join_lines(text: str) -> str:
    """The text on one line with single blanks; a line break between Japanese characters is removed."""
    lines = [line for part in text.split("\n") if (line := " ".join(part.split()))]
    pieces = lines[:1]
    for before, line in pairwise(lines):
        pieces.append("" if _IS_CJK.match(before[-1]) or _IS_CJK.match(line[0]) else " ")
        pieces.append(line)
    return "".join(pieces)
