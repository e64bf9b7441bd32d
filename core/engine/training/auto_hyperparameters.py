"""The hyperparameters of a job. What "auto" stands for was measured on small models, with few and with many rows."""

from dataclasses import asdict, dataclass
from typing import Any

SMALL_DATASET_ROWS = 60
LORA_RANK = 16
LORA_ALPHA = 32
# DPO trains at a fraction of the supervised rate: at the full one a model forgets how to speak.
DPO_LEARNING_RATE_FACTOR = 0.1


@dataclass(frozen=True)
class Hyperparameters:
    """How one job trains. `learning_rate`: the peak, with the multiplier in it. `beta`: of DPO, else None."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None
    learning_rate: float

    def to_protocol(self) -> dict[str, Any]:
        """The protocol's hyperparameters object, in numbers."""
        values = asdict(self)
        del values["learning_rate"]
        return {name: value for name, value in values.items() if value is not None}


def resolve_auto(method: str, requested: dict[str, Any], num_rows: int, learning_rates: list[float]) -> Hyperparameters:
    """Numbers for whatever is "auto" or not requested. Few rows need a higher learning rate and more epochs.

    `learning_rates`: the model's own, for few and for many rows.
    """
    is_small = num_rows < SMALL_DATASET_ROWS
    values: dict[str, Any] = {"batch_size": 5 if is_small else 8, "learning_rate_multiplier": 1.0, "beta": None}
    values["n_epochs"] = 16 if is_small else 4
    learning_rate = learning_rates[0 if is_small else 1]
    if method == "dpo":
        values |= {"n_epochs": 4 if is_small else 2, "beta": 0.1}
        learning_rate *= DPO_LEARNING_RATE_FACTOR
    values |= {name: value for name, value in requested.items() if value != "auto"}
    return Hyperparameters(**values, learning_rate=learning_rate * float(values["learning_rate_multiplier"]))
