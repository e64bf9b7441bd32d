"""Chooses wrong values for questions that say something false: figures and names in the place of the right ones."""

import random
from collections.abc import Collection, Sequence
from decimal import Decimal

_FACTORS = (Decimal("0.5"), Decimal(2), Decimal("1.5"), Decimal(3))
SMALL = 6  # up to this number a wrong one is next to it


def choose_altered_number(
    value: Decimal, others: Collection[Decimal], dice: random.Random, most: Decimal | None = None
) -> Decimal:
    """A number that is not `value`: one of `others`, which the page gives with the same unit, or one of the same size.

    The others are the better ones: a model has seen them, too, and must not mix them up. No number is below 1, except
    where `value` is. `most` is the largest that its unit can have, such as 31 for a day.
    """
    fitting = [one for one in sorted(others) if one != value and (most is None or one <= most)]
    if fitting and dice.random() < 0.6:
        return dice.choice(fitting)
    near = _find_near_numbers(value)
    near = [one for one in near if one != value and one > 0 and (most is None or one <= most)]
    return dice.choice(near) if near else value + 1


def _find_near_numbers(value: Decimal) -> list[Decimal]:
    if value != value.to_integral_value():
        return [value + step for step in (Decimal("0.5"), Decimal(1), Decimal("-0.5"))]
    if value <= SMALL:
        return [value + step for step in (-2, -1, 1, 2, 3) if value + step >= 1]
    step = Decimal(10) ** (len(str(int(value))) - 1) / (10 if value >= 100 else 2)
    found = [value * factor for factor in _FACTORS] + [value + 2 * step, value + step, value - step]
    return [one for one in found if one == one.to_integral_value()]


def choose_other(name: str, others: Sequence[str], dice: random.Random) -> str:
    """One of `others` that neither contains `name` nor is a part of it; '' where there is none."""
    fitting = [one for one in dict.fromkeys(others) if one not in name and name not in one]
    return dice.choice(fitting) if fitting else ""
