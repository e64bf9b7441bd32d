"""Parses a judge's reply about exam answers: a number of points, or which of two answers it prefers."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.replies import judge_reasons

_NUMBER = r"\d{1,3}(?:\.\d+)?(?![\d.]*\d)"
_OF = rf"{_NUMBER}(?:\s*(?:/|of|out of)\s*\d{{1,3}})?"
# In words, the surest form first: "Score: 80", "80/100", "80 points", "score 80". A "key point 24" is none.
_SCORES = (
    lazy_pattern(
        rf"(?:score|points|mark|grade|rating|点数|得点|評価)[*_\s\"']{{0,4}}[:：=は][*_\s\"']{{0,4}}({_OF})",
        re.IGNORECASE,
    ),
    lazy_pattern(rf"(?<![\d.])({_NUMBER}\s*(?:/|out of)\s*\d{{1,3}})(?!\d)", re.IGNORECASE),
    lazy_pattern(rf"(?<![\d.])({_NUMBER})\s*(?:points?\b|点(?!目))", re.IGNORECASE),
    lazy_pattern(rf"(?:score|mark|grade|rating|点数|得点)[*_\s\"']{{0,4}}(?:of |is )?({_OF})", re.IGNORECASE),
)
_CHOICE = r"(?:the )?(?:answer |option |response )?(first|second|tied?|draw|equal|both|neither|same|a|b|1|2)(?: (?:answer|one|option|response))?"
_BETTER = lazy_pattern(
    rf"(?:better|winner|preferred|verdict|preference)[*_\s\"']{{0,4}}(?:[:：=]|is)[*_\s\"']{{0,4}}{_CHOICE}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_IS_BETTER = lazy_pattern(
    r"\b(?:the )?(?:answer |option |response )?(first|second|a|b|1|2)(?: (?:answer|one|option|response))? (?:is|was) (?:clearly |slightly |much |the )?(?:better|best|preferred|preferable)\b"
    r"|\b(?:the )?(first|second) (?:answer|one|option|response) wins\b"
    r"|\b(neither)(?: (?:answer|one|option|response|of them|of the two))? (?:is|was) (?:clearly |really |any )?(?:better|preferable)\b"
    r"|\b(both)(?: (?:answers|options|responses))? (?:are|were) equally (?:good|bad|right|wrong|correct)\b"
    r"|(どちら)の?(?:答え|回答|ほう|方)?(?:が|も)(?:良い|よい|優れている)とは(?:言|い)え(?:ない|ません)"
    r"|(第一|第二|一つ目|二つ目|1つ目|2つ目|最初|A|B)の?(?:答え|回答)?の?ほうが(?:より)?(?:良い|よい|優れ|正確)",
    re.IGNORECASE,
)
_WORDS = {
    "first": "first a 1 第一 第1 一つ目 1つ目 一番目 1番目 最初 前者",
    "second": "second b 2 第二 第2 二つ目 2つ目 二番目 2番目 後者",
    "tie": "tie tied draw equal both neither same 同じ 同等 同点 同程度 互角 引き分け 引分け 両方 どちらも どちら 優劣なし",
}
_JAPANESE_CHOICE = lazy_pattern(
    r"(?:答え|回答|解答|選択肢)?(第[一二12]|[一二12](?:つ目|番目)|最初|[前後]者|[ab12]|どちらも|(?:どちらも)?(?:同じ|同等|同点|同程度|互角|引き分け|引分け)|両方|優劣なし)"
    r"(?:の?(?:答え|回答|解答|ほう|方))?(?:です|である|だ)?"
)
_BARE_MARKS = " \t.。!！*_`#\"'“”‘’「」『』()（）[]【】<>"
_BETTER_WORDS = {word: better for better, words in _WORDS.items() for word in words.split()}
_SCORE_KEYS = "score points point mark grade rating 点数 得点 点 評価"
_BETTER_KEYS = "better winner preferred preference verdict"
_OUT_OF = lazy_pattern(
    r"(\d{1,3}(?:\.\d+)?)\s*(?:/|of|out of|点?中)\s*(\d{1,3})|(\d{1,3}(?:\.\d+)?)\s*(?:%|点|points?)?"
)


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
    score = _read_bare_score(text) if not _SCORES[0].search(text) else None  # surer than “2/3 of it” in the words
    if score is None:
        matches = (list(pattern.finditer(text)) for pattern in _SCORES)
        score = next((_parse_percent(found[-1][1]) for found in matches if found), None)
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
    if not match[2] and "." in match[0] and points <= 1 and "%" not in match[0]:
        whole = 1.0  # a share, such as 0.9
    return round(100 * points / whole) if 0 <= points <= whole and whole else None


def _read_bare_score(text: str) -> int | None:
    """The points of a reply whose first or last line is a number and nothing else; None where lines say different ones."""
    scores = {_parse_percent(line) for line in _iterate_bare_lines(text)} - {None}
    return scores.pop() if len(scores) == 1 else None


def _iterate_bare_lines(text: str) -> Iterator[str]:
    """The first and the last line, full-width letters as ASCII, without quotes, brackets and stops around them."""
    lines = [line for line in text.split("\n") if line.strip()]
    return (unicodedata.normalize("NFKC", line[:40]).strip(_BARE_MARKS) for line in (*lines[:1], *lines[-1:]))


def parse_preference(values: Sequence[object], text: str) -> Preference | None:
    """Parse which of two answers is better, in the JSON values of a reply, else in its text; None if neither says so."""
    for value in reversed([*judge_reasons.iterate_objects(values)]):
        chosen = (_read_choice(str(one)) for one in judge_reasons.get_by_names(value, _BETTER_KEYS))
        if better := next(filter(None, chosen), ""):
            return Preference(better, judge_reasons.get_reason(value)[: judge_reasons.MAX_REASON_CHARACTERS])
    labelled = _BETTER.search(text)
    said = {_read_choice(next(filter(None, match.groups()))) for match in _IS_BETTER.finditer(text)}
    bare = {choice for line in _iterate_bare_lines(text) if (choice := _read_choice(line))}
    said |= bare
    better = _read_choice(labelled[1]) if labelled else next(iter(said)) if len(said) == 1 else ""
    reason = judge_reasons.format_reason(text)[: judge_reasons.MAX_REASON_CHARACTERS]
    return Preference(better, reason) if better else None


def _read_choice(text: str) -> str:
    """'first', 'second' or 'tie' from what a judge calls it: "A", "the second answer", "２", 「同じ」; '' for another word."""
    word = unicodedata.normalize("NFKC", text[:60]).strip(_BARE_MARKS).lower()
    match = re.fullmatch(_CHOICE, word) or _JAPANESE_CHOICE.fullmatch(word)
    found = match[1] if match else word
    return _BETTER_WORDS.get(found) or _BETTER_WORDS.get(found.removeprefix("どちらも"), "")
