"""The LoRA adapter of a job."""

from typing import Any

from core.engine.training.auto_hyperparameters import LORA_ALPHA, LORA_RANK


def add_adapter(base: Any) -> Any:
    """The model with a new LoRA adapter on each of its linear layers."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        target_modules="all-linear",
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)
