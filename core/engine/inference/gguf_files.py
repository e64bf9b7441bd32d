"""The GGUF files that llama.cpp answers from: of a base model, made once in the cache, and of its adapters."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from core.engine.export.gguf_adapter import write_gguf_adapter
from core.engine.export.gguf_layout import find_layout
from core.engine.export.gguf_model import GgufSource, estimate_bytes, write_gguf_model
from core.engine.export.merged_weights import MergedWeights, list_weight_files
from core.engine.inference.model_source import ModelSource

QUANTISATION = "Q8_0"


OnPreparing = Callable[[str, float], None]  # the id of a base model, and the progress of making its file, 0 to 1


class GgufFiles:
    """A folder of base models in GGUF; an adapter's file lies beside the adapter. Both are made when first needed.

    `on_preparing` is called while the file of a base model is made, and at the end with 1, also when it failed.
    """

    def __init__(self, folder: Path, on_preparing: OnPreparing = lambda _model, _progress: None) -> None:
        self._folder, self._on_preparing = folder, on_preparing

    def base(self, source: ModelSource) -> Path:
        """The base model's file. Raises ExportError where llama.cpp does not know its architecture, and OSError."""
        target = self._folder / f"{source.entry.id}-{_identify_weights(source.base)}-{QUANTISATION}.gguf"

        def write(path: Path) -> None:
            entry = source.entry
            about = {
                "name": entry.title,
                "licence": entry.licence,
                "base_name": entry.id,
                "context_length": entry.context_length,
            }
            weights = MergedWeights(source.base, None)
            total, done = estimate_bytes(weights, find_layout(source.base), QUANTISATION), 0
            made = GgufSource(source.base, weights, about, entry.chat_template_kwargs)
            try:
                for num_bytes in write_gguf_model(made, QUANTISATION, path):
                    done += num_bytes
                    self._on_preparing(entry.id, min(done / total, 0.99))
            finally:
                self._on_preparing(entry.id, 1.0)

        return _make_once(target, write)

    def adapter(self, source: ModelSource) -> Path | None:
        """The adapter's file, or None for a base model. Raises ExportError for an adapter that llama.cpp cannot load,
        and OSError."""
        adapter = source.adapter
        if adapter is None:
            return None
        return _make_once(adapter / "adapter.gguf", lambda path: write_gguf_adapter(source.base, adapter, path))


def _make_once(target: Path, write: Callable[[Path], None]) -> Path:
    """The file, which appears only when it is complete; two processes write it once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file():
        return target
    with FileLock(target.with_suffix(".lock")):
        if not target.is_file():
            part = target.with_suffix(".part")
            try:
                write(part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    return target


def _identify_weights(base: Path) -> str:
    """12 hex digits that change with the weight files: by their paths, sizes and times."""
    files = [(base / name).resolve() for name in list_weight_files(base)]
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:12]
