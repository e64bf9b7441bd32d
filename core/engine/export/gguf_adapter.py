"""Writes a LoRA adapter (PEFT) as a GGUF file, for `llama-server --lora` and Ollama's ADAPTER."""

import json
import math
import re
from pathlib import Path
from typing import Any

from core.engine.export.gguf_layout import ExportError, find_layout
from core.engine.http.protocol import Json

_WEIGHT = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight")
# What PEFT can do and llama.cpp cannot; these keys have a value that means "off".
_UNSUPPORTED = {"use_dora": False, "modules_to_save": None, "fan_in_fan_out": False, "use_qalora": False}


def write_gguf_adapter(base: Path, adapter: Path, target: Path) -> None:
    """Write the adapter in the folder `adapter`, of the base model in the folder `base`, as the file `target` (F32).

    Raises ExportError for what llama.cpp cannot compute, and OSError when the file cannot be written.
    """
    import gguf

    layout, config = find_layout(base), _read_adapter_config(adapter)
    writer = gguf.GGUFWriter(target, layout.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    for module, pair in sorted(_read_pairs(adapter).items()):
        weight, factor = f"{module}.weight", _scale(config, module) / _scale_of_reader(config, pair["A"].shape[0])
        rows = layout.arrange(weight, pair["B"] * factor)
        writer.add_tensor(f"{layout.name(weight)}.lora_a", pair["A"].contiguous().numpy())
        writer.add_tensor(f"{layout.name(weight)}.lora_b", rows.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _read_adapter_config(adapter: Path) -> Json:
    try:
        config: Json = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"The adapter's adapter_config.json cannot be read: {error}") from error
    wrong = [name for name, off in _UNSUPPORTED.items() if config.get(name) not in (off, None)]
    if config.get("peft_type") != "LORA" or config.get("bias") not in ("none", None) or wrong:
        kind = ", ".join(wrong) or f"{config.get('peft_type')} with bias {config.get('bias')}"
        raise ExportError(f"llama.cpp cannot load this kind of adapter ({kind}). Export the merged model.")
    return config


def _read_pairs(adapter: Path) -> dict[str, dict[str, Any]]:
    """The matrices A (rank, inputs) and B (outputs, rank) of each module, fp32."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(adapter / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        raise ExportError(f"The adapter's weights cannot be read: {error}") from error
    pairs: dict[str, dict[str, Any]] = {}
    for name, tensor in weights.items():
        found = _WEIGHT.fullmatch(name)
        if not found:
            raise ExportError(f"llama.cpp cannot load the adapter's weight {name}. Export the merged model.")
        pairs.setdefault(found["module"], {})[found["part"]] = tensor.float()
    if incomplete := [module for module, pair in pairs.items() if len(pair) < 2]:
        raise ExportError(f"The adapter has only one of the two matrices of {incomplete[0]}.")
    return pairs


def _scale(config: Json, module: str) -> float:
    """By how much PEFT multiplies B × A of a module."""
    rank = _of_module(config.get("rank_pattern"), module, config["r"])
    alpha = _of_module(config.get("alpha_pattern"), module, config["lora_alpha"])
    return float(alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank)


def _scale_of_reader(config: Json, rank: int) -> float:
    """By how much llama.cpp multiplies it: it knows one alpha, and the rank of each pair."""
    return float(config["lora_alpha"]) / rank


def _of_module(patterns: Json | None, module: str, default: float) -> float:
    """PEFT's value for a module: the first pattern that matches its end."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return float(default)
