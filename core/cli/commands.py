"""The commands of main.py, such as `train` and `exam`: the same work as in the window, without one."""

import argparse
import asyncio
import dataclasses
import runpy
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shtab

from core import __version__, language, providers, settings
from core.cli import (
    chat_commands,
    check_commands,
    doctor_commands,
    edit_commands,
    engine_commands,
    exam_commands,
    export_commands,
    fact_commands,
    job_commands,
    model_commands,
    model_task_commands,
    project_commands,
    rescue_commands,
    server_commands,
    spec_commands,
    streams,
    teaching_commands,
)
from core.cli.command_names import ALIASES, expand_alias
from core.cli.console import (
    BROKEN_PIPE,
    CLEAN,
    DEFAULT_MODEL,
    INCOMPLETE,
    INTERRUPTED,
    PROBLEMS,
    UNREADABLE,
    AddCommand,
    Arguments,
    CommandParser,
    command_adder,
    explain_missing_log,
    group,
    number_in,
    print_result,
    progress_reporter,
    read_tag,
    require_unicode,
    with_provider,
)
from core.cli.rows_prompt_and_settings import agree_on_prompt, read_setting
from core.cli.streams import print_message
from core.dataset import row_system_prompts
from core.dataset.row_system_prompts import PromptUse
from core.errors import JukuError, MissingLogError
from core.exam import calibration, calibration_texts, pairwise_comparison, prompt_conditions, runs, scores, verdict
from core.exam.graders import GRADERS
from core.exam.report import csv_and_json
from core.exam.runs import ExamSubject
from core.exam.scores import ExamResult, ResultLine, kind_title
from core.installation import engine_folder
from core.language import tr
from core.providers import chat_messages
from core.providers.models_api import is_tuned
from core.providers.server_presets import SEEDS, NumberRange
from core.spec import spec
from core.storage.project import Project
from core.training import job_queue, lineage, preflight, row_selection, submit

REPEATS = NumberRange(1, 100, integer=True)  # of each question


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit status of the process (see `console`). A `JukuError` is printed.

    Raises `SystemExit` for wrong arguments.
    """
    chosen = settings.load()
    language.set_language(chosen.language)
    try:
        status = _run_command(arguments)
    except MissingLogError as error:
        explain_missing_log(error)
        return INCOMPLETE
    except JukuError as error:
        print_message(str(error))
        return UNREADABLE
    except KeyboardInterrupt:
        print_message(tr("Cancelled."))
        return INTERRUPTED
    except BrokenPipeError:  # who reads has had enough, as `head` has
        streams.drop_output()
        return BROKEN_PIPE
    return status


def _run_command(arguments: list[str]) -> int:
    try:
        parsed = build_parser().parse_args(expand_alias(arguments))
        require_unicode(parsed)
        status: int = parsed.command(parsed)
        return status
    finally:
        streams.flush_output()  # a help page, too, may go to a full disk


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; each command's function is its default `command`."""
    text = tr("Teach a language model what you know, and check whether it learned.")
    top = CommandParser(prog=Path(sys.argv[0]).name, description=text)
    top.aliases = ALIASES
    top.add_argument("--version", action="version", version=f"Juku {__version__}", help=tr("print the version"))
    shtab.add_argument_to(top, "--print-completion", help=tr("print the completion script of a shell"))
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    _add_groups(subparsers.add_parser)
    add_command = command_adder(subparsers.add_parser)
    _add_model_commands(add_command)
    teaching_commands.add(add_command)
    chat_commands.add(add_command)
    exam_commands.add(add_command)
    rescue_commands.add(add_command)
    export_commands.add(add_command)
    _add_serve(add_command)
    doctor_commands.add(add_command)
    return top


def _add_groups(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    groups: tuple[tuple[str, str, tuple[Callable[[AddCommand], None], ...]], ...] = (
        ("project", tr("project files: create, look, copy, back up"), (project_commands.add,)),
        ("spec", tr("the text to teach"), (spec_commands.add_spec,)),
        ("facts", tr("the facts of the spec"), (spec_commands.add_facts,)),
        ("rows", tr("question-answer rows: import, check, edit, export"), (edit_commands.add, check_commands.add)),
        ("generate", tr("rows from facts: by rules, by a small model, by a chat model"), (fact_commands.add_generate, fact_commands.add_written_rows, model_task_commands.add)),
        ("servers", tr("the servers in the settings, and their keys"), (server_commands.add,)),
        ("jobs", tr("training jobs of a project"), (job_commands.add,)),
        ("models", tr("base models of the local engine"), (model_commands.add,)),
        ("engine", tr("the local engine’s packages on this computer"), (engine_commands.add,)),
    )  # fmt: skip
    for name, text, adders in groups:
        add_command = group(add_parser, name, text)
        for add in adders:
            add(add_command)


def _add_serve(add_command: AddCommand) -> None:
    serve = add_command("serve", _serve, tr("run the local engine as an OpenAI-compatible server"), False)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=0)
    serve.add_argument("--accelerate-config", metavar="FILE", help=tr("train on several processes, as this file says"))
    remote = tr("let other computers in; JUKU_ENGINE_TOKEN must hold the token")
    serve.add_argument("--allow-remote", action="store_true", help=remote)
    name = tr("a name that other computers call this one")
    serve.add_argument("--allowed-host", action="append", default=[], metavar="NAME", help=name)


def _add_model_commands(add_command: AddCommand) -> None:
    train = add_command("train", _train, tr("fine-tune a model on a project's rows and wait for it"))
    train.add_argument("--model", default=DEFAULT_MODEL)
    rows = tr("only rows with this tag; the samples have plain and study")
    train.add_argument("--rows", type=read_tag, default="", metavar="TAG", help=rows)
    train.add_argument("--epochs", type=int)
    setting = tr(
        "a hyperparameter, such as lora_rank=8; can be given several times, and a wrong name prints all of them"
    )
    train.add_argument("--set", action="append", default=[], type=read_setting, metavar="NAME=VALUE", help=setting)
    evaluated = tr("evaluate with the validation rows during the training")
    train.add_argument("--validation", action="store_true", help=evaluated)
    train.add_argument("--seed", type=number_in(SEEDS))
    agreed = tr("start without asking, whatever the check before it has to say, except errors")
    train.add_argument("--yes", action="store_true", help=agreed)
    ask = add_command("ask", _ask, tr("ask a model a question"))
    ask.add_argument("question")
    ask.add_argument("--model", required=True)
    exam = add_command("exam", _exam, tr("ask models a project's exam questions and mark the answers"))
    several = tr("can be given several times; the others are compared with the first")
    exam.add_argument("--model", action="extend", nargs="+", required=True, dest="models", help=several)
    before = tr("what comes before each question; can be given several times")
    exam.add_argument(
        "--condition", action="extend", nargs="+", choices=prompt_conditions.CONDITIONS, dest="conditions", help=before
    )
    exam.add_argument("--grader", choices=GRADERS, default="key_points")
    exam.add_argument(
        "--judge", default="", metavar="MODEL", help=tr("a model that also marks, and compares answers pairwise")
    )
    exam.add_argument("--general", action="store_true", help=tr("also ask the built-in general-knowledge questions"))
    for added in (train, ask, exam):
        rows_prompt = tr(
            "first make the training rows' system prompt the project's; without it a difference is only reported"
        )
        added.add_argument("--rows-prompt", action="store_true", help=rows_prompt)
    for added in (ask, exam):
        added.add_argument("-n", type=number_in(REPEATS), default=1, help=tr("how often each question is asked"))
        added.add_argument("--temperature", type=float, default=0.0)
        added.add_argument("--seed", type=number_in(SEEDS))
    for added in (train, ask, exam):
        added.add_argument(
            "--provider", default=providers.LOCAL, help=tr("“local” or the id of a provider in the settings")
        )


def _train(arguments: Arguments) -> int:
    plan = submit.TrainingPlan(
        arguments.model,
        arguments.rows,
        dict(arguments.set) | ({"n_epochs": arguments.epochs} if arguments.epochs else {}),
        arguments.seed,
        suffix=arguments.rows[:18],
        validation=arguments.validation,
    )

    async def work(document: Project, provider: providers.Provider) -> int:
        await agree_on_prompt(
            arguments,
            document,
            lambda db: row_system_prompts.find_unused_prompt(db, row_selection.row_filter(plan.rows)),
        )
        if obstacle := await _check_before(arguments, document, provider, plan):
            return obstacle
        id = await submit.create(document, provider, plan)
        try:
            job = await job_queue.follow(document, provider, id, job_commands.print_events(document, id))
        except asyncio.CancelledError:
            await submit.cancel(document, provider, id)
            raise
        return job_commands.print_job(arguments, job)

    return with_provider(arguments, work)


async def _check_before(
    arguments: Arguments, document: Project, provider: providers.Provider, plan: submit.TrainingPlan
) -> int:
    """Print what the check before the training finds; returns `CLEAN` to start, else the exit status."""

    async def connect() -> providers.Provider:
        return provider

    reporter = progress_reporter(tr("Checking before the start…"))
    report = await preflight.examine(document, provider.id, provider.preset, connect, [plan], reporter)
    print_message("\n".join(preflight.format_report(report)))
    if report.is_blocked:
        print_message(tr("Fix this first. Nothing was sent."))
        return PROBLEMS
    if arguments.yes or not report.needs_confirmation:
        return CLEAN
    if sys.stdin.isatty():
        print_message(tr("Start? [y/N] "), end="")
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return CLEAN
    print_message(tr("Nothing was sent. To start it nevertheless, add “--yes”."))
    return INCOMPLETE


def _differing_prompt_finder(
    provider: providers.Provider, models: list[str]
) -> Callable[[sqlite3.Connection], PromptUse | None]:
    tuned = [(provider.id, model) for model in models if is_tuned(model)]
    return lambda db: lineage.find_differing_prompt(db, tuned)


def _ask(arguments: Arguments) -> int:
    sampling = providers.Sampling(arguments.temperature, n=arguments.n, seed=arguments.seed)

    async def work(document: Project, provider: providers.Provider) -> int:
        await agree_on_prompt(arguments, document, _differing_prompt_finder(provider, [arguments.model]))
        prompt = (await document.read(spec.load)).system_prompt
        reply = await provider.chat(arguments.model, chat_messages(prompt, arguments.question), sampling)
        print_result(
            arguments,
            {"model": reply.model, "fingerprint": reply.fingerprint, "answers": reply.texts},
            "\n---\n".join(reply.texts),
        )
        return CLEAN

    return with_provider(arguments, work)


def _exam(arguments: Arguments) -> int:
    sampling = providers.Sampling(arguments.temperature, n=arguments.n, seed=arguments.seed)

    async def work(document: Project, provider: providers.Provider) -> int:
        async def connect(_id: str) -> providers.Provider:
            return provider

        subjects = [
            ExamSubject(provider.id, model, condition)
            for condition in arguments.conditions or [prompt_conditions.CLOSED_BOOK]
            for model in arguments.models
        ]
        await agree_on_prompt(arguments, document, _differing_prompt_finder(provider, arguments.models))
        judge = (provider.id, arguments.judge) if arguments.judge else None
        plan = runs.ExamPlan(subjects, sampling, arguments.grader, judge, general=arguments.general)
        id = await runs.examine(document, connect, plan, progress_reporter(tr("Exam")))
        result = await document.read(lambda db: scores.load_result(db, runs.load(db, id)))
        scores_by_pair = await _run_duels(document, provider, arguments.judge, result) if arguments.judge else []
        lines = [_format_duel(at, score) for at, score in enumerate(scores_by_pair, 2)]
        data = {**_build_json(result), "duels": [dataclasses.asdict(score) for score in scores_by_pair]}
        print_result(arguments, data, "\n".join([format_table(result), *lines]))
        return CLEAN

    return with_provider(arguments, work)


async def _run_duels(
    document: Project, provider: providers.Provider, judge: str, result: ExamResult
) -> list[pairwise_comparison.PairwiseScore]:
    """Let the judge compare the answers of each subject with those of the first; returns a score for each."""
    first, *others = (subject.id for subject in result.run.subjects)
    found = []
    for other in others:
        await pairwise_comparison.compare_subjects(
            document, provider, judge, (first, other), progress_reporter(tr("Comparing")), lambda _changes: None
        )
        found.append(await document.read(pairwise_comparison.load_score, first, other))
    return found


def _format_duel(at: int, score: pairwise_comparison.PairwiseScore) -> str:
    return tr("{at} to 1, by the judge: {won} won, {lost} lost, {ties} tied, {swayed} decided only by their order",
              at=at, won=score.second, lost=score.first, ties=score.ties, swayed=score.swayed)  # fmt: skip


def _build_json(result: ExamResult) -> dict[str, Any]:
    def rows(chosen: list[ResultLine]) -> list[dict[str, Any]]:
        return [
            {
                "name": row.name,
                "text": row.text,
                "passed": [r.passed for r in row.rates],
                "asked": [r.asked for r in row.rates],
            }
            for row in chosen
        ]

    compared = [result.compare(at) for at in range(1, len(result.run.subjects))] if result.is_settled else []
    return {
        "run": result.run.id,
        "models": [subject.model for subject in result.run.subjects],
        "conditions": [subject.condition for subject in result.run.subjects],
        "repeats": result.run.repeats,
        "held_out": [csv_and_json.rate_data(total.held) for total in result.totals],
        "held_out_corrected": [csv_and_json.corrected_data(result, at) for at in range(len(result.totals))],
        "checked_on_your_marks": calibration.check_data(result.checked) if result.checked else None,
        "leaked": [csv_and_json.rate_data(total.leaked) for total in result.totals],
        "kinds": rows(result.kinds),
        "facts": rows(result.facts),
        "gained": [[line.name for line in one.gained] for one in compared],
        "lost": [[line.name for line in one.lost] for one in compared],
        "p": [one.passing.p for one in compared],
        "verdict": verdict.build_sentences(result),
    }


def format_table(result: ExamResult) -> str:
    """The result as text: rates per kind, then the facts gained and lost against the first subject, then the verdict."""
    subjects = result.run.subjects
    lines = [f"{number}: {verdict.subject_title(subject)}" for number, subject in enumerate(subjects, start=1)]
    names = [kind_title(row.name).partition(":")[0] for row in result.kinds]
    width = max(12, *(len(name) + 2 for name in names))
    lines.append("".join([" " * width, *(f"{number:>10}" for number in range(1, len(subjects) + 1))]))
    lines += [
        "".join([f"{name:<{width}}", *(f"{rate!s:>10}" for rate in row.rates)])
        for name, row in zip(names, result.kinds, strict=True)
    ]
    lines += [_format_held_out(result, at) for at, total in enumerate(result.totals) if total.held.asked]
    for at in range(1, len(subjects)) if result.is_settled else ():
        found = result.compare(at)
        for title, rows in ((tr("gained"), found.gained), (tr("lost"), found.lost)):
            lines.append(f"{at + 1} {title} {len(rows)}: " + ", ".join(row.name for row in rows))
    return "\n".join([*lines, "", *verdict.build_sentences(result)])


def _format_held_out(result: ExamResult, at: int) -> str:
    held, corrected = result.totals[at].held, result.correct_held(at)
    low, high = held.interval
    line = tr("{number}: {share} of {questions} held-out questions right, between {low} and {high}", number=at + 1,
              share=f"{held.share:.0%}", questions=held.questions, low=f"{low:.0%}", high=f"{high:.0%}")  # fmt: skip
    if corrected is None:
        return line
    return tr(
        "{line}; corrected for the grader's errors {rate}",
        line=line,
        rate=calibration_texts.format_corrected(corrected),
    )


def _serve(arguments: Arguments) -> int:
    config = arguments.accelerate_config
    options = [
        "--host",
        arguments.host,
        "--port",
        str(arguments.port),
        *(["--json"] if arguments.json else []),
        *(["--accelerate-config", str(Path(config).absolute())] if config else []),
        *(["--allow-remote"] if arguments.allow_remote else []),
        *(argument for name in arguments.allowed_host for argument in ("--allowed-host", name)),
    ]
    engine_folder.require_engine()
    if not engine_folder.is_in_own_environment():
        engine_folder.replace_process(["-m", "core.engine", *options])
    sys.argv = ["serve", *options]
    runpy.run_module("core.engine", run_name="__main__", alter_sys=True)
    return CLEAN
