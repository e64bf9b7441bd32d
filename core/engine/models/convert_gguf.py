"""Turns a GGUF file, once, into a clean safetensors folder: it then loads in a second or two, not twenty."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.engine.private_files import keep_folder


def check_sha256(path: Path, expected: str) -> None:
    """Raise ValueError unless the file's SHA-256 is the expected one (hex)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ValueError(f"{path.name} is damaged or not the expected file: its SHA-256 is {found}.")


def convert(source: Path, target: Path, on_share: Callable[[float], None] = lambda _share: None) -> None:
    """Write the model and tokenizer of a GGUF file as the folder `target`, which appears only when complete.

    `on_share` is told how much of the work is done (0 to 1), by what each part of it took of the whole.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    on_share(0.15)
    file = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **file)
    on_share(0.30)
    config = AutoConfig.from_pretrained(source.parent, **file)
    on_share(0.50)
    _watch_tensors(lambda share: on_share(0.75 + 0.1 * share))
    model = AutoModelForCausalLM.from_pretrained(source.parent, config=config, dtype=torch.float32, **file)
    on_share(0.85)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    clean = _clean(model)
    on_share(0.95)
    clean.save_pretrained(part)
    tokenizer.save_pretrained(part)
    (part / "source.json").write_text(json.dumps({"gguf": source.name}), "utf-8")
    keep_folder(part, target)


def _watch_tensors(on_share: Callable[[float], None]) -> None:
    """Be told how many of a file's tensors have been read: transformers shows it only as a bar on a terminal."""
    from transformers import modeling_gguf_pytorch_utils as reading

    def counted(tensors: Sequence[Any], **_bar: Any) -> Iterator[Any]:
        for number, tensor in enumerate(tensors):
            on_share(number / len(tensors))
            yield tensor

    reading.tqdm = counted


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
