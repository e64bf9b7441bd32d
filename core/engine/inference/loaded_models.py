"""The models in memory, in torch: a base model, or a copy of it with a LoRA adapter merged in."""

import gc
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from core.engine import child_lifetime
from core.engine.inference.model_source import ModelSource
from core.engine.inference.model_text import ModelText, build_token_guide
from core.engine.models import device

MAX_LOADED_MODELS = 3
T = TypeVar("T")


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, with its tokenizer: one of transformers, or a `DecoderModel`. `name`: of its road, for the fingerprint.
    `vocab_size`: how many logits it computes for a token, at least as many as the tokenizer has tokens."""

    model: Any
    text: ModelText
    name: str
    vocab_size: int

    @property
    def pad_token_id(self) -> int:
        """Any token: what is padded is masked."""
        return min(self.text.eos_token_ids)

    @cached_property
    def token_guide(self) -> Any:
        """llguidance's view of the tokenizer. Raises an ApiError 501 when llguidance is not installed."""
        return build_token_guide(self.text, self.vocab_size)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; special tokens by their names. Raises an ApiError 501 without llguidance."""
        return bytes(self.token_guide.decode_bytes([token_id]))


class LeastRecentlyUsed(Generic[T]):
    """The few things used last, each made when it is needed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of this key, made if it is not there; the least recently used one makes room. Raises what `make` raises."""
        if key not in self._values:
            while len(self._values) >= self._size:
                self._values.popitem(last=False)
                gc.collect()
            self._values[key] = make()
        self._values.move_to_end(key)
        return self._values[key]

    def values(self) -> list[T]:
        """All of them, the least recently used first."""
        return list(self._values.values())


def load_model(source: ModelSource, text: ModelText, dtype: str) -> LoadedModel:
    """The model, in a dtype of torch or `auto`, on this computer's device. Raises what transformers raises."""
    child_lifetime.import_training_libraries()
    from transformers.utils import logging

    logging.disable_progress_bar()
    resolved = device.resolve_dtype(dtype)
    model = _load_weights(source, resolved).to(device.default_device()).eval()
    vocab_size = int(model.get_output_embeddings().weight.shape[0])
    return LoadedModel(model, text, f"torch-{str(resolved).removeprefix('torch.')}", vocab_size)


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
