"""What a judge says of an exam answer: a number of points, or which of two it prefers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SCORE = re.compile(
    r"(?:score|points?|mark|点数|得点|点)[*_\s\"']{0,4}[:：=は]?[*_\s\"']{0,4}(\d{1,3})(?!\d)", re.IGNORECASE
)
_BETTER = re.compile(
    r"(?:better|winner|preferred|verdict)[*_\s\"']{0,4}[:：=][*_\s\"']{0,4}(first|second|tie)", re.IGNORECASE
)
_REASON = 500  # characters of plain words that are kept as the reason


@dataclass(frozen=True, slots=True)
class Points:
    """`score` from 0 to 100."""

    score: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """`better` is first, second or tie."""

    better: str
    reason: str = ""


def points(values: Sequence[object], words: str) -> Points | None:
    """The points in the JSON of a reply, of the last object that has them, else in its plain words."""
    for value in reversed(values):
        if isinstance(value, dict) and (score := _number(value.get("score"))) is not None:
            return Points(score, str(value.get("reason") or "").strip()[:_REASON])
    found = _SCORE.search(words)
    score = _number(found[1]) if found else None
    return None if score is None else Points(score, words.strip()[:_REASON])


def _number(value: object) -> int | None:
    try:
        number = round(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= 100 else None


def preference(values: Sequence[object], words: str) -> Preference | None:
    """Which of two answers is better, in the JSON of a reply, else in its plain words."""
    for value in reversed(values):
        if isinstance(value, dict) and value.get("better") in ("first", "second", "tie"):
            return Preference(str(value["better"]), str(value.get("reason") or "").strip()[:_REASON])
    found = _BETTER.search(words)
    return Preference(found[1].lower(), words.strip()[:_REASON]) if found else None
