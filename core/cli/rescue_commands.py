"""The command of main.py that rescues fine-tuned models before their shutdown: rescue."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from core import clock, providers
from core.cli.console import (
    CLEAN,
    INCOMPLETE,
    PROBLEMS,
    AddCommand,
    Arguments,
    connected,
    print_result,
    print_table,
    progress_reporter,
    with_project,
    with_provider,
)
from core.cli.rows_prompt_and_settings import read_setting
from core.cli.streams import print_message
from core.errors import JukuError
from core.exam.report import csv_and_json
from core.language import tr, trn
from core.providers import Provider
from core.rescue import files, loop, records, report
from core.rescue.loop import NotAgreedError
from core.rescue.records import RescuePlan, RescueRun
from core.rescue.report import RescueReport
from core.storage.project import Changes, Project
from core.training import rescue
from core.training.rescue import TunedModel

Connect = Callable[[str], Awaitable[Provider]]


def add(add_command: AddCommand) -> None:
    """Add this command to the parser."""
    words = tr("list the fine-tuned models at a server with the days left, save one's files and rows, or with “--base” rescue it whole")  # fmt: skip
    parser = add_command("rescue", _rescue, words)
    parser.add_argument("--provider", default="", help=tr("the server of the model that shuts down"))
    parser.add_argument("--model", default="", help=tr("the model whose files are saved, and whose rows are imported"))
    parser.add_argument("--to", type=Path, default=None, metavar="FOLDER", help=tr("where its files are saved"))
    base = tr("teach this base model what the old one knows, and let both sit the same exam")
    parser.add_argument("--base", default="", metavar="MODEL", help=base)
    at = tr("the server that teaches it; by default this computer")
    parser.add_argument("--at", default=providers.LOCAL, metavar="PROVIDER", help=at)
    setting = tr("a hyperparameter of the training job, such as n_epochs=3; can be given several times")
    parser.add_argument("--set", action="append", default=[], type=read_setting, metavar="NAME=VALUE", help=setting)
    agreed = tr("start the training without asking, whatever the check before it has to say, except errors")
    parser.add_argument("--yes", action="store_true", help=agreed)
    again = tr("go on with the last rescue where it stopped")
    parser.add_argument("--continue", action="store_true", dest="again", help=again)
    name = tr("with “--continue”: the name under which the new model answers, where it had to be deployed")
    parser.add_argument("--answers-as", default="", metavar="NAME", help=name)


def _rescue(arguments: Arguments) -> int:
    if arguments.again:
        return with_project(arguments, lambda document: _go_on(arguments, document))
    if not arguments.provider:
        raise JukuError(
            tr("Name the server of the model: “--provider”"), tr("“servers list” shows those in the settings.")
        )
    if arguments.base:
        return with_project(arguments, lambda document: _begin(arguments, document))

    async def work(document: Project, provider: Provider) -> int:
        found = await rescue.list_tuned_models(document, provider, clock.today())
        if not arguments.model:
            return _print_models(arguments, found)
        return await _save(arguments, document, provider, _choose(found, arguments.model))

    return with_provider(arguments, work)


def _choose(found: list[TunedModel], model: str) -> TunedModel:
    chosen = next((one for one in found if one.model == model), None)
    if chosen is None:
        raise JukuError(tr("The server has no such fine-tuned model"), tr("“rescue” without “--model” lists them."))
    return chosen


def _print_models(arguments: Arguments, found: list[TunedModel]) -> int:
    today = clock.today()
    rows = [(one.model, one.base, (one.closing.day - today).days if one.closing else "", len(rescue.list_files(one))) for one in found]  # fmt: skip
    data = {"models": [dict(zip(("model", "base", "days_left", "files"), row, strict=True)) for row in rows]}
    print_table(arguments, data, (tr("Model"), tr("Base model"), tr("Days left"), tr("Files")), rows)
    return CLEAN


async def _save(arguments: Arguments, document: Project, provider: Provider, model: TunedModel) -> int:
    """Save the files, then import their rows under the model's tag; rows that were here before get it, too."""
    folder = arguments.to or Path()
    saved = await rescue.save_files(provider, model, folder, progress_reporter(tr("Saving the files")))
    imported = await files.import_rows(document, saved, model.tag, progress_reporter(tr("Import")))
    lines = [trn("{n} file is in {folder}.", "{n} files are in {folder}.", len(saved.paths), folder=folder)]
    if saved.missing:
        lines.append(trn("{n} was deleted on the server.", "{n} were deleted on the server.", len(saved.missing)))
    lines += imported.format(model.tag)
    data = {"files": [str(path) for _role, path in saved.paths], "missing": [one.id for one in saved.missing], "rows": imported.rows, "tag": model.tag}  # fmt: skip
    print_result(arguments, data, "\n".join(lines))
    return PROBLEMS if saved.missing else CLEAN


async def _begin(arguments: Arguments, document: Project) -> int:
    async with AsyncExitStack() as stack:
        connect = _connector(stack)
        old = await connect(arguments.provider)
        await connect(arguments.at)  # a key that lacks is told now, not when the training begins
        model = arguments.model
        if not model:
            found = await rescue.list_tuned_models(document, old, clock.today())
            if len(found) != 1:
                _print_models(arguments, found)
                raise JukuError(tr("Say which model is to be rescued: “--model”"), tr("Nothing was done."))
            model = found[0].model
        folder = arguments.to or document.path.with_name(f"{document.path.stem}-rescued")
        plan = RescuePlan(arguments.provider, model, arguments.at, arguments.base, str(folder.absolute()), dict(arguments.set), agreed=arguments.yes)  # fmt: skip
        return await _work(arguments, document, connect, await loop.begin(document, old, plan))


async def _go_on(arguments: Arguments, document: Project) -> int:
    run = await document.read(records.load_newest)
    if run is None or run.is_over:
        raise JukuError(tr("There is nothing to continue"), tr("Without “--continue” a rescue begins anew."))
    if arguments.yes:
        await document.write("", records.agree, run.id)
    if arguments.answers_as:
        await document.write("", records.set_model, run.id, arguments.answers_as)
    async with AsyncExitStack() as stack:
        return await _work(arguments, document, _connector(stack), run.id)


def _connector(stack: AsyncExitStack) -> Connect:
    """A function that connects each server once; they are closed with `stack`."""
    there: dict[str, Provider] = {}
    opening = asyncio.Lock()

    async def connect(id: str) -> Provider:
        async with opening:
            if id not in there:
                there[id] = await stack.enter_async_context(connected(id))
            return there[id]

    return connect


async def _work(arguments: Arguments, document: Project, connect: Connect, id: int) -> int:
    """Rescue to the end; each step is told with the days that are left."""
    run = await document.read(records.load, id)
    preset = (await connect(run.plan.provider)).preset.id
    told = ""

    def show(changes: Changes) -> None:
        nonlocal told
        if changes.tables & records.TABLES:
            line = _format_step(records.load(document.rows, id), preset)
            if line != told:
                print_message(line)
            told = line

    print_message(told := _format_step(run, preset))
    try:
        run = await loop.resume(document, connect, id, progress_reporter(tr("Rescue")), show)
    except NotAgreedError as error:
        print_message(f"{error.title}\n{error.message}")
        print_message(tr("To start it nevertheless: “rescue --continue --yes”."))
        return INCOMPLETE
    except JukuError:
        print_message(tr("What was done is kept: “rescue --continue” goes on with it."))
        raise
    found = await document.read(report.load, run)
    print_result(arguments, _build_data(found), "\n".join(report.build_sentences(found)))
    return CLEAN if found.is_parity else PROBLEMS


def _format_step(run: RescueRun, preset: str) -> str:
    deadline = report.format_deadline(run.plan.model, run.closing, preset, clock.today())
    return " · ".join(filter(None, (report.step_title(run.step, run), deadline)))


def _build_data(found: RescueReport) -> dict[str, Any]:
    """The result as JSON."""
    run = found.run
    held = [csv_and_json.rate_data(total.held) for total in found.exam.totals] if found.exam else []
    return {
        "rescue": run.id,
        "status": run.status,
        "old": run.plan.model,
        "new": run.fine_tuned_model,
        "job": run.job,
        "exam": run.exam,
        "held_out": held,
        "parity": found.is_parity,
        "days_left": (run.closing - clock.today()).days if run.closing else None,
        "verdict": report.build_sentences(found),
    }
