"""Writes a LoRA adapter (PEFT) as a GGUF file, for `llama-server --lora` and Ollama's ADAPTER."""

from pathlib import Path

from core.engine.export.gguf_layout import find_layout
from core.engine.export.lora_pairs import LoraPairs


def write_gguf_adapter(base: Path, adapter: Path, target: Path) -> None:
    """Write the adapter in the folder `adapter`, of the base model in the folder `base`, as the file `target` (F32).

    Raises ExportError for what llama.cpp cannot compute, and OSError when the file cannot be written.
    """
    import gguf

    layout, pairs = find_layout(base), LoraPairs(adapter)
    writer = gguf.GGUFWriter(target, layout.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, pairs.alpha)
    for weight, pair in sorted(pairs.weights.items()):
        # llama.cpp knows one alpha, and divides it by the rank of each pair.
        factor = pairs.scale(weight) / (pairs.alpha / pair["A"].shape[0])
        rows = layout.arrange(weight, pair["B"] * factor)
        writer.add_tensor(f"{layout.name(weight)}.lora_a", pair["A"].contiguous().numpy())
        writer.add_tensor(f"{layout.name(weight)}.lora_b", rows.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
