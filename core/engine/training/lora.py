"""The LoRA adapter of a job: the base is frozen, in the faster dtype; the adapter is fp32."""

from typing import Any

from core.engine.training.auto_hyperparameters import Hyperparameters

# PEFT's own lists name the attention's layers per family; these are the names of all families of the catalog.
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj")
MLP = ("gate_proj", "up_proj", "down_proj", "gate_up_proj")


def load_model(base: str, parent: str | None, dtype: Any, hyperparameters: Hyperparameters) -> Any:
    """The PEFT model to train: a new adapter on the model in `base`, or the parent model's, to be trained further.

    Raises ValueError when no layer has one of the names that the hyperparameters ask for.
    """
    from peft import PeftModel

    from core.engine.models.weights import load_causal_lm

    model = load_causal_lm(base, dtype, hyperparameters.load_in_4bit)
    if not parent:
        return add_adapter(model, hyperparameters)
    return _use_functions(PeftModel.from_pretrained(model, parent, is_trainable=True))


def add_adapter(base: Any, hyperparameters: Hyperparameters) -> Any:
    """The model with a new LoRA adapter on its linear layers."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=hyperparameters.lora_rank,
        lora_alpha=hyperparameters.lora_alpha,
        target_modules=_target_modules(base, hyperparameters.lora_target_modules),
        layers_to_transform=_top_layers(base.config.num_hidden_layers, hyperparameters.lora_num_layers),
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return _use_functions(get_peft_model(base, config))


def _use_functions(model: Any) -> Any:
    from core.engine.training.lora_linear import use_lora_linear
    from core.engine.training.rms_norm import use_rms_norm

    use_lora_linear(model)
    use_rms_norm(model)
    return model


def _target_modules(base: Any, name: str) -> list[str]:
    """The names of the layers with an adapter. PEFT's "all-linear" cannot be limited to some of the decoder's layers."""
    import torch

    if name != "all-linear":
        return list(ATTENTION if name == "attention" else MLP)
    head = base.get_output_embeddings()
    found = {path for path, one in base.named_modules() if isinstance(one, torch.nn.Linear) and one is not head}
    return sorted({path.rpartition(".")[2] for path in found})


def _top_layers(num_layers: int, count: int | None) -> list[int] | None:
    """The indices of the layers with an adapter; None for all."""
    return None if count is None or count >= num_layers else list(range(num_layers - count, num_layers))
