"""Normalises texts for comparison, and marks an answer offline by its key points."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TypeVar

from core.lazy_loading import lazy_pattern

T = TypeVar("T")

CACHED_TEXTS, CACHED_LENGTH = 512, 2000  # how many results are kept, and of texts of at most so many characters

NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = {word: 10 * tens for tens, word in enumerate(TENS_WORDS.split(), 2)}
ONES = {word: value for value, word in enumerate(NUMBER_WORDS.split()) if value < 10}
WORD_VALUES = {word: value for value, word in enumerate(NUMBER_WORDS.split())} | TENS
WORD_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}

KANJI_DIGITS = "〇一二三四五六七八九"
KANJI_SCALES = {"十": 10, "百": 100, "千": 1000}
KANJI_MYRIADS = {"万": 10_000, "億": 100_000_000}
KANA_COUNTS = {"ひとつ": "1つ", "ふたつ": "2つ", "みっつ": "3つ", "よっつ": "4つ", "ひとり": "1人", "ふたり": "2人"}
# A single kanji numeral is a number only before one of these: 三人 is one, 三角 and 一緒 are words.
COUNTERS = (
    "人|名|分(?!の)|秒|点|個|本|回|枚|歩|球|つ|度|階|歳|才|円|年|日|チーム|審判|ボール|ゴール|試合|セット|ハーフ|"
    "反則|種類|時間|メートル|センチ|ミリ|キロ|m|cm|mm|km|kg"
)

UNITS = {
    "metre": "metres?|meters?",
    "centimetre": "centimetres?|centimeters?",
    "millimetre": "millimetres?|millimeters?",
    "kilometre": "kilometres?|kilometers?",
    "minute": "minutes?",
    "second": "seconds?|secs?",
    "hour": "hours?",
}
KANA_UNITS = {"キロメートル": "kilometre", "ミリメートル": "millimetre", "センチメートル": "centimetre"} | {
    "センチ": "centimetre",
    "メートル": "metre",
}
# Too short to be a unit in the middle of a text, unless a number is before it.
SHORT_UNITS = {"m": "metre", "cm": "centimetre", "mm": "millimetre", "km": "kilometre"} | {
    "min": "minute", "mins": "minute", "分": "minute", "s": "second", "秒": "second",
    "h": "hour", "hr": "hour", "hrs": "hour", "時間": "hour",
}  # fmt: skip

_LATIN = "a-zß-öø-ÿā-ž"
_CJK = "\u3005-\u3007\u3041-\u30ff\u3400-\u9fff"
_SCALE = f"(?:{'|'.join(WORD_SCALES)})"
_WORD = f"(?:{'|'.join([*WORD_VALUES, *WORD_SCALES])})"
_NUMBER_PART = rf"(?:{_SCALE} and(?= {_WORD}(?![{_LATIN}]))|{_WORD})"
# Runs are bounded: no answer can make a number too long to write.
_NUMBER_IN_WORDS = lazy_pattern(
    rf"(?<![{_LATIN}])(?:(?P<pronoun>(?:no|any|every|some|which|first|second|last|next|other)[ -]one|one another)"
    rf"|(?:a (?={_SCALE}))?{_NUMBER_PART}(?:[ -]+{_NUMBER_PART}){{0,20}})(?![{_LATIN}])"
)
_SCALED_DIGITS = lazy_pattern(rf"(?<![\d.])(\d{{1,15}}) ({_SCALE})(?![{_LATIN}])")
_KANJI = f"[{KANJI_DIGITS}{''.join(KANJI_SCALES)}{''.join(KANJI_MYRIADS)}]"
_NUMBER_IN_KANJI = lazy_pattern(rf"(?<![\d.第数何幾])\d{{0,15}}{_KANJI}(?:\d|{_KANJI}){{0,20}}")
_SCALE_KANJI = {*KANJI_SCALES, *KANJI_MYRIADS}
_COUNTER = lazy_pattern(rf" ?(?:{COUNTERS})")
# 十分 is "enough" more often than ten minutes, unless the words beside it speak of time.
_TIME_BEFORE = lazy_pattern(r"(?:各|約|前半|後半|ハーフ)(?:それぞれ|とも|[はがもで、])*$")
TIME_WORD_DISTANCE = 20  # characters before a number that are searched for words of time
_TIME_AFTER = lazy_pattern(r"分(?:間|ずつ|ハーフ|以内|以下|未満|経|後|前|休|制)")
_LONG_UNIT = lazy_pattern(
    "|".join(rf"(?<![{_LATIN}])(?P<{unit}>{words})(?![{_LATIN}])" for unit, words in UNITS.items())
)
_KANA_UNIT = lazy_pattern(rf"(?:{'|'.join(KANA_UNITS)})(?!メン)")
_SHORT_UNIT = lazy_pattern(
    rf"(?<=\d) ?({'|'.join(sorted(SHORT_UNITS, key=len, reverse=True))})(?![{_LATIN}]|の[\d{KANJI_DIGITS}])"
)
MINUS = "\u2212"
# Not in a range, a date or a name such as A-3, nor in a sum.
_BELOW_ZERO = lazy_pattern(
    rf"(?<![\d{_LATIN}.,)\]])(?<!\d )(?:[-\u2010-\u2013{MINUS}]|(?:minus|negative|マイナス|氷点下|零下) ?)(?=\d)"
)
_PUNCTUATION = lazy_pattern(rf"[^\w\s./{MINUS}]|_|{MINUS}(?!\d)|(?<=\d){MINUS}|(?<!\d)[./]|[./](?!\d)")
_TOKEN = lazy_pattern(rf"(?P<word>[{_LATIN}]+)|(?P<number>{MINUS}?\d+(?:[./]\d+)*)|.")


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """One thing an answer must say (any of `alternatives`) or, where `forbidden`, must not say."""

    text: str
    alternatives: tuple[str, ...]
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Grade:
    """The marks of an answer: `score` is the share (0 to 1) of points met; `points` each point's text and whether met."""

    score: float
    passed: bool
    points: list[tuple[str, bool]]


def grade(answer: str, key_points: str) -> Grade:
    """Mark `answer` against `key_points` (see `parse_key_points`). An empty answer never passes, nor one without points.

    A number counts as a whole number only (2 is not in 20; -2 is not in 2), a Latin word as a whole word (with or without a plural
    s), Japanese wherever it occurs.
    """
    text = normalise(answer)
    points = [(point.text, bool(text) and _is_met(point, text)) for point in parse_key_points(key_points)]
    met = sum(ok for _, ok in points)
    return Grade(met / len(points) if points else 0.0, bool(points) and met == len(points), points)


def parse_key_points(key_points: str) -> list[KeyPoint]:
    """Parse `3 ; team|side ; !five`: points separated by `;` or a line break, alternatives by `|`; `!` forbids.

    The characters may be full-width, as a Japanese keyboard types them. Points without content are left out.
    """
    parts = re.split(r"[;\n]", unicodedata.normalize("NFKC", key_points))
    points = [_parse_key_point(part.strip()) for part in parts]
    return [point for point in points if point.alternatives]


def cache_short_texts(function: Callable[[str], T]) -> Callable[[str], T]:
    """Keep the results of the last short texts: marking an answer asks for the same ones again and again."""
    cached = lru_cache(CACHED_TEXTS)(function)

    @wraps(function)
    def call(text: str) -> T:
        return cached(text) if len(text) <= CACHED_LENGTH else function(text)

    return call


@cache_short_texts
def normalise(text: str) -> str:
    """`text` without differences that do not change an answer: width, case, punctuation, spelling of numbers and units.

    Numbers in words or kanji become digits (`twenty-five` 25, `三人` 3人; ordinals stay), units one English word
    (`10m`, `十メートル`: `10 metre`). Only for comparing two texts that are both normalised.
    """
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2044", "/")
    text = re.sub(r"['’‘`]", "", text)
    text = _BELOW_ZERO.sub(MINUS, _convert_numbers(re.sub(r"\s+", " ", text).strip()))
    text = re.sub(r"\s+", " ", _convert_units(_PUNCTUATION.sub(" ", text)))
    return re.sub(rf"(?<=[{_CJK}]) | (?=[{_CJK}])", "", text).strip()


def _parse_key_point(text: str) -> KeyPoint:
    forbidden = text.startswith("!")
    alternatives = tuple(filter(None, (normalise(part) for part in text.removeprefix("!").split("|"))))
    return KeyPoint(text, alternatives, forbidden)


def _is_met(point: KeyPoint, text: str) -> bool:
    occurs = any(re.search(build_pattern(alternative), text) for alternative in point.alternatives)
    return occurs is not point.forbidden


def build_pattern(alternative: str, inflected: bool = False) -> str:
    """A regular expression for a normalised alternative in a normalised text; `inflected` allows verbs their endings."""
    return "".join(_build_token_pattern(token, inflected) for token in _TOKEN.finditer(alternative))


def _build_token_pattern(token: re.Match[str], inflected: bool) -> str:
    text = token[0]
    if token["number"]:
        return rf"(?<!\d)(?<!\d[./]){re.escape(text)}(?![./]?\d|(?:st|nd|rd|th)(?![{_LATIN}]))"
    if not token["word"]:
        return re.escape(text)
    if len(text) > 3 and text.endswith("s") and not text.endswith("ss"):
        text = text[:-1]
    ending = "(?:e?s)?" if len(text) > 2 else ""
    if inflected and len(text) > 3:
        text, ending = _build_inflection_pattern(text)
    return rf"(?<![{_LATIN}]){text}{ending}(?![{_LATIN}])"


def _build_inflection_pattern(word: str) -> tuple[str, str]:
    """The stem of an English word, and a pattern for its endings: leave, leaves, leaving; grab, grabbed."""
    if word.endswith("e"):
        return word[:-1], "(?:e[sd]?|ing)"
    if word.endswith("y"):
        return word[:-1], "(?:ys?|ies|ied|yed|ying)"
    return word, f"(?:e?s|{word[-1]}?(?:ed|ing))?"


def _convert_numbers(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)\.0+(?![\d.])", "", text)
    text = re.sub(r"(?<=\d)(m|cm)?x(?=\d)", r"\1 x ", text)
    text = _SCALED_DIGITS.sub(lambda found: str(int(found[1]) * WORD_SCALES[found[2]]), text)
    text = _NUMBER_IN_WORDS.sub(_convert_number_words, text)
    for kana, digits in KANA_COUNTS.items():
        text = text.replace(kana, digits)
    return _NUMBER_IN_KANJI.sub(_convert_kanji_number, text)


def _convert_number_words(match: re.Match[str]) -> str:
    if match["pronoun"]:
        return match[0]
    numbers: list[int] = []
    last = ""
    for word in re.findall("[a-z]{3,}", match[0].replace(" and ", " ")):
        if not (last in WORD_SCALES or (word in WORD_SCALES and last) or (last in TENS and word in ONES)):
            numbers.append(0)
        numbers[-1] = _extend_number(numbers[-1], word)
        last = word
    return " ".join(map(str, numbers))


def _extend_number(number: int, word: str) -> int:
    """`number` with one more number word: 20 and `five` is 25, 2003 and `hundred` is 2300."""
    if word in WORD_VALUES:
        return number + WORD_VALUES[word]
    scale = WORD_SCALES[word]
    scaled = number % scale
    return number - scaled + max(scaled, 1) * scale


def _convert_kanji_number(match: re.Match[str]) -> str:
    run, text = match[0], match.string
    counted = _COUNTER.match(text, match.end()) is not None or run == text
    if run == "十" and text.startswith("分", match.end()):
        speaks_of_time = _TIME_BEFORE.search(
            text, max(0, match.start() - TIME_WORD_DISTANCE), match.start()
        ) or _TIME_AFTER.match(text, match.end())
        return "10" if speaks_of_time else run
    if run == "一" and text.startswith("度", match.end()):
        return run
    is_compound = len(run) > 1 and run[0] not in KANJI_MYRIADS and bool(set(run) & _SCALE_KANJI)
    return str(_compute_kanji_value(run)) if counted or is_compound else run


def _compute_kanji_value(run: str) -> int:
    total = section = number = 0
    for char in run:
        if char in KANJI_SCALES:
            section, number = section + (number or 1) * KANJI_SCALES[char], 0
        elif char in KANJI_MYRIADS:
            total, section, number = total + (section + number or 1) * KANJI_MYRIADS[char], 0, 0
        else:
            number = 10 * number + (KANJI_DIGITS.index(char) if char in KANJI_DIGITS else int(char))
    return total + section + number


def _convert_units(text: str) -> str:
    text = _LONG_UNIT.sub(lambda found: f" {found.lastgroup} ", text)
    text = _KANA_UNIT.sub(lambda found: f" {KANA_UNITS[found[0]]} ", text)
    if (alone := text.strip()) in SHORT_UNITS:
        return SHORT_UNITS[alone]
    return _SHORT_UNIT.sub(lambda found: f" {SHORT_UNITS[found[1]]} ", text)
