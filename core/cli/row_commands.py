"""The commands of main.py about rows: new, import, export."""

import argparse
import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core import checks, formats
from core.checks.rule_registry import clip, clip_list
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    STDIN,
    UNREADABLE,
    AddCommand,
    Arguments,
    print_result,
    progress_reporter,
    read_tag,
    with_project,
)
from core.cli.problem_output import MAX_PATH
from core.cli.streams import print_json, print_message, print_text
from core.dataset import examples, exporting, filters, importing, quarantine, sample_projects
from core.dataset.import_reader_process import ImportOptions
from core.errors import FormatError, JukuError, ProjectError
from core.formats import column_mapping
from core.formats.reading_options import ReadingOptions
from core.generation import fact_links
from core.language import tr, trn
from core.storage import project
from core.storage.project import Project


def add_new(add_command: AddCommand) -> None:
    """Add the command that creates a project."""
    new = add_command("new", _new, tr("create a project"), False)
    new.add_argument("project", type=Path)
    new.add_argument("--sample", choices=sample_projects.list_names())


def add(add_command: AddCommand) -> None:
    """Add the commands about rows."""
    words = tr("import the rows of files into a project; exit status as of check, for what was imported")
    parser = add_command("import", _import, words)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=tr("“-” is standard input"))
    _add_import_options(parser)
    _add_export_options(add_command("export", _export, tr("write a project's rows to a file")))


def add_reading_options(parser: argparse.ArgumentParser, *other_names: str) -> None:
    """The options with which a person says how a file is to be read; `other_names` of the option `--form`."""
    detected = tr("by default detected from the content")
    parser.add_argument("--form", *other_names, choices=formats.READERS, default="", help=detected)
    parser.add_argument("--encoding", default="", help=detected)
    parser.add_argument("--delimiter", default="", type=_parse_delimiter, help=detected)
    parser.add_argument(
        "--sheet", default="", metavar="NAME", help=tr("of a workbook; by default the first one with rows")
    )
    words = tr("of a batch: the file with the requests, for one with the answers")
    parser.add_argument("--requests", type=Path, default=None, metavar="FILE", help=words)
    several = tr("which table column or JSON key means what, as in user=Frage,assistant=Antwort")
    parser.add_argument(
        "--columns", action="extend", type=_parse_columns, default=[], metavar="FIELD=NAME,…", help=several
    )
    column = tr("the same for one column; can be given several times")
    parser.add_argument(
        "--column", action="append", dest="columns", type=_parse_column, metavar="FIELD=NAME", help=column
    )


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    add_reading_options(parser, "--format")
    parser.add_argument("--split", choices=examples.SPLITS, default="train")
    parser.add_argument("--status", choices=examples.STATUSES, default="approved")
    parser.add_argument("--tags", default="", help=tr("tags of the new rows, separated by spaces"))
    parser.add_argument("--again", action="store_true", help=tr("add rows again even if they already exist"))


def _parse_columns(text: str) -> list[tuple[str, str]]:
    return [_parse_column(part) for part in re.split(r",(?=[a-z_]+=)", text)]


def _parse_column(text: str) -> tuple[str, str]:
    field, equals, name = text.partition("=")
    field = column_mapping.ALIASES.get(field.strip(), field.strip())
    if not equals or field not in formats.FIELDS:
        fields = ", ".join([*formats.FIELDS, *column_mapping.ALIASES])
        raise argparse.ArgumentTypeError(tr("FIELD is one of {fields}", fields=fields))
    return field, name.strip()


def _parse_delimiter(text: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(text.lower(), text)
    if len(delimiter) > 1:
        raise argparse.ArgumentTypeError(tr("A delimiter is one character, or “tab”."))
    return delimiter


def _add_export_options(export: argparse.ArgumentParser) -> None:
    export.add_argument("out", type=Path)
    export.add_argument("--format", choices=exporting.FORMATS, default="", help=tr("by default detected from the name"))
    export.add_argument("--split", choices=examples.SPLITS, default="")
    export.add_argument("--rows", type=read_tag, default="", metavar="TAG", help=tr("only rows with this tag"))
    words = tr("only matching rows, with the same syntax as in the window: “status:draft length:>500 word”")
    export.add_argument("--filter", default="", metavar="WORDS", help=words)
    export.add_argument("--full", action="store_true", help=tr("tables get a column that contains the whole row"))
    export.add_argument("--canonical", action="store_true", help=tr("normalize key order and spacing"))
    mark = tr("a byte order mark at the start, as Azure and Excel require")
    export.add_argument("--bom", action=argparse.BooleanOptionalAction, default=None, help=mark)
    export.add_argument(
        "--card", action="store_true", help=tr("a dataset card with counts and hashes next to the file")
    )
    export.add_argument("--title", default="", help=tr("the title on the card"))
    export.add_argument("--date", default="", help=tr("the date on the card, exactly as it should appear"))


def _new(arguments: Arguments) -> int:
    async def work(document: Project) -> None:
        await document.write(tr("Use the sample"), sample_projects.fill, arguments.sample)

    if arguments.sample:
        sample_projects.load(arguments.sample)
    document = project.create(arguments.project)
    try:
        if arguments.sample:
            asyncio.run(work(document))
    finally:
        document.close()
    print_result(arguments, {"project": str(arguments.project)}, tr("Created {path}.", path=arguments.project))
    return CLEAN


def _import(arguments: Arguments) -> int:
    options = ImportOptions(
        reading(arguments), arguments.split, arguments.status, arguments.tags, skip_known=not arguments.again
    )

    async def work(document: Project) -> int:
        status = CLEAN
        for path in expand_archives(arguments.files):
            before, first = quarantine.count(document.rows), examples.get_next_id(document.rows)
            try:
                with open_input(path) as file:
                    name = formats.format_name(file)
                    label = tr("Import {name}", name=name)
                    given = replace(options, source=name)
                    result = await importing.import_file(document, file, given, progress_reporter(file.name), label)
            except ProjectError:
                raise  # no other file would come in either
            except JukuError as error:
                print_message(str(error))
                status = UNREADABLE
                continue
            unread = await document.read(quarantine.load_lines, before)
            linked = await fact_links.link_rows(document, progress_reporter(tr("Link rows to facts")), result.ids)
            wrong = await document.read(examples.count_problems_since, first)
            _print_import_result(arguments, path, result, unread, wrong, linked)
            status = max(status, PROBLEMS if unread or wrong else CLEAN)
        return status

    return with_project(arguments, work)


def expand_archives(files: list[Path]) -> Iterator[Path]:
    """Yield the files, of an archive those in it; what is left out of one is told."""
    for path in files:
        try:
            contents = formats.expand(path)
        except FormatError:
            yield path  # told when it is opened
            continue
        if contents.left_out:
            names = clip_list(contents.left_out)
            print_message(tr("{name}: files without rows left out: {names}", name=clip(path.name, 80), names=names))
        yield from contents.paths


@contextmanager
def open_input(path: Path) -> Iterator[Path]:
    """Yields the file itself, or a temporary one with standard input. Raises `FormatError` where that cannot be saved."""
    if path != STDIN:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="juku-") as folder:
        piped = Path(folder) / "stdin.txt"
        try:
            with piped.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            raise FormatError(tr("Standard input cannot be saved"), str(error)) from error
        yield piped


def _print_import_result(
    arguments: Arguments,
    path: Path,
    result: importing.ImportResult,
    unread: list[quarantine.UnreadLine],
    wrong: examples.ProblemCounts,
    linked: fact_links.LinkResult | None,
) -> None:
    if arguments.json:
        lines = [{"line": entry.line, "rule": entry.rule, "message": entry.message} for entry in unread]
        counts = {"errors": wrong.errors, "warnings": wrong.warnings, "rules": wrong.rules}
        counts |= {"linked": linked.linked} if linked else {}
        read = {"rows": result.rows, "known": result.known, "notes": result.notes}
        print_json({"file": str(path), **read, "unread": lines, **counts})
        return
    print_text(
        trn(
            "{name}: {n} row imported",
            "{name}: {n} rows imported",
            result.rows,
            name=clip(formats.format_name(path), 80),
        )
    )
    if result.notes:
        print_text("\n".join(result.notes))
        print_text(tr("If that is wrong, say so with --encoding, --delimiter, --sheet, --columns or --form."))
    if result.known:
        print_text(trn("{n} row already existed", "{n} rows already existed", result.known))
    if linked:
        print_text(fact_links.format_result(linked))
    for rule, count in wrong.rules.items():
        title, severity = checks.RULES[rule].title(), checks.RULES[rule].severity
        print_text(trn("{n} row: {severity} {rule} ({title})", "{n} rows: {severity} {rule} ({title})", count,
                  severity=severity, rule=rule, title=title))  # fmt: skip
    for entry in unread:
        print_text(f"{clip(str(path), MAX_PATH)}:{entry.line}: error {entry.rule} $ {entry.message}")


def reading(arguments: Arguments) -> ReadingOptions:
    """How the files of a command are to be read."""
    return ReadingOptions(
        arguments.form,
        arguments.encoding,
        dict(arguments.columns) or None,
        arguments.delimiter,
        arguments.sheet,
        arguments.requests.absolute() if arguments.requests else None,
    )


def _export(arguments: Arguments) -> int:
    chosen = filters.parse(arguments.filter)
    chosen = replace(chosen, split=arguments.split or chosen.split, tag=arguments.rows or chosen.tag)
    options = exporting.ExportOptions(
        arguments.bom, arguments.canonical, arguments.full, arguments.card, arguments.title, arguments.date
    )

    async def work(document: Project) -> int:
        out = arguments.out
        reporter = progress_reporter(out.name)
        found = await document.read(exporting.export, out, chosen, arguments.format, options, reporter)
        left = {formats.format_loss_reason(reason): count for reason, count in found.left_out.items()}
        lines = [trn("{n} row written to {path}", "{n} rows written to {path}", found.rows, path=out)]
        for why, count in left.items():
            lines.append(trn("{n} row left out: {why}", "{n} rows left out: {why}", count, why=why))
        lines += exporting.describe_unwritten(found)
        counts = {"rows": found.rows, "left_out": found.left_out, "unwritten": found.unwritten}
        print_result(arguments, {"file": str(out), **counts}, "\n".join(lines))
        return PROBLEMS if left else CLEAN

    return with_project(arguments, work)
