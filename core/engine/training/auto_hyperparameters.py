"""The hyperparameters of a job. What "auto" stands for was measured on small models, with few and with many rows."""

from dataclasses import asdict, dataclass
from typing import Any

SMALL_DATASET_ROWS = 60
LARGE_DATASET_ROWS = 400  # from which two epochs do what four do (docs/teaching.md)
# DPO trains at a fraction of the supervised rate: at the full one a model forgets how to speak.
DPO_LEARNING_RATE_FACTOR = 0.1
WARMUP_STEPS = 3
LORA_RANK = 16
LORA_ALPHA = 32
DISTILLATION_TEMPERATURE = 2.0  # that of prompt distillation, arXiv 2412.14964
# Names of the protocol; a job shows the others only where they were asked for.
PROTOCOL_NAMES = ("n_epochs", "batch_size", "learning_rate_multiplier", "beta")


@dataclass(frozen=True)
class Hyperparameters:
    """How one job trains.

    `learning_rate`: the peak, with the multiplier in it. `beta`: of DPO, else None. `lora_num_layers`: how many layers
    at the model's top have adapters, None for all. `early_stopping_patience`: after how many epochs without better
    validation rows the job ends, None for never; `metric_for_best_model`: what is better. `packing`: whether rows share what they begin with.
    `average_checkpoints`: of how many last epochs the adapters are averaged. `load_in_4bit`: whether the base weights are
    in NF4. `token_replacement`: the share of the prompts' words that are replaced in each epoch (`TokenReplacement`).
    `on_policy_share`: of the rows with a teacher, how many get the model's own text in a step (`OnPolicyTexts`). The rest
    belongs to `KLObjective`, which has no KL terms where both factors are 0.
    """

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None
    learning_rate: float
    lora_rank: int = LORA_RANK
    lora_alpha: float = LORA_ALPHA
    lora_target_modules: str = "all-linear"
    lora_num_layers: int | None = None
    lr_scheduler_type: str = "cosine"
    warmup_steps: int = WARMUP_STEPS
    early_stopping_patience: int | None = None
    metric_for_best_model: str = "loss"
    packing: bool = True
    average_checkpoints: int = 1
    load_in_4bit: bool = False
    token_replacement: float = 0.0
    kl_coefficient: float = 0.0
    kl_mask_target: bool = True
    distillation_weight: float = 0.0
    distillation_temperature: float = DISTILLATION_TEMPERATURE
    on_policy_share: float = 0.0

    def to_protocol(self, requested: dict[str, Any]) -> dict[str, Any]:
        """The protocol's hyperparameters object, in numbers, with whatever else was requested."""
        values = asdict(self)
        names = [*PROTOCOL_NAMES, *(name for name in requested if name in values and name not in PROTOCOL_NAMES)]
        return {name: values[name] for name in names if values[name] is not None}


def resolve_auto(method: str, requested: dict[str, Any], num_rows: int, learning_rates: list[float]) -> Hyperparameters:
    """Numbers for whatever is "auto" or not requested. Few rows need a higher learning rate and more epochs.

    `learning_rates`: the model's own, for few and for many rows.
    """
    is_small = num_rows < SMALL_DATASET_ROWS
    values: dict[str, Any] = {"batch_size": 5 if is_small else 8, "learning_rate_multiplier": 1.0, "beta": None}
    values["n_epochs"] = 16 if is_small else 4 if num_rows < LARGE_DATASET_ROWS else 2
    learning_rate = learning_rates[0 if is_small else 1]
    if method == "dpo":
        values |= {"n_epochs": 4 if is_small else 2, "beta": 0.1}
        learning_rate *= DPO_LEARNING_RATE_FACTOR
    given = {name: value for name, value in requested.items() if value != "auto"}
    if "lora_rank" in given:  # the usual ratio: the learning rate then suits every rank
        values["lora_alpha"] = 2 * given["lora_rank"]
    values |= given
    return Hyperparameters(**values, learning_rate=learning_rate * float(values["learning_rate_multiplier"]))
