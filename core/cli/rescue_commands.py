"""The command of main.py that saves the files of fine-tuned models before their shutdown: rescue."""

import datetime
import sqlite3
from pathlib import Path

from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    print_result,
    print_table,
    progress_reporter,
    with_provider,
)
from core.dataset import importing
from core.dataset.import_reader_process import ImportOptions
from core.errors import JukuError
from core.language import tr, trn
from core.providers import Provider
from core.storage.project import Project
from core.training import rescue
from core.training.rescue import TunedModel


def add(add_command: AddCommand) -> None:
    """Add this command to the parser."""
    words = tr("list the fine-tuned models at a server with the days left, or save one's files and rows")
    parser = add_command("rescue", _rescue, words)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--model", default="", help=tr("the model whose files are saved, and whose rows are imported"))
    parser.add_argument("--to", type=Path, default=Path(), metavar="FOLDER")


def _rescue(arguments: Arguments) -> int:
    async def work(document: Project, provider: Provider) -> int:
        today = datetime.date.today()
        found = await rescue.list_tuned_models(document, provider, today)
        if not arguments.model:
            return _print_models(arguments, found, today)
        chosen = next((one for one in found if one.model == arguments.model), None)
        if chosen is None:
            raise JukuError(tr("The server has no such fine-tuned model"), tr("“rescue” without “--model” lists them."))
        return await _save(arguments, document, provider, chosen)

    return with_provider(arguments, work)


def _print_models(arguments: Arguments, found: list[TunedModel], today: datetime.date) -> int:
    rows = [(one.model, one.base, (one.closing.day - today).days if one.closing else "", len(rescue.list_files(one))) for one in found]  # fmt: skip
    data = {"models": [dict(zip(("model", "base", "days_left", "files"), row, strict=True)) for row in rows]}
    print_table(arguments, data, (tr("Model"), tr("Base model"), tr("Days left"), tr("Files")), rows)
    return CLEAN


async def _save(arguments: Arguments, document: Project, provider: Provider, model: TunedModel) -> int:
    """Save the files, then import their rows under the model's tag; rows that were here before get it, too."""
    saved = await rescue.save_files(provider, model, arguments.to, progress_reporter(tr("Saving the files")))
    rows = 0
    for role, split in rescue.SPLIT_OF_PURPOSE.items():
        for path in saved.of(role):
            options = ImportOptions(split=split, tags=model.tag, source=path.name)
            label = tr("Import {name}", name=path.name)
            rows += (await importing.import_file(document, path, options, progress_reporter(path.name), label)).rows

            def tag_rows(db: sqlite3.Connection, path: Path = path) -> None:
                rescue.tag_existing_rows(db, path, model.tag)

            await document.write(tr("Tag the rescued rows"), tag_rows)
    lines = [trn("{n} file is in {folder}.", "{n} files are in {folder}.", len(saved.paths), folder=arguments.to)]
    if saved.missing:
        lines.append(trn("{n} was deleted on the server.", "{n} were deleted on the server.", len(saved.missing)))
    lines.append(
        trn("{n} row imported, with the tag {tag}", "{n} rows imported, with the tag {tag}", rows, tag=model.tag)
    )
    data = {"files": [str(path) for _role, path in saved.paths], "missing": [one.id for one in saved.missing], "rows": rows, "tag": model.tag}  # fmt: skip
    print_result(arguments, data, "\n".join(lines))
    return PROBLEMS if saved.missing else CLEAN
