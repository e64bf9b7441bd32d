"""Converts a GGUF file, once, into a safetensors folder: that loads in two seconds, the GGUF file in twenty."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.engine.private_files import replace_folder


def convert(
    source: Path,
    target: Path,
    terms: str,
    chat_template: str,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> None:
    """Write the model and tokenizer of a GGUF file as the folder `target`, which appears only when complete.

    `terms`: the text of its terms of use, which go with it. `chat_template`: for a file that has none, '' for one that
    has. `on_progress` is called with the progress (0 to 1), estimated from how long each part usually takes.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    on_progress(0.15)
    file = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **file)
    on_progress(0.30)
    config = AutoConfig.from_pretrained(source.parent, **file)
    on_progress(0.50)
    _report_tensors(lambda progress: on_progress(0.75 + 0.1 * progress))
    model = AutoModelForCausalLM.from_pretrained(source.parent, config=config, dtype=torch.float32, **file)
    on_progress(0.85)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    clean = _clear_quantization(model)
    on_progress(0.95)
    clean.save_pretrained(part)
    tokenizer.chat_template = tokenizer.chat_template or chat_template or None
    tokenizer.save_pretrained(part)
    if terms:
        (part / "LICENSE").write_text(terms, "utf-8")
    (part / "source.json").write_text(json.dumps({"gguf": source.name}), "utf-8")
    replace_folder(part, target)


def _report_tensors(on_progress: Callable[[float], None]) -> None:
    """Report the share of tensors read: transformers has only a progress bar for it, which is replaced."""
    from transformers import modeling_gguf_pytorch_utils as gguf_utils

    def report(tensors: Sequence[Any], **_bar: Any) -> Iterator[Any]:
        for index, tensor in enumerate(tensors):
            on_progress(index / len(tensors))
            yield tensor

    gguf_utils.tqdm = report


def _clear_quantization(model: Any) -> Any:
    """The same model without its quantization config: transformers 5 refuses to save a model with one."""
    import torch
    from transformers import AutoModelForCausalLM

    config, weights = model.config, model.state_dict()
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    _tie_embeddings(config, weights)
    config.dtype = torch.float32
    clean = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing = clean.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys, missing
    clean.tie_weights()
    clean.generation_config = model.generation_config
    return clean


def _tie_embeddings(config: Any, weights: dict[str, Any]) -> None:
    """Tie input and output embeddings that the file holds twice, with different quantization."""
    first, last = weights.get("model.embed_tokens.weight"), weights.get("lm_head.weight")
    if first is None or last is None or config.tie_word_embeddings or first.shape != last.shape:
        return
    if (first - last).norm() / first.norm() < 0.1:
        config.tie_word_embeddings = True
        weights["model.embed_tokens.weight"] = last.clone()
