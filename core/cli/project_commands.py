"""The commands of main.py about a project file: project new, info, save-copy, backup, backups."""

from pathlib import Path

from core.checks.rule_registry import clip
from core.cli import row_commands
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    format_time,
    print_result,
    print_table,
    progress_reporter,
    with_project,
)
from core.cli.streams import print_text
from core.dataset import examples
from core.errors import JukuError
from core.exam import runs
from core.language import tr, trn
from core.paths import path_exists
from core.spec import facts, spec
from core.storage import backups
from core.storage.project import Project
from core.training import jobs


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    row_commands.add_new(add_command)
    add_command("info", _info, tr("say what a project contains"))
    copy = add_command("save-copy", _save_copy, tr("write a copy of the project to another file"))
    copy.add_argument("copy", type=Path, metavar="FILE")
    copy.add_argument("--replace", action="store_true", help=tr("replace the file if it exists"))
    add_command("backup", _back_up, tr("make a dated backup, and delete the outdated ones"))
    add_command("backups", _list_backups, tr("list the project's backups"))


def _info(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        db = document.rows
        state = spec.load(db)
        data = {
            "name": state.name,
            "language": spec.get_language(state),
            "characters": len(state.text),
            "facts": len(facts.load(db)),
            "splits": examples.count_values(db, "split"),
            "statuses": examples.count_values(db, "status"),
            "jobs": len(jobs.load_all(db)),
            "exams": len(runs.load_all(db)),
        }
        titles = (tr("Name"), tr("Language"), tr("Characters of the spec"), tr("Facts"), tr("Rows by use"), tr("Rows by status"), tr("Jobs"), tr("Exams"))  # fmt: skip
        rows = [(title, _format_counts(value)) for title, value in zip(titles, data.values(), strict=True)]
        print_table(arguments, data, ("", ""), rows)
        return CLEAN

    return with_project(arguments, work)


def _format_counts(value: object) -> str:
    return ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else str(value)


def _save_copy(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        if not arguments.replace and path_exists(arguments.copy):
            title = tr("“{name}” already exists", name=clip(arguments.copy.name, 80))
            raise JukuError(title, tr("It was not changed. Choose another name, or add “--replace”."))
        copy = await backups.save_copy(document, arguments.copy, progress_reporter(arguments.copy.name))
        words = [tr("Saved {path}.", path=copy.path)]
        words += [] if copy.is_whole else [tr("The check of the project has found damage, and the copy has it, too.")]
        print_result(arguments, {"file": str(copy.path), "rows": copy.rows, "whole": copy.is_whole}, " ".join(words))
        return CLEAN if copy.is_whole else PROBLEMS

    return with_project(arguments, work)


def _back_up(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        made = await backups.back_up(document, progress_reporter(tr("Backup")))
        print_result(arguments, {"file": str(made.path), "bytes": made.size}, tr("Saved {path}.", path=made.path))
        return CLEAN

    return with_project(arguments, work)


def _list_backups(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = backups.list_backups(await document.read(backups.backup_folder))
        data = {"backups": [{"file": str(one.path), "made": one.made, "bytes": one.size} for one in found]}
        rows = [(format_time(one.made), f"{one.size:,}", one.path) for one in found]
        print_table(arguments, data, (tr("Made"), tr("Bytes"), tr("File")), rows)
        if not found and not arguments.json:
            print_text(trn("{n} backup", "{n} backups", 0))
        return CLEAN

    return with_project(arguments, work)
