"""The files of a model that is rescued: saved to a folder, their rows imported, and some kept for the exam."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from core.checks.rule_registry import clip
from core.dataset import examples, importing, row_system_prompts
from core.dataset.filters import Filter
from core.dataset.import_reader_process import ImportOptions
from core.exam import hold_out, questions
from core.language import tr, trn
from core.progress import Reporter
from core.spec import spec
from core.storage.project import OnChanges, Project
from core.training import rescue, row_selection
from core.training.rescue import SavedFiles

MAX_PROMPT_SHOWN = 80  # characters
SEED = 1  # by which rows are kept for the exam


@dataclass(frozen=True, slots=True)
class ImportedRows:
    """How many rows of saved files are new, how many the project had, and how many lines could not be read."""

    rows: int = 0
    known: int = 0
    unread: int = 0
    notes: tuple[str, ...] = ()

    def format(self, tag: str) -> list[str]:
        """What was imported, in sentences."""
        lines = [
            trn("{n} row imported, with the tag {tag}", "{n} rows imported, with the tag {tag}", self.rows, tag=tag)
        ]
        if self.known:
            lines.append(trn("{n} row was here before.", "{n} rows were here before.", self.known))
        if self.unread:
            lines.append(
                trn(
                    "{n} line cannot be read: it is in the quarantine.",
                    "{n} lines cannot be read: they are in the quarantine.",
                    self.unread,
                )
            )
        return [*lines, *self.notes]


async def import_rows(
    project: Project, saved: SavedFiles, tag: str, reporter: Reporter, on_changes: OnChanges = lambda _changes: None
) -> ImportedRows:
    """Import the rows of saved files under a tag; rows that were here before get it, too. Done twice, it changes nothing more.

    Raises `JukuError` and `CancelledError`.
    """
    total = ImportedRows()
    for role, split in rescue.SPLIT_OF_PURPOSE.items():
        for path in saved.of(role):
            options = ImportOptions(split=split, tags=tag, source=path.name)
            label = tr("Import {name}", name=path.name)
            found = await importing.import_file(project, path, options, reporter, label)
            on_changes(found.changes)
            notes = (*total.notes, *found.notes)
            total = ImportedRows(total.rows + found.rows, total.known + found.known, total.unread + found.unread, notes)
            tag_rows = partial(rescue.tag_existing_rows, path=path, tag=tag)
            on_changes(await project.write(tr("Tag the rescued rows"), tag_rows))
    return total


async def adopt_prompt(project: Project, tag: str, on_changes: OnChanges = lambda _changes: None) -> str:
    """Make the rows' system prompt the project's where the project has none: both models are asked under the one they know.

    Returns what was done, as a sentence; '' for nothing. Raises `ProjectError`.
    """
    if (await project.read(spec.load)).system_prompt:
        return ""
    found = await project.read(row_system_prompts.find_unused_prompt, row_selection.row_filter(tag))
    if found is None or not found.is_offered:
        return ""
    on_changes(await project.write(tr("Use the rows’ prompt"), row_system_prompts.use_prompt, found.prompt))
    return tr("The rows' system prompt is the project's now: “{prompt}”", prompt=clip(found.prompt, MAX_PROMPT_SHOWN))


async def keep_exam_questions(
    project: Project, tag: str, reporter: Reporter, on_changes: OnChanges = lambda _changes: None
) -> str:
    """Keep rows for an exam where the project has none: those that validated, else a share of those that taught.

    Returns what was done, as a sentence; '' where there are exam questions. Raises `JukuError` and `Cancelled`.
    """
    if await project.read(questions.has_exam_rows):
        return ""
    ids = await project.read(_load_validation_rows, tag)
    if ids:
        on_changes(await project.write(tr("Keep rows for the exam"), _examine_validation_rows, ids))
        return trn("{n} validation row became an exam question: the old model was not trained on it.",
                   "{n} validation rows became exam questions: the old model was not trained on them.", len(ids))  # fmt: skip
    material = await hold_out.load_material(project, reporter)
    choice = hold_out.choose_rows(material, round(material.rows * hold_out.DEFAULT_SHARE), SEED)
    if not choice.ids:
        return tr("There are no rows to examine with: whether the new model answers as the old one did cannot be told.")
    on_changes(await project.write(tr("Keep rows for the exam"), hold_out.hold_out_rows, choice.ids, SEED))
    return trn("{n} row is kept for the exam, and not taught. The old model may have been trained on it.",
               "{n} rows are kept for the exam, and not taught. The old model may have been trained on them.",
               len(choice.ids))  # fmt: skip


def _load_validation_rows(db: sqlite3.Connection, tag: str) -> list[int]:
    chosen = Filter(split="validation", status="approved", tag=tag)
    return [row.id for row in examples.iterate(db, chosen) if row.id and row.question and row.answer]


def _examine_validation_rows(db: sqlite3.Connection, ids: Sequence[int]) -> int:
    db.executemany("UPDATE example SET split = 'test' WHERE id = ?", [(id,) for id in ids])
    return len(ids)
