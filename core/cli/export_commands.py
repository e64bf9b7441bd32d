"""The command of main.py that exports a model: export-model."""

import asyncio
from dataclasses import asdict
from pathlib import Path

from core import providers
from core.cli.console import CLEAN, AddCommand, Arguments, print_result, progress_reporter, with_provider
from core.cli.streams import print_message
from core.exam import exported_models
from core.exam.exported_models import ExportedScore
from core.language import tr
from core.providers import ExportState, ollama
from core.storage.project import Project
from core.training import model_export


def add(add_command: AddCommand) -> None:
    """Add this command to the parser."""
    parser = add_command("export-model", _export_model, tr("export a fine-tuned model for other programs"))
    parser.add_argument("--model", required=True, help=tr("a fine-tuned model, or a checkpoint of its job"))
    parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help=tr("where the new folder is made"))
    parser.add_argument(
        "--format", action="extend", nargs="+", choices=model_export.FORMATS, dest="formats",
        help=tr("can be given several times; by default gguf-q8_0"),
    )  # fmt: skip
    parser.add_argument("--exam", action="store_true", help=tr("let each exported GGUF file sit the exam again"))
    parser.add_argument("--ollama", default="", metavar="NAME", help=tr("also bring it to Ollama under this name"))
    parser.add_argument("--provider", default=providers.LOCAL)


def _export_model(arguments: Arguments) -> int:
    return with_provider(arguments, lambda document, provider: _export(arguments, document, provider))


async def _export(arguments: Arguments, document: Project, provider: providers.Provider) -> int:
    formats = arguments.formats or ["gguf-q8_0"]
    export = await model_export.start(document, provider, arguments.model, formats)
    export = await model_export.wait(provider, export, progress_reporter(tr("Exporting")))
    scores = await _examine(document, provider, export) if arguments.exam and export.models else []
    if arguments.exam and not scores:
        print_message(tr("No exam was sat: only GGUF files can, with the package xllamacpp."))
    if scores:
        rows = exported_models.build_card_rows(scores, tr("The model in Juku"))
        export = await provider.update_export_card(export.id, {"exam": rows})
    folder = await model_export.save(provider, export, arguments.to, progress_reporter(tr("Saving")))
    if arguments.ollama:
        await _send_to_ollama(arguments.ollama, folder, export)
    lines = [tr("Exported to {folder}", folder=folder), *export.commands.values(), *map(format_score, scores)]
    data = {"folder": str(folder), "commands": export.commands, "exam": [asdict(score) for score in scores]}
    print_result(arguments, data, "\n".join(lines))
    return CLEAN


async def _examine(document: Project, provider: providers.Provider, export: ExportState) -> list[ExportedScore]:
    async def connect(_id: str) -> providers.Provider:
        return provider

    plan = exported_models.build_plan(provider.id, export)
    return await exported_models.examine(document, connect, plan, progress_reporter(tr("Exam")), lambda _changes: None)


async def _send_to_ollama(name: str, folder: Path, export: ExportState) -> None:
    found = await asyncio.to_thread(lambda: model_export.find_gguf(folder, export))
    await ollama.send_model(ollama.default_url(), name, found, export, progress_reporter("Ollama"))


def format_score(score: ExportedScore) -> str:
    """One model's result in a line."""
    name = f"GGUF {score.precision}" if score.precision else tr("The model in Juku")
    if score.error:
        return f"{name}: {score.error}"
    line = tr("{name}: {right} of {asked} held-out answers right", name=name, right=score.right, asked=score.asked)
    if score.gained is None:
        return line
    changes = tr("facts gained: {gained}, lost: {lost}", gained=score.gained, lost=score.lost)
    same = tr("the same answers: {share}", share=f"{score.same or 0:.0%}")
    return f"{line}; {changes}; {same}"
