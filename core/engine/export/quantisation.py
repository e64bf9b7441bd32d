"""The precision of each weight in a GGUF file of a given type, as `llama-quantize` chooses it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.engine.export import k_quants
from core.engine.export.gguf_layout import ExportError

QUANTISATIONS = ("F16", "Q8_0", "Q4_K_M")
# What is taken for a type whose blocks do not divide the rows of a weight.
_FALLBACKS = {"Q4_K": "Q5_0", "Q6_K": "Q8_0", "Q5_0": "F16", "Q8_0": "F16"}


@dataclass(frozen=True)
class WeightType:
    """How one weight is stored: the GGML type's name, and the shape in bytes."""

    name: str
    num_bytes: int


def choose_type(quantisation: str, name: str, shape: list[int], num_layers: int, is_tied: bool) -> WeightType:
    """The type of the weight with the GGUF name `name`. `is_tied`: the input embedding is the output layer, too."""
    import gguf

    chosen = "F32"
    if len(shape) > 1:
        chosen = _q4_k_m(name, num_layers, is_tied) if quantisation == "Q4_K_M" else quantisation
    while shape[-1] % gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[chosen]][0]:
        chosen = _FALLBACKS[chosen]
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[chosen]]
    count = 1
    for length in shape:
        count *= length
    return WeightType(chosen, count // block * size)


def _q4_k_m(name: str, num_layers: int, is_tied: bool) -> str:
    """4 bits, but 6 where an error costs most: the output layer, and values and down projections of half the layers."""
    if name == "output.weight" or (is_tied and name == "token_embd.weight"):
        return "Q6_K"
    parts = name.split(".")
    if parts[0] == "blk" and parts[2] in ("attn_v", "ffn_down"):
        layer, eighth = int(parts[1]), num_layers // 8
        if layer < eighth or layer >= 7 * num_layers // 8 or (layer - eighth) % 3 == 2:
            return "Q6_K"
    return "Q4_K"


def encode(tensor: Any, type_name: str) -> Any:
    """A float tensor as the numpy array that a GGUF file stores. Raises ExportError for values the type cannot hold."""
    import gguf
    import torch

    if not torch.isfinite(tensor).all():
        raise ExportError("A weight is not a finite number: the model was damaged, or its training diverged.")
    own: dict[str, Callable[[Any], Any]] = {"Q4_K": k_quants.quantize_q4_k, "Q6_K": k_quants.quantize_q6_k}
    if type_name in own:
        return own[type_name](tensor).numpy()
    if type_name == "F16" and float(tensor.abs().max()) > torch.finfo(torch.float16).max:
        raise ExportError("A weight is too large for F16. Choose Q8_0 or the merged safetensors.")
    return gguf.quants.quantize(tensor.float().contiguous().numpy(), gguf.GGMLQuantizationType[type_name])
