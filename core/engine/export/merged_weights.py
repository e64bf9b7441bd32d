"""The weights of a base model with a LoRA adapter added, one tensor at a time: memory for one, not for the model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.export.gguf_layout import ExportError
from core.engine.export.lora_pairs import LoraPairs
from core.engine.http.protocol import Json

INDEX = "model.safetensors.index.json"


class MergedWeights:
    """A base model's folder and the LoRA pairs of an adapter, or None."""

    def __init__(self, base: Path, pairs: LoraPairs | None) -> None:
        self._base, self._pairs = base, pairs
        self._places = {name: file for file in list_weight_files(base) for name in _read_header(base / file)}
        unknown = [name for name in (pairs.weights if pairs else ()) if name not in self._places]
        if unknown:
            raise ExportError(f"The adapter changes {unknown[0]}, which the base model does not have.")

    def shapes(self) -> dict[str, list[int]]:
        """The shape of every weight by name."""
        headers = [_read_header(self._base / file) for file in list_weight_files(self._base)]
        return {name: entry["shape"] for header in headers for name, entry in header.items()}

    def get(self, name: str) -> Any:
        """One weight in fp32, with the adapter's part added."""
        from safetensors import safe_open

        with safe_open(self._base / self._places[name], "pt") as file:
            weight = file.get_tensor(name).float()
        return self._pairs.add_to(name, weight) if self._pairs else weight


def list_weight_files(folder: Path) -> list[str]:
    """The names of a model folder's weight files. Raises ExportError when a name points outside the folder."""
    index = folder / INDEX
    if not index.is_file():
        return ["model.safetensors"]
    names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    if any(Path(name).name != name for name in names):
        raise ExportError(f"{INDEX} names a file outside its folder.")
    return names


def _read_header(path: Path) -> Json:
    """The entries {dtype, shape, data_offsets} of a safetensors file by name. Raises ExportError for a broken file."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except (OSError, ValueError, MemoryError) as error:
        raise ExportError(f"{path} is gone or damaged. Put it back from a backup, then export again.") from error
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def write_merged_safetensors(base: Path, weights: MergedWeights, target: Path) -> Iterator[int]:
    """Write every weight file of the base model into the folder `target`, with the adapter added.

    Names, precision and division into files are the base model's. Yields the bytes written since the last time.
    Raises OSError when a file cannot be written.
    """
    for name in list_weight_files(base):
        yield from _write_file(base / name, weights, target / name)
    if (base / INDEX).is_file():
        (target / INDEX).write_bytes((base / INDEX).read_bytes())


def _write_file(source: Path, weights: MergedWeights, target: Path) -> Iterator[int]:
    """The same header as the source has: every weight keeps its shape and precision, and so its place."""
    import torch

    header = _read_header(source)
    with source.open("rb") as old, target.open("wb") as new:
        length = old.read(8)
        new.write(length + old.read(int.from_bytes(length, "little")))
        start = new.tell()
        for name, entry in sorted(header.items(), key=lambda item: int(item[1]["data_offsets"][0])):
            first, end = entry["data_offsets"]
            assert new.tell() == start + first, name
            data = weights.get(name).to(_dtype(entry["dtype"])).contiguous().view(torch.uint8).numpy().tobytes()
            new.write(data)
            yield end - first


def _dtype(name: str) -> Any:
    import torch

    known = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    if name not in known:
        raise ExportError(f"Weights in the precision {name} cannot be merged with an adapter.")
    return known[name]
