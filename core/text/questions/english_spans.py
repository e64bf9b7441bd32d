"""Questions whether a date, a day of the week, a time or an age is within what a statement gives from one end to the other.

“The mill is open from 3 March to 30 October.” → “Is the mill open on 12 April?”: the answer recites, then concludes.
"""

import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.lazy_loading import lazy_pattern
from core.text import calendar_sums
from core.text.calendar_sums import DateOfYear, DateSpan
from core.text.english_calendar import MONTHS, WEEKDAYS
from core.text.normalise import normalise
from core.text.quantities import spell_out
from core.text.questions.english_context import Told
from core.text.questions.english_turning import turn_to_question
from core.text.questions.english_words import CLOCK, WEEKDAY
from core.text.questions.shared_arithmetic import format_clock, parse_clock
from core.text.questions.shared_spans import NumberSpan, choose_date, choose_number, choose_other_day, choose_time
from core.text.stated_limits import find_bounds

_CLOCKS = lazy_pattern(
    rf"(?:\b(?:from|between) )?(?P<first>{CLOCK}) ?(?:to|until|till|and|[-–—]) ?(?P<last>{CLOCK})", re.IGNORECASE
)
_TO = "to|until|till|through|[-–—]"
_DAYS = lazy_pattern(
    rf"(?:,? ?\b(?:on|from|at|every|each) )?\b(?:(?P<first>{WEEKDAY}) ?(?:{_TO}) ?(?P<last>{WEEKDAY})|(?P<list>{WEEKDAY}(?:(?:, (?:and )?| and | or ){WEEKDAY})*)"
    r"|(?P<group>weekdays|weekends))(?: only)?",
    re.IGNORECASE,
)
_NOT_EVERY_WEEK = lazy_pattern(
    r"\b(?:first|second|third|fourth|last|next|this|one|other|before|until|by|previous|following|after)(?: the)? ?$",
    re.IGNORECASE,
)
_CONDITION = lazy_pattern(
    r"\b(?:except|unless|apart from|other than|but|if|when|while|holidays?|first|last|sometimes|usually|mostly|only when|provided)\b",
    re.IGNORECASE,
)
_AGES = lazy_pattern(
    r"\baged (?:(?P<between>(?:between )?(?P<low>\d+) ?(?:to|and|[-–]) ?(?P<high>\d+))|(?P<limit>(?:at least |from |under |over |up to )?\d+(?: (?:or|and) (?:over|older|more|under|younger|less))?))(?! ?(?:to|or|and|-|–))",
    re.IGNORECASE,
)
_DANGLING = lazy_pattern(r"(?:[ ,]+|\b(?:and|on|from|at|in|between)\b)+$")
_IS_FOR = lazy_pattern(
    r" (?P<be>is|are) (?:only |meant )?for (?P<who>(?:children|people|young people|visitors|guests|players|those|adults|anyone)) $"
)
_OPPOSITE = {"closed": "open", "shut": "open"}
_NEGATES = lazy_pattern(r"\b(?:not|never|cannot)\b|^(?:no|nobody)\b", re.IGNORECASE)
_NEGATES_A_PART = lazy_pattern(r"(?<!^)\b(?:no|nobody|nothing|none|neither|nor)\b", re.IGNORECASE)
_CLOSES = lazy_pattern(r"\b(?:closed|shut)\b", re.IGNORECASE)
_YEAR = lazy_pattern(r"\b(?:1\d|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class _Case:
    """What a question adds (“on 12 April”), why it fits or not, and whether it does."""

    said: str
    reason: str
    fits: bool


@dataclass(slots=True)
class _Spans:
    """The spans of one statement: of dates, and days of the week each with the times of day that belong to them."""

    dates: DateSpan | None
    groups: list[tuple[list[str], str, tuple[str, str] | None]]  # days, how they are written, first and last time
    base: str  # the statement without them


def ask_spans(told: Told, names: Collection[str], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield questions for a value within and one beyond the spans of a statement, each with its conclusion and form."""
    text = told.rest.strip()
    if told.cells or told.term or len(told.names) != 1 or _CONDITION.search(text.split(". ")[0]):
        return
    if _NEGATES_A_PART.search(text):
        return
    yield from _ask_ages(text, names, dice)
    spans = _read_spans(text)
    if spans is None:
        return
    question = turn_to_question(spans.base, told.clauses, [*names])
    if told.label and not question:
        return
    if not question or len(question.split()) > 12:
        return
    negates = _NEGATES.search(text) is not None
    is_unknown_beyond = negates or _CLOSES.search(text) is not None
    for fits in (True, False):
        case = _choose_case(spans, fits, dice)
        if case is not None and (fits or not is_unknown_beyond):
            verdict = "yes" if case.fits else "no"
            end = (
                f"So not {case.said}." if negates else _conclude(case, verdict)
            )  # “5 May is …” would affirm what is denied
            yield f"{question} {case.said}?", end, "span"
    closed = re.match(r"(?P<be>Is|Are) (?P<who>.+) (?P<state>closed|shut)$", question)
    if closed and (case := _choose_case(spans, True, dice)):
        yield f"{closed['be']} {closed['who']} {_OPPOSITE[closed['state']]} {case.said}?", _conclude(case, "no"), "span"


def _conclude(case: _Case, verdict: str) -> str:
    return f"{case.reason}, so {verdict}." if case.reason else f"So {verdict}."


def _read_spans(text: str) -> _Spans | None:
    """The spans of a statement; None where there are none, or where it is not certain what belongs together."""
    if re.search(r"[.;:!?] ", text) or _YEAR.search(text):
        return None
    dates = [one for one in calendar_sums.find_spans(text) if _is_span(one, text)]
    clocks = [*_CLOCKS.finditer(text)]
    days = [
        one
        for one in _DAYS.finditer(text)
        if not _NOT_EVERY_WEEK.search(text[: one.start()])
        and not re.match(r" (?:of|in|before|after) ", text[one.end() :])
    ]
    if len(dates) > 1 or not (dates or clocks or days) or (len(clocks) > 1 and len(clocks) != len(days)):
        return None
    if len(days) > 1 and len(clocks) != len(days):
        return None
    spots = [(one.start, one.end) for one in dates] + [one.span() for one in (*clocks, *days)]
    base = text.rstrip(".!")
    for start, end in sorted(spots, reverse=True):
        base = re.sub(r"(?:,|\b(?:from|between))? ?$", " ", base[:start]) + base[end:]
    base = _DANGLING.sub("", re.sub(r"\s+", " ", base)).strip()
    rest = re.sub(r"^\S+ \S+", "", base)
    left = re.search(
        rf"{CLOCK}|\b{WEEKDAY}\b|,| and | but |\b(?:{'|'.join(one for one in MONTHS if one != 'May')})\b", rest
    )
    if left or re.search(r"\b(?:opening times|hours|season|period)\b", base):
        return None
    groups = [
        (_list_days(one), one[0].strip(" ,"), _read_times(clocks[at]) if clocks else None)
        for at, one in enumerate(days)
    ] or [([], "", _read_times(one)) for one in clocks]
    return _Spans(dates[0] if dates else None, groups, base)


def _is_span(span: DateSpan, text: str) -> bool:
    return span.link.strip(" ,").lower() != "and" or text[: span.start].lower().endswith("between ")


def _read_times(found: re.Match[str]) -> tuple[str, str]:
    return found["first"].rstrip("."), found["last"].rstrip(".")


def _list_days(found: re.Match[str]) -> list[str]:
    if found["group"]:
        return [*(WEEKDAYS[:5] if found["group"].lower() == "weekdays" else WEEKDAYS[5:])]
    if found["list"]:
        return [day for day in WEEKDAYS if day.lower() in found["list"].lower()]
    first, last = (
        next(at for at, day in enumerate(WEEKDAYS) if found[end].lower().startswith(day.lower()))
        for end in ("first", "last")
    )
    return [WEEKDAYS[(first + step) % 7] for step in range((last - first) % 7 + 1)]


def _choose_case(spans: _Spans, fits: bool, dice: random.Random) -> _Case | None:
    """A case that all spans fit, or one of them does not."""
    parts: list[_Case] = []
    wrong = "" if fits else dice.choice([*(["date"] if spans.dates else []), *(["group"] if spans.groups else [])])
    if spans.groups:
        case = _choose_of_groups(spans, wrong != "group", dice)
        if case is None:
            return None
        parts.append(case)
    if spans.dates:
        date = choose_date(spans.dates, wrong != "date", dice)
        if date is None:
            return None
        said = _say_date(spans.dates, date, wrong != "date", bool(spans.groups), dice)
        if said is None:
            return None
        parts.append(said)
    reasons = [one.reason for one in parts if one.fits is fits and one.reason]
    return _Case(" ".join(one.said for one in parts), ", and ".join(reasons), fits)


def _choose_of_groups(spans: _Spans, fits: bool, dice: random.Random) -> _Case | None:
    days, written, times = dice.choice(spans.groups)
    if not days and times:
        return _say_time(times, fits, dice)
    others = {day for group in spans.groups for day in group[0]}
    by_time = bool(times) and (len(others) == 7 or dice.random() < 0.5) and not fits
    day = choose_other_day(days if fits or by_time else [*others], WEEKDAYS, fits or by_time, dice)
    if not day:
        return None
    if not (fits or by_time):
        within = _within(written) if len(spans.groups) == 1 else "one of these days"
        return _Case(f"on a {day}", f"{day} is not {within}", False)
    reason = f"{day} is {_within(written)}" if len(days) > 1 else ""
    if not times:
        return _Case(f"on a {day}", reason, True)
    time = _say_time(times, fits, dice)
    if time is None:
        return None
    return _Case(f"on a {day} {time.said}", f"On a {day}, {time.reason}", fits)


def _within(days: str) -> str:
    """“Monday to Friday” as what a day is within: “between Monday and Friday”."""
    plain = re.sub(r"^(?:on|from|at|every|each) | only$", "", days)
    span = re.fullmatch(rf"({WEEKDAY}) ?(?:{_TO}) ?({WEEKDAY})", plain, re.IGNORECASE)
    if span:
        return f"between {span[1]} and {span[2]}"
    if plain.lower() in ("weekdays", "weekends"):
        return "a weekday" if plain.lower() == "weekdays" else "at the weekend"
    return "one of these days" if re.search(r",| and | or ", plain) else f"a {plain.removesuffix('s')}"


def _say_time(times: tuple[str, str], fits: bool, dice: random.Random) -> _Case | None:
    first, last = (_parse_time(one) for one in times)
    if first is None or last is None or (time := choose_time(first, last, fits, dice)) is None:
        return None
    return _Case(
        f"at {format_clock(time)}",
        f"{format_clock(time)} is {'' if fits else 'not '}between {times[0]} and {times[1]}",
        fits,
    )


def _parse_time(text: str) -> int | None:
    """The minutes since midnight of “9:30”, “2 pm” or “noon”."""
    named = {"noon": 12 * 60, "midday": 12 * 60, "midnight": 24 * 60}
    half = re.fullmatch(r"(\d{1,2})(?:[:.](\d\d))? ?([ap])\.?m\.?", text.lower())
    if half and 1 <= int(half[1]) <= 12:
        return (int(half[1]) % 12 + (12 if half[3] == "p" else 0)) * 60 + int(half[2] or 0)
    return named.get(text.lower(), parse_clock(text))


def _say_date(span: DateSpan, date: DateOfYear, fits: bool, with_day: bool, dice: random.Random) -> _Case | None:
    month = MONTHS[date.month - 1]
    first, last = (_write(one) for one in (span.first, span.last))
    inside = {(one.month, one.day) for one in span.list_days()}
    days = DateSpan(DateOfYear(date.month), DateOfYear(date.month), 0, 0, "").list_days()
    whole = all(((one.month, one.day) in inside) is fits for one in days)
    if whole and (with_day or not (span.first.day or span.last.day) or dice.random() < 0.3):
        said, name = f"in {month}", month
    elif with_day:
        return None
    else:
        said, name = f"on {date.day} {month}", f"{date.day} {month}"
    return _Case(said, f"{name} is {'' if fits else 'not '}between {first} and {last}", fits)


def _write(date: DateOfYear) -> str:
    return f"{date.day} {MONTHS[date.month - 1]}" if date.day else MONTHS[date.month - 1]


def _ask_ages(text: str, names: Collection[str], dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield questions for somebody of an age, of a statement about all of an age or about what is for them."""
    found = [*_AGES.finditer(text)]
    if len(found) != 1 or re.search(r"\bnot\b|[;:]|\. ", text):
        return
    span, within, beyond = _read_ages(found[0])
    if span is None:
        return
    before, after = text[: found[0].start()], text[found[0].end() :].rstrip(".!")
    is_for = _IS_FOR.search(before)
    for fits in (True, False):
        age = choose_number(span, fits, dice)
        if age is None or age > 90:
            continue
        who = f"My child is {age}." if age < 14 else dice.choice((f"I am {age}.", f"My friend is {age}."))
        it = "my child" if age < 14 else "I" if who.startswith("I ") else "my friend"
        reason = f"{age} is {within if fits else beyond}"
        if is_for and not after.strip():
            subject = before[: is_for.start()]
            question = turn_to_question(f"{subject} {is_for['be']} for", (), [*names])
            if question:
                me = "me" if it == "I" else "them"
                yield f"{who} {question} {me}?", f"{reason}, so {'yes' if fits else 'no'}.", "span"
        elif fits and re.fullmatch(r"(?:Children|People|Young people|Visitors|Guests|Players|Members|Pupils) ", before):
            question = turn_to_question(f"They{after}", (), ["They"]).replace(" They", " they")
            if question and not re.search(r"\b(?:their|them|they .*they)\b", question):
                yield f"{who} {_for_one(question, it)}?", f"{reason}, so yes.", "span"


def _for_one(question: str, it: str) -> str:
    """A question about them, asked about one: “Are they allowed” → “Is my child allowed”."""
    helper = question.split(" ")[0]
    one = {"Are": "Am" if it == "I" else "Is", "Do": "Do" if it == "I" else "Does", "Were": "Was"}.get(helper, helper)
    return re.sub(r"^\w+ they\b", f"{one} {it}", question)


def _read_ages(found: re.Match[str]) -> tuple[NumberSpan | None, str, str]:
    """The ages, and how a conclusion says that one is within or beyond them."""
    if found["between"]:
        low, high = Decimal(found["low"]), Decimal(found["high"])
        between = f"between {low} and {high}"
        return (NumberSpan(low, high) if low < high else None), between, f"not {between}"
    bounds = [*find_bounds(normalise(spell_out(found["limit"])))]
    if len(bounds) != 1:
        return None, "", ""
    bound = bounds[0]
    value = Decimal(str(bound.value)).normalize()
    if bound.is_upper:
        words = ("at most", "more than") if bound.is_inclusive else ("less than", "not less than")
        return NumberSpan(high=value, has_high=bound.is_inclusive), f"{words[0]} {value:f}", f"{words[1]} {value:f}"
    words = ("at least", "less than") if bound.is_inclusive else ("more than", "not more than")
    return NumberSpan(low=value, has_low=bound.is_inclusive), f"{words[0]} {value:f}", f"{words[1]} {value:f}"
