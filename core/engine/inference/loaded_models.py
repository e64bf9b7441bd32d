"""The models in memory: a base model, or a copy of it with a LoRA adapter merged in."""

import gc
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.engine.http.protocol import ApiError
from core.engine.models import device
from core.engine.models.catalog import CatalogEntry
from core.engine.models.chat_template import ChatTemplate

MAX_LOADED_MODELS = 3


@dataclass(frozen=True)
class ModelSource:
    """The folders a model is loaded from. `adapter`: of a fine-tuned model, None for the base model itself."""

    id: str
    entry: CatalogEntry
    base: Path
    adapter: Path | None


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory. `context_length`: tokens of prompt and completion together. `fingerprint`: the base model's
    id and, for a fine-tuned model, the first 12 hex digits of its adapter's SHA-256."""

    model: Any
    tokenizer: Any
    chat_template: ChatTemplate
    eos_token_ids: frozenset[int]
    pad_token_id: int
    context_length: int
    fingerprint: str

    @cached_property
    def vocab_size(self) -> int:
        """How many logits the model computes for a token: at least as many as the tokenizer has tokens."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    @cached_property
    def token_guide(self) -> Any:
        """llguidance's view of the tokenizer. Raises an ApiError 501 when llguidance is not installed."""
        try:
            from llguidance.hf import from_tokenizer
        except ImportError as error:
            message = "This needs the Python package llguidance, which is not installed: pip install llguidance"
            raise ApiError(501, message, code="package_missing") from error
        return from_tokenizer(self.tokenizer, n_vocab=self.vocab_size, eos_token=sorted(self.eos_token_ids))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; special tokens by their names. Raises an ApiError 501 without llguidance."""
        return bytes(self.token_guide.decode_bytes([token_id]))


class ModelCache:
    """The models used last. Belongs to the computing thread."""

    def __init__(self, dtype: str) -> None:
        self._dtype_name = dtype
        self._dtype: Any = None
        self._loaded: OrderedDict[tuple[str, Path | None], LoadedModel] = OrderedDict()

    def get(self, source: ModelSource) -> LoadedModel:
        """The model, loaded if it is not in memory; the least recently used one makes room."""
        key = (source.entry.id, source.adapter)
        if key not in self._loaded:
            while len(self._loaded) >= MAX_LOADED_MODELS:
                self._loaded.popitem(last=False)
                gc.collect()
            self._loaded[key] = self._load(source)
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _load(self, source: ModelSource) -> LoadedModel:
        from transformers import AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._dtype = self._dtype or device.resolve_dtype(self._dtype_name)
        tokenizer = AutoTokenizer.from_pretrained(source.base, local_files_only=True)
        model = _load_weights(source, self._dtype).to(device.default_device()).eval()
        chat_template = ChatTemplate(tokenizer, source.entry.chat_template_kwargs, source.entry.supports_tools)
        eos = _find_eos_token_ids(model, tokenizer, chat_template)
        context_length = min(source.entry.context_length, model.config.max_position_embeddings)
        return LoadedModel(model, tokenizer, chat_template, eos, min(eos), context_length, compute_fingerprint(source))


def _load_weights(source: ModelSource, dtype: Any) -> Any:
    """The model; an adapter is merged in fp32 first: in bf16 most of a small change would be rounded away."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    load_dtype = torch.float32 if source.adapter else dtype
    model = AutoModelForCausalLM.from_pretrained(
        source.base, dtype=load_dtype, local_files_only=True, use_safetensors=True
    )
    if source.adapter:
        model = PeftModel.from_pretrained(model, source.adapter).merge_and_unload().to(dtype)
    return model


def _find_eos_token_ids(model: Any, tokenizer: Any, chat_template: ChatTemplate) -> frozenset[int]:
    """Every token that ends a completion: of the generation config, the tokenizer, and the template's end of turn."""
    configured = model.generation_config.eos_token_id
    found = set(configured if isinstance(configured, list) else [configured]) | {tokenizer.eos_token_id}
    messages = [{"role": "user", "content": "."}, {"role": "assistant", "content": "."}]
    end_of_turn = chat_template.tokenize(chat_template.render(messages, False).rstrip("\n"))[-1]
    if end_of_turn in tokenizer.all_special_ids:
        found.add(end_of_turn)
    return frozenset(token_id for token_id in found if token_id is not None)


def compute_fingerprint(source: ModelSource) -> str:
    """The protocol's `system_fingerprint`: `<base>` or `<base>+<12 hex digits>`."""
    if not source.adapter:
        return source.entry.id
    with (source.adapter / "adapter_model.safetensors").open("rb") as file:
        return f"{source.entry.id}+{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
