"""How the weights of each architecture are called and stored in a GGUF file, as llama.cpp reads them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine.http.protocol import Json

# The architecture in GGUF for each `model_type` of a config.json: those whose file was compared with the model.
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3_text": "gemma3"}


class ExportError(Exception):
    """The export cannot be made; the text says why, and what can be had."""


@dataclass(frozen=True)
class GgufLayout:
    """Names and layout of one model's weights. `config`: its config.json."""

    architecture: str
    config: Json
    names: Any  # gguf.TensorNameMap

    def name(self, weight: str) -> str:
        """The GGUF name of a weight or bias, `model.layers.0.mlp.up_proj.weight`. Raises ExportError for an unknown one."""
        found: str | None = self.names.get_name(weight, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ExportError(f"llama.cpp has no name for the weight {weight} in a {self.architecture} model.")
        return found

    def arrange(self, weight: str, tensor: Any) -> Any:
        """The tensor as llama.cpp computes with it: rotary halves interleaved (llama), norms plus one (gemma3).

        Of a LoRA pair, this is to be called for B only: its rows are those of the weight.
        """
        module = weight.removesuffix(".weight").removesuffix(".bias")
        if self.architecture == "llama" and module.endswith(("q_proj", "k_proj")):
            return self._interleave_halves(tensor, self._num_heads(module))
        if self.architecture == "gemma3" and module.endswith("norm"):
            return tensor + 1  # torch computes with 1 + weight
        return tensor

    def _num_heads(self, module: str) -> int:
        heads = int(self.config["num_attention_heads"])
        return heads if module.endswith("q_proj") else int(self.config.get("num_key_value_heads") or heads)

    @staticmethod
    def _interleave_halves(tensor: Any, heads: int) -> Any:
        """Rows (heads × 2 × n) become (heads × n × 2): torch rotates halves, llama.cpp rotates neighbours."""
        rows = tensor.shape[0]
        return tensor.reshape(heads, 2, rows // heads // 2, *tensor.shape[1:]).transpose(1, 2).reshape(tensor.shape)


def read_config(folder: Path) -> Json:
    """A model folder's config.json. Raises ExportError when it cannot be read."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"{folder / 'config.json'} is gone or damaged. Put it back from a backup, then export again."
        raise ExportError(message) from error
    if not isinstance(config, dict):
        raise ExportError("The base model's config.json is not an object.")
    return config


def find_layout(base: Path) -> GgufLayout:
    """The layout of the base model in a folder. Raises ExportError for an architecture that is not among ARCHITECTURES."""
    import gguf

    config = read_config(base)
    architecture = ARCHITECTURES.get(config.get("model_type", ""))
    if architecture is None:
        known = ", ".join(ARCHITECTURES)
        raise ExportError(
            f"A GGUF file cannot be written for the architecture '{config.get('model_type')}', only for {known}. "
            "Export the adapter or the merged model (safetensors)."
        )
    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    return GgufLayout(architecture, config, gguf.get_tensor_name_map(number, int(config["num_hidden_layers"])))
