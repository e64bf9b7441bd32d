"""Parses a judge's reply about exam answers: a number of points, or which of two answers it prefers."""

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
_SCORE_KEYS = "score points point mark grade rating 点数 得点 点 評価"
_BETTER_KEYS = "better winner preferred preference verdict"
_OUT_OF = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(?:/|of|out of|点?中)\s*(\d{1,3})|(\d{1,3}(?:\.\d+)?)\s*(?:%|点|points?)?")


@dataclass(frozen=True, slots=True)
class JudgeScore:
    """The points that a judge gives; `score` is from 0 to 100."""

    score: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """The answer that a judge prefers; `better` is 'first', 'second' or 'tie'."""

    better: str
    reason: str = ""


def parse_score(values: Sequence[object], text: str) -> JudgeScore | None:
    """Parse the points in the JSON values of a reply (the last object that has them), else in its text; None if none."""
    for found in reversed([*judge_reasons.iterate_objects(values)]):
        scores = (
            score
            for value in judge_reasons.get_by_names(found, _SCORE_KEYS)
            if (score := _parse_percent(value)) is not None
        )
        if (score := next(scores, None)) is not None:
            return JudgeScore(score, judge_reasons.get_reason(found)[: judge_reasons.MAX_REASON_CHARACTERS])
    match = _SCORE.search(text)
    score = _parse_percent(match[1]) if match else None
    return (
        None
        if score is None
        else JudgeScore(score, judge_reasons.format_reason(text)[: judge_reasons.MAX_REASON_CHARACTERS])
    )


def _parse_percent(value: object) -> int | None:
    """Points out of 100, from a number or a text such as "80/100", "4 of 5" and "75 %"; None where it is no such text."""
    if isinstance(value, bool) or not (match := _OUT_OF.fullmatch(str(value).strip())):
        return None
    points, whole = float(match[1] or match[3]), float(match[2] or 100)
    return round(100 * points / whole) if 0 <= points <= whole and whole else None


def parse_preference(values: Sequence[object], text: str) -> Preference | None:
    """Parse which of two answers is better, in the JSON values of a reply, else in its text; None if neither says so."""
    for value in reversed([*judge_reasons.iterate_objects(values)]):
        chosen = (str(one).strip().lower() for one in judge_reasons.get_by_names(value, _BETTER_KEYS))
        if better := next((one for one in chosen if one in ("first", "second", "tie")), ""):
            return Preference(better, judge_reasons.get_reason(value)[: judge_reasons.MAX_REASON_CHARACTERS])
    match = _BETTER.search(text)
    return (
        Preference(match[1].lower(), judge_reasons.format_reason(text)[: judge_reasons.MAX_REASON_CHARACTERS])
        if match
        else None
    )
