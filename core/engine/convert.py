"""Turns a GGUF file, once, into a clean safetensors folder: it then loads in a second or two, not twenty."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from core.engine.whole_files import keep_folder


def check_sha256(path: Path, expected: str) -> None:
    """Raise ValueError unless the file's SHA-256 is the expected one (hex)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ValueError(f"{path.name} is damaged or not the expected file: its SHA-256 is {found}.")


def convert(source: Path, target: Path) -> None:
    """Write the model and tokenizer of a GGUF file as the folder `target`, which appears only when complete."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32, local_files_only=True
    )
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    _clean(model).save_pretrained(part)
    tokenizer.save_pretrained(part)
    (part / "source.json").write_text(json.dumps({"gguf": source.name}), "utf-8")
    keep_folder(part, target)


def _clean(model: Any) -> Any:
    """The same model without the mark 'quantised', with which transformers 5 refuses to save it."""
    import torch
    from transformers import AutoModelForCausalLM

    config, weights = model.config, model.state_dict()
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    _tie(config, weights)
    config.dtype = torch.float32
    clean = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing = clean.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys, missing
    clean.tie_weights()
    clean.generation_config = model.generation_config
    return clean


def _tie(config: Any, weights: dict[str, Any]) -> None:
    """Make the embedding one again where the file holds it twice, at two levels of quantisation."""
    first, last = weights.get("model.embed_tokens.weight"), weights.get("lm_head.weight")
    if first is None or last is None or config.tie_word_embeddings or first.shape != last.shape:
        return
    if (first - last).norm() / first.norm() < 0.1:
        config.tie_word_embeddings = True
        weights["model.embed_tokens.weight"] = last.clone()
