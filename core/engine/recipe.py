"""The hyperparameters that "auto" stands for: measured on small models with few and with many rows."""

import math
from dataclasses import asdict, dataclass
from typing import Any

FEW_ROWS = 60
RANK = 16
ALPHA = 32
WARM_UP = 3


@dataclass(frozen=True)
class Recipe:
    """How one job trains. `rate`: peak learning rate, the multiplier already in it."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    rate: float

    def public(self) -> dict[str, Any]:
        """The protocol's hyperparameters object, in numbers."""
        return {key: value for key, value in asdict(self).items() if key != "rate"}


def resolve(asked: dict[str, Any], rows: int, rates: list[float]) -> Recipe:
    """Put numbers for every "auto": few rows need a higher rate and more epochs."""
    few = rows < FEW_ROWS
    values = {"n_epochs": 16 if few else 4, "batch_size": 5 if few else 8, "learning_rate_multiplier": 1.0}
    values |= {key: value for key, value in asked.items() if value != "auto"}
    rate = rates[0 if few else 1] * float(values["learning_rate_multiplier"])
    return Recipe(int(values["n_epochs"]), int(values["batch_size"]), values["learning_rate_multiplier"], rate)


def rate_at(step: int, total: int, peak: float) -> float:
    """The learning rate of a step (from 0): a short warm-up, then a cosine down to a twentieth.

    A constant rate bounces: it ended at 12 to 14 of 15 rows where the cosine learned all.
    """
    return peak * min(1.0, (step + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / total)))
