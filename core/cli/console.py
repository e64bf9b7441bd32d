"""What the commands of main.py share: opening a project, progress, and printing."""

import argparse
import asyncio
import difflib
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

from core import providers, settings
from core.checks.rule_registry import clip
from core.cli.streams import print_json, print_message, print_text, printable
from core.errors import FormatError, JukuError, MissingLogError
from core.keys import Keys
from core.language import tr
from core.progress import Progress, Reporter
from core.providers.server_presets import NumberRange
from core.storage import project
from core.storage.project import Project
from core.storage.read_only_copy import save_without_log

# Exit statuses of the process; resources/guide/en/command-line.md lists them.
CLEAN, PROBLEMS, UNREADABLE, INCOMPLETE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141
MIN_COLUMN_WIDTH = 8  # characters of a column on a narrow terminal
DEFAULT_MODEL = "smollm2-135m-instruct"
STDIN = Path("-")  # instead of a file: what is piped in

Arguments = argparse.Namespace
AddCommand = Callable[..., argparse.ArgumentParser]  # (name, function, text, with a project): the parser of a command


def with_project(arguments: Arguments, work: Callable[[Project], Coroutine[Any, Any, int]]) -> int:
    """Run `work` on the project that the arguments name; returns its exit status.

    Raises `JukuError` where the project cannot be opened, and what `work` raises.
    """
    document = _open_project(arguments)
    try:
        if document.notice:
            print_message(document.notice)
        return asyncio.run(work(document))
    finally:
        document.close()


def with_provider(arguments: Arguments, work: Callable[[Project, providers.Provider], Coroutine[Any, Any, int]]) -> int:
    """Run `work` on the project and the server that the arguments name, as `with_project` does."""

    async def connect_and_work(document: Project) -> int:
        async with connected(arguments.provider) as provider:
            return await work(document, provider)

    return with_project(arguments, connect_and_work)


@asynccontextmanager
async def connected(id: str) -> AsyncIterator[providers.Provider]:
    """The provider `id` of the settings, closed at the end. Raises what `providers.connect` raises."""
    provider = providers.connect(id, settings.load(), Keys())
    try:
        yield provider
    finally:
        await provider.close()


def format_time(seconds: float) -> str:
    """A time in Unix seconds as "2026-01-31 12:00", local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _open_project(arguments: Arguments) -> Project:
    if arguments.in_copy:
        save_without_log(arguments.project, arguments.in_copy)
        return project.open_existing(arguments.in_copy)
    return project.open_existing(arguments.project, arguments.without_log)


class CommandParser(argparse.ArgumentParser):
    """Refuses a mistyped command or choice with the one that was probably meant. `aliases`: what is understood, too."""

    aliases: Collection[str] = ()

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, with a proposal, and exit with status 2."""
        if match := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)$", message, re.DOTALL):
            choices = [*re.findall(r"[^\s',]+", match[2]), *self.aliases]
            if close := difflib.get_close_matches(match[1], choices, 1):
                message += f"\n{tr('Did you mean “{name}”?', name=close[0])}"
        super().error(message)


def group(add_parser: Callable[..., argparse.ArgumentParser], name: str, text: str) -> AddCommand:
    """Add a command that has commands of its own; returns the function that adds these."""
    nested = add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="COMMAND")
    return command_adder(nested.add_parser)


def command_adder(add_parser: Callable[..., argparse.ArgumentParser]) -> AddCommand:
    """The function that adds commands to a parser: with --json, and with a project unless that is not wanted."""

    def add_command(
        name: str, function: Callable[[Arguments], int], text: str, document: bool = True
    ) -> argparse.ArgumentParser:
        parser = add_parser(name, help=text, description=text)
        parser.set_defaults(command=function)
        parser.add_argument("--json", action="store_true", help=tr("print the result as JSON"))
        if document:
            add_project_argument(parser)
        return parser

    return add_command


def number_in(allowed: NumberRange) -> Callable[[str], float]:
    """An argparse type: a number of `allowed`; anything else is refused with what is possible in words."""

    def parse(text: str) -> float:
        try:
            value = int(text) if allowed.integer else float(text)
        except ValueError:
            value = None
        if value is None or not allowed.holds(value):
            raise argparse.ArgumentTypeError(tr("“{text}” is not possible here: {range}", text=text, range=allowed))
        return value

    return parse


def read_tag(text: str) -> str:
    """An argparse type: one tag; a blank would part it into two without a word."""
    if text and text.split() != [text]:
        raise argparse.ArgumentTypeError(tr("“{text}” is not one tag: a tag has no spaces", text=text))
    return text


def add_project_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument of a command that opens a project, and what to do where the file's newest changes are missing."""
    parser.add_argument("project", type=Path)
    ways = parser.add_mutually_exclusive_group()
    words = tr("if the newest changes of the project are missing: continue with what its file contains")
    ways.add_argument("--without-log", action="store_true", help=words)
    words = tr("leave the project as it is and work in a new copy of what its file contains")
    ways.add_argument("--in-copy", type=Path, metavar="FILE", help=words)


def explain_missing_log(error: MissingLogError) -> None:
    """Print on standard error what is missing, and which options continue without it."""
    advice = tr("To continue with what the file contains, add “--without-log”, or “--in-copy FILE” to do so in a copy.")
    print_message(f"{error}\n{advice}")


def progress_reporter(label: str) -> Reporter:
    """A reporter that prints to standard error: one line that is overwritten on a terminal, elsewhere a line every 10 %."""
    terminal, name = sys.stderr.isatty(), clip(label, 80)
    shown = -1

    def show(progress: Progress) -> None:
        nonlocal shown
        if progress.pause:
            return
        total = progress.total or progress.done or 1
        share = 100 * progress.done // total if terminal else 10 * (10 * progress.done // total)
        if share > shown:
            shown = share
            end = "\n" if progress.done >= total or not terminal else ""
            start = "\r" if terminal else ""
            print_message(f"{name} {share} %", end, start)

    return Reporter(show)


def print_result(arguments: Arguments, data: dict[str, Any], text: str) -> None:
    """Print `data` as JSON with `--json`, else `text`."""
    if arguments.json:
        print_json(data)
    else:
        print_text(text)


def print_table(
    arguments: Arguments, data: dict[str, Any], heads: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Print `data` as JSON with `--json`, else a table: fitted to a terminal, with tabs between the cells elsewhere."""
    if arguments.json:
        print_json(data)
        return
    cells = [[printable(str(value)).replace("\n", " ") for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print_text("\t".join(cell.replace("\t", " ") for cell in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_header=any(heads), pad_edge=False)
    for head in heads:
        table.add_column(Text(head), overflow="fold", min_width=min(len(head), MIN_COLUMN_WIDTH))
    for row in cells:
        table.add_row(*map(Text, row))  # as text, never as markup
    Console().print(table)


def read_text(path: Path) -> str:
    """The text of a file, or of standard input for “-”. Raises `FormatError` where it cannot be read or is no UTF-8."""
    try:
        raw = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        return raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(tr("“{name}” cannot be read", name=path.name), str(error)) from error


def require_unicode(arguments: Arguments) -> None:
    """Raise `JukuError` for an argument, other than a path, whose bytes are no text: it could not be sent or stored."""
    for value in vars(arguments).values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text):
                title = tr("“{text}” is not text in the encoding of this terminal", text=clip(text))
                raise JukuError(title, tr("Nothing was done."))
