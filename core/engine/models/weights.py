"""Reads a model's weights from its safetensors files, one tensor at a time.

transformers maps the files into memory: what was read stays there until all tensors are converted, and a model in bf16
that is stored in fp32 needed three times its memory while it was loaded.
"""

import json
from pathlib import Path
from typing import Any


def load_causal_lm(folder: str | Path, dtype: Any) -> Any:
    """The model of a folder, in this dtype of torch.

    Raises OSError or ValueError when its files cannot be read, and what safetensors and transformers raise.
    """
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        kind = type(AutoModelForCausalLM.from_config(config))
    open_file: Any = safe_open
    files = [open_file(path, framework="pt", backend="pread") for path in find_weight_files(Path(folder))]
    tensors = {name: file.get_slice(name) for file in files for name in file.keys()}  # noqa: SIM118 - it is no dict
    model = kind.from_pretrained(None, config=config, state_dict=tensors, dtype=dtype)
    model.name_or_path = model.config.name_or_path = str(folder)  # adapters say what they are made for
    return model


def find_weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model's weights. Raises OSError or ValueError when they are not named."""
    single = folder / "model.safetensors"
    if single.exists():
        return [single]
    index = json.loads((folder / "model.safetensors.index.json").read_text("utf-8"))
    return [folder / Path(name).name for name in sorted(set(index["weight_map"].values()))]  # never outside
