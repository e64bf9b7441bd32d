"""Sums for rows that apply a statement: amounts, limits, clock times, percentages. No words of a language."""

import random
from decimal import Decimal

MINUTES_OF_A_DAY = 24 * 60


def parse_number(digits: str) -> Decimal | None:
    """The value of “1,200” or “1.40”; none for what is no plain number."""
    plain = digits.replace(",", "")
    try:
        value = Decimal(plain)
    except ArithmeticError:
        return None
    return value if value.is_finite() else None


def format_number(value: Decimal, grouped: bool = False) -> str:
    """The number as people write it: no needless zeros, two decimals where it has any."""
    if value == value.to_integral_value():
        return f"{int(value):,}" if grouped else str(int(value))
    text = f"{value:,.2f}" if grouped else f"{value:.2f}"
    return text if value == Decimal(text.replace(",", "")) else f"{value.normalize():f}"


def choose_count(dice: random.Random, step: int = 1, most: int = 6) -> int:
    """A count of at least two steps, such as 3 days, or 30 panes in steps of ten."""
    return step * dice.randint(2, most)


def choose_beyond(limit: Decimal, above: bool, dice: random.Random) -> Decimal:
    """A value that is clearly above or below a limit, a round one where the limit is large; never below 0."""
    size = abs(limit)
    step = Decimal(1) if size < 20 else Decimal(5) if size < 100 else Decimal(10) ** (len(str(int(size))) - 2) * 5
    if size < 5 and limit != limit.to_integral_value():
        step = Decimal("0.1")
    times = dice.randint(1, 3)
    if not above:
        while times > 1 and limit - times * step <= 0:
            times -= 1
    return max(limit + times * step, Decimal(0)) if above else max(limit - times * step, Decimal(0))


def parse_clock(text: str) -> int | None:
    """The minutes since midnight of “9:30” or “18.00”; none for what is no time."""
    hours, _, minutes = text.replace(".", ":").partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 25 and int(minutes) < 60):
        return None
    return int(hours) * 60 + int(minutes)


def format_clock(minutes: int) -> str:
    """The time as “9:30”, over midnight as well."""
    within = minutes % MINUTES_OF_A_DAY
    return f"{within // 60}:{within % 60:02}"


def choose_clock(dice: random.Random, first: int = 9 * 60, last: int = 17 * 60) -> int:
    """A full or a half hour of the day, in minutes."""
    return dice.randrange(first, last + 1, 30)


def percent_of(whole: Decimal, percent: Decimal) -> Decimal:
    """So many hundredths of a whole."""
    return whole * percent / 100
