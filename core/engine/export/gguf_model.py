"""Writes a whole model as a GGUF file: what llama.cpp, Ollama and LM Studio load."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine.export import quantisation
from core.engine.export.exported_template import ExportedTemplate
from core.engine.export.gguf_layout import ExportError, GgufLayout, find_layout
from core.engine.export.gguf_tokenizer import add_tokenizer
from core.engine.export.merged_weights import MergedWeights
from core.engine.http.protocol import Json

_FILE_TYPES = {"F16": "MOSTLY_F16", "Q8_0": "MOSTLY_Q8_0", "Q4_K_M": "MOSTLY_Q4_K_M"}
_ACTIVATIONS = {"llama": "silu", "qwen2": "silu", "qwen3": "silu", "gemma3": "gelu_pytorch_tanh"}
_OUTPUT = "lm_head.weight"


@dataclass(frozen=True)
class GgufSource:
    """What is written: a base model's folder, its weights (merged or not), and what the file says of itself.

    `about`: {name, licence, base_name, context_length}. `chat_template_kwargs`: of the training.
    """

    base: Path
    weights: MergedWeights
    about: Json
    chat_template_kwargs: Json
    supports_tools: bool = False


def write_gguf_model(source: GgufSource, quantised: str, target: Path) -> Iterator[int]:
    """Write a model as the file `target`. Yields the bytes of each weight when it is written.

    Raises ExportError for what a GGUF file cannot hold, and OSError when the file cannot be written.
    """
    import gguf

    layout = find_layout(source.base)
    plan = _plan(source.weights, layout, quantised)
    writer = gguf.GGUFWriter(target, layout.architecture)
    try:
        _add_metadata(writer, source, layout, quantised)
        extra = _rope_factors(source.base)
        if extra is not None:
            writer.add_tensor_info("rope_freqs.weight", list(extra.shape), extra.dtype, extra.nbytes)
        for name, weight, shape in plan:
            kind = gguf.GGMLQuantizationType[weight.name]
            writer.add_tensor_info(layout.name(name), shape, None, weight.num_bytes, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if extra is not None:
            writer.write_tensor_data(extra)
        for name, weight, _shape in plan:
            writer.write_tensor_data(quantisation.encode(layout.arrange(name, source.weights.get(name)), weight.name))
            yield weight.num_bytes
    finally:
        writer.close()


def estimate_bytes(weights: MergedWeights, layout: GgufLayout, quantised: str) -> int:
    """The size of the file in bytes, without its few megabytes of vocabulary."""
    return sum(weight.num_bytes for _, weight, _ in _plan(weights, layout, quantised))


def _plan(
    weights: MergedWeights, layout: GgufLayout, quantised: str
) -> list[tuple[str, quantisation.WeightType, list[int]]]:
    """Name, type and shape of each weight that is written. An output layer tied to the embedding is not stored twice."""
    shapes = weights.shapes()
    if layout.config.get("tie_word_embeddings"):
        shapes.pop(_OUTPUT, None)
    layers, is_tied = int(layout.config["num_hidden_layers"]), _OUTPUT not in shapes
    return [
        (name, quantisation.choose_type(quantised, layout.name(name), shape, layers, is_tied), shape)
        for name, shape in shapes.items()
    ]


def _add_metadata(writer: Any, source: GgufSource, layout: GgufLayout, quantised: str) -> None:
    import gguf
    from transformers import AutoConfig

    about = source.about
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(about["name"])
    writer.add_license(about["licence"])
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, about["base_name"])
    writer.add_file_type(gguf.LlamaFileType[_FILE_TYPES[quantised]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    config = AutoConfig.from_pretrained(source.base, local_files_only=True)
    _add_hyperparameters(writer, config, layout, about["context_length"])
    template = ExportedTemplate(source.base, source.chat_template_kwargs, source.supports_tools)
    add_tokenizer(writer, template, config.vocab_size)


def _add_hyperparameters(writer: Any, config: Any, layout: GgufLayout, context_length: int) -> None:
    """The architecture's numbers. Raises ExportError for a value that llama.cpp would silently compute otherwise."""
    activation = getattr(config, "hidden_act", None) or getattr(config, "hidden_activation", None)
    if activation != _ACTIVATIONS[layout.architecture]:
        raise ExportError(f"llama.cpp computes {layout.architecture} models without the activation '{activation}'.")
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_vocab_size(config.vocab_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(min(context_length, config.max_position_embeddings))
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(getattr(config, "num_key_value_heads", None) or heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    _add_rope(writer, config)
    _add_attention(writer, config, layout, head_dim)


def _add_rope(writer: Any, config: Any) -> None:
    import gguf

    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    kind = rope.get("rope_type", "default")
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))
    elif kind not in ("default", "llama3"):
        raise ExportError(f"Positions of the type '{kind}' cannot be written into a GGUF file.")


def _add_attention(writer: Any, config: Any, layout: GgufLayout, head_dim: int) -> None:
    windows = set(getattr(config, "layer_types", None) or []) - {"full_attention"}
    if layout.architecture != "gemma3":
        if windows:
            raise ExportError("llama.cpp computes this architecture without the model's sliding attention windows.")
        return
    soft_caps = (config.attn_logit_softcapping, config.final_logit_softcapping)
    if any(soft_caps) or config.query_pre_attn_scalar != head_dim:
        raise ExportError("llama.cpp computes Gemma 3 without this model's attention scale.")
    writer.add_sliding_window(config.sliding_window)


def _rope_factors(base: Path) -> Any:
    """By how much Llama 3 slows each frequency down, float32 (head size / 2); None for other models."""
    import numpy
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    config = AutoConfig.from_pretrained(base, local_files_only=True)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    if rope.get("rope_type") != "llama3":
        return None
    slowed = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")[0].numpy()
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    plain = 1.0 / rope["rope_theta"] ** (numpy.arange(0, head_dim, 2, dtype=numpy.float32) / head_dim)
    return (plain / slowed).astype(numpy.float32)
