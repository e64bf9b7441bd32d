"""The model card (README.md) of an export: what was trained, on what, how well it did, and under which licence."""

import json
import re
from collections.abc import Sequence
from typing import Any

from core.engine.export.plan import GGUF_TYPES, PUBLISHER, ExportPlan
from core.engine.http.protocol import Json

_LICENCE_IDS = {"Apache-2.0": "apache-2.0", "MIT": "mit", "Gemma": "gemma"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")


def build_card(plan: ExportPlan, commands: Json, library: str) -> str:
    """The card as Markdown with the metadata that a Hugging Face hub reads. `library`: peft, transformers or gguf.

    Every text from outside is escaped: it stays one line of words, whatever it contains.
    """
    base = plan.base_model
    parts = [
        _front_matter(plan, library),
        f"# {plan.name}",
        f"A copy of {escape(base['title'])} that was fine-tuned with LoRA.",
        _section("Use", _list_commands(commands)),
        _section("Training", [*_list_base(base), *_list_data(plan.card), *_list_training(plan.training)]),
        _build_exam(plan.card),
        _section("Licence", [f"The licence of the base model holds: {_licence(base)}."]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: object) -> str:
    """A text as one line of Markdown that means nothing but its words."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def _front_matter(plan: ExportPlan, library: str) -> str:
    """YAML whose values are JSON, which is YAML, too."""
    licence = plan.base_model["licence"]
    values: dict[str, Any] = {
        "license": _LICENCE_IDS.get(licence, "other"),
        "base_model": plan.base_model["source"],  # a repository of a hub, or nothing
        "language": plan.base_model["languages"],
        "library_name": library,
        "pipeline_tag": "text-generation",
        "tags": ["lora", *(["gguf"] if any(name in plan.formats for name in GGUF_TYPES) else [])],
    }
    values = {key: value for key, value in values.items() if value}
    if values["license"] == "other":
        values |= {"license_name": licence, "license_link": plan.base_model["licence_url"]}
    return "\n".join(
        ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()), "---"]
    )


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _list_commands(commands: Json) -> list[str]:
    titles = {
        "llama_server": "llama.cpp",
        "llama_server_adapter": "llama.cpp, the adapter over its base model",
        "vllm": "vLLM",
        "ollama": "Ollama",
    }
    lines = []
    for name, title in titles.items():
        if command := commands.get(name):
            lines += [f"{title}:", "", f"    {command}", ""]
    if "ollama" in commands:
        lines += [f"LM Studio: copy the folder `{PUBLISHER}` into its folder of models (`~/.lmstudio/models`).", ""]
    return lines[:-1]


def _list_base(base: Json) -> list[str]:
    source = f" ({escape(base['source'])})" if base["source"] else ""
    return [f"- Base model: {escape(base['title'])}{source}"]


def _list_data(card: Json) -> list[str]:
    names = {
        "data": "Data",
        "data_digest": "SHA-256 of the data",
        "spec_revision": "Spec",
        "system_prompt": "System prompt of the training",
    }
    return [f"- {title}: {escape(card[key])}" for key, title in names.items() if card.get(key)]


def _list_training(training: dict[str, Any]) -> list[str]:
    return [f"- {escape(name)}: {escape(value)}" for name, value in training.items() if value is not None]


def _build_exam(card: Json) -> str:
    """The table of the exam: the model as it was trained, and each exported file, on the same questions."""
    rows = card.get("exam") or []
    if not rows:
        return ""
    lines = [
        "| model | right | of | share | 95 % interval | gained | lost | same answers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        share = row["right"] / row["asked"] if row["asked"] else 0
        interval = f"{row['low']:.0%} to {row['high']:.0%}"
        gained, lost = ("–" if row.get(key) is None else str(row[key]) for key in ("gained", "lost"))
        same = "–" if row.get("same") is None else f"{row['same']:.0%}"
        cells = (
            escape(row["subject"]),
            f"{row['right']:g}",
            row["asked"],
            f"{share:.0%}",
            interval,
            gained,
            lost,
            same,
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    note = escape(card.get("exam_note") or "")
    explained = "Held-out questions. Gained and lost: facts, against the first line; same: to the letter."
    return "\n\n".join(part for part in ("## Exam", "\n".join(lines), f"{explained} {note}".strip()) if part)


def _licence(base: Json) -> str:
    return f"{escape(base['licence'])}, <{base['licence_url']}>"
