"""The command of main.py that checks files: each line, and all rows together."""

from collections.abc import Callable, Generator
from pathlib import Path

from core import formats
from core.checks import Problem, service_rules
from core.checks.rule_registry import clip
from core.cli import problem_output
from core.cli.console import CLEAN, PROBLEMS, UNREADABLE, AddCommand, Arguments, progress_reporter
from core.cli.problem_output import MAX_PATH, ProblemPrinter
from core.cli.row_commands import add_reading_options, expand_archives, open_input, reading
from core.cli.streams import print_message
from core.errors import FormatError, JukuError
from core.formats import file_fix, service_check
from core.language import tr, trn
from core.review import context_lengths, file_check, finding_texts
from core.review.file_check import CheckedRows, FileCheckOptions
from core.review.row_comparisons import MIN_TRAINING_ROWS, RECOMMENDED_TRAINING_ROWS

MAX_CHANGES_LISTED = 50  # of lines that were fixed or left out

OnProblem = Callable[[int, Problem], None]


def add(add_command: AddCommand) -> None:
    """Add the command."""
    words = tr("check files; exit status 0: clean, 1: errors or warnings, 2: unreadable")
    check = add_command("check", _check, words, False)
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help=tr("“-” is standard input"))
    add_reading_options(check)
    output = tr("how problems are printed")
    check.add_argument("--format", dest="output", choices=problem_output.FORMATS, default="text", help=output)
    check.add_argument(
        "--fix", type=Path, metavar="OUT", help=tr("also write the rows with what is safe to fix, as JSON Lines")
    )
    words = tr("apply the published rules of this service or program, too")
    check.add_argument("--for", dest="service", choices=list(service_rules.load()), default="", help=words)
    words = tr("also find rows whose question is in this exam: rows of any form, or a question on each line")
    check.add_argument("--exam", type=Path, metavar="FILE", help=words)
    words = tr("also find rows that are too long for this model: its name, or a number of tokens")
    check.add_argument("--model", default="", metavar="NAME", help=words)
    words = tr("only check each row, and do not compare the rows with each other")
    check.add_argument("--rows-only", action="store_true", help=words)


def _check(arguments: Arguments) -> int:
    if arguments.fix and len(arguments.files) > 1:
        raise FormatError(tr("One file at a time can be fixed"), tr("Nothing was written."))
    if arguments.rows_only and (arguments.exam or arguments.model):
        raise FormatError(
            tr("“--rows-only” leaves out what “--exam” and “--model” ask for"), tr("Nothing was checked.")
        )
    limit = context_lengths.find_limit(arguments.model) if arguments.model else None
    check = _Check(arguments, FileCheckOptions(arguments.exam, limit))
    for path in expand_archives(arguments.files):
        check.run(path)
    check.printer.finish()
    return check.status


class _Check:
    """The state of one command: the worst exit status so far."""

    def __init__(self, arguments: Arguments, options: FileCheckOptions) -> None:
        self._arguments, self._options = arguments, options
        self.printer = ProblemPrinter("json" if arguments.json else arguments.output)
        self.status = CLEAN

    def run(self, path: Path) -> None:
        """Check one file and print its problems; an error is printed, too."""
        try:
            with open_input(path) as file:
                self._check_file(path, file)
        except JukuError as error:
            print_message(str(error))
            self.printer.add_failure(path, error)
            self.status = UNREADABLE

    def _check_file(self, path: Path, file: Path) -> None:
        def add(line: int, problem: Problem) -> None:
            self.status = max(self.status, CLEAN if problem.severity == "note" else PROBLEMS)
            self.printer.add(path, line, problem)

        arguments, how = self._arguments, reading(self._arguments)
        reporter = progress_reporter(file.name)
        found = (
            service_check.check_for(file, arguments.service, reporter, how)
            if arguments.service
            else formats.check_file(file, reporter, how)
        )
        rows = _pass_on(found, add)
        compared = None
        if not arguments.rows_only:
            label = progress_reporter(tr("Comparing the rows of {name}", name=file.name))
            compared = file_check.check_rows_together(file, label, add, self._options, how)
        for line in _summarize(arguments, path, rows, compared):
            print_message(line)  # the problems alone are the output
        if arguments.fix:
            self._fix(path, file)

    def _fix(self, path: Path, file: Path) -> None:
        out, changes = self._arguments.fix, 0

        def show(line: int, new: int, rules: list[str]) -> None:
            nonlocal changes
            changes += 1
            if changes <= MAX_CHANGES_LISTED:
                what = f"{out}:{new}" if new else tr("left out")
                print_message(f"{clip(str(path), MAX_PATH)}:{line} → {what} {', '.join(rules)}".rstrip())

        how = reading(self._arguments)
        done = file_fix.fix_file(file, out, progress_reporter(file.name), how, on_change=show)
        if changes > MAX_CHANGES_LISTED:
            more = changes - MAX_CHANGES_LISTED
            print_message(trn("and {n} more", "and {n} more", more))
        text = tr("{rows} rows written to {path}, {fixed} of them fixed; {left} lines left out.",
                  rows=done.rows, path=out, fixed=done.fixed, left=done.left_out)  # fmt: skip
        print_message(text)


def _pass_on(found: Generator[tuple[int, Problem], None, int], on_problem: OnProblem) -> int:
    """Call `on_problem` for each problem; returns what the generator returns, the number of rows."""
    while True:
        try:
            line, problem = next(found)
        except StopIteration as end:
            rows: int = end.value
            return rows
        on_problem(line, problem)


def _summarize(arguments: Arguments, path: Path, rows: int, compared: CheckedRows | None) -> list[str]:
    """How many rows were looked at, and what was not looked at."""
    lines = [trn("{name}: {n} row checked.", "{name}: {n} rows checked.", rows, name=clip(path.name, 80))]
    if compared and compared.exam_questions:
        text = trn("Compared with {n} exam question.", "Compared with {n} exam questions.", compared.exam_questions)
        lines[0] += f" {text}"
    if MIN_TRAINING_ROWS <= rows < RECOMMENDED_TRAINING_ROWS:
        lines.append(finding_texts.format_finding("few-rows", str(rows)))
    left_out = [] if compared else [tr("the rows with each other (--rows-only)")]
    if not arguments.exam:
        left_out.append(tr("against an exam (--exam FILE)"))
    if not arguments.model:
        left_out.append(tr("the length for a model (--model NAME)"))
    if not arguments.service:
        left_out.append(tr("a service's own rules (--for NAME)"))
    left_out.append(tr("whether answers follow from a text (import the rows into a project)"))
    return [*lines, tr("Not checked: {list}.", list="; ".join(left_out))]
