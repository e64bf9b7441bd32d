"""Which rows teach a model's knowledge again: those of its job, those with its tag, its answers, or the project's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from core.dataset import examples
from core.generation import recorded_answers
from core.generation.recorded_answers import ModelKey
from core.language import trn
from core.training import row_selection
from core.training.jobs import Job


@dataclass(frozen=True, slots=True)
class RowChoice:
    """Rows to teach: those with a tag, or a job's frozen copy; or rows that are first made from the saved answers."""

    count: int
    title: str
    tag: str
    version: int | None = None
    validation: bool = False
    from_saved_answers: bool = False

    @property
    def key(self) -> tuple[str, int | None, bool]:
        """What tells it from others."""
        return self.tag, self.version, self.from_saved_answers


def load(db: sqlite3.Connection, who: ModelKey, tag: str, known: Sequence[Job]) -> list[RowChoice]:
    """The rows that a model's knowledge can be taught with, the nearest to what it was trained on first.

    `tag` is that of its rescued rows, `known` are the project's jobs.
    """
    found = []
    maker = next((job for job in known if (job.provider, job.fine_tuned_model) == who and job.version), None)
    if maker is not None:
        title = trn(
            "The {n} row it was trained on, as saved", "The {n} rows it was trained on, as saved", maker.row_count
        )
        validation = bool(maker.request.get("validation"))
        found.append(RowChoice(maker.row_count, title, maker.rows, maker.version, validation))
    if count := row_selection.count_rows(db, tag):
        title = trn("{n} row with its tag", "{n} rows with its tag", count)
        found.append(RowChoice(count, title, tag, validation=row_selection.count_rows(db, tag, "validation") > 0))
    kept, held = recorded_answers.count_teachable(db, who)
    if kept:
        title = trn("Rows made of the {n} answer that is kept", "Rows made of the {n} answers that are kept", kept)
        warning = trn("{n} answers an exam question", "{n} answer exam questions", held) if held else ""
        found.append(RowChoice(kept, " – ".join(filter(None, (title, warning))), tag, from_saved_answers=True))
    return [*found, *_load_project_rows(db, tag)]


def choose(found: Sequence[RowChoice]) -> RowChoice | None:
    """The rows to take where nobody chooses: no answers to exam questions where there are other rows; None for too few."""
    enough = [one for one in found if one.count >= row_selection.MINIMUM_ROWS]
    return min(enough, key=lambda one: one.from_saved_answers, default=None)


def _load_project_rows(db: sqlite3.Connection, tag: str) -> list[RowChoice]:
    """The project's own rows, all of them and by their tags."""
    total = row_selection.count_rows(db, "")
    title = trn("The project's {n} approved training row", "The project's {n} approved training rows", total)
    named = {
        name: count for name, count in examples.count_values(db, "tags", "train", "approved").items() if name != tag
    }
    measured = row_selection.count_rows(db, "", "validation") > 0
    every = [RowChoice(total, title, "", validation=measured)] if total else []
    return every + [RowChoice(count, f"{name} ({count:,})", name) for name, count in named.items()]
