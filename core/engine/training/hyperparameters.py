"""The hyperparameters that "auto" stands for: measured on small models with few and with many rows."""

import math
from dataclasses import asdict, dataclass
from typing import Any

FEW_ROWS = 60
RANK = 16
ALPHA = 32
WARM_UP = 3
# Preferences are learnt at a fraction of the rate: at the full one a model forgets how to speak.
PREFERENCE_RATE = 0.1


@dataclass(frozen=True)
class Recipe:
    """How one job trains. `rate`: peak learning rate, the multiplier already in it. `beta`: None where not asked."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None
    rate: float

    def public(self) -> dict[str, Any]:
        """The protocol's hyperparameters object, in numbers."""
        return {key: value for key, value in asdict(self).items() if key != "rate" and value is not None}


def resolve(method: str, asked: dict[str, Any], rows: int, rates: list[float]) -> Recipe:
    """Put numbers for every "auto": few rows need a higher rate and more epochs."""
    few = rows < FEW_ROWS
    values: dict[str, Any] = {"batch_size": 5 if few else 8, "learning_rate_multiplier": 1.0, "beta": None}
    values["n_epochs"] = 16 if few else 4
    rate = rates[0 if few else 1]
    if method == "dpo":
        values |= {"n_epochs": 4 if few else 2, "beta": 0.1}
        rate *= PREFERENCE_RATE
    values |= {key: value for key, value in asked.items() if value != "auto"}
    return Recipe(**values, rate=rate * float(values["learning_rate_multiplier"]))


def rate_at(step: int, total: int, peak: float) -> float:
    """The learning rate of a step (from 0): a short warm-up, then a cosine down to a twentieth.

    A constant rate bounces: it ended at 12 to 14 of 15 rows where the cosine learned all.
    """
    return peak * min(1.0, (step + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / total)))
