"""The commands of main.py that list and change the rows of a project: rows list, edit, delete, fix, versions."""

import sqlite3
from dataclasses import asdict
from typing import Any

from core import checks
from core.cli import fact_commands, row_commands
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    format_time,
    number_in,
    print_result,
    print_table,
    progress_reporter,
    read_tag,
    with_project,
)
from core.cli.streams import print_text
from core.dataset import bulk_edits, examples, filters, versions
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.providers.server_presets import NumberRange
from core.storage.project import Project

LIMITS = NumberRange(1, integer=True)
SHOWN_ROWS = 50
METADATA = ("split", "status", "kind", "tags", "notes", "facts", "key_points")


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    row_commands.add(add_command)
    fact_commands.add_hold_out(add_command)
    listing = _add_filtered(add_command, "list", _list, tr("list the rows"), required=False)
    listing.add_argument("--limit", type=number_in(LIMITS), default=SHOWN_ROWS, metavar="N")
    edit = _add_filtered(add_command, "edit", _edit, tr("change a field of all matching rows"))
    edit.add_argument("--set", action="append", default=[], type=_parse_change, dest="changes", metavar="FIELD=VALUE",
                      help=tr("FIELD is one of {fields}", fields=", ".join(METADATA)))  # fmt: skip
    edit.add_argument("--add-tag", type=read_tag, default="", metavar="TAG")
    edit.add_argument("--remove-tag", type=read_tag, default="", metavar="TAG")
    words = tr("approve all matching rows but those that a judge refused")
    edit.add_argument("--approve", action="store_true", help=words)
    _add_filtered(add_command, "delete", _delete, tr("delete all matching rows"))
    fix = add_command("fix", _fix, tr("fix a problem in all rows where that is safe"))
    fix.add_argument("rule", choices=[name for name, rule in checks.RULES.items() if rule.fixable])
    _add_versions(add_command)


def _add_filtered(add_command: AddCommand, name: str, function: Any, text: str, required: bool = True) -> Any:
    parser = add_command(name, function, text)
    words = tr("only matching rows, with the same syntax as in the window: “status:draft length:>500 word”")
    every = tr("“*” means all rows")
    parser.add_argument("--filter", required=required, default="*", metavar="WORDS", help=f"{words}; {every}")
    return parser


def _add_versions(add_command: AddCommand) -> None:
    add_command("versions", _list_versions, tr("list the saved versions of the rows"))
    save = add_command("save-version", _save_version, tr("save the present rows as a version"))
    save.add_argument("name")
    for name, function, text in (
        ("compare-version", _compare_version, tr("say what changed since a version")),
        ("restore-version", _restore_version, tr("put the rows of a version back; the present ones are saved first")),
    ):
        add_command(name, function, text).add_argument("version", type=int)


def _parse_change(text: str) -> tuple[str, str]:
    import argparse

    field, equals, value = text.partition("=")
    if not equals or field not in METADATA:
        raise argparse.ArgumentTypeError(tr("FIELD is one of {fields}", fields=", ".join(METADATA)))
    allowed = {"split": examples.SPLITS, "status": examples.STATUSES}.get(field)
    if allowed and value not in allowed:
        raise argparse.ArgumentTypeError(
            tr("“{text}” is not possible here: {range}", text=value, range=", ".join(allowed))
        )
    return field, value


def _find(db: sqlite3.Connection, arguments: Arguments) -> list[int]:
    return list(filters.find(db, filters.parse("" if arguments.filter.strip() == "*" else arguments.filter)))


def _list(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        ids = await document.read(_find, arguments)
        rows = await document.read(lambda db: list(examples.iterate(db, ids[: arguments.limit])))
        data = {"rows": [{"id": row.id, **_describe(row)} for row in rows], "matching": len(ids)}
        table = [(row.id, row.split, row.status, row.kind, row.facts, row.question, row.answer) for row in rows]
        heads = ("", tr("Use"), tr("Status"), tr("Kind"), tr("Facts"), tr("Question"), tr("Answer"))
        print_table(arguments, data, heads, table)
        if not arguments.json and len(ids) > len(rows):
            print_text(
                trn("{n} more row; --limit shows more", "{n} more rows; --limit shows more", len(ids) - len(rows))
            )
        return CLEAN if ids else PROBLEMS

    return with_project(arguments, work)


def _describe(row: examples.Example) -> dict[str, str]:
    return {name: str(getattr(row, name)) for name in ("question", "answer", *METADATA)}


def _edit(arguments: Arguments) -> int:
    def change(db: sqlite3.Connection, ids: list[int], reporter: Reporter) -> None:
        for field, value in arguments.changes:
            bulk_edits.set_field(db, ids, field, value, reporter)
        if arguments.add_tag:
            bulk_edits.add_tag(db, ids, arguments.add_tag, reporter)
        if arguments.remove_tag:
            bulk_edits.remove_tag(db, ids, arguments.remove_tag, reporter)
        if arguments.approve:
            bulk_edits.approve(db, ids, reporter)

    if not (arguments.changes or arguments.add_tag or arguments.remove_tag or arguments.approve):
        raise JukuError(
            tr("Nothing to change"), tr("Add “--set FIELD=VALUE”, “--add-tag”, “--remove-tag” or “--approve”.")
        )
    return _change(arguments, tr("Edit rows"), change)


def _delete(arguments: Arguments) -> int:
    return _change(arguments, tr("Delete rows"), bulk_edits.delete)


def _change(arguments: Arguments, label: str, change: Any) -> int:
    """Change the matching rows in one step that the window can undo."""

    async def work(document: Project) -> int:
        ids = await document.read(_find, arguments)
        reporter = progress_reporter(label)
        if ids:
            await document.write(label, change, ids, reporter, reporter=reporter)
        print_result(arguments, {"rows": ids}, f"{label}: " + trn("{n} row", "{n} rows", len(ids)))
        return CLEAN if ids else PROBLEMS

    return with_project(arguments, work)


def _fix(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        label = tr("Fix “{rule}”", rule=checks.RULES[arguments.rule].title())
        reporter = progress_reporter(label)
        changes = await document.write(label, bulk_edits.fix_all, arguments.rule, reporter, reporter=reporter)
        print_result(arguments, {"rows": changes.count}, f"{label}: " + trn("{n} row", "{n} rows", changes.count))
        return CLEAN

    return with_project(arguments, work)


def _list_versions(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = await document.read(versions.list_versions)
        rows = [(one.id, format_time(one.created_at), one.rows, one.name) for one in found]
        data = {"versions": [asdict(one) for one in found]}
        print_table(arguments, data, ("", tr("Made"), tr("Rows"), tr("Name")), rows)
        return CLEAN

    return with_project(arguments, work)


def _save_version(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        await document.write(tr("Save a version"), versions.save, arguments.name)
        newest = (await document.read(versions.list_versions))[0]
        print_result(arguments, asdict(newest), tr("Version {id} has {n} rows.", id=newest.id, n=newest.rows))
        return CLEAN

    return with_project(arguments, work)


def _compare_version(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        await _require_version(document, arguments.version)
        found = await document.read(versions.diff, arguments.version)
        data = {"added": found.added, "removed": found.removed, "changed": found.changed}
        words = tr("{added} added, {removed} removed, {changed} changed", **data)
        print_result(arguments, data, words)
        return CLEAN

    return with_project(arguments, work)


def _restore_version(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        await _require_version(document, arguments.version)
        await document.write(
            tr("Save a version"), versions.save_current, tr("Before version {id} was restored", id=arguments.version)
        )
        label = tr("Restore a version")
        reporter = progress_reporter(label)
        changes = await document.write(label, versions.restore, arguments.version, reporter, reporter=reporter)
        print_result(arguments, {"rows": changes.count}, f"{label}: " + trn("{n} row", "{n} rows", changes.count))
        return CLEAN

    return with_project(arguments, work)


async def _require_version(document: Project, version: int) -> None:
    if version not in {one.id for one in await document.read(versions.list_versions)}:
        raise JukuError(tr("There is no version {id}", id=version), tr("“rows versions” lists them."))
