"""What an export is to write: formats, names, and what its model card tells."""

import re
from dataclasses import dataclass, field
from typing import Any

from core.engine.http.protocol import Json

GGUF_TYPES = {"gguf-f16": "F16", "gguf-q8_0": "Q8_0", "gguf-q4_k_m": "Q4_K_M"}
FORMATS = ("adapter", "merged", *GGUF_TYPES, "gguf-adapter")
ADAPTER_FORMATS = ("adapter", "gguf-adapter")  # nothing to write for a base model
PUBLISHER = "juku"  # LM Studio wants its models in folders publisher/model
PLAN = "plan.json"  # in the export's folder
_MAX_NAME = 80


@dataclass(frozen=True)
class ExportPlan:
    """What the parent wrote into `plan.json`. `base`: the base model's folder. `adapter`: the adapter's, or None.

    `name`: of the model in other programs, and of its files. `base_model`: {id, title, source, licence, licence_url,
    languages}. `training`: hyperparameters by name, in words and numbers. `card`: what the client tells of data and exam.
    """

    base: str
    adapter: str | None
    model: str
    name: str
    formats: list[str]
    base_model: Json
    context_length: int
    supports_tools: bool
    chat_template_kwargs: Json
    training: dict[str, Any] = field(default_factory=dict)
    card: Json = field(default_factory=dict)


def file_name(model: str) -> str:
    """A name for files and other programs from a model's id: ASCII letters, digits, `.`, `_` and `-` only.

    `ft:smollm2-135m-instruct:local:plain:ihpEuy2N` becomes `smollm2-135m-instruct-plain-ihpEuy2N`.
    """
    parts = [part for part in model.split(":") if part not in ("ft", "local")]
    cleaned = [re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") for part in parts]
    return "-".join(part for part in cleaned if part)[:_MAX_NAME].strip("-.") or "model"


def gguf_path(name: str, quantised: str) -> str:
    """The path of a GGUF file in an export, in the folders that LM Studio wants. `quantised`: F16, …, or `adapter`."""
    return f"{PUBLISHER}/{name}-GGUF/{name}-{quantised}.gguf" if quantised != "adapter" else f"{name}-adapter.gguf"


def served_name(model: str, format: str) -> str:
    """The name under which the engine answers with an exported GGUF file."""
    return f"{model}:{format}"
