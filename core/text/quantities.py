"""Normalises quantities, so that 6 km and 六キロ, ¥1,200 and 1200円, 6 p.m. and 18:00 are equal."""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction

from core.lazy_loading import lazy_pattern
from core.text.normalise import cache_short_texts, normalise

# A unit as it is written here: the words for it, what it measures, and how many of the smallest such unit it is.
_UNITS = {
    "millimetre": ("", "length", 1),
    "centimetre": ("", "length", 10),
    "metre": ("", "length", 1000),
    "kilometre": ("", "length", 1_000_000),
    "second": ("", "time", 1),
    "minute": ("", "time", 60),
    "hour": ("", "time", 3600),
    "day": ("days|日間", "time", 86_400),
    "week": ("weeks|週間", "time", 604_800),
    "gram": ("grams?|grammes?|g|グラム", "mass", 1),
    "kilogram": ("kilograms?|kilogrammes?|kilos?|kgs?|キログラム", "mass", 1000),
    "tonne": ("tonnes?|トン", "mass", 1_000_000),
    "millilitre": ("millilit(?:re|er)s?|ml|ミリリットル", "volume", 1),
    "litre": ("lit(?:re|er)s?|l|リットル", "volume", 1000),
    "month": ("months|[かカヶヵ箇]月", "months", 1),
    "year": ("years|年間", "months", 12),
    "percent": ("percents?|per cent|pct|パーセント", "", 1),
    "yen": ("yens?|jpy|円", "", 1),
    "dollar": ("dollars?|usd|ドル", "", 1),
    "euro": ("euros?|eur|ユーロ", "", 1),
    "pound": ("pounds?|gbp|ポンド", "", 1),
    "cent": ("cents|pence|p|セント", "", 1),
    "point": ("points?|pts?|ポイント|点", "", 1),
}
_SMALLEST = {"length": "millimetre", "time": "second", "mass": "gram", "volume": "millilitre", "months": "month"}
_MONEY = {"¥": "yen", "$": "dollar", "€": "euro", "£": "pound"} | dict.fromkeys(("jpy", "yen"), "yen")
_MONEY |= {"usd": "dollar", "eur": "euro"}

_SYMBOL_WORDS = [
    (lazy_pattern(r"(\d)\s*[-–—~〜]\s*(?=\d)"), r"\1 to "),
    (lazy_pattern(r"(\d)\s*[×✕]\s*(?=\d)"), r"\1 x "),
    (lazy_pattern(r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])"), r"\1時\2分 "),
    (lazy_pattern(r"\b([ap])\.\s?m\b\.?"), r"\1m"),
    (lazy_pattern(r"\bhalf (?:past|after) (?=\w)"), "half past "),
    (lazy_pattern(r"\b(?:a )?quarter (?=past|to|after)"), "15 "),
    (lazy_pattern(r"\bhalf an hour\b|(?<!\d)半時間"), "30 minutes"),
    (lazy_pattern(r"\b(?:a )?quarter of an hour\b"), "15 minutes"),
    (lazy_pattern(r"\bhalf a year\b|半年"), " 6 months "),
    (lazy_pattern(r"\ba fortnight\b"), "14 days"),
    (lazy_pattern(r"\btwo[ -]thirds\b"), "2/3"),
    (lazy_pattern(r"\b(?:a|one)[ -]third(?=\s*(?:of|less|more|off|cheaper|[.,;]|$))"), "1/3"),
    (lazy_pattern(r"%"), " percent "),
    (lazy_pattern(r"(?<=[\w ])=(?=[\w ])"), " equals "),
]
_CURRENCY_AMOUNT = lazy_pattern(r"([¥$€£]|\b(?:jpy|yen|usd|eur)\b)\s*(\d[\d,]*(?:\.\d+)?)")
_TENTHS = lazy_pattern(r"([一二三四五六七八九\d])割(?:([一二三四五六七八九\d])分)?")
_HOUR = lazy_pattern(r"[一二三四五六七八九十]{1,3}(?=時(?![間代期折速点]))")
_DIGITS = {char: str(value) for value, char in enumerate("〇一二三四五六七八九")}

_NUMBER = r"(?<![\d.])\d{1,15}(?:\.\d{1,9})?"
_WORDS = lazy_pattern(
    rf"({_NUMBER}) ?(?:{'|'.join(f'(?P<{unit}>{words})' for unit, (words, *_rest) in _UNITS.items() if words)})(?![a-z])"
)
_KILO = lazy_pattern(rf"({_NUMBER}) ?キロ(?![\u30a1-\u30fc])")
_RATE = lazy_pattern(
    rf"(?P<number>{_NUMBER}) [a-z]+s? (?:an?|per|each|every) (?P<time>second|minute|hour|day|week|month|year)\b"
)
_ALL = "|".join(_UNITS)
QUANTITY = lazy_pattern(rf"({_NUMBER}) ({_ALL})s?(?![a-z])")
_COMPOUND = lazy_pattern(
    rf"({_NUMBER}) (hour|minute|kilometre|metre)s? ?(?:and |と)?({_NUMBER}) (minute|second|metre|centimetre)"
)
_SIDES = lazy_pattern(rf"({_NUMBER}) (?:x |by )({_NUMBER}) ({_ALL})(?![a-z])")
_PAST = lazy_pattern(
    r"(?<![\w.])(?:(?P<half>half)|(?P<minutes>\d{1,2})(?: minutes?)?) (?P<side>past|to|after) (?P<hour>\d{1,2})(?![\w.]| \d| ?percent)"
)
_CLOCK = lazy_pattern(
    r"(?:(?P<early>午前|朝|早朝)|(?P<late>午後|夕方|夜|晩))?の?(?<![\d.])(?P<hour>\d{1,2})"
    r"(?:時(?!間)(?:(?P<half>半)|(?P<minute>\d{1,2}) minute)?| ?o ?clock|(?= ?[ap]m(?![a-z])| (?:in the (?:morning|afternoon|evening)|at night)\b))"
    r"(?: ?(?P<am>am(?![a-z])|in the morning)| ?(?P<pm>pm(?![a-z])|in the (?:afternoon|evening)|at night))?"
)


@cache_short_texts
def spell_out(text: str) -> str:
    """`text`, before it is normalised, with words for the characters that normalising would remove: %, ¥, 18:00, 3–5."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _CURRENCY_AMOUNT.sub(lambda found: f"{found[2]} {_MONEY[found[1]]} ", text)
    text = _TENTHS.sub(lambda found: f"{_convert_digit(found[1])}{_convert_digit(found[2])} percent ", text)
    text = _HOUR.sub(lambda found: normalise(f"{found[0]}人").removesuffix("人"), text)
    for pattern, words in _SYMBOL_WORDS:
        text = pattern.sub(words, text)
    return text


def normalise_quantities(normal: str, kilo: str = "kilogram") -> str:
    """A normalised text with every quantity as `number unit` in English words; キロ alone is a `kilo`."""
    text = _CLOCK.sub(_format_clock, _PAST.sub(_format_past, normal))
    text = _KILO.sub(rf"\1 {kilo} ", text)
    text = _WORDS.sub(lambda found: f"{found[1]} {found.lastgroup} ", text)
    text = _SIDES.sub(r"\1 \3 x \2 \3", text)
    return re.sub(" {2,}", " ", _COMPOUND.sub(_add_compound, text)).strip()


def convert_to_smallest_unit(text: str) -> str:
    """The result of `normalise_quantities` with all quantities in the smallest unit: 6 kilometre is 6000000 millimetre."""
    return QUANTITY.sub(_convert_quantity, text)


def find_quantities(text: str) -> Iterator[tuple[str, str]]:
    """Yield the numbers and their units in the result of `normalise_quantities`."""
    return ((found[1], found[2]) for found in QUANTITY.finditer(text))


def find_other_rate(text: str, other: str) -> str:
    """The rate of `other` that has the number of a rate of `text`, but for another time: "10 pounds a month", not "a year"."""
    rates = {number: time for number, time, _words in _find_rates(text)}
    return next((words for number, time, words in _find_rates(other) if rates.get(number, time) != time), "")


@cache_short_texts
def _find_rates(text: str) -> tuple[tuple[str, str, str], ...]:
    """The number, the time and the words of each rate of a text."""
    normal = normalise_quantities(normalise(spell_out(text)))
    return tuple((match["number"], match["time"], match[0]) for match in _RATE.finditer(normal))


def _convert_digit(char: str | None) -> str:
    return _DIGITS.get(char, char) if char else "0"


def _format_past(match: re.Match[str]) -> str:
    """The hour and the minutes of "half past three" and "quarter to nine"; a range ("3 to 5") is no time."""
    hour, minute = int(match["hour"]), 30 if match["half"] else int(match["minutes"])
    if hour > 12 or minute > 59 or (match["side"] == "to" and minute not in (5, 10, 15, 20, 25)):
        return match[0]
    if match["side"] == "to":
        hour, minute = (hour - 1) or 12, 60 - minute
    return f"{hour}時{minute} minute"


def _format_clock(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), match["minute"] or ("30" if match["half"] else "0")
    late = match["late"] or match["pm"]
    if hour > 24 or int(minute) > 59:
        return match[0]
    if late and hour < 12:
        hour += 12
    elif (match["early"] or match["am"]) and hour == 12:
        hour = 0
    return f" {hour}h{int(minute):02} "


def _add_compound(match: re.Match[str]) -> str:
    (_words, large, size), (_more, small, least) = _UNITS[match[2]], _UNITS[match[4]]
    if large != small or size <= least:
        return match[0]
    return f"{_format_fraction(Fraction(match[1]) * size / least + Fraction(match[3]))} {match[4]}"


def _convert_quantity(match: re.Match[str]) -> str:
    _words, measure, size = _UNITS[match[2]]
    return f"{_format_fraction(Fraction(match[1]) * size)} {_SMALLEST[measure]}" if measure else match[0]


def _format_fraction(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6f}".rstrip("0")
