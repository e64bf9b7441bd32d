"""The commands of main.py about the spec and its facts: spec import, show, set; facts find, list."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.cli import fact_commands
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    print_result,
    print_table,
    progress_reporter,
    read_text,
    with_project,
)
from core.dataset import examples
from core.documents import Document
from core.language import LANGUAGES, tr, trn
from core.spec import facts, spec
from core.storage import background_process
from core.storage.project import Project

APPEND, REPLACE = "append", "replace"
TEXT_FIELDS = ("name", "language", "system_prompt", "description")


def add_spec(add_command: AddCommand) -> None:
    """Add the commands about the spec."""
    words = tr("read a document (Markdown, text, HTML, Word, PDF) into the spec")
    document = add_command("import", _import_document, words)
    document.add_argument("document", type=Path, metavar="FILE")
    document.add_argument("--replace", action="store_true", help=tr("put it in the place of the spec's text"))
    add_command("show", _show, tr("print the spec"))
    change = add_command("set", _set, tr("change the spec's name, language, system prompt, description, or text"))
    change.add_argument("--name")
    change.add_argument("--language", choices=("", *LANGUAGES), help=tr("“” detects it from the text"))
    change.add_argument(
        "--prompt", dest="system_prompt", metavar="TEXT", help=tr("the system prompt of every question")
    )
    change.add_argument("--description", metavar="TEXT")
    change.add_argument("--text", type=Path, metavar="FILE", help=tr("“-” is standard input"))


def add_facts(add_command: AddCommand) -> None:
    """Add the commands about facts."""
    add_command("find", _find_facts, tr("find the statements of the spec that are no facts yet, and add them"))
    add_command("list", _list_facts, tr("list the facts with the rows that teach them"))
    fact_commands.add_link(add_command)


def _import_document(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        path = arguments.document
        reporter = progress_reporter(path.name)
        read = Document(**await background_process.run("core.documents", {"path": str(path)}, reporter))
        before = await document.read(spec.load)
        text = read.text if arguments.replace or not before.text.strip() else f"{before.text.rstrip()}\n\n{read.text}"
        new = replace(before, text=text, name=before.name or read.title)
        await document.write(tr("Import document {name}", name=path.name), facts.save, new)
        lines = [trn("{n} character imported", "{n} characters imported", len(read.text)), *read.notes]
        data = {"characters": len(read.text), "title": read.title, "notes": read.notes}
        print_result(arguments, data, "\n".join(lines))
        return PROBLEMS if read.notes else CLEAN

    return with_project(arguments, work)


def _show(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = await document.read(spec.load)
        head = [f"{name}: {value}" for name in TEXT_FIELDS if (value := getattr(found, name))]
        print_result(arguments, asdict(found), "\n".join([*head, "", found.text.rstrip()]))
        return CLEAN

    return with_project(arguments, work)


def _set(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        given: dict[str, Any] = {name: getattr(arguments, name) for name in TEXT_FIELDS}
        given["text"] = read_text(arguments.text) if arguments.text else None
        changed = {name: value for name, value in given.items() if value is not None}
        new = replace(await document.read(spec.load), **changed)
        await document.write(tr("Edit spec"), facts.save, new)
        print_result(arguments, asdict(new), tr("Changed: {names}", names=", ".join(changed) or "–"))
        return CLEAN if changed else PROBLEMS

    return with_project(arguments, work)


def _find_facts(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        before = {fact.id for fact in await document.read(facts.load)}
        await document.write(tr("Find facts"), facts.accept_missing)
        new = [fact for fact in await document.read(facts.load) if fact.id not in before]
        data = {"added": [{"name": fact.name, "text": fact.text} for fact in new]}
        print_table(arguments, data, (tr("Fact"), tr("Text")), [(fact.name, fact.text) for fact in new])
        return CLEAN if new or before else PROBLEMS

    return with_project(arguments, work)


def _list_facts(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = facts.sort_by_place((await document.read(spec.load)).text, await document.read(facts.load))
        counts = await document.read(examples.count_values, "facts")
        data = {"facts": [{**asdict(fact), "rows": counts.get(fact.name, 0)} for fact in found]}
        rows = [
            (fact.name, counts.get(fact.name, 0), tr("ignored") if fact.ignored else "", fact.text) for fact in found
        ]
        print_table(arguments, data, (tr("Fact"), tr("Rows"), "", tr("Text")), rows)
        return CLEAN

    return with_project(arguments, work)
