"""What the verbs of main.py share: a project to work in, progress, and what they print."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from core import project
from core.progress import Progress, Reporter
from core.project import Project

CLEAN, PROBLEMS, UNREADABLE, INTERRUPTED = 0, 1, 2, 130

Arguments = argparse.Namespace


def with_project(arguments: Arguments, work: Callable[[Project], Coroutine[Any, Any, int]]) -> int:
    document = project.open_existing(arguments.project)
    try:
        return asyncio.run(work(document))
    finally:
        document.close()


def reporter(label: str) -> Reporter:
    """Progress on standard error: a line that rewrites itself on a terminal, elsewhere one line a tenth."""
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


def say(arguments: Arguments, data: dict[str, Any], text: str) -> None:
    if arguments.json:
        print_json(data)
    else:
        print(text)


def print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=False))
