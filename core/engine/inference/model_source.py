"""Where a model is loaded from."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.engine.models.catalog import CatalogEntry
from core.engine.private_files import hash_file


@dataclass(frozen=True)
class ModelSource:
    """The folders a model is loaded from. `adapter`: of a fine-tuned model, None for the base model itself.

    `gguf`: the model as a GGUF file, of an export for example; llama.cpp alone answers from it, with the tokenizer and
    the chat template in `base`. `gguf_adapter`: a LoRA adapter in GGUF, for that file.
    """

    id: str
    entry: CatalogEntry
    base: Path
    adapter: Path | None
    gguf: Path | None = None
    gguf_adapter: Path | None = None

    @property
    def key(self) -> tuple[str, Path | None, Path | None, Path | None]:
        """The same for sources with the same weights."""
        return self.entry.id, self.adapter, self.gguf, self.gguf_adapter


def compute_fingerprint(source: ModelSource, answerer: str) -> str:
    """The protocol's `system_fingerprint`: `<base>@<answerer>` or `<base>+<12 hex digits>@<answerer>`.

    The digits begin the SHA-256 of the adapter's weights, or of the exported file that answers.
    """
    weights = source.gguf or (source.adapter / "adapter_model.safetensors" if source.adapter else None)
    digits = f"+{_hash_file(weights)[:12]}" if weights else ""
    return f"{source.entry.id}{digits}@{answerer}"


@lru_cache(64)
def _hash_file(path: Path) -> str:
    """The SHA-256 of a model's weights (hex), which never change at one path."""
    return hash_file(path)
