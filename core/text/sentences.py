"""Finds the ends of sentences, in Japanese and English, not misled by abbreviations, decimals and quotes."""

import re
from collections.abc import Iterator

from core.lazy_loading import lazy_pattern
from core.text.inline_markdown import CJK, HIDDEN

_MARKS = ".!?。．！？｡…‥"
_WIDE = frozenset("。．！？｡")
_CLOSERS = f"\"'”’»)\\]}}）」』】〉》〕{HIDDEN}"
_OPENERS = f"\"'“‘«(\\[{{（「『【〈《〔{HIDDEN}"
_END = lazy_pattern(rf"([{_MARKS}]+)([{_CLOSERS}]*)")
_NEXT = lazy_pattern(rf"[\s{_OPENERS}]{{0,50}}")
_BRACKET = lazy_pattern("[「『（(【“」』）)】”]")
_PAIRS = {"」": "「", "』": "『", "）": "（", ")": "(", "】": "【", "”": "“"}
_QUOTED = lazy_pattern(r"(?<![^\s(\[“])\"[^\"\n]{1,300}\"(?=[\s.,;:!?)\]]|$)")
_KANA = lazy_pattern("[\u3041-\u309f、，]")
_SPEECH_AFTER = lazy_pattern("と(?:い|言|聞|叫|の|、)|って")
_CJK = lazy_pattern(f"[{CJK}]")
_BREAK = lazy_pattern(rf"[\s/{_OPENERS}]")

# Never the end; not the end before a figure; the end only before a word with which sentences begin.
NEVER_AT_END = "mr mrs ms dr prof st sgt capt rev mt vs v e.g i.e eg ie cf approx ca esp incl excl viz"
BEFORE_FIGURES = "no nos nr fig figs eq vol ch sec art pp p par max min"
BEFORE_NAMES = "etc inc ltd co corp jr sr ph.d jan feb mar apr jun jul aug sep sept oct nov dec"
STARTERS = (
    "a after all an and as at before both but each every for he however i if in it its no on one or our players she so "
    "some that the then there these they this those to we when where while who you your"
)
_NEVER, _BEFORE_FIGURES, _BEFORE_NAMES, _STARTERS = (
    frozenset(words.split()) for words in (NEVER_AT_END, BEFORE_FIGURES, BEFORE_NAMES, STARTERS)
)
_DOTTED = lazy_pattern(r"(?:[^\W\d_]\.)*[^\W\d_]")
_WORD = lazy_pattern(r"[^\W\d_]+")
# "1." and "Rule 1." before what is numbered.
_NUMBER = lazy_pattern(r"\W*(?:(?:rule|law|article|section|step|chapter|part|point|item) )?[0-9０-９.]+", re.IGNORECASE)
_ABBREVIATION_CHARACTERS = 24  # characters before a full stop that are read for an abbreviation


def find_sentence_spans(shadow: str) -> list[tuple[int, int]]:
    """Start and end of each sentence of a paragraph (its `Prose.shadow`), without the blanks around it."""
    spans = []
    start = 0
    for end in [*_iterate_ends(shadow), len(shadow)]:
        part = shadow[start:end]
        left = start + len(part) - len(part.lstrip())
        right = start + len(part.rstrip())
        if left < right:
            spans.append((left, right))
        start = end
    return spans


def _iterate_ends(shadow: str) -> Iterator[int]:
    closed = _find_outer_pairs(shadow)
    start = number = 0
    for match in _END.finditer(shadow):
        while number < len(closed) and closed[number][1] < match.start():
            number += 1
        # Inside brackets and quotes no sentence ends, except with them.
        is_inside = number < len(closed) and closed[number][0] < match.start() and match.end() <= closed[number][1]
        if not is_inside and _is_end(shadow, start, match):
            yield match.end()
            start = match.end()


def _find_outer_pairs(shadow: str) -> list[tuple[int, int]]:
    """Outermost pairs of brackets and quotes, in order."""
    pairs = [(match.start(), match.end() - 1) for match in _QUOTED.finditer(shadow)]
    open_brackets: dict[str, list[int]] = {}
    for match in _BRACKET.finditer(shadow):
        if match[0] not in _PAIRS:
            open_brackets.setdefault(match[0], []).append(match.start())
        elif open_positions := open_brackets.get(_PAIRS[match[0]]):
            pairs.append((open_positions.pop(), match.start()))
    outer: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if not outer or outer[-1][1] < start:
            outer.append((start, end))
        elif outer[-1][1] < end:
            outer[-1] = outer[-1][0], end
    return outer


def _is_end(shadow: str, start: int, match: re.Match[str]) -> bool:
    marks, closers = match.groups()
    if not marks.strip("…‥"):
        return False
    if not _WIDE.isdisjoint(marks):
        return _is_wide_end(shadow, match)
    before, after = shadow[match.start() - 1 : match.start()], shadow[match.end() : match.end() + 1]
    if after and not after.isspace():
        # Japanese sets no blank behind a half-width mark; "Yahoo!ニュース" is one name.
        is_cjk_before = _KANA.match(before) if marks[-1] == "." else _CJK.match(before)
        return bool(is_cjk_before and _CJK.match(after) and not closers.strip(HIDDEN))
    return _is_latin_end(shadow, start, match)


def _is_wide_end(shadow: str, match: re.Match[str]) -> bool:
    marks, closers = match.groups()
    before, after = shadow[match.start() - 1 : match.start()], shadow[match.end() : match.end() + 1]
    if marks == "．" and before.isdigit():
        return False  # ３．５ and the number of a rule
    if closers.strip(HIDDEN) and _KANA.match(after):
        return False  # 「はい。」と言う
    return "。" in marks or not _SPEECH_AFTER.match(shadow, match.end())


def _is_latin_end(shadow: str, start: int, match: re.Match[str]) -> bool:
    marks, closers = match.groups()
    begin = _NEXT.match(shadow, match.end())
    following = shadow[begin.end() : begin.end() + _ABBREVIATION_CHARACTERS] if begin else ""
    if not following:
        return True
    # "e.g. so" and "“Stop!” he said" go on, but some people write no capitals at all.
    is_plain = len(marks) == 1 and not closers.strip(HIDDEN) and _begins_small(shadow, start)
    if following[0].islower() and not is_plain:
        return False
    return marks != "." or not _is_abbreviated(shadow, start, match.start(), following)


def _begins_small(shadow: str, start: int) -> bool:
    begin = _NEXT.match(shadow, start)
    return begin is not None and shadow[begin.end() : begin.end() + 1].islower()


def _is_abbreviated(shadow: str, start: int, stop: int, following: str) -> bool:
    piece = shadow[max(start, stop - _ABBREVIATION_CHARACTERS) : stop]
    token = _BREAK.split(piece)[-1]
    small = token.casefold()
    if small in _NEVER:
        return True
    if small in _BEFORE_FIGURES and following[0].isdigit():
        return True
    if stop - start < _ABBREVIATION_CHARACTERS and _NUMBER.fullmatch(piece.strip()):
        return True
    is_initial = _DOTTED.fullmatch(token) is not None and (len(token) > 1 or token.isupper())
    if small not in _BEFORE_NAMES and (not is_initial or _CJK.match(token)):
        return False
    word = _WORD.match(following)
    return word is None or word[0].casefold() not in _STARTERS
