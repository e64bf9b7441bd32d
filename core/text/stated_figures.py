"""Finds what a text says in place of a figure that an answer has wrong: 9 crowns for 8 crowns."""

import re
import unicodedata
from collections.abc import Iterable

from core.lazy_loading import lazy_pattern
from core.text import clauses
from core.text.clauses import Figure

MAX_PASSAGE_CHARACTERS = 200  # of a passage that is shown

_CLOCK = lazy_pattern(r"(?<![\d:.])(?:午前|午後)?\d{1,2}(?::\d\d|時(?!間)(?:\d{1,2}分|半)?)(?: ?[ap]\.?m\b)?")


def get_measure(figure: Figure) -> str:
    """What a figure measures or counts: the dimension of its unit, else the stem of the word after it; '' for none."""
    return clauses.UNITS[figure.next][0] if figure.next in clauses.UNITS else clauses.stem(figure.next)


def find_stated_figure(written: str, answer: str, passages: Iterable[str]) -> tuple[str, str, str]:
    """The figure `written` as the answer has it, what is in its place in one of the passages, and this passage.

    Blank where no passage has just one figure that measures the same, other than those of the answer.
    """
    answer = unicodedata.normalize("NFKC", answer)
    figures = clauses.parse_text(answer, polite=False).figures
    wrong = next((one for one in figures if one.written == written), None)
    if wrong is None:
        return "", "", ""
    for passage in passages:
        plain = unicodedata.normalize("NFKC", passage)
        found = _find_other_clock(wrong, answer, plain) or _find_other_figure(wrong, figures, answer, plain)
        if found:
            return *found, _shorten(passage)
    return "", "", ""


def _find_other_clock(wrong: Figure, answer: str, passage: str) -> tuple[str, str] | None:
    """A time of day of the answer that has this figure, and the only one of the passage."""
    said = [one[0].strip() for one in _CLOCK.finditer(answer)]
    times = [one[0].strip() for one in _CLOCK.finditer(passage)]
    number = f"{wrong.values[0]:g}"
    place = next((one for one in said if number in [part.lstrip("0") or "0" for part in re.findall(r"\d+", one)]), "")
    return (place, times[0]) if place and len(times) == 1 and times[0] not in said else None


def _find_other_figure(wrong: Figure, figures: Iterable[Figure], answer: str, passage: str) -> tuple[str, str] | None:
    """The figure as the answer has it, and the only one of the passage that measures the same."""
    if _CLOCK.search(answer) and not get_measure(wrong):
        return None
    values = {one.values[0] for one in figures}
    there = clauses.parse_text(passage, polite=False).figures
    same = [one for one in there if get_measure(one) == (get_measure(wrong) or get_measure(one))]
    others = [one for one in same if one.values[0] not in values]
    return (_copy_figure(wrong, answer), _copy_figure(others[0], passage)) if len(same) == len(others) == 1 else None


def _copy_figure(figure: Figure, text: str) -> str:
    """A figure as the text has it, with its currency or its unit; as it was read where it is a word there."""
    digits = f"{figure.values[0]:g}"
    number = r",?".join(re.escape(digit) for digit in digits)
    unit = rf" ?{re.escape(figure.next)}[a-z]*" if figure.next else ""
    for pattern in (rf"[€£$¥] ?{number}(?:[.,]\d+)?(?!\d)", rf"(?<![\d.,]){number}(?:\.0+)?{unit}"):
        if found := re.search(pattern, text, re.IGNORECASE):
            return found[0]
    return figure.written


def _shorten(passage: str) -> str:
    plain = " ".join(passage.split())
    return plain if len(plain) <= MAX_PASSAGE_CHARACTERS else f"{plain[:MAX_PASSAGE_CHARACTERS]}…"
