"""Reads a LoRA adapter as PEFT saves it: two small matrices for each weight that it changes."""

import json
import math
import re
from pathlib import Path
from typing import Any

from core.engine import failures
from core.engine.export.gguf_layout import ExportError
from core.engine.http.protocol import Json

_WEIGHT = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<part>[AB])\.weight")
# What PEFT can do and nothing here computes; these keys have a value that means "off".
_UNSUPPORTED = {"use_dora": False, "modules_to_save": None, "fan_in_fan_out": False, "use_qalora": False}


class LoraPairs:
    """A (rank, inputs) and B (outputs, rank) of each weight, fp32. `alpha`: of the whole adapter."""

    def __init__(self, folder: Path) -> None:
        self._config = _read_config(folder)
        self.alpha = float(self._config["lora_alpha"])
        self.weights = _read_matrices(folder)

    def scale(self, weight: str) -> float:
        """By how much PEFT multiplies B × A of a weight."""
        module = weight.removesuffix(".weight")
        rank = _of_module(self._config.get("rank_pattern"), module, self._config["r"])
        alpha = _of_module(self._config.get("alpha_pattern"), module, self.alpha)
        return float(alpha / math.sqrt(rank) if self._config.get("use_rslora") else alpha / rank)

    def add_to(self, weight: str, tensor: Any) -> Any:
        """The weight with this adapter's part added, where there is one."""
        pair = self.weights.get(weight)
        if pair is None:
            return tensor
        if tensor.shape != (pair["B"].shape[0], pair["A"].shape[1]):
            raise ExportError(f"The adapter is of another model: {weight} has another shape.")
        return tensor + (pair["B"] @ pair["A"]) * self.scale(weight)


def _read_config(folder: Path) -> Json:
    try:
        config: Json = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError("The adapter's adapter_config.json is gone or damaged. Train the model again.") from error
    wrong = [name for name, off in _UNSUPPORTED.items() if config.get(name) not in (off, None)]
    if config.get("peft_type") != "LORA" or config.get("bias") not in ("none", None) or wrong:
        kind = ", ".join(wrong) or f"{config.get('peft_type')} with bias {config.get('bias')}"
        raise ExportError(f"This kind of adapter cannot be converted: {kind}. Export the adapter itself.")
    return config


def _read_matrices(folder: Path) -> dict[str, dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(folder / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        raise ExportError(f"The adapter's weights cannot be read. {failures.explain(error).words}") from error
    pairs: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        found = _WEIGHT.fullmatch(name)
        if not found:
            raise ExportError(f"The adapter's weight {name} cannot be converted. Export the adapter itself.")
        pairs.setdefault(f"{found['module']}.weight", {})[found["part"]] = tensor.float()
    if incomplete := [weight for weight, pair in pairs.items() if len(pair) < 2]:
        raise ExportError(f"The adapter has only one of the two matrices of {incomplete[0]}.")
    return pairs


def _of_module(patterns: Json | None, module: str, default: float) -> float:
    """PEFT's value for a module: that of the first pattern that matches its end."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return float(default)
