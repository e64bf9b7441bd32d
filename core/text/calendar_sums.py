"""Finds the months and dates of an answer that follow from given ones: two weeks after 25 March is 8 April."""

import calendar
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise

from core.lazy_loading import lazy_pattern
from core.text import clauses, quantities
from core.text.clauses import Figure
from core.text.english_calendar import MONTHS
from core.text.normalise import normalise

MAX_DATES = 6  # dates, and durations, that are added to each other
MAX_PREPOSITION_LENGTH = 12  # characters before “May” that show whether it is a month
MAX_CHARACTERS = 2000  # of a text that is read
COMMON_YEAR, LEAP_YEAR = 2023, 2024  # a date without a year may be of either
DAYS_OF_LEAP_YEAR = 366
MONTH_WORDS, DAY_WORDS = ("month", "months", "か月", "カ月", "ヶ月", "ヵ月"), ("day", "days", "日", "日間")

_MONTH_NUMBERS = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
# "March" and "May" are words, too: only with a capital letter, and "May" only beside a number or after a preposition.
_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS if name not in ("March", "May"))
_NAME = rf"(?P<name>(?i:{_NAMES}|sept)|March|MARCH|Mar|May)\b\.?"
_DAY = r"(?P<{0}>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_ENGLISH = (
    rf"(?:(?<![\d:.])\b{_DAY.format('before')}(?: of)? )?\b{_NAME}(?: (?:the )?{_DAY.format('after')}(?![\d:]|\.\d))?"
)
_JAPANESE = r"(?<![\d.])(?P<number>1[0-2]|0?[1-9])月(?:(?P<day>3[01]|[12]\d|0?[1-9])日)?(?!間)"
_DATE = lazy_pattern(rf"{_ENGLISH}|{_JAPANESE}")
_MAY_IS_A_MONTH = lazy_pattern(
    r"(?:\b(?:in|of|from|to|until|till|by|since|between|and|or|early|mid|late|before|after|during|through|is|for|next|last)[ -]|[–-] ?)$",
    re.IGNORECASE,
)
_UNTIL = lazy_pattern(
    r"\W*(?:st|nd|rd|th)?\W*(?:to|until|till|through|and|[-–—〜～~]|から|より)\W*(?:the |翌年?の?)?", re.IGNORECASE
)
_KANJI_NUMBER = lazy_pattern(
    r"(?<![一二三四五六七八九十百千])(十[一二]?|[一二三四五六七八九])(?=[かカヶヵ箇]?月(?!曜)|週|日間)"
)
_KANJI_VALUES = {
    kanji: number
    for number, kanji in enumerate(["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"], 1)
}
_ONE = lazy_pattern(r"(?<!half )\b(?:an?|one) (?=(?:day|week|month|year)\b)", re.IGNORECASE)
_MONTHS_LONG = lazy_pattern(r"(?<![\d.])(\d{1,3}) ?(?:months?|[かカヶヵ箇]月|(?P<year>years?|年間?(?!度)))")
_DAYS_LONG = lazy_pattern(r"(?<![\d.])(\d{1,3}) ?(?:days?|日間?|(?P<week>weeks?|週間?))")


@dataclass(frozen=True, slots=True)
class ExplainedDates:
    """What follows of an answer: the stems of English `names` of months, the numbers in its dates, and its durations."""

    names: frozenset[str] = frozenset()
    months: frozenset[float] = frozenset()
    days: frozenset[float] = frozenset()
    months_long: frozenset[float] = frozenset()
    days_long: frozenset[float] = frozenset()

    def explain(self, figure: Figure) -> bool:
        """Whether this figure is part of a date that follows, or the time between two given dates."""
        value, next = figure.values[0], figure.next
        if next in MONTH_WORDS:
            return value in self.months_long
        if next in DAY_WORDS and value in self.days_long:
            return True
        if next == "月":
            return value in self.months
        is_date = next in ("", "日", "st", "nd", "rd", "th", "of") or next[:3] in _MONTH_NUMBERS
        return is_date and value in self.days


NOTHING_EXPLAINED = ExplainedDates()


@dataclass(frozen=True, slots=True)
class DateOfYear:
    """A date without its year; `day` is 0 where only the month is given, `name` that of the month as English writes it."""

    month: int
    day: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Two dates with "to" or から between them, from the character `start` to `end` of a text; `link` is what joins them."""

    first: DateOfYear
    last: DateOfYear
    start: int
    end: int
    link: str

    def list_days(self) -> list[DateOfYear]:
        """Its days in order, both ends included, over the end of the year as well; none where an end does not exist."""
        try:
            first = date(LEAP_YEAR, self.first.month, self.first.day or 1)
            last_day = self.last.day or calendar.monthrange(LEAP_YEAR, self.last.month)[1]
            last = date(LEAP_YEAR, self.last.month, last_day)
        except ValueError:
            return []
        start = first.timetuple().tm_yday - 1
        places = (start + step for step in range((last - first).days % DAYS_OF_LEAP_YEAR + 1))
        days = (date(LEAP_YEAR, 1, 1) + timedelta(place % DAYS_OF_LEAP_YEAR) for place in places)
        return [DateOfYear(one.month, one.day) for one in days]


def find_explained_dates(answer: str, question: str, basis: Iterable[str]) -> ExplainedDates:
    """What follows of the dates in `answer`: a given date plus or minus one duration or two, or one within a given span.

    The end of a time of whole months may be the day before: from 1 April, six months last until 30 September.
    """
    texts = [question, *basis]
    given = [*dict.fromkeys(one for text in texts for one in _read_dates(text))][:MAX_DATES]
    if not given:
        return NOTHING_EXPLAINED
    spans = [span for text in texts for span in _read_spans(text)][:MAX_DATES]
    months, days = _read_durations(texts)
    reached = {other for one in given for other in _iterate_reached(one, months, days)} | {
        other for span in spans for other in _iterate_within(*span)
    }
    reached_months = {one.month for one in reached}
    said = [
        one
        for one in _read_dates(answer)
        if (DateOfYear(one.month, one.day) in reached if one.day else one.month in reached_months)
    ]
    return ExplainedDates(
        frozenset(clauses.stem(one.name.lower()) for one in said if one.name),
        frozenset(float(one.month) for one in said),
        frozenset(float(one.day) for one in said if one.day),
        frozenset(float(length) for span in spans for length in _count_months(*span)),
        frozenset(float(length) for span in spans for length in _count_days(*span)),
    )


def _iterate_matches(text: str) -> Iterator[re.Match[str]]:
    for match in _DATE.finditer(_write_digits(text)):
        before = match.string[max(0, match.start() - MAX_PREPOSITION_LENGTH) : match.start()]
        if match["name"] != "May" or match["before"] or match["after"] or _MAY_IS_A_MONTH.search(before):
            yield match


def _write_digits(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])
    return _KANJI_NUMBER.sub(lambda match: str(_KANJI_VALUES[match[1]]), plain)


def _read_dates(text: str) -> list[DateOfYear]:
    return [_read_date(match) for match in _iterate_matches(text)]


def _read_date(match: re.Match[str]) -> DateOfYear:
    if name := match["name"]:
        return DateOfYear(_MONTH_NUMBERS[name[:3].lower()], int(match["before"] or match["after"] or 0), name)
    return DateOfYear(int(match["number"]), int(match["day"] or 0))


def find_spans(text: str) -> Iterator[DateSpan]:
    """Yield each two dates of a text with "to", "and" or から between them; places are those of the text with digits for 十月."""
    for one, other in pairwise(_iterate_matches(text)):
        link = one.string[one.end() : other.start()]
        if _UNTIL.fullmatch(link):
            yield DateSpan(_read_date(one), _read_date(other), one.start(), other.end(), link)


def _read_spans(text: str) -> Iterator[tuple[DateOfYear, DateOfYear]]:
    return ((span.first, span.last) for span in find_spans(text))


def _read_durations(texts: Iterable[str]) -> tuple[list[int], list[int]]:
    """The durations of some texts in months, and in days, each also added to another one; dates are none."""
    months: dict[int, None] = {}
    days: dict[int, None] = {}
    for text in texts:
        plain = normalise(quantities.spell_out(_ONE.sub("1 ", _DATE.sub(" ; ", _write_digits(text)))))
        months |= {int(found[1]) * (12 if found["year"] else 1): None for found in _MONTHS_LONG.finditer(plain)}
        days |= {int(found[1]) * (7 if found["week"] else 1): None for found in _DAYS_LONG.finditer(plain)}
    return _add_sums([*months][:MAX_DATES]), _add_sums([*days][:MAX_DATES])


def _add_sums(lengths: list[int]) -> list[int]:
    return [*lengths, *(one + other for one, other in combinations(lengths, 2))]


def _iterate_reached(one: DateOfYear, months: Iterable[int], days: Iterable[int]) -> Iterator[DateOfYear]:
    yield DateOfYear(one.month, one.day)
    for length in months:
        for sign in (1, -1):
            month = (one.month - 1 + sign * length) % 12 + 1
            for day in _fit_into_month(month, one.day):
                yield DateOfYear(month, day)
                if day and sign > 0:
                    yield from _iterate_later(month, day, -1)
    for length in days:
        for sign in (1, -1):
            if one.day:
                yield from _iterate_later(one.month, one.day, sign * length)
            else:  # from any day of the month on
                yield from (
                    DateOfYear(later.month)
                    for day in (1, 28)
                    for later in _iterate_later(one.month, day, sign * length)
                )


def _fit_into_month(month: int, day: int) -> set[int]:
    """The day, or the last one of a month that has fewer: a month after 31 January is 28 or 29 February."""
    return {min(day, calendar.monthrange(year, month)[1]) for year in (COMMON_YEAR, LEAP_YEAR)}


def _iterate_later(month: int, day: int, days: int) -> Iterator[DateOfYear]:
    """Yield the dates so many days later, in a common and in a leap year; none where the date does not exist."""
    for year in (COMMON_YEAR, LEAP_YEAR):
        try:
            later = date(year, month, day) + timedelta(days)
        except ValueError:
            continue
        yield DateOfYear(later.month, later.day)


def _iterate_within(first: DateOfYear, last: DateOfYear) -> Iterator[DateOfYear]:
    """Yield the months from the first to the last date, and the days where both are dates with a day."""
    length = (last.month - first.month) % 12
    yield from (DateOfYear((first.month - 1 + step) % 12 + 1) for step in range(length + 1))
    if first.day and last.day:
        for step in range(max(_count_days(first, last), default=0)):
            yield from _iterate_later(first.month, first.day, step)


def _count_months(first: DateOfYear, last: DateOfYear) -> list[int]:
    """How many months are from the first to the last one, without and with the last one itself."""
    length = (last.month - first.month) % 12
    return [length, length + 1]


def _count_days(first: DateOfYear, last: DateOfYear) -> list[int]:
    """How many days are from the first to the last one, without and with the last one itself, by year."""
    if not (first.day and last.day):
        return []
    found = []
    for year in (COMMON_YEAR, LEAP_YEAR):
        try:
            start, end = date(year, first.month, first.day), date(year, last.month, last.day)
        except ValueError:
            continue
        length = (end - start).days % 365 if end < start else (end - start).days
        found += [length, length + 1]
    return found
