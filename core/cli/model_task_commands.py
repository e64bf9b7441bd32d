"""The commands of main.py that ask a chat model about the facts: generate model, judge, probe."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from core import providers, settings
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    connected,
    print_result,
    progress_reporter,
    with_project,
)
from core.dataset import filters
from core.errors import JukuError
from core.exam import fact_coverage
from core.generation import heading_groups, knowledge_probe, llm_runs, row_generation, row_judging
from core.generation.llm_run_tasks import TASKS
from core.language import tr
from core.storage.project import Project

Subjects = list[dict[str, Any]]


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    for name, task, build, text in (
        ("model", "examples", _build_rows, tr("let a chat model write the rows that the facts still lack, as drafts")),
        ("judge", "judge", _build_judged, tr("let a chat model judge whether rows say what their facts say")),
        ("probe", "probe", _build_probed, tr("ask a base model about the facts, to see what it knows already")),
    ):
        parser = add_command(name, partial(_ask_model, task=task, build=build), text)
        parser.add_argument("--model", required=True)
        parser.add_argument("--provider", default="", help=tr("by default the one in the settings for this work"))
        parser.add_argument("--facts", nargs="+", default=[], metavar="FACT", help=tr("only these facts, such as f03"))
        if task == "examples":
            kinds = [kind for kind in fact_coverage.KINDS if kind]
            parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
            parser.add_argument(
                "--by-heading",
                action="store_true",
                help=tr("one request for the short facts under a heading: fewer tokens"),
            )
            parser.add_argument("--count", action="store_true", help=tr("only say how many rows there would be"))
        if task == "judge":
            parser.add_argument("--filter", default="", metavar="WORDS", help=tr("only matching rows"))


def _build_rows(db: sqlite3.Connection, arguments: Arguments) -> Subjects:
    entries = [one for one in fact_coverage.load(db) if one.fact.name in arguments.facts or not arguments.facts]
    requests = row_generation.build_requests(entries, arguments.kinds)
    asked = heading_groups.group_by_heading(db, requests) if arguments.by_heading else requests
    return list(row_generation.build_subjects(asked))


def _build_judged(db: sqlite3.Connection, arguments: Arguments) -> Subjects:
    ids = filters.find(db, filters.parse(arguments.filter))
    return row_judging.build_subjects(db, ids, frozenset(arguments.facts) or None)


def _build_probed(db: sqlite3.Connection, arguments: Arguments) -> Subjects:
    return knowledge_probe.build_subjects(db, frozenset(arguments.facts) or None)


def _ask_model(arguments: Arguments, task: str, build: Callable[[sqlite3.Connection, Arguments], Subjects]) -> int:
    id = arguments.provider or settings.load().role(TASKS[task].role)[0]

    async def work(document: Project) -> int:
        subjects = await document.read(build, arguments)
        if not subjects or getattr(arguments, "count", False):
            rows = sum(map(row_generation.count_examples, subjects)) if task == "examples" else 0
            words = tr("{requests} requests for {rows} rows", requests=len(subjects), rows=rows)
            print_result(arguments, {"requests": len(subjects), "rows": rows}, words)
            return CLEAN if subjects else PROBLEMS
        async with connected(id) as provider:
            return await _run(arguments, document, provider, task, subjects)

    return with_project(arguments, work)


async def _run(
    arguments: Arguments, document: Project, provider: providers.Provider, task: str, subjects: Subjects
) -> int:
    ids: list[int] = []
    label = TASKS[task].label()
    await document.write("", lambda db: ids.append(llm_runs.begin(db, task, provider.id, arguments.model, subjects)))
    outcome = await llm_runs.run(document, provider, ids[0], TASKS, progress_reporter(label))
    lines = [outcome.message, *([f"{outcome.failed}: {outcome.error}"] if outcome.failed else [])]
    data = {"answered": outcome.answered, "failed": outcome.failed, "message": outcome.message}
    print_result(arguments, data, "\n".join(filter(None, lines)))
    if outcome.is_empty:
        raise JukuError(
            tr("Nothing could be made of the replies"), tr("Another model may follow the instructions better.")
        )
    return PROBLEMS if outcome.failed else CLEAN
