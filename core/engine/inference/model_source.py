"""Where a model is loaded from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.engine.models.catalog import CatalogEntry


@dataclass(frozen=True)
class ModelSource:
    """The folders a model is loaded from. `adapter`: of a fine-tuned model, None for the base model itself."""

    id: str
    entry: CatalogEntry
    base: Path
    adapter: Path | None

    @property
    def key(self) -> tuple[str, Path | None]:
        """The same for sources with the same weights."""
        return self.entry.id, self.adapter


def compute_fingerprint(source: ModelSource, answerer: str) -> str:
    """The protocol's `system_fingerprint`: `<base>@<answerer>` or `<base>+<12 hex digits>@<answerer>`.

    The digits begin the SHA-256 of the adapter's weights.
    """
    if not source.adapter:
        return f"{source.entry.id}@{answerer}"
    with (source.adapter / "adapter_model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{source.entry.id}+{digest[:12]}@{answerer}"
