"""The model that a job trains: the frozen base in the faster dtype, with a LoRA adapter in fp32."""

from typing import Any

from core.engine.training.auto_hyperparameters import Hyperparameters
from core.engine.training.lora_linear import use_lora_linear

# PEFT's own lists name the attention's layers per family; these are the names of all families of the catalog.
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj")
MLP = ("gate_proj", "up_proj", "down_proj", "gate_up_proj")


def load_model(base: str, parent: str | None, dtype: Any, hyperparameters: Hyperparameters) -> Any:
    """A PEFT model: a new adapter on `base`, or the parent model's, to be trained further.

    Raises ValueError when no layer has one of the names that the hyperparameters ask for.
    """
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, local_files_only=True, use_safetensors=True)
    if parent:
        model = PeftModel.from_pretrained(model, parent, is_trainable=True)
    else:
        config = LoraConfig(
            r=hyperparameters.lora_rank,
            lora_alpha=hyperparameters.lora_alpha,
            target_modules=_target_modules(hyperparameters.lora_target_modules),
            layers_to_transform=_top_layers(model.config.num_hidden_layers, hyperparameters.lora_num_layers),
            lora_dropout=0.0,
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(model, config)
    use_lora_linear(model)
    return model


def _target_modules(name: str) -> str | list[str]:
    return name if name == "all-linear" else list(ATTENTION if name == "attention" else MLP)


def _top_layers(num_layers: int, count: int | None) -> list[int] | None:
    """The indices of the layers with an adapter; None for all."""
    return None if count is None or count >= num_layers else list(range(num_layers - count, num_layers))
