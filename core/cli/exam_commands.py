"""The command of main.py about exams: report."""

from pathlib import Path

from core import settings
from core.cli.console import CLEAN, AddCommand, Arguments, print_result, progress_reporter, with_project
from core.exam import report
from core.exam.judges import JUDGE, PERSON
from core.language import tr
from core.storage.project import Project

MARKERS = {"grader": "", JUDGE: JUDGE, PERSON: PERSON}


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    parser = add_command(
        "report", _report, tr("write a report of an exam: a page, a table, JSON, or an exam for promptfoo")
    )
    parser.add_argument("--run", type=int, help=tr("number of the exam; by default the newest"))
    endings = ", ".join(one.suffix for one in report.FORMATS.values())
    ending = tr("the file; its name ends in one of: {endings}", endings=endings)
    parser.add_argument("--to", type=Path, default=Path("report.html"), metavar="FILE", help=ending)
    parser.add_argument("--format", choices=report.FORMATS, default="", help=tr("by default detected from the name"))
    parser.add_argument("--by", choices=MARKERS, default="grader", help=tr("marks to use"))
    parser.add_argument("--title", default="", help=tr("the title; by default the name of the spec"))


def _report(arguments: Arguments) -> int:
    out = arguments.to
    format = arguments.format or report.detect_format(out)
    options = report.ReportOptions(arguments.title, MARKERS[arguments.by], tuple(settings.load().providers))

    async def work(document: Project) -> int:
        run = await document.read(report.find_run, arguments.run)
        await document.read(report.save, run.id, out, format, options, progress_reporter(out.name))
        data = {"file": str(out), "run": run.id, "format": format}
        print_result(arguments, data, tr("Exam {number} written to {path}.", number=run.id, path=out))
        return CLEAN

    return with_project(arguments, work)
