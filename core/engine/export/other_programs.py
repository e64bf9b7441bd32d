"""What other programs need to load an export: an Ollama Modelfile, and command lines for vLLM and llama.cpp."""

import shlex

from core.engine.export.plan import GGUF_TYPES, ExportPlan, gguf_path
from core.engine.http.protocol import Json

_PREFERRED = ("gguf-q8_0", "gguf-q4_k_m", "gguf-f16")  # the best compromise first


def build_modelfile(plan: ExportPlan, format: str, template: str | None, stop: str) -> str:
    """An Ollama Modelfile for one GGUF file of the export, in the export's own folder.

    Without `template` Ollama takes the one that it finds for the model's family.
    """
    lines = [f"FROM ./{gguf_path(plan.name, GGUF_TYPES[format])}"]
    lines += [f"TEMPLATE {_quote(template)}"] if template else []
    lines += [f"SYSTEM {_quote(prompt)}"] if (prompt := plan.card.get("system_prompt")) else []
    lines += [f"PARAMETER stop {_quote(stop)}", f"PARAMETER num_ctx {min(plan.context_length, 4096)}"]
    return "\n".join([*lines, ""])


def _quote(text: str) -> str:
    """A Modelfile's string. Three quotes end it: a text that holds them gets a space between."""
    text = text.replace('"""', '"" "')
    return f'"""{text}"""' if "\n" in text or '"' in text else f'"{text}"'


def modelfile_name(format: str) -> str:
    """The name of the Modelfile of one GGUF format."""
    return f"Modelfile-{GGUF_TYPES[format]}"


def build_commands(plan: ExportPlan) -> Json:
    """A command line for each program that the export's formats allow; to be called in the export's folder."""
    commands: Json = {}
    name, length = plan.name, str(plan.context_length)
    if ggufs := [format for format in _PREFERRED if format in plan.formats]:
        path = gguf_path(name, GGUF_TYPES[ggufs[0]])
        commands["llama_server"] = _line("llama-server", "-m", path, "--alias", name, "--jinja", "-c", length)
        commands["ollama"] = _line("ollama", "create", name.lower(), "-f", modelfile_name(ggufs[0]))
    if "gguf-adapter" in plan.formats:
        adapter = gguf_path(name, "adapter")
        commands["llama_server_adapter"] = _line(
            "llama-server", "-m", "BASE.gguf", "--lora", adapter, "--alias", name, "--jinja", "-c", length
        )
    if "merged" in plan.formats:
        commands["vllm"] = _line("vllm", "serve", "./merged", "--served-model-name", name, "--max-model-len", length)
    elif "adapter" in plan.formats and plan.base_model["source"]:
        rank = str(plan.training.get("LoRA rank") or 16)
        commands["vllm"] = _line(
            "vllm", "serve", plan.base_model["source"], "--enable-lora", "--max-lora-rank", rank,
            "--lora-modules", f"{name}=./adapter", "--max-model-len", length,
        )  # fmt: skip
    return commands


def _line(*parts: str) -> str:
    return shlex.join(parts)
