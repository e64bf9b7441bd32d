"""A decoder computed here, layer by layer: without a copy of keys and values, or padding, for each token of several sequences.

transformers' code does what every model and every task may need; of a token of eight sequences of a small model, that takes more
time than its products. This is for models whose layers are those of Llama, Qwen 2, Qwen 3 or Gemma 3, on a processor;
transformers computes all others, and is what this is compared with (tests/engine/inference/test_decoder_model.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core.engine.export.lora_pairs import LoraPairs
from core.engine.export.merged_weights import MergedWeights
from core.engine.inference.model_source import ModelSource

MODEL_TYPES = ("llama", "qwen2", "qwen3", "gemma3_text")
GEMMA = "gemma3_text"
FULL, SLIDING = "full_attention", "sliding_attention"

Rotation = dict[str, tuple[Tensor, Tensor]]  # cosines and sines by kind of layer: shape (tokens, 1, head size)


class Linear:
    """y = x W' + bias, with the weights of one or several linear layers side by side.

    Where oneDNN multiplies bf16, they are kept in the blocks in which it reads them, as `torch.compile` keeps frozen weights:
    the result is the same, and for few rows it comes in 0.6 of the time (docs/decisions/0057).
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        """`weights`: each of shape (outputs, inputs). `biases`: one for each, or none at all."""
        weight = torch.cat(list(weights)) if len(weights) > 1 else weights[0]
        self._is_packed = can_pack(weight.dtype)
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self._is_packed else weight
        self._bias = torch.cat(list(biases)) if biases else None

    def __call__(self, x: Tensor) -> Tensor:
        """`x`: (rows, inputs); the result: (rows, outputs)."""
        if self._is_packed:
            found: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
            return found
        return functional.linear(x, self._weight, self._bias)


@dataclass(frozen=True)
class DecoderLayer:
    """The weights of a block. `kind`: `full_attention` or `sliding_attention`. Norms that a family does not have are None."""

    kind: str
    input_norm: Tensor
    query_key_value: Linear
    query_norm: Tensor | None
    key_norm: Tensor | None
    output: Linear
    attention_norm: Tensor | None
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear
    end_norm: Tensor | None


class DecoderModel:
    """A model's weights, and what is computed token by token. Attention is its caller's: see `DecoderBatch`."""

    device = torch.device("cpu")

    def __init__(self, config: Any, get: Callable[[str], Tensor], names: set[str], dtype: torch.dtype) -> None:
        """`config`: of transformers. `get`: a weight in fp32 by its name, of those in `names`. `dtype`: of activations."""
        self.dtype, self._config = dtype, config
        self.heads, self.key_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self._is_gemma = config.model_type == GEMMA
        self.scaling = float(config.query_pre_attn_scalar if self._is_gemma else self.head_size) ** -0.5
        self.window: int | None = getattr(config, "sliding_window", None)
        self._eps = float(config.rms_norm_eps)
        self._rotary = _build_rotary(config)
        self._get, self._names = get, names
        kinds = getattr(config, "layer_types", None) or [FULL] * config.num_hidden_layers
        self._embedding = get("model.embed_tokens.weight").to(dtype)
        self.vocab_size = len(self._embedding)
        # Rounded as transformers rounds it.
        self._embedding_scale = torch.tensor(config.hidden_size**0.5, dtype=dtype) if self._is_gemma else None
        tied = "lm_head.weight" not in names
        self._head = Linear([self._embedding if tied else get("lm_head.weight").to(dtype)], [])
        self.layers = [self._load_layer(f"model.layers.{index}.", kind) for index, kind in enumerate(kinds)]
        self._norm = self._load_norm("model.norm.weight")
        del self._get

    @property
    def bytes_per_token(self) -> int:
        """Of a token's keys and values in all layers."""
        return int(2 * len(self.layers) * self.key_heads * self.head_size * self.dtype.itemsize)

    def _load_layer(self, path: str, kind: str) -> DecoderLayer:
        gemma = self._is_gemma
        attention = "post_attention_layernorm.weight"
        return DecoderLayer(
            kind,
            self._load_norm(f"{path}input_layernorm.weight"),
            self._load_linear(*(f"{path}self_attn.{part}_proj" for part in "qkv")),
            self._find_norm(f"{path}self_attn.q_norm.weight"),
            self._find_norm(f"{path}self_attn.k_norm.weight"),
            self._load_linear(f"{path}self_attn.o_proj"),
            self._load_norm(path + attention) if gemma else None,
            self._load_norm(path + ("pre_feedforward_layernorm.weight" if gemma else attention)),
            self._load_linear(f"{path}mlp.gate_proj", f"{path}mlp.up_proj"),
            self._load_linear(f"{path}mlp.down_proj"),
            self._load_norm(f"{path}post_feedforward_layernorm.weight") if gemma else None,
        )

    def _load_linear(self, *paths: str) -> Linear:
        weights, biases = (
            [self._get(f"{path}.{kind}").to(self.dtype) for path in paths if f"{path}.{kind}" in self._names]
            for kind in ("weight", "bias")
        )
        return Linear(weights, biases)

    def _load_norm(self, name: str) -> Tensor:
        """Gemma's are around 0 and used in fp32."""
        weight = self._get(name)
        return weight + 1.0 if self._is_gemma else weight.to(self.dtype)

    def _find_norm(self, name: str) -> Tensor | None:
        return self._load_norm(name) if name in self._names else None

    def _normalise(self, x: Tensor, weight: Tensor) -> Tensor:
        if weight.dtype == x.dtype:
            return functional.rms_norm(x, weight.shape, weight, self._eps)
        return functional.rms_norm(x.float(), weight.shape, weight, self._eps).to(x.dtype)

    def embed(self, token_ids: Tensor) -> Tensor:
        """What the first layer reads: (tokens, hidden size)."""
        x = self._embedding[token_ids]
        return x if self._embedding_scale is None else x * self._embedding_scale

    def rotate_at(self, positions: Tensor) -> Rotation:
        """The rotation of these positions, for each kind of layer."""
        kinds = {layer.kind for layer in self.layers}
        values = {kind: self._rotary(self._embedding, positions[None], kind) for kind in kinds}
        return {kind: (cosines[0, :, None], sines[0, :, None]) for kind, (cosines, sines) in values.items()}

    def project(self, layer: DecoderLayer, x: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (tokens, heads, head size), keys and values (tokens, key heads, head size) of a layer."""
        found = layer.query_key_value(self._normalise(x, layer.input_norm))
        found = found.view(len(x), self.heads + 2 * self.key_heads, self.head_size)
        turned, values = found[:, : self.heads + self.key_heads], found[:, self.heads + self.key_heads :]
        if layer.query_norm is not None and layer.key_norm is not None:
            queries = self._normalise(turned[:, : self.heads], layer.query_norm)
            turned = torch.cat([queries, self._normalise(turned[:, self.heads :], layer.key_norm)], 1)
        cosines, sines = rotation[layer.kind]
        half = self.head_size // 2
        turned = turned * cosines + torch.cat([-turned[..., half:], turned[..., :half]], -1) * sines
        return turned[:, : self.heads], turned[:, self.heads :], values

    def finish(self, layer: DecoderLayer, x: Tensor, attended: Tensor) -> Tensor:
        """What the next layer reads. `attended`: (tokens, heads × head size)."""
        attended = layer.output(attended)
        if layer.attention_norm is not None:
            attended = self._normalise(attended, layer.attention_norm)
        x = x + attended
        gate, up = layer.gate_up(self._normalise(x, layer.mlp_norm)).chunk(2, 1)
        gate = functional.gelu(gate, approximate="tanh") if self._is_gemma else functional.silu(gate)
        grown = layer.down(gate * up)
        if layer.end_norm is not None:
            grown = self._normalise(grown, layer.end_norm)
        return x + grown

    def compute_logits(self, x: Tensor) -> Tensor:
        """fp32, (tokens, vocabulary)."""
        return self._head(self._normalise(x, self._norm)).float()


def can_pack(dtype: torch.dtype) -> bool:
    """Whether weights of this type are kept in oneDNN's own order of the processor."""
    return bool(
        dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def can_compute(config: Any) -> bool:
    """Whether a model of this configuration of transformers is one that is computed here, with nothing left out."""
    activation = getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", None)
    kinds = set(getattr(config, "layer_types", None) or [FULL])
    capped = any(getattr(config, name, None) for name in ("attn_logit_softcapping", "final_logit_softcapping"))
    quantised = getattr(config, "quantization_config", None) is not None
    expected = "gelu_pytorch_tanh" if config.model_type == GEMMA else "silu"
    return (
        config.model_type in MODEL_TYPES
        and activation == expected
        and kinds <= {FULL, SLIDING}
        and not capped
        and not quantised
        and not getattr(config, "use_bidirectional_attention", False)
    )


def load_decoder(source: ModelSource, dtype: torch.dtype = torch.bfloat16) -> DecoderModel | None:
    """The model with its adapter merged in, one weight at a time; None where it is of another kind.

    Raises ExportError for an adapter that cannot be merged, and OSError or ValueError for files that cannot be read.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(source.base, local_files_only=True)
    if not can_compute(config):
        return None
    weights = MergedWeights(Path(source.base), LoraPairs(source.adapter) if source.adapter else None)
    with torch.inference_mode():
        return DecoderModel(config, weights.get, set(weights.shapes()), dtype)


def _build_rotary(config: Any) -> Callable[[Tensor, Tensor, str], tuple[Tensor, Tensor]]:
    """transformers' own rotary embedding of the model, without its weights: called with a tensor of the wanted dtype,
    positions (1, tokens) and a kind of layer."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        kind = type(AutoModelForCausalLM.from_config(config).model.rotary_emb)
    module: Any = kind(config)
    if config.model_type == GEMMA:
        return lambda like, positions, layer: module(like, positions, layer)
    return lambda like, positions, _layer: module(like, positions)
