"""The child process that writes one export: `python -m core.engine.export.run FOLDER`.

`FOLDER/plan.json` says what. Everything is written to `files.part`, which becomes `files` when it is complete.
"""

import json
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from functools import cached_property
from pathlib import Path

from core.engine import child_lifetime, failures
from core.engine.damaged_records import DamagedAdapterError, check_adapter
from core.engine.export import gguf_check, gguf_model, model_card, ollama_template, other_programs
from core.engine.export.exported_template import ExportedTemplate
from core.engine.export.gguf_adapter import write_gguf_adapter
from core.engine.export.gguf_layout import ExportError, find_layout
from core.engine.export.lora_pairs import LoraPairs
from core.engine.export.merged_weights import MergedWeights, list_weight_files, write_merged_safetensors
from core.engine.export.plan import GGUF_TYPES, PLAN, ExportPlan, gguf_path
from core.engine.http.protocol import Json
from core.engine.private_files import hash_file, replace_folder
from core.engine.record_files import read_record, write_record

SPARE_BYTES = 64 << 20  # left free for everything else on the disk
_LICENCES = ("LICENSE", "LICENSE.txt")
# Files of a base model's folder that go with the merged weights: nothing that could run as code.
_MERGED_FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json", *_LICENCES,
)  # fmt: skip
_PRIVATE_KEYS = ("_name_or_path", "_model_name_or_path")  # of a config.json: may be a path of this computer


class Exporter:
    """Writes the formats of a plan into `part`; `send` gets the progress."""

    def __init__(self, plan: ExportPlan, part: Path, send: Callable[[Json], None]) -> None:
        self._plan, self._part, self._send = plan, part, send
        self._base = Path(plan.base)
        self._adapter = Path(plan.adapter) if plan.adapter else None
        if self._adapter:
            _check_adapter(self._adapter)
        converts = set(plan.formats) - {"adapter"}
        pairs = LoraPairs(self._adapter) if self._adapter and converts else None
        self._weights = MergedWeights(self._base, pairs)
        self._done, self._total = 0, self._estimate()

    def _estimate(self) -> int:
        """The bytes of the whole export. Raises ExportError for a format that this model cannot have."""
        vocabulary = 2 * (self._base / "tokenizer.json").stat().st_size
        total = 0
        for format in self._plan.formats:
            if format in GGUF_TYPES:
                layout = find_layout(self._base)
                total += gguf_model.estimate_bytes(self._weights, layout, GGUF_TYPES[format]) + vocabulary
            elif format == "merged":
                total += sum((self._base / name).stat().st_size for name in list_weight_files(self._base)) + vocabulary
            elif self._adapter:
                total += (self._adapter / "adapter_model.safetensors").stat().st_size
        return total

    def check_disk(self) -> None:
        """Raise ExportError unless the export fits on the disk."""
        free, needed = shutil.disk_usage(self._part.parent).free, self._total + SPARE_BYTES
        if free < needed:
            raise ExportError(
                f"The export needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free on the disk of "
                f"{self._part.parent}. Choose fewer formats, or make room."
            )

    def run(self) -> Json:
        """Write everything; returns {commands, ollama}."""
        for format in self._plan.formats:
            for num_bytes in self._write(format):
                self._done += num_bytes
                self._send({"event": "progress", "progress": min(self._done / max(1, self._total), 0.99)})
        commands = other_programs.build_commands(self._plan)
        ollama = self._write_modelfiles()
        write_cards(self._plan, commands, self._part)
        self._copy_licence()
        return {"commands": commands, "ollama": ollama}

    def _write(self, format: str) -> Iterator[int]:
        if format == "adapter":
            yield self._write_adapter()
        elif format == "gguf-adapter":
            assert self._adapter
            target = self._part / gguf_path(self._plan.name, "adapter")
            write_gguf_adapter(self._base, self._adapter, target)
            yield target.stat().st_size
        elif format == "merged":
            yield from self._write_merged()
        else:
            target = self._part / gguf_path(self._plan.name, GGUF_TYPES[format])
            target.parent.mkdir(parents=True, exist_ok=True)
            yield from gguf_model.write_gguf_model(self._gguf_source(), GGUF_TYPES[format], target)
            if gguf_check.can_check():
                gguf_check.check_tokens(target, self._template)

    def _gguf_source(self) -> gguf_model.GgufSource:
        base, plan = self._plan.base_model, self._plan
        about = {
            "name": plan.name,
            "licence": base["licence"],
            "base_name": base["title"],
            "context_length": plan.context_length,
        }
        return gguf_model.GgufSource(self._base, self._weights, about, plan.chat_template_kwargs, plan.supports_tools)

    def _write_adapter(self) -> int:
        """The adapter as PEFT loads it; its config names the base model and no path of this computer."""
        assert self._adapter
        target = self._part / "adapter"
        target.mkdir(parents=True)
        shutil.copyfile(self._adapter / "adapter_model.safetensors", target / "adapter_model.safetensors")
        config = json.loads((self._adapter / "adapter_config.json").read_text("utf-8"))
        config["base_model_name_or_path"] = self._plan.base_model["source"] or self._plan.base_model["title"]
        _write_json(target / "adapter_config.json", config)
        return (target / "adapter_model.safetensors").stat().st_size

    def _write_merged(self) -> Iterator[int]:
        target = self._part / "merged"
        target.mkdir(parents=True)
        yield from write_merged_safetensors(self._base, self._weights, target)
        for name in _MERGED_FILES:
            if (self._base / name).is_file():
                shutil.copyfile(self._base / name, target / name)
        config = json.loads((target / "config.json").read_text("utf-8"))
        _write_json(target / "config.json", {key: value for key, value in config.items() if key not in _PRIVATE_KEYS})
        (target / "chat_template.jinja").write_text(self._template.jinja, "utf-8")
        self._add_end_of_turn(target, self._template.end_of_turn)

    def _copy_licence(self) -> None:
        """The base model's licence goes with everything that is made of it; Gemma's terms also want a notice."""
        for name in _LICENCES:
            if (self._base / name).is_file():
                shutil.copyfile(self._base / name, self._part / name)
        base = self._plan.base_model
        if base["licence"] == "Gemma":
            notice = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
            (self._part / "NOTICE").write_text(f"{notice}\n\nThis model was modified: it was fine-tuned.\n", "utf-8")

    @staticmethod
    def _add_end_of_turn(target: Path, end_of_turn: int) -> None:
        """Let whatever loads the model stop where an answer of the training ends."""
        path = target / "generation_config.json"
        config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        known = config.get("eos_token_id")
        ids = known if isinstance(known, list) else [known] if known is not None else []
        kept = {key: value for key, value in config.items() if not key.startswith("_")}
        _write_json(path, {**kept, "eos_token_id": known if end_of_turn in ids else [*ids, end_of_turn]})

    @cached_property
    def _template(self) -> ExportedTemplate:
        return ExportedTemplate(self._base, self._plan.chat_template_kwargs, self._plan.supports_tools)

    def _write_modelfiles(self) -> Json:
        """The Modelfiles; returns what Ollama's API wants instead: {template, system, stop}, the first may be None."""
        formats = [format for format in self._plan.formats if format in GGUF_TYPES]
        if not formats:
            return {}
        template, tokenizer = self._template, self._template.tokenizer
        stop = tokenizer.convert_ids_to_tokens(template.end_of_turn)
        found = ollama_template.find_go_template(template.render, tokenizer.bos_token if template.adds_bos else "")
        for format in formats:
            text = other_programs.build_modelfile(self._plan, format, found, stop)
            (self._part / other_programs.modelfile_name(format)).write_text(text, "utf-8")
        return {"template": found, "system": self._plan.card.get("system_prompt"), "stop": stop}


def write_cards(plan: ExportPlan, commands: Json, folder: Path) -> None:
    """Write the model card of the export, and one beside the adapter and the merged weights for a hub."""
    (folder / "README.md").write_text(model_card.build_card(plan, commands, "transformers"), "utf-8")
    for name, library in (("adapter", "peft"), ("merged", "transformers")):
        if (folder / name).is_dir():
            (folder / name / "README.md").write_text(model_card.build_card(plan, {}, library), "utf-8")


def list_files(folder: Path, pattern: str = "*") -> list[Json]:
    """The files of an export whose name matches: path (with `/`), bytes, SHA-256."""
    found = []
    for path in sorted(one for one in folder.rglob(pattern) if one.is_file()):
        name = path.relative_to(folder).as_posix()
        found.append({"path": name, "bytes": path.stat().st_size, "sha256": hash_file(path)})
    return found


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def export(folder: Path, send: Callable[[Json], None]) -> None:
    """Write the export of `folder/plan.json`. Raises ExportError for what cannot be made, and OSError."""
    plan, part = _read_plan(folder), folder / "files.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        exporter = Exporter(plan, part, send)
        exporter.check_disk()
        part.mkdir()
        result = exporter.run()
        files = list_files(part)
        replace_folder(part, folder / "files")
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    send({"event": "done", "files": files, **result})


def rewrite_cards(folder: Path, card: Json) -> list[Json]:
    """Write the cards of a finished export again, with what the client tells now; returns their entries in the list of files.

    Raises ExportError for a damaged plan, and OSError.
    """
    stored = _read_plan(folder)
    plan = replace(stored, card={**stored.card, **card})
    write_cards(plan, other_programs.build_commands(plan), folder / "files")
    write_record(folder / PLAN, asdict(plan))
    return list_files(folder / "files", "README.md")


def _read_plan(folder: Path) -> ExportPlan:
    """The plan of an export. Raises ExportError when it is damaged."""
    names = [one.name for one in fields(ExportPlan)]
    values = read_record(folder / PLAN, names)
    if values is None:
        raise ExportError(f"{folder / PLAN} is gone or damaged. Export the model again.")
    return ExportPlan(**{name: values[name] for name in names})


def _check_adapter(folder: Path) -> None:
    """Raise ExportError for an adapter that is not the one that was trained."""
    try:
        check_adapter(folder)
    except DamagedAdapterError as error:
        raise ExportError(str(error)) from error


def main() -> int:
    """Exit status 0 when the export is complete, 1 after an error message to the parent."""
    send = child_lifetime.open_message_channel()
    child_lifetime.exit_with_parent()
    try:
        export(Path(sys.argv[1]), send)
    except ExportError as error:
        traceback.print_exc()
        send({"event": "error", "message": str(error)})
        return 1
    except Exception as error:
        failure = failures.report_in_child("The export failed.", error, Path(sys.argv[1]) / "export.log")
        send({"event": "error", "message": failure.words, "code": failure.code})
        return 1
    return 0


if __name__ == "__main__":
    child_lifetime.exit_process(main())
