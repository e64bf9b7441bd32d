"""The commands of main.py about facts and the exam's rows: link, hold-out."""

import argparse
from collections.abc import Callable

from core.cli.console import CLEAN, PROBLEMS, Arguments, number_in, print_result, progress_reporter, with_project
from core.exam import hold_out
from core.generation import fact_links
from core.language import tr
from core.providers.server_presets import SEEDS, NumberRange
from core.storage.project import Project

SHARES = NumberRange(0, hold_out.MAX_SHARE, open=True)
ROW_COUNTS = NumberRange(1, integer=True)


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add these commands to the parser."""
    add_command("link", _link, tr("link rows to the facts they teach, by shared terms and figures"))
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
