"""Chooses cases within and beyond a span of dates, days, times or ages, the ends among them. No words of a language."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.text.calendar_sums import DateOfYear, DateSpan

SHORTEST = 30  # minutes of a span of times that a time within it is chosen from
MARGIN_DAYS = 40  # days beyond a span of dates that are chosen from


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """Numbers from `low` to `high`, None where there is no limit; whether the ends belong to it."""

    low: Decimal | None = None
    high: Decimal | None = None
    has_low: bool = True
    has_high: bool = True

    def contains(self, value: Decimal) -> bool:
        """Whether a number is within it."""
        above = self.low is None or value > self.low or (value == self.low and self.has_low)
        return above and (self.high is None or value < self.high or (value == self.high and self.has_high))


def choose_date(span: DateSpan, fits: bool, dice: random.Random) -> DateOfYear | None:
    """A date with its day within the span, or up to `MARGIN_DAYS` before or after it; None where there is none."""
    inside = span.list_days()
    if not inside:
        return None
    if fits:
        return dice.choice((inside[0], inside[-1], *(dice.choice(inside) for _ in range(4))))
    year = DateSpan(DateOfYear(1, 1), DateOfYear(12, 31), 0, 0, "").list_days()
    start, stop = year.index(inside[0]), year.index(inside[-1])
    near = [year[(stop + step) % len(year)] for step in range(1, MARGIN_DAYS)]
    near += [year[(start - step) % len(year)] for step in range(1, MARGIN_DAYS)]
    within = set(inside)
    outside = [one for one in near if one not in within]
    return dice.choice(outside) if outside else None


def choose_time(first: int, last: int, fits: bool, dice: random.Random) -> int | None:
    """A time of day in minutes clearly within two times, or clearly before or after them; None where there is none."""
    if not 0 <= first < last <= 24 * 60 or last - first < SHORTEST:
        return None
    if fits:
        return dice.randrange(first + 15, last - 14, 15)
    near = [first - 60, first - 30, last + 15, last + 30, last + 60]
    outside = [one for one in near if 0 <= one < 24 * 60]
    return dice.choice(outside) if outside else None


def choose_number(span: NumberSpan, fits: bool, dice: random.Random, step: Decimal = Decimal(1)) -> Decimal | None:
    """A number above 0 within the span or beyond it, an end of it or one near it; None where there is none."""
    ends = [one for one in (span.low, span.high) if one is not None]
    near = [end + step * at for end in ends for at in (-3, -2, -1, 0, 1, 2, 3)]
    found = sorted({one for one in near if one > 0 and span.contains(one) is fits})
    return dice.choice(found) if found else None


def choose_other_day(days: Sequence[str], week: Sequence[str], fits: bool, dice: random.Random) -> str:
    """One of these days of the week, or another one; '' where there is none."""
    fitting = [one for one in week if (one in days) is fits]
    return dice.choice(fitting) if fitting else ""
