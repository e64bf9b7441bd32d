"""What a judge says of an exam answer: a number of points, or which of two it prefers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.replies import judge_reasons

_SCORE = re.compile(
    r"(?:score|points?|mark|点数|得点|点)[*_\s\"']{0,4}[:：=は]?[*_\s\"']{0,4}(\d{1,3})(?!\d)", re.IGNORECASE
)
_BETTER = re.compile(
    r"(?:better|winner|preferred|verdict)[*_\s\"']{0,4}[:：=][*_\s\"']{0,4}(first|second|tie)", re.IGNORECASE
)
_SCORES = "score points point mark grade rating 点数 得点 点 評価"
_BETTERS = "better winner preferred preference verdict"
_OF = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:/|of|out of|点?中)\s*(\d{1,3})|(\d{1,3}(?:\.\d+)?)\s*(?:%|点|points?)?")
_REASON = 500  # characters that are kept as the reason


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
    for value in reversed([*judge_reasons.objects(values)]):
        scores = (score for one in judge_reasons.named(value, _SCORES) if (score := _number(one)) is not None)
        if (score := next(scores, None)) is not None:
            return Points(score, judge_reasons.of_object(value)[:_REASON])
    found = _SCORE.search(words)
    score = _number(found[1]) if found else None
    return None if score is None else Points(score, judge_reasons.in_words(words)[:_REASON])


def _number(value: object) -> int | None:
    """Points of 100, from a number, or words such as "80/100", "4 of 5" and "75 %"."""
    if isinstance(value, bool) or not (found := _OF.fullmatch(str(value).strip())):
        return None
    given, whole = float(found[1] or found[3]), float(found[2] or 100)
    return round(100 * given / whole) if 0 <= given <= whole and whole else None


def preference(values: Sequence[object], words: str) -> Preference | None:
    """Which of two answers is better, in the JSON of a reply, else in its plain words."""
    for value in reversed([*judge_reasons.objects(values)]):
        chosen = (str(one).strip().lower() for one in judge_reasons.named(value, _BETTERS))
        if better := next((one for one in chosen if one in ("first", "second", "tie")), ""):
            return Preference(better, judge_reasons.of_object(value)[:_REASON])
    found = _BETTER.search(words)
    return Preference(found[1].lower(), judge_reasons.in_words(words)[:_REASON]) if found else None
