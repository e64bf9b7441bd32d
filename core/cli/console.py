"""What the commands of main.py share: opening a project, progress, and printing."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from core.errors import MissingLogError
from core.language import tr
from core.progress import Progress, Reporter
from core.providers.server_presets import NumberRange
from core.storage import project
from core.storage.project import Project
from core.storage.read_only_copy import save_without_log

CLEAN, PROBLEMS, UNREADABLE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130  # exit statuses of the process

Arguments = argparse.Namespace


def with_project(arguments: Arguments, work: Callable[[Project], Coroutine[Any, Any, int]]) -> int:
    """Run `work` on the project that the arguments name; returns its exit status.

    Raises `JukuError` where the project cannot be opened, and what `work` raises.
    """
    document = _open_project(arguments)
    try:
        if document.notice:
            print(document.notice, file=sys.stderr)
        return asyncio.run(work(document))
    finally:
        document.close()


def _open_project(arguments: Arguments) -> Project:
    if arguments.in_copy:
        save_without_log(arguments.project, arguments.in_copy)
        return project.open_existing(arguments.in_copy)
    return project.open_existing(arguments.project, arguments.without_log)


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
    print(f"{error}\n{advice}", file=sys.stderr)


def progress_reporter(label: str) -> Reporter:
    """A reporter that prints to standard error: one line that is overwritten on a terminal, elsewhere a line every 10 %."""
    terminal = sys.stderr.isatty()
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
            print(f"{start}{label} {share} %", end=end, file=sys.stderr, flush=True)

    return Reporter(show)


def print_result(arguments: Arguments, data: dict[str, Any], text: str) -> None:
    """Print `data` as JSON with `--json`, else `text`."""
    if arguments.json:
        print_json(data)
    else:
        print(text)


def print_json(data: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(data, ensure_ascii=False))
