"""Joins the lines of PDF pages to paragraphs, without the headers and footers of the pages."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from core.documents.reader_result import WIDE_CHARACTERS
from core.lazy_loading import lazy_pattern

EDGE_LINES = 2  # lines at the top and at the bottom of a page that may repeat on each
MAX_PAGE_NUMBER_CHARACTERS = 40  # characters of a line that holds a page's number only
MAX_FOOTER_CHARACTERS = 120  # characters of one that holds a title too
MIN_REPEATED_PAGES = 3  # pages on which something must repeat
MIN_REPEATED_SHARE = 0.8  # the share of pages, likewise: the first one and those with pictures often lack it
MIN_FULL_WIDTH, MIN_FULL_WIDTH_AT_SENTENCE_END = (
    0.7,
    0.92,
)  # the share of the usual width from which a line goes on; the second after the end of a sentence

_NUMBER = lazy_pattern(r"\d+")
_PAGE = lazy_pattern(
    r"\W*(?:page|pages|p|seite|ページ|頁)?\W*\d+\W*(?:of|/|／|von)?\W*\d*\W*(?:ページ|頁)?\W*", re.IGNORECASE
)
_OUTER_NUMBER = lazy_pattern(r"^\W*\d+|\d+\W*$")
_LIST_MARK = lazy_pattern(
    r"\s*(?:[-*•·‣◦▪●○■□◆◇※]\s|[・●○■□◆◇※]|\(?[0-9０-９]{1,3}[.)．）]|（[0-9０-９]{1,3}）|[①-⑳]|第[0-9０-９一-十]{1,4}[条章節])"
)
_BULLET = lazy_pattern(r"(\s*)(?:[•·‣◦▪●]\s*|・\s*)")
_SENTENCE_END = lazy_pattern(r"[.!?:;。！？：；…][\"”’」』)）\]]*+$")
_WIDE = lazy_pattern(f"[{WIDE_CHARACTERS}]")
_HYPHEN = lazy_pattern(r"([^\W\d_]+)[-‐]$")
_LETTERS = lazy_pattern(r"[^\W\d_]+")
_COMPOUND = lazy_pattern(r"[^\W\d_]+-[^\W\d_]+")
# Compatibility characters (ligatures, radicals) that look like ordinary letters.
_COMPATIBILITY_CHARACTERS = lazy_pattern("[\u2e80-\u2fdf\ufb00-\ufb06]")


def join_pages(pages: Sequence[str]) -> tuple[str, list[str]]:
    """The text of the pages as paragraphs, and the lines that are on nearly every page and were left out."""
    page_lines = [_split_lines(page) for page in pages]
    repeated = _find_repeated([lines for lines in page_lines if any(lines)])
    lines_kept = [line for lines in page_lines for line in _remove_repeated(lines, repeated)]
    return "\n\n".join(_join_lines(lines_kept)), [shown for shown in repeated.values() if _LETTERS.search(shown)]


def _split_lines(page: str) -> list[str]:
    text = _COMPATIBILITY_CHARACTERS.sub(lambda char: unicodedata.normalize("NFKC", char[0]), page)
    return [
        line.strip() for line in text.replace("\0", "").replace("\u00ad\n", "-\n").replace("\u00ad", "").split("\n")
    ]


def _find_repeated(pages: list[list[str]]) -> dict[str, str]:
    """The lines at the edges of nearly every page: normalised -> first original form."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for lines in pages:
        edge = {pattern: lines[place] for place, pattern in _find_edge_lines(lines).items()}
        counts.update(edge.keys())
        for pattern, line in edge.items():
            first.setdefault(pattern, line)
    least = max(MIN_REPEATED_PAGES, MIN_REPEATED_SHARE * len(pages))
    return {pattern: first[pattern] for pattern, count in counts.items() if count >= least}


def _find_edge_lines(lines: list[str]) -> dict[int, str]:
    """The indices of the first and last non-empty lines, each with its text normalised for comparison between pages."""
    filled = [place for place, line in enumerate(lines) if line]
    size = min(EDGE_LINES, (len(filled) - 1) // 2)  # something is left of every page
    if size <= 0:
        return {}
    bottom = {place: _normalise_bottom_line(lines[place]) for place in filled[-size:]}
    return bottom | {place: _normalise_top_line(lines[place]) for place in filled[:size]}


def _normalise_bottom_line(line: str) -> str:
    """A footer, without the page number before or after its text."""
    return _OUTER_NUMBER.sub("#", line) if len(line) <= MAX_FOOTER_CHARACTERS else line


def _normalise_top_line(line: str) -> str:
    """A header, without a number only where it is a page number: "Round 1" may be a heading."""
    return _NUMBER.sub("#", line) if len(line) <= MAX_PAGE_NUMBER_CHARACTERS and _PAGE.fullmatch(line) else line


def _remove_repeated(lines: list[str], repeated: dict[str, str]) -> list[str]:
    edge = _find_edge_lines(lines)
    return [line for place, line in enumerate(lines) if edge.get(place) not in repeated]


def _join_lines(lines: list[str]) -> Iterator[str]:
    usual = _compute_usual_width([line for line in lines if line])
    words = set(_COMPOUND.findall("\n".join(lines)))
    paragraph: list[str] = []  # its parts, with what stands between them
    last = ""
    for line in lines:
        continues = bool(paragraph and line) and not _LIST_MARK.match(line) and _is_full(last, usual)
        if continues:
            paragraph[-1:] = _join_line_end(paragraph[-1], line, words)
        elif paragraph:
            yield "".join(paragraph)
            paragraph = []
        if line:
            paragraph.append(line if continues else _BULLET.sub(r"\1- ", line, count=1))
        last = line
    if paragraph:
        yield "".join(paragraph)


def _join_line_end(before: str, after: str, words: set[str]) -> list[str]:
    """The end of a line, and the text between it and the next: none in Japanese, nor in a hyphenated word."""
    if (hyphen := _HYPHEN.search(before)) and after[:1].islower():
        rest = _LETTERS.match(after)
        is_compound = rest is not None and f"{hyphen[1]}-{rest[0]}" in words
        return [before if is_compound else before[:-1]]
    return [before, "" if _WIDE.match(before[-1:]) or _WIDE.match(after[:1]) else " "]


def _is_full(line: str, usual: float) -> bool:
    return _measure_width(line) >= usual * (
        MIN_FULL_WIDTH_AT_SENTENCE_END if _SENTENCE_END.search(line) else MIN_FULL_WIDTH
    )


def _compute_usual_width(lines: list[str]) -> float:
    """The width that one in five lines has or exceeds."""
    widths = sorted(map(_measure_width, lines))
    return widths[len(widths) * 8 // 10] if widths else 0


def _measure_width(line: str) -> int:
    return len(line) + len(_WIDE.findall(line))
