"""Imports files one after the other and reports what was added, what was known, and what went to the quarantine."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import shiboken6
from PySide6.QtWidgets import QWidget

from core.checks import RULES
from core.dataset import examples, importing
from core.dataset.examples import ProblemCounts
from core.dataset.import_reader_process import ImportOptions
from core.dataset.importing import ImportResult
from core.errors import JukuError
from core.generation import fact_links
from core.language import end_sentence, tr, trn
from core.progress import Reporter
from ui.dataset import bulk_actions
from ui.dataset.fact_link_dialog import FactLinkDialog
from ui.dataset.quarantine_dialog import QuarantineDialog
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

MAX_FILES_NAMED = 3  # problems that are named in a message
MAX_NOTES = 5  # sentences about how the files were read


class ImportFile(NamedTuple):
    """A file to import, its read options, and its name as a person knows it."""

    path: Path
    options: ImportOptions
    name: str


@dataclass
class ImportOutcome:
    """The totals of several files, and the files that could not be read."""

    rows: int = 0
    known: int = 0
    unread: int = 0
    links: int = 0  # rows for which facts were looked for
    linked: int = 0
    contradicting: int = 0  # rows that have another figure than the fact they were linked to
    failed: list[str] = field(default_factory=list)
    wrong: ProblemCounts = field(default_factory=ProblemCounts)
    first: int = 0  # the id of the first row that was imported
    notes: list[str] = field(default_factory=list)  # how the files were read, where that was a guess

    def add(self, found: ImportResult, wrong: ProblemCounts) -> None:
        """Add the result of one more file, and the problems of its rows."""
        self.wrong += wrong
        self.rows += found.rows
        self.known += found.known
        self.unread += found.unread
        self.notes += [note for note in found.notes if note not in self.notes]

    def format_text(self) -> str:
        """What was imported and what was not, in sentences."""
        sentences = [trn("{n} row imported.", "{n} rows imported.", self.rows)]
        sentences += format_wrong(self.wrong)
        if self.known:
            sentences.append(trn("{n} already existed.", "{n} already existed.", self.known))
        if self.links:
            sentences.append(fact_links.format_link_count(self.linked, self.links))
        if self.contradicting:
            sentences.append(fact_links.format_contradicting(self.contradicting))
        if self.unread:
            sentences.append(trn("{n} line could not be read.", "{n} lines could not be read.", self.unread))
        return "\n".join(
            [
                " ".join(sentences) if self.rows or self.known or self.unread or not self.failed else "",
                *self.notes[:MAX_NOTES],
                *self.failed,
            ]
        ).strip()

    def meaning(self) -> str:
        """The colour of the message: "error", "warning", "good" or "note"."""
        if self.failed or self.wrong.errors:
            return "error"
        return "warning" if self.unread or self.wrong or self.contradicting else "good" if self.rows else "note"


def format_wrong(wrong: ProblemCounts) -> list[str]:
    """How many rows have errors or warnings, and the most frequent rules."""
    if not wrong:
        return []
    rules = sorted(wrong.rules, key=lambda rule: (RULES[rule].severity != "error", -wrong.rules[rule]))
    names = [RULES[rule].title() for rule in rules[:MAX_FILES_NAMED]]
    if more := len(rules) - len(names):
        names.append(trn("{n} more", "{n} more", more))
    parts = [
        trn("{n} with an error", "{n} with errors", wrong.errors) if wrong.errors else "",
        trn("{n} with a warning", "{n} with warnings", wrong.warnings) if wrong.warnings else "",
    ]
    counts = tr(", ").join(filter(None, parts))
    return [tr("{counts}: {rules}.", counts=counts, rules=tr(", ").join(names))]


def import_label(wanted: list[ImportFile]) -> str:
    """The name of the task, which is also that of its undo step."""
    if len(wanted) == 1:
        return tr("Import {name}", name=wanted[0].name)
    return trn("Import {n} file", "Import {n} files", len(wanted))


async def import_files(
    workspace: Workspace, wanted: list[ImportFile], window: QWidget, outcome: ImportOutcome | None = None
) -> None:
    """Import the files, one undo step each, and show the outcome at the bottom of `window`.

    Cancelling takes back the file that is being read; those before it stay.
    """
    outcome = outcome or ImportOutcome()
    try:
        for one in wanted:
            await _import_file(workspace, one, import_label(wanted), outcome)
    finally:
        has_outcome = outcome.rows or outcome.known or outcome.unread or outcome.failed or not _is_cancelled()
        if has_outcome and shiboken6.isValid(window):  # a dialog may have been closed meanwhile
            show_import_outcome(workspace, outcome, window)
        workspace.tasks.tell(outcome.format_text(), outcome.meaning() == "error")


async def _import_file(workspace: Workspace, one: ImportFile, label: str, outcome: ImportOutcome) -> None:
    reporter = workspace.tasks.reporter(label)
    name = tr("Import {name}", name=one.name)
    project = workspace.project
    first = await project.read(examples.get_next_id)
    outcome.first = outcome.first or first
    try:
        found = await importing.import_file(project, one.path, one.options, reporter, name)
    except JukuError as error:
        outcome.failed.append(format_failure(one.name, error))
        return
    if found.changes.tables:
        workspace.tasks.changed.emit(found.changes)
    outcome.add(found, await project.read(examples.count_problems_since, first))
    await _link(workspace, found.ids, outcome, reporter)


async def _link(workspace: Workspace, ids: range, outcome: ImportOutcome, reporter: Reporter) -> None:
    """Link the new rows to facts, in its own undo step; the imported rows stay when it fails."""
    try:
        found = await fact_links.link_rows(workspace.project, reporter, ids)
    except JukuError as error:
        outcome.failed.append(format_failure(tr("Link rows to facts"), error))
        return
    if found:
        outcome.links += len(found.links)
        outcome.linked += found.linked
        outcome.contradicting += found.contradicting
        workspace.tasks.changed.emit(found.changes)


def format_failure(name: str, error: JukuError) -> str:
    """The text of an error, with the file's name."""
    title = error.title if name in error.title else f"{name}: {error.title}"
    return f"{end_sentence(title)} {error.message}" if error.message else title


def show_import_outcome(workspace: Workspace, outcome: ImportOutcome, window: QWidget) -> Notice:
    """Show a message at the bottom of the window, with buttons to fix, show or review what was imported."""
    meaning = outcome.meaning()
    notice = Notice(window.window(), outcome.format_text(), meaning, lasting=meaning in ("error", "warning"))
    fixable = [rule for rule in outcome.wrong.rules if RULES[rule].fixable]
    if fixable:
        count = outcome.wrong.rules[fixable[0]]
        text = trn("Fix {n}", "Fix all {n}", count) if len(fixable) == 1 else tr("Fix what is safe to fix")
        notice.add_button(text, lambda: _fix(workspace, fixable, outcome.first))
    if outcome.wrong:
        rules = list(outcome.wrong.rules)
        words = f"rule:{rules[0]}" if len(rules) == 1 else "rule:*"
        notice.add_button(tr("Show"), lambda: workspace.rows_wanted.emit(words))
    if outcome.contradicting:
        notice.add_button(tr("Show doubts"), lambda: workspace.rows_wanted.emit("rule:ungrounded"))
    if outcome.unread:
        notice.add_button(tr("Unread lines…"), lambda: QuarantineDialog(workspace, window.window()).open())
    if outcome.links:
        notice.add_button(tr("Review links…"), lambda: FactLinkDialog(workspace, window.window()).open())
    return notice


def _fix(workspace: Workspace, rules: list[str], first: int) -> None:
    bulk_actions.start_write(workspace, tr("Fix the imported rows"), examples.fix_since, rules, first)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
