"""The commands of main.py about facts and their rows: generate rules, own-questions, everyday; link, hold-out."""

import sqlite3

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
    read_tag,
    with_project,
    with_provider,
)
from core.errors import JukuError
from core.exam import hold_out
from core.generation import everyday_rows, fact_links, page_rows, question_writer
from core.generation.draft_rows import AddedDrafts
from core.generation.page_rows import RowChoice
from core.language import tr, trn
from core.progress import Reporter
from core.providers.server_presets import SEEDS, NumberRange
from core.storage.project import Project
from core.teaching import probes

SHARES = NumberRange(0, hold_out.MAX_SHARE, open=True)
ROW_COUNTS = NumberRange(1, integer=True)
PER_FACT = NumberRange(1, page_rows.MAX_ROWS_PER_FACT, integer=True)


def add_generate(add_command: AddCommand) -> None:
    """Add the command that makes rows without a model."""
    generate = add_command("rules", _generate, tr("make rows from the facts of the spec, without a model, as drafts"))
    words = tr("only these facts, such as f03; by default those that need rows")
    generate.add_argument("--facts", nargs="+", default=[], metavar="FACT", help=words)
    generate.add_argument("--kinds", nargs="+", choices=page_rows.KINDS, default=[*page_rows.KINDS])
    per_fact = tr("new rows of each fact, at most")
    generate.add_argument(
        "--per-fact", type=number_in(PER_FACT), default=page_rows.ROWS_PER_FACT, metavar="N", help=per_fact
    )
    more = tr("also for facts that have enough: other questions than before")
    generate.add_argument("--more", action="store_true", help=more)
    generate.add_argument("--count", action="store_true", help=tr("only say how many rows there would be"))


def add_link(add_command: AddCommand) -> None:
    """Add the command that links rows to facts."""
    add_command("link", _link, tr("link rows to the facts they teach, by shared terms and figures"))


def add_hold_out(add_command: AddCommand) -> None:
    """Add the command that keeps rows for the exam."""
    parser = add_command("hold-out", _hold_out, tr("keep some rows for the exam, by fact and wording"))
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument(
        "--share",
        type=number_in(SHARES),
        default=hold_out.DEFAULT_SHARE,
        help=tr("of the rows, such as 0.2"),
    )
    amount.add_argument(
        "--rows",
        type=number_in(ROW_COUNTS),
        default=0,
        metavar="N",
        help=tr("a number of rows instead of a share"),
    )
    parser.add_argument("--seed", type=number_in(SEEDS), default=1, help=tr("the same seed chooses the same rows"))


def _generate(arguments: Arguments) -> int:
    choice = RowChoice(
        frozenset(arguments.facts) or None, tuple(arguments.kinds), arguments.per_fact, more=arguments.more
    )

    async def work(document: Project) -> int:
        material = await document.read(page_rows.load_material)
        if unknown := sorted((choice.names or frozenset()) - material.entries.keys()):
            raise JukuError(tr("There is no fact {names}", names=", ".join(unknown)), tr("Nothing was added."))
        plan = page_rows.plan_rows(material, choice, Reporter())
        lines = [f"{kind}: {count}" for kind, count in plan.counts.items()]
        data = {"rows": len(plan.rows), "kinds": dict(plan.counts), "added": 0, "doubtful": 0}
        if not arguments.count:
            added: list[AddedDrafts] = []
            reporter = progress_reporter(tr("Generate rows without a model"))

            def add_rows(db: sqlite3.Connection) -> None:
                added.append(page_rows.add_rows(db, choice, reporter))

            await document.write(tr("Generate rows without a model"), add_rows, reporter=reporter)
            data |= {"added": added[0].rows, "doubtful": added[0].doubtful}
            lines.append(str(added[0]))
        lines += page_rows.format_gaps(plan)
        print_result(arguments, data, "\n".join(lines))
        return CLEAN if plan.rows else PROBLEMS

    return with_project(arguments, work)


def _link(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = await fact_links.link_rows(document, progress_reporter(tr("Link rows to facts")))
        links = found.links if found else []
        data = {
            "linked": found.linked if found else 0,
            "rows": [{"row": one.row, "facts": one.facts, "confidence": round(one.confidence, 2)} for one in links],
        }
        print_result(arguments, data, fact_links.format_result(found) if found else tr("There are no rows to link."))
        return CLEAN

    return with_project(arguments, work)


def _hold_out(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        reporter = progress_reporter(tr("Keep rows for the exam"))
        found = await hold_out.load_material(document, reporter)
        wanted = arguments.rows or round(found.rows * arguments.share)
        choice = hold_out.choose_rows(found, wanted, arguments.seed)
        await document.write(tr("Keep rows for the exam"), hold_out.hold_out_rows, choice.ids, arguments.seed)
        leaks = await hold_out.count_leaks(document, choice.ids, reporter)
        data = {
            "rows": choice.ids,
            "seed": arguments.seed,
            "facts": dict(choice.by_fact),
            "without": choice.without,
            "leaks": leaks,
        }
        fewer = hold_out.format_shortfall(found, wanted, choice, arguments.seed)
        lines = [*hold_out.format_held_out(choice, arguments.seed), fewer, hold_out.format_leaks(leaks)]
        print_result(arguments, data, "\n".join(filter(None, lines)))
        return CLEAN if choice.ids and not leaks else PROBLEMS

    return with_project(arguments, work)


def add_written_rows(add_command: AddCommand) -> None:
    """Add the commands whose rows a small model writes, or answers."""
    text = tr("let a small model write questions about the facts, as drafts; a writer is trained first, once")
    own = add_command("own-questions", _write_own_questions, text)
    words = tr("only these facts, such as f03; by default all")
    own.add_argument("--facts", nargs="+", default=[], metavar="FACT", help=words)
    text = tr("add everyday questions with the base model's own answers, as drafts, against forgetting")
    everyday = add_command("everyday", _add_everyday_rows, text)
    text = tr("add up to three validation questions about each fact, worded as neither a row nor the exam asks")
    validation = add_command("validation", _add_validation_rows, text)
    validation.add_argument(
        "--tag", type=read_tag, default="", help=tr("a tag of the new rows, such as that of the rows you train")
    )
    for added in (own, everyday):
        added.add_argument("--model", default=DEFAULT_MODEL, help=tr("the base model that will be trained"))
        added.add_argument("--provider", default=providers.LOCAL)


def _write_own_questions(arguments: Arguments) -> int:
    async def work(document: Project, provider: providers.Provider) -> int:
        reporter = progress_reporter(tr("Questions that a small model writes"))
        names = frozenset(arguments.facts) or None
        added = await question_writer.add_rows(document, provider, arguments.model, names, reporter)
        print_result(arguments, {"added": added.rows, "doubtful": added.doubtful}, str(added))
        return CLEAN if added.rows else PROBLEMS

    return with_provider(arguments, work)


def _add_validation_rows(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        reporter = progress_reporter(tr("Add validation questions"))
        added, _changes = await probes.keep(document, reporter, arguments.tag)
        words = trn("{n} validation question added", "{n} validation questions added", added)
        print_result(arguments, {"added": added}, words)
        return CLEAN

    return with_project(arguments, work)


def _add_everyday_rows(arguments: Arguments) -> int:
    async def work(document: Project, provider: providers.Provider) -> int:
        reporter = progress_reporter(tr("Everyday questions"))
        added = await everyday_rows.add_rows(document, provider, arguments.model, reporter)
        print_result(arguments, {"added": added.rows}, str(added))
        return CLEAN if added.rows else PROBLEMS

    return with_provider(arguments, work)
