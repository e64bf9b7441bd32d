"""Models in memory, ready to answer: the base, or a copy of it with an adapter merged in."""

import gc
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.engine.models import device
from core.engine.models.catalog import Entry
from core.engine.models.chat_template import Template

MOST = 3


@dataclass(frozen=True)
class Source:
    """Where a model's weights lie. `adapter`: the tuned model's folder, None for the base itself."""

    id: str
    entry: Entry
    base: Path
    adapter: Path | None


@dataclass(frozen=True)
class Loaded:
    """A model in memory. `ends`: token ids that end an answer. `limit`: tokens of prompt and answer together.
    `fingerprint`: the base's id and, for a tuned model, the first 12 hex digits of its adapter's SHA-256."""

    model: Any
    tokenizer: Any
    template: Template
    ends: frozenset[int]
    pad: int
    limit: int
    fingerprint: str


class Models:
    """The models used last. Belongs to the one thread that computes."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._kind: Any = None
        self._loaded: OrderedDict[tuple[str, Path | None], Loaded] = OrderedDict()

    def get(self, source: Source) -> Loaded:
        """The model, loaded first if need be; the one not used for longest makes room."""
        key = (source.entry.id, source.adapter)
        if key not in self._loaded:
            while len(self._loaded) >= MOST:
                self._loaded.popitem(last=False)
                gc.collect()
            self._loaded[key] = self._load(source)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _load(self, source: Source) -> Loaded:
        from transformers import AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._kind = self._kind or device.dtype(self._dtype)
        tokenizer = AutoTokenizer.from_pretrained(source.base, local_files_only=True)
        model = _weights(source, self._kind).to(device.device()).eval()
        template = Template(tokenizer, source.entry.template, source.entry.tools)
        ends = _ends(model, tokenizer, template)
        limit = min(source.entry.context, model.config.max_position_embeddings)
        return Loaded(model, tokenizer, template, ends, min(ends), limit, fingerprint(source))


def _weights(source: Source, kind: Any) -> Any:
    """Merged in fp32, then made smaller: added in bf16, most of a small change would be rounded away."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    first = torch.float32 if source.adapter else kind
    model = AutoModelForCausalLM.from_pretrained(source.base, dtype=first, local_files_only=True, use_safetensors=True)
    if source.adapter:
        model = PeftModel.from_pretrained(model, source.adapter).merge_and_unload().to(kind)
    return model


def _ends(model: Any, tokenizer: Any, template: Template) -> frozenset[int]:
    """Every token that ends an answer: the configuration's, the tokenizer's, and the template's end of turn."""
    configured = model.generation_config.eos_token_id
    found = set(configured if isinstance(configured, list) else [configured]) | {tokenizer.eos_token_id}
    turn = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}]
    last = template.encode(template.render(turn, False).rstrip("\n"))[-1]
    if last in tokenizer.all_special_ids:
        found.add(last)
    return frozenset(token for token in found if token is not None)


def fingerprint(source: Source) -> str:
    """Which weights answer: `<base>` or `<base>+<12 hex digits>`."""
    if not source.adapter:
        return source.entry.id
    with (source.adapter / "adapter_model.safetensors").open("rb") as file:
        return f"{source.entry.id}+{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
