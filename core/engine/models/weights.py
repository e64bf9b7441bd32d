"""Reads a model's weights from its safetensors files, one tensor at a time.

transformers maps the files into memory: what was read stays there until all tensors are converted, and a model in bf16
that is stored in fp32 needed three times its memory while it was loaded.
"""

import json
from pathlib import Path
from typing import Any


def load_causal_lm(folder: str | Path, dtype: Any, load_in_4bit: bool = False) -> Any:
    """The model of a folder, in this dtype of torch; with `load_in_4bit` the weights of its linear layers in NF4.

    Raises ImportError when bitsandbytes is needed and not there, OSError or ValueError when files cannot be read, and what
    safetensors and transformers raise.
    """
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        kind = type(AutoModelForCausalLM.from_config(config))
    open_file: Any = safe_open
    files = [open_file(path, framework="pt", backend="pread") for path in find_weight_files(Path(folder))]
    tensors = {name: file.get_slice(name) for file in files for name in file.keys()}  # noqa: SIM118 - it is no dict
    model = kind.from_pretrained(
        None, config=config, state_dict=tensors, dtype=dtype, quantization_config=_nf4(dtype) if load_in_4bit else None
    )
    if load_in_4bit:
        _keep_order(model)
    model.name_or_path = model.config.name_or_path = str(folder)  # adapters say what they are made for
    return model


def _nf4(dtype: Any) -> Any:
    """The settings of QLoRA (arXiv 2305.14314): NormalFloat of 4 bits, with the scales of its blocks in 8 bits."""
    import bitsandbytes  # noqa: F401 - transformers' own message names its versions, not what is missing
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _keep_order(model: Any) -> None:
    """In a pass without gradients bitsandbytes' layers would store their weights in another order, for good."""
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def quantize_linear_layers(model: Any, dtype: Any) -> None:
    """Put the weights of a loaded model's linear layers into NF4, but for those of its head.

    Raises ImportError when bitsandbytes is not there.
    """
    import torch
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    head = model.get_output_embeddings()
    layers = [(path, one) for path, one in model.named_modules() if type(one) is torch.nn.Linear and one is not head]
    for path, layer in layers:
        new = Linear4bit(  # type: ignore[no-untyped-call] # bitsandbytes has few types
            layer.in_features, layer.out_features, layer.bias is not None, dtype, True, "nf4", device="meta"
        )
        new.weight = Params4bit(layer.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4")
        new.bias = layer.bias
        model.set_submodule(path, new.to(layer.weight.device))
    _keep_order(model)


def find_weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's weights. Raises OSError or ValueError when they are not named."""
    single = folder / "model.safetensors"
    if single.exists():
        return [single]
    index = json.loads((folder / "model.safetensors.index.json").read_text("utf-8"))
    return [folder / Path(name).name for name in sorted(set(index["weight_map"].values()))]  # never outside
