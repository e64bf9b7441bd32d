"""Joins the lines of PDF pages to paragraphs."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from core.documents.reader_result import WIDE_CHARACTERS

EDGE_LINES = 2  # lines at the top and at the bottom of a page that may repeat on each
SHORT = 40  # characters of a line that holds a page's number only
FOOT = 120  # characters of one that holds a title too
MIN_REPEATED_PAGES = 3  # pages on which something must repeat
MIN_REPEATED_SHARE = 0.8  # the share of pages, likewise: the first one and those with pictures often lack it
FULL, ENDED = (
    0.7,
    0.92,
)  # the share of the usual width from which a line goes on; the second after the end of a sentence

_NUMBER = re.compile(r"\d+")
_PAGE = re.compile(
    r"\W*(?:page|pages|p|seite|ページ|頁)?\W*\d+\W*(?:of|/|／|von)?\W*\d*\W*(?:ページ|頁)?\W*", re.IGNORECASE
)
_OUTSIDE = re.compile(r"^\W*\d+|\d+\W*$")
_MARK = re.compile(
    r"\s*(?:[-*•·‣◦▪●○■□◆◇※]\s|[・●○■□◆◇※]|\(?[0-9０-９]{1,3}[.)．）]|（[0-9０-９]{1,3}）|[①-⑳]|第[0-9０-９一-十]{1,4}[条章節])"
)
_BULLET = re.compile(r"(\s*)(?:[•·‣◦▪●]\s*|・\s*)")
_END = re.compile(r"[.!?:;。！？：；…][\"”’」』)）\]]*+$")
_WIDE = re.compile(f"[{WIDE_CHARACTERS}]")
_HYPHEN = re.compile(r"([^\W\d_]+)[-‐]$")
_LETTERS = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
# Characters that only fonts tell apart from the letters they are.
_LOOKS = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06]")


def join_pages(pages: Sequence[str]) -> tuple[str, list[str]]:
    """The text of the pages as paragraphs, and the lines that stood on every page and were left out."""
    found = [_lines(page) for page in pages]
    repeated = _find_repeated([lines for lines in found if any(lines)])
    kept = [line for lines in found for line in _without(lines, repeated)]
    return "\n\n".join(_join_lines(kept)), [shown for shown in repeated.values() if _LETTERS.search(shown)]


def _lines(page: str) -> list[str]:
    text = _LOOKS.sub(lambda char: unicodedata.normalize("NFKC", char[0]), page)
    return [
        line.strip() for line in text.replace("\0", "").replace("\u00ad\n", "-\n").replace("\u00ad", "").split("\n")
    ]


def _find_repeated(pages: list[list[str]]) -> dict[str, str]:
    """The texts at the edge of nearly every page, normalised, with their first original form."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for lines in pages:
        edge = {pattern: lines[place] for place, pattern in _edge(lines).items()}
        counts.update(edge.keys())
        for pattern, line in edge.items():
            first.setdefault(pattern, line)
    least = max(MIN_REPEATED_PAGES, MIN_REPEATED_SHARE * len(pages))
    return {pattern: first[pattern] for pattern, count in counts.items() if count >= least}


def _edge(lines: list[str]) -> dict[int, str]:
    """The places of the first and the last lines that say something, and what makes each the same on another page."""
    said = [place for place, line in enumerate(lines) if line]
    size = min(EDGE_LINES, (len(said) - 1) // 2)  # something is left of every page
    if size <= 0:
        return {}
    bottom = {place: _at_the_bottom(lines[place]) for place in said[-size:]}
    return bottom | {place: _at_the_top(lines[place]) for place in said[:size]}


def _at_the_bottom(line: str) -> str:
    """There, a page's number may stand before or behind the rest."""
    return _OUTSIDE.sub("#", line) if len(line) <= FOOT else line


def _at_the_top(line: str) -> str:
    """There, a line with a number may be a heading ("Round 1", "Round 2"): only a page's number may differ."""
    return _NUMBER.sub("#", line) if len(line) <= SHORT and _PAGE.fullmatch(line) else line


def _without(lines: list[str], repeated: dict[str, str]) -> list[str]:
    edge = _edge(lines)
    return [line for place, line in enumerate(lines) if edge.get(place) not in repeated]


def _join_lines(lines: list[str]) -> Iterator[str]:
    usual = _usual([line for line in lines if line])
    words = set(_COMPOUND.findall("\n".join(lines)))
    paragraph: list[str] = []  # its parts, with what stands between them
    last = ""
    for line in lines:
        goes_on = bool(paragraph and line) and not _MARK.match(line) and _is_full(last, usual)
        if goes_on:
            paragraph[-1:] = _seam(paragraph[-1], line, words)
        elif paragraph:
            yield "".join(paragraph)
            paragraph = []
        if line:
            paragraph.append(line if goes_on else _BULLET.sub(r"\1- ", line, count=1))
        last = line
    if paragraph:
        yield "".join(paragraph)


def _seam(before: str, after: str, words: set[str]) -> list[str]:
    """The end of a line, and what comes between it and the next: nothing in Japanese, nor in a divided word."""
    if (hyphen := _HYPHEN.search(before)) and after[:1].islower():
        rest = _LETTERS.match(after)
        is_compound = rest is not None and f"{hyphen[1]}-{rest[0]}" in words
        return [before if is_compound else before[:-1]]
    return [before, "" if _WIDE.match(before[-1:]) or _WIDE.match(after[:1]) else " "]


def _is_full(line: str, usual: float) -> bool:
    return _width(line) >= usual * (ENDED if _END.search(line) else FULL)


def _usual(lines: list[str]) -> float:
    """The width that one in five lines has or exceeds."""
    widths = sorted(map(_width, lines))
    return widths[len(widths) * 8 // 10] if widths else 0


def _width(line: str) -> int:
    return len(line) + len(_WIDE.findall(line))
