"""GGUF files of every architecture: llama.cpp computes from them what torch computes, merged and with the adapter beside."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.engine.export.gguf_adapter import write_gguf_adapter
from core.engine.export.gguf_layout import ExportError, find_layout
from core.engine.export.gguf_model import GgufSource, write_gguf_model
from core.engine.export.lora_pairs import LoraPairs
from core.engine.export.merged_weights import MergedWeights, write_merged_safetensors
from core.engine.export.plan import file_name
from core.engine.export.quantisation import choose_type, encode

# peft asks transformers in a way that it will not have for ever.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")

SHAPE = {
    "vocab_size": 49152, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "eos_token_id": 2, "bos_token_id": 1,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "llama": {"head_dim": 32, "tie_word_embeddings": True},
    "llama with slowed positions": {"head_dim": 32, "rope_parameters": LLAMA3},
    "qwen2": {},
    "qwen3": {"head_dim": 32, "tie_word_embeddings": True},
    "gemma3_text": {"head_dim": 32, "sliding_window": 16, "query_pre_attn_scalar": 32, "num_hidden_layers": 7},
}
ABOUT = {"name": "t", "licence": "MIT", "base_name": "b", "context_length": 512}
PROMPT = list(range(300, 340))  # longer than the sliding window


def make_model(folder: Path, base: Path, name: str) -> Any:
    """A model with random weights as `folder/base` and an adapter as `folder/adapter`; returns the merged model."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(3)
    config = AutoConfig.for_model(name.split()[0], **{**SHAPE, **MODELS[name]})
    model = AutoModelForCausalLM.from_config(config).float()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            # Large enough that a wrong place of a weight is seen in the result.
            weight.add_(torch.randn_like(weight) * 0.2) if "norm" in key else weight.normal_(0, 0.15)
    model.save_pretrained(folder / "base")
    for path in [*base.glob("*token*"), base / "chat_template.jinja"]:
        shutil.copy(path, folder / "base")
    lora = LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM",
        rank_pattern={"q_proj": 2}, alpha_pattern={"v_proj": 3},
    )  # fmt: skip
    tuned = get_peft_model(model, lora)
    tuned.save_pretrained(folder / "adapter")
    return tuned.merge_and_unload()


def write(folder: Path, adapter: bool, quantised: str = "F16") -> Path:
    base = folder / "base"
    weights = MergedWeights(base, LoraPairs(folder / "adapter") if adapter else None)
    target = folder / f"{adapter}-{quantised}.gguf"
    assert sum(write_gguf_model(GgufSource(base, weights, ABOUT, {}), quantised, target)) < target.stat().st_size
    return target


def torch_logprobs(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor([PROMPT])).logits[0, -1].log_softmax(-1).numpy()


def llama_cpp_logprobs(path: Path, adapter: Path | None = None) -> dict[int, float]:
    """The ten most probable tokens after the prompt, with their log probabilities."""
    xllamacpp = pytest.importorskip("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.hostnames = [str(path.with_suffix(f".{adapter is None}.sock"))]
    parameters.n_ctx, parameters.n_parallel, parameters.verbosity, parameters.warmup = 512, 1, -1, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    if adapter:
        parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    body = {"prompt": PROMPT, "max_tokens": 1, "temperature": 0, "logprobs": 10}
    answer = xllamacpp.Server(parameters).handle_completions(body)
    return {one["id"]: one["logprob"] for one in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]}


@pytest.mark.parametrize("name", MODELS)
def test_llama_cpp_computes_the_same(tmp_path: Path, base: Path, name: str) -> None:
    wanted = torch_logprobs(make_model(tmp_path, base, name))
    write_gguf_adapter(tmp_path / "base", tmp_path / "adapter", tmp_path / "adapter.gguf")
    merged = llama_cpp_logprobs(write(tmp_path, adapter=True))
    beside = llama_cpp_logprobs(write(tmp_path, adapter=False), tmp_path / "adapter.gguf")
    for found in (merged, beside):
        assert max(abs(logprob - wanted[token]) for token, logprob in found.items()) < 0.05


def test_merged_weights_are_those_of_peft(tmp_path: Path, base: Path) -> None:
    from safetensors.torch import load_file

    merged = make_model(tmp_path, base, "qwen2").state_dict()
    (tmp_path / "merged").mkdir()
    weights = MergedWeights(tmp_path / "base", LoraPairs(tmp_path / "adapter"))
    assert sum(write_merged_safetensors(tmp_path / "base", weights, tmp_path / "merged"))
    written = load_file(tmp_path / "merged" / "model.safetensors")
    assert written.keys() == load_file(tmp_path / "base" / "model.safetensors").keys()
    for name, weight in written.items():
        assert (weight - merged[name]).abs().max() < 1e-6, name


@pytest.mark.parametrize(("kind", "highest"), [("Q4_K", 0.08), ("Q6_K", 0.02), ("Q8_0", 0.006), ("Q5_0", 0.05)])
def test_quantized_weights_are_near(kind: str, highest: float) -> None:
    """The bounds are a little above what llama.cpp itself reaches on such weights."""
    import gguf
    import torch

    values = torch.randn(8, 512, generator=torch.Generator().manual_seed(1))
    values[0] = 0
    found = gguf.quants.dequantize(encode(values, kind), gguf.GGMLQuantizationType[kind])
    assert np.sqrt(((found - values.numpy()) ** 2).mean()) / values.numpy().std() < highest
    assert not found[0].any()


def test_a_type_whose_blocks_do_not_fit_is_replaced() -> None:
    def kind(name: str, shape: list[int]) -> str:
        return choose_type("Q4_K_M", name, shape, 8, is_tied=True).name

    assert [kind("blk.2.ffn_up.weight", [64, columns]) for columns in (512, 576, 100)] == ["Q4_K", "Q5_0", "F16"]
    assert [kind("token_embd.weight", [64, columns]) for columns in (512, 576)] == ["Q6_K", "Q8_0"]
    assert [kind(f"blk.{layer}.attn_v.weight", [64, 512]) for layer in range(8)].count("Q6_K") == 4
    assert kind("blk.0.attn_norm.weight", [512]) == "F32"


def test_what_cannot_be_written_is_refused_by_name(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ExportError, match="not a finite number"):
        encode(np_tensor([[float("nan")] * 32]), "Q8_0")
    with pytest.raises(ExportError, match="too large for F16"):
        encode(np_tensor([[1e6] * 32]), "F16")
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(ExportError, match="architecture 'mamba'"):
        find_layout(tmp_path)
    with pytest.raises(ExportError, match="of another model"):
        make_model(tmp_path, base, "qwen2")
        LoraPairs(tmp_path / "adapter").add_to("model.layers.0.mlp.up_proj.weight", np_tensor([[1.0, 2.0]]))


def np_tensor(values: list[list[float]]) -> Any:
    import torch

    return torch.tensor(values)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("ft:smollm2-135m-instruct:local:plain:ihpEuy2N", "smollm2-135m-instruct-plain-ihpEuy2N"),
        ("ft:base:local::abc:ckpt-step-8", "base-abc-ckpt-step-8"),
        ("ft:base:local:..:x", "base-x"),
        ("ft:base:local:塾/../$(rm)\n:x", "base-rm-x"),
        ("../..", "model"),
    ],
)
def test_a_file_name_holds_nothing_from_outside(model: str, name: str) -> None:
    assert file_name(model) == name
