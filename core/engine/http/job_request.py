"""The request for a new fine-tuning job."""

import importlib.util
import random
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field, structs

from core.engine.http.parameters import Text, check_metadata, parse
from core.engine.http.protocol import Json, bad_request

Auto = Literal["auto"] | None
H = TypeVar("H")


class CommonHyperparameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Hyperparameters of every method. None means "auto"."""

    n_epochs: Annotated[int, Meta(ge=1, le=50)] | Auto = None
    batch_size: Annotated[int, Meta(ge=1, le=256)] | Auto = None
    learning_rate_multiplier: Annotated[float, Meta(gt=0, le=1e6)] | Auto = None
    # Not in OpenAI's API; the names are those of PEFT and transformers.
    lora_rank: Annotated[int, Meta(ge=1, le=256)] | Auto = None
    lora_alpha: Annotated[float, Meta(gt=0, le=1024)] | Auto = None
    lora_target_modules: Literal["auto", "all-linear", "attention", "mlp"] | None = None
    lora_num_layers: Annotated[int, Meta(ge=1, le=1000)] | Auto = None
    lr_scheduler_type: Literal["auto", "cosine", "linear", "constant"] | None = None
    warmup_steps: Annotated[int, Meta(ge=0, le=10_000)] | Auto = None
    early_stopping_patience: Annotated[int, Meta(ge=1, le=50)] | Auto = None
    metric_for_best_model: Literal["auto", "loss", "accuracy"] | None = None
    packing: bool | Auto = None
    average_checkpoints: Annotated[int, Meta(ge=1, le=50)] | Auto = None
    load_in_4bit: bool | Auto = None


class SupervisedHyperparameters(CommonHyperparameters, frozen=True, forbid_unknown_fields=True):
    """Hyperparameters of the supervised method. Those here are not in OpenAI's API: `TokenReplacement`, `KLObjective` and
    `OnPolicyTexts` say what they do."""

    token_replacement: Annotated[float, Meta(ge=0, le=1)] | Auto = None
    kl_coefficient: Annotated[float, Meta(ge=0, le=100)] | Auto = None
    kl_mask_target: bool | Auto = None
    distillation_weight: Annotated[float, Meta(ge=0, le=1)] | Auto = None
    distillation_temperature: Annotated[float, Meta(ge=0.1, le=20)] | Auto = None
    on_policy_share: Annotated[float, Meta(ge=0, le=1)] | Auto = None


class DPOHyperparameters(CommonHyperparameters, frozen=True, forbid_unknown_fields=True):
    """Hyperparameters of DPO."""

    beta: Annotated[float, Meta(gt=0, le=2)] | Auto = None


class MethodOptions(Struct, Generic[H], frozen=True, forbid_unknown_fields=True):
    """The value of `method.supervised` or `method.dpo`."""

    hyperparameters: H | None = None


class SupervisedMethod(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="supervised"):
    supervised: MethodOptions[SupervisedHyperparameters] | None = None


class DPOMethod(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="dpo"):
    dpo: MethodOptions[DPOHyperparameters] | None = None


# The names of each method's hyperparameters in OpenAI's API: a job has them all.
HYPERPARAMETERS = {
    "supervised": ("n_epochs", "batch_size", "learning_rate_multiplier"),
    "dpo": ("n_epochs", "batch_size", "learning_rate_multiplier", "beta"),
}
# Those of the adapter: a job that trains a fine-tuned model further keeps that model's.
ADAPTER_HYPERPARAMETERS = ("lora_rank", "lora_alpha", "lora_target_modules", "lora_num_layers")


class MethodRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to train. The hyperparameters stand in `method` or, from older clients, at the top level."""

    model: Text
    method: SupervisedMethod | DPOMethod | None = None
    hyperparameters: SupervisedHyperparameters | None = None

    def __post_init__(self) -> None:
        if self.method and self.hyperparameters:
            raise bad_request("Give 'method' or 'hyperparameters', not both.", "hyperparameters", "invalid_value")
        if self.hyperparameter_values.get("load_in_4bit") and not importlib.util.find_spec("bitsandbytes"):
            name = f"{self.hyperparameters_path}.load_in_4bit"
            message = (
                f"'{name}' needs the package bitsandbytes, which is not installed: install the extra 'quantization'."
            )
            raise bad_request(message, name, "unsupported_value")

    @property
    def hyperparameters_path(self) -> str:
        """Where in the body the hyperparameters stand."""
        return "hyperparameters" if self.hyperparameters else f"method.{self.method_name}.hyperparameters"

    @property
    def method_name(self) -> str:
        """`supervised` or `dpo`."""
        return "dpo" if isinstance(self.method, DPOMethod) else "supervised"

    @property
    def hyperparameter_values(self) -> Json:
        """The hyperparameters that are not "auto"."""
        options = self.method.dpo if isinstance(self.method, DPOMethod) else self.method and self.method.supervised
        given = options.hyperparameters if options else self.hyperparameters
        values = structs.asdict(given) if given else {}
        return {name: value for name, value in values.items() if value not in (None, "auto")}


class JobRequest(MethodRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A valid request for a job."""

    training_file: Text
    validation_file: Text | None = None
    suffix: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w.-]+\Z")] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = field(default_factory=lambda: random.randrange(2**31))  # noqa: S311
    metadata: Any = {}
    integrations: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.integrations:
            raise bad_request("This server has no integrations.", "integrations", "unsupported_value")
        check_metadata(self.metadata)
        values, path = self.hyperparameter_values, self.hyperparameters_path
        if "early_stopping_patience" in values and not self.validation_file:
            name = f"{path}.early_stopping_patience"
            raise bad_request(f"'{name}' needs a 'validation_file'.", name, "invalid_value")
        if "metric_for_best_model" in values and "early_stopping_patience" not in values:
            name = f"{path}.metric_for_best_model"
            message = f"'{name}' needs 'early_stopping_patience': without it the last epoch is kept."
            raise bad_request(message, name, "invalid_value")
        if "early_stopping_patience" in values and values.get("average_checkpoints", 1) > 1:
            name = f"{path}.average_checkpoints"
            message = f"Give '{name}' or 'early_stopping_patience', not both: the latter keeps the best epoch."
            raise bad_request(message, name, "invalid_value")
        if values.get("on_policy_share") and not values.get("distillation_weight"):
            name = f"{path}.on_policy_share"
            message = f"'{name}' needs 'distillation_weight': the model learns its own texts from the teacher alone."
            raise bad_request(message, name, "invalid_value")
        if values.get("token_replacement") and values.get("kl_coefficient"):
            name = f"{path}.kl_coefficient"
            message = (
                f"Give '{name}' or 'token_replacement', not both: the divergence is from what the model said to the row's "
                "own words, and other words are trained on."
            )
            raise bad_request(message, name, "invalid_value")


def parse_job(body: Json) -> JobRequest:
    """Parse a request for a job. Raises a 400 error that names the first wrong parameter."""
    if body.get("suffix", "") is None:
        raise bad_request("None is not of type 'string' - 'suffix'", "suffix", "invalid_type")
    check_method(body)
    return parse(body, JobRequest)


def check_method(body: Json) -> None:
    """Raise a 400 error for a method of the protocol that this server does not have."""
    method = body.get("method")
    if isinstance(method, dict) and method.get("type") == "reinforcement":
        raise bad_request("This server has no method 'reinforcement'.", "method.type", "unsupported_method")
