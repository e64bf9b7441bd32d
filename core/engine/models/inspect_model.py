"""The child process that looks at a model before it is added: `python -m core.engine.models.inspect_model SOURCE`.

SOURCE is a JSON object: {"folder": path} or {"repo": name, "revision": revision}. Of a repository only the small files
are downloaded. Nothing of the model runs, and no code of it is ever loaded.
"""

import json
import re
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from core.engine import child_lifetime
from core.engine.http.protocol import Json
from core.engine.models.catalog import CatalogEntry, Hub, is_complete_folder
from core.engine.models.chat_template import ChatTemplate, ChatTemplateError
from core.engine.models.unusable_model import UnusableModelError, hub_errors_in_words

SMALL_FILES = ["*.json", "*.txt", "*.jinja", "tokenizer.model", "README.md", "LICENSE*"]
MAX_HEADER_BYTES = 100_000_000  # of a safetensors file, as the library itself has it
CONTEXT_LENGTH = 4096  # where the configuration names none
# Up to so many parameters: learning rates for few and for many rows. Smaller models need higher ones.
LEARNING_RATES = ((3e8, [2e-3, 1e-3]), (1e9, [1e-3, 5e-4]), (5e9, [5e-4, 2e-4]))
LARGE_MODEL_RATES = [2e-4, 1e-4]
UNKNOWN_LICENCE = "unknown"
TEST_TOOL = {
    "type": "function",
    "function": {"name": "juku_test", "description": ".", "parameters": {"type": "object"}},
}


def inspect_folder(path: Path) -> CatalogEntry:
    """The entry of a person's own model folder. Raises UnusableModelError."""
    if not path.is_dir():
        raise UnusableModelError(f"{path} is not a folder.")
    config = _read_config(path)
    if not is_complete_folder(path):
        raise UnusableModelError(_describe_missing_files(path))
    files = sorted(path.glob("*.safetensors"))
    parameters = sum(count_parameters(file) for file in files)
    return _build_entry(path.name, path, config, parameters, sum(file.stat().st_size for file in files), folder=path)


def inspect_repository(repo: str, revision: str) -> CatalogEntry:
    """The entry of a repository of the hub, at the commit that `revision` stands for now. Raises UnusableModelError."""
    from huggingface_hub import HfApi, snapshot_download

    with hub_errors_in_words(repo, revision):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
        folder = Path(snapshot_download(repo, revision=info.sha, allow_patterns=SMALL_FILES))
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or [] if "/" not in one.rfilename}
    size = sum(size for name, size in sizes.items() if name.endswith(".safetensors"))
    if not size:
        raise UnusableModelError(f"{repo} has no weights in safetensors; other forms are not loaded.")
    total = info.safetensors.total if info.safetensors else size // 2
    hub = Hub(repo, str(info.sha))
    return _build_entry(repo.rpartition("/")[2], folder, _read_config(folder), total, size, hub=hub)


def _build_entry(
    name: str, path: Path, config: Json, parameters: int, size: int, folder: Path | None = None, hub: Hub | None = None
) -> CatalogEntry:
    card = _read_card(path)
    licence = card.get("license_name") or card.get("license") or UNKNOWN_LICENCE
    languages = card.get("language") or []
    length = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return CatalogEntry(
        id=re.sub("[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "model",
        title=name,
        languages=[languages] if isinstance(languages, str) else [str(one) for one in languages],
        licence=str(licence),
        licence_url=str(card.get("license_link") or ""),
        bytes=size,
        context_length=min(int(length or CONTEXT_LENGTH), 32768),
        learning_rates=next((rates for most, rates in LEARNING_RATES if parameters <= most), LARGE_MODEL_RATES),
        supports_tools=_check_tokenizer(path),
        hub=hub,
        folder=str(folder) if folder else None,
        config=config,
    )


def _read_config(path: Path) -> Json:
    """The model's configuration, when it is one of a causal language model that can be trained here."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
        model_type = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableModelError(f"{path} is not a model's folder: it has no readable config.json.") from error
    if "auto_map" in config:
        raise UnusableModelError("This model brings program code of its own, which is never run.")
    if "quantization_config" in config:
        raise UnusableModelError("This model is quantized and cannot be trained: take the original one.")
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise UnusableModelError(f"A model of type “{model_type}” does not generate text, or is not known here.")
    return dict(config)


def _describe_missing_files(path: Path) -> str:
    if any(path.glob("*.bin")) or any(path.glob("*.pt*")):
        return "Its weights are in a form that can run code when it is loaded (.bin, .pt): convert them to safetensors."
    if any(path.glob("*.gguf")):
        return "A GGUF file cannot be trained: take the folder that it was made from, with safetensors."
    return (
        f"{path} lacks files: it needs config.json, tokenizer_config.json and every part of the weights in safetensors."
    )


def _check_tokenizer(path: Path) -> bool:
    """Whether the chat template renders tools. Raises UnusableModelError when there is no usable template."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever tokenizers raise
        traceback.print_exception(error)
        raise UnusableModelError(
            "Its tokenizer cannot be loaded. Take the model's folder as it was published, with tokenizer.json."
        ) from error
    if not tokenizer.chat_template:
        raise UnusableModelError(
            "It has no chat template, so it is a base model that answers no questions: take the one made for chats "
            "(often called Instruct, Chat or it)."
        )
    question, answer = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    template = ChatTemplate(tokenizer, {}, True)
    try:
        template.render([question], True)
        template.render([question, answer], False)
    except ChatTemplateError as error:
        raise UnusableModelError(f"Its chat template cannot be used: {error}") from error
    try:
        return TEST_TOOL["function"]["name"] in template.render([question], True, [TEST_TOOL])  # type: ignore[index]
    except ChatTemplateError:
        return False


def _read_card(path: Path) -> Json:
    """The metadata at the head of a model's README.md; empty where there is none."""
    from huggingface_hub import ModelCard

    try:
        return dict(ModelCard.load(path / "README.md", ignore_metadata_errors=True).data.to_dict())
    except Exception:  # a card is a text that anybody wrote
        return {}


def count_parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, by its header. Raises UnusableModelError for a damaged file."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise UnusableModelError(f"{path.name} is damaged: its header is too long.")
            header: dict[str, Any] = json.loads(file.read(length))
        tensors = [value for name, value in header.items() if name != "__metadata__"]
        end = max(tensor["data_offsets"][1] for tensor in tensors) + 8 + length
        if end != path.stat().st_size:
            raise UnusableModelError(f"{path.name} is damaged: its size is not the one that its header says.")
        return sum(_product(tensor["shape"]) for tensor in tensors)
    except UnusableModelError:
        raise
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise UnusableModelError(f"{path.name} is damaged: its header cannot be read.") from error


def _product(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def main() -> int:
    """Exit status 0 after {"entry": …}, 1 after {"error": text}."""
    from dataclasses import asdict

    send = child_lifetime.open_message_channel()
    child_lifetime.exit_with_parent()
    source = json.loads(sys.argv[1])
    try:
        if "folder" in source:
            entry = inspect_folder(Path(source["folder"]))
        else:
            entry = inspect_repository(source["repo"], source["revision"])
    except UnusableModelError as error:
        send({"error": str(error)})
        return 1
    except Exception as error:
        send(child_lifetime.build_unexpected(error))
        return 1
    send({"entry": asdict(entry)})
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())
