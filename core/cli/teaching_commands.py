"""The command of main.py that teaches until learned: teach."""

from typing import Any

from core import providers
from core.cli.console import (
    CLEAN,
    DEFAULT_MODEL,
    PROBLEMS,
    AddCommand,
    Arguments,
    number_in,
    print_result,
    progress_reporter,
    with_provider,
)
from core.cli.rows_prompt_and_settings import agree_on_prompt, read_setting
from core.cli.streams import print_message
from core.dataset import row_system_prompts
from core.errors import JukuError
from core.exam.report import csv_and_json
from core.language import tr
from core.providers import Provider
from core.providers.server_presets import SEEDS, NumberRange
from core.storage.project import Changes, Project
from core.teaching import loop, records, report
from core.teaching.records import TeachingPlan
from core.teaching.report import TeachingReport
from core.teaching.stopping import MEANS, RULES, StopReason
from core.training import row_selection

MINUTES = NumberRange(0, 100_000, open=True)
ROUNDS = NumberRange(1, 50, integer=True)
TARGETS = NumberRange(0, 1, open=True)


def add(add_command: AddCommand) -> None:
    """Add this command to the parser."""
    text = tr(
        "teach until learned: rows, training and questions in rounds, within a budget of time, then the exam once"
    )
    parser = add_command("teach", _teach, text)
    parser.add_argument(
        "--minutes", type=number_in(MINUTES), default=records.DEFAULT_MINUTES, help=tr("the budget of all rounds")
    )
    parser.add_argument("--rounds", type=number_in(ROUNDS), default=records.DEFAULT_ROUNDS, help=tr("rounds at most"))
    target = tr("the share of facts that is enough, such as 0.9")
    parser.add_argument("--target", type=number_in(TARGETS), default=records.DEFAULT_TARGET, help=target)
    means = tr("how new questions are made; own_questions needs a writer, which “own-questions” trains")
    parser.add_argument("--means", nargs="+", choices=MEANS, default=[RULES], help=means)
    everyday = tr("add everyday questions with the base model's own answers, against forgetting")
    parser.add_argument("--everyday", action="store_true", help=everyday)
    without = tr("do not ask general questions in the exam")
    parser.add_argument("--no-general", action="store_true", help=without)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--provider", default=providers.LOCAL)
    setting = tr("a hyperparameter of each training job, such as early_stopping_patience=2; can be given several times")
    parser.add_argument("--set", action="append", default=[], type=read_setting, metavar="NAME=VALUE", help=setting)
    parser.add_argument("--seed", type=number_in(SEEDS), default=1)
    again = tr("go on with the last run, with its own plan, where it was stopped")
    parser.add_argument("--continue", action="store_true", dest="again", help=again)
    rows_prompt = tr(
        "first make the training rows' system prompt the project's; without it a difference is only reported"
    )
    parser.add_argument("--rows-prompt", action="store_true", help=rows_prompt)


def _teach(arguments: Arguments) -> int:
    async def work(document: Project, provider: Provider) -> int:
        async def connect(_id: str) -> Provider:
            return provider

        reporter = progress_reporter(tr("Teaching"))
        rows = row_selection.row_filter("")
        await agree_on_prompt(arguments, document, lambda db: row_system_prompts.find_unused_prompt(db, rows))
        id = (
            await _find_unfinished(document, provider)
            if arguments.again
            else await loop.begin(document, _read_plan(arguments), reporter)
        )
        shown = 0

        def show(changes: Changes) -> None:
            nonlocal shown
            if changes.tables & records.TABLES:
                run = records.load(document.rows, id)
                for result in run.results[shown:]:
                    print_message(report.format_round(result, len(run.facts)))
                shown = len(run.results)

        run = await loop.resume(document, connect, id, reporter, show)
        found = await document.read(report.load, run)
        lines = [report.format_round(one, len(run.facts)) for one in run.results]
        print_result(arguments, build_data(found), "\n".join([*lines, "", *report.build_sentences(found)]))
        return CLEAN if run.reason == StopReason.LEARNED else PROBLEMS

    return with_provider(arguments, work)


def _read_plan(arguments: Arguments) -> TeachingPlan:
    return TeachingPlan(
        arguments.provider,
        arguments.model,
        arguments.minutes,
        arguments.rounds,
        arguments.target,
        tuple(dict.fromkeys(arguments.means)),
        arguments.everyday,
        not arguments.no_general,
        dict(arguments.set),
        arguments.seed,
    )


async def _find_unfinished(document: Project, provider: Provider) -> int:
    """The last run, which goes on at its own server. Raises `JukuError` where there is none, or another server is named."""
    run = await document.read(records.load_newest)
    if run is None or run.is_over:
        raise JukuError(tr("There is nothing to continue"), tr("Without “--continue” teaching begins anew."))
    if run.plan.provider != provider.id:
        raise JukuError(tr("That run is taught by another server"), tr("Add “--provider {id}”.", id=run.plan.provider))
    return run.id


def build_data(found: TeachingReport) -> dict[str, Any]:
    """The result as JSON."""
    run = found.run
    rounds = [
        {
            "round": one.number,
            "means": one.means,
            "rows": one.rows,
            "learned": sorted(one.learned),
            "recall": csv_and_json.rate_data(one.recall),
            "seconds": round(one.seconds, 1),
            "model": one.model,
        }
        for one in run.results
    ]
    exam = [csv_and_json.rate_data(total.held) for total in found.exam.totals] if found.exam else []
    return {
        "run": run.id,
        "reason": run.reason,
        "facts": list(run.facts),
        "rounds": rounds,
        "exam": run.exam,
        "held_out": exam,
        "verdict": report.build_sentences(found),
    }
