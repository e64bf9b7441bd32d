"""The way from a text to a verdict in five steps: which of them a project has taken, and which is next."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from core.dataset import filters
from core.dataset.filters import Filter
from core.exam import fact_coverage, runs
from core.exam.runs import ExamStatus
from core.generation import everyday_rows
from core.language import tr, trn
from core.providers.models_api import is_tuned
from core.review.row_comparisons import RECOMMENDED_TRAINING_ROWS
from core.spec import facts, spec
from core.training import jobs, row_selection
from core.training.row_selection import MINIMUM_ROWS


class PathStep(StrEnum):
    """A step, in the order in which they are taken."""

    TEXT = "text"
    FACTS = "facts"
    ROWS = "rows"
    TRAINING = "training"
    EXAM = "exam"


@dataclass(frozen=True, slots=True)
class PathState:
    """What a project has: characters of text, facts, approved training rows, drafts, exam rows, trained models, finished
    exams of trained models, facts that are to be taught and have no row at all, the drafts with those for the exam, and
    whether rows of the page are trained on without everyday rows."""

    characters: int = 0
    facts: int = 0
    rows: int = 0
    drafts: int = 0
    exam_rows: int = 0
    models: int = 0
    exams: int = 0
    bare_facts: int = 0
    all_drafts: int = 0
    lacks_everyday: bool = False

    @property
    def needs_rows(self) -> bool:
        """Whether rows are to be made or approved before some are kept for the exam: there are too few, or few rows leave
        most facts out."""
        is_thin = self.rows < RECOMMENDED_TRAINING_ROWS and self.bare_facts * 2 > self.facts
        return self.rows < MINIMUM_ROWS or is_thin

    @property
    def done(self) -> list[PathStep]:
        """The steps that are taken."""
        taken = {
            PathStep.TEXT: self.characters > 0,
            PathStep.FACTS: self.facts > 0,
            PathStep.ROWS: self.rows >= MINIMUM_ROWS and self.exam_rows > 0,
            PathStep.TRAINING: self.models > 0,
            PathStep.EXAM: self.exams > 0,
        }
        return [step for step in PathStep if taken[step]]

    @property
    def skipped(self) -> list[PathStep]:
        """The steps that are neither taken nor needed: who brings rows needs no text and no facts."""
        if self.rows < MINIMUM_ROWS:
            return []
        return [step for step in (PathStep.TEXT, PathStep.FACTS) if step not in self.done]

    @property
    def next_step(self) -> PathStep | None:
        """The first step that is to be taken; None when there is none."""
        return next((step for step in PathStep if step not in (*self.done, *self.skipped)), None)


def load(db: sqlite3.Connection) -> PathState:
    """The state of a project."""
    rows = row_selection.count_rows(db, "")
    has_few = rows < RECOMMENDED_TRAINING_ROWS  # the facts of many rows are not counted each time
    return PathState(
        len(spec.load(db).text.strip()),
        len(facts.load(db)),
        rows,
        filters.count(db, Filter(split="train", status="draft")),
        row_selection.count_rows(db, "", "test"),
        sum(job.fine_tuned_model is not None for job in jobs.load_all(db)),
        sum(
            run.status == ExamStatus.SUCCEEDED and any(is_tuned(one.model) for one in run.subjects)
            for run in runs.load_all(db)
        ),
        sum(one.state == "bare" for one in fact_coverage.load(db)) if has_few else 0,
        filters.count(db, Filter(status="draft")),
        everyday_rows.are_missing(db),
    )


def step_title(step: PathStep) -> str:
    """A step in a word."""
    return {
        PathStep.TEXT: tr("Page"),
        PathStep.FACTS: tr("Facts"),
        PathStep.ROWS: tr("Rows"),
        PathStep.TRAINING: tr("Training"),
        PathStep.EXAM: tr("Exam"),
    }[step]


def act_title(state: PathState) -> str:
    """What a click on the next step does, in two or three words."""
    match state.next_step:
        case PathStep.TEXT:
            return tr("Paste a text")
        case PathStep.FACTS:
            return tr("Add the facts")
        case PathStep.ROWS if state.needs_rows and state.drafts:
            return tr("Approve the drafts")
        case PathStep.ROWS if state.needs_rows and state.facts:
            return tr("Make rows")
        case PathStep.ROWS if state.needs_rows:
            return tr("Show the rows")
        case PathStep.ROWS:
            return tr("Keep rows for the exam…")
        case PathStep.TRAINING:
            return tr("Start training")
        case PathStep.EXAM:
            return tr("Start the exam")
    return tr("Show the verdict")


def describe_why(step: PathStep) -> str:
    """Why a step is taken, in a sentence."""
    return {
        PathStep.TEXT: tr("The text is what the model is to know: everything else is made from it."),
        PathStep.FACTS: tr("A fact is one statement of the text: rows, exam questions and the verdict name it."),
        PathStep.ROWS: tr("Rows are questions with answers. The model learns from them; some are kept for the exam."),
        PathStep.TRAINING: tr("Training teaches a copy of the base model the rows; the base model stays as it is."),
        PathStep.EXAM: tr(
            "The exam asks what was not trained on, and the base model beside it: only that proves anything."
        ),
    }[step]


def describe_doubted(count: int) -> str:
    """What is to be done with drafts that have a problem."""
    return trn("{n} draft has a problem and stays a draft: look at it, then approve or delete it.",
               "{n} drafts have problems and stay drafts: look at them, then approve or delete them.", count)  # fmt: skip


def describe_next(state: PathState, adds_everyday: bool = False) -> str:
    """What to do next, in a sentence. `adds_everyday`: the training step adds everyday rows first."""
    match state.next_step:
        case PathStep.TEXT:
            return tr("Next: write, paste or drop the text that a model is to know.")
        case PathStep.FACTS:
            return tr("Next: add the facts that were found in the text.")
        case PathStep.ROWS:
            return _describe_rows(state)
        case PathStep.TRAINING if adds_everyday:
            return trn("Next: add everyday questions against forgetting, and train a model on {n} row.",
                       "Next: add everyday questions against forgetting, and train a model on {n} rows.",
                       state.rows)  # fmt: skip
        case PathStep.TRAINING:
            return trn("Next: train a model on {n} row.", "Next: train a model on {n} rows.", state.rows)
        case PathStep.EXAM:
            return tr("Next: let the trained model take the exam, beside the base model.")
    return tr("All steps are done: the exam tab has the verdict.")


def _describe_rows(state: PathState) -> str:
    if state.needs_rows and state.drafts:
        return trn("Next: look at the draft; the button approves it unless it has a problem.",
                   "Next: look at the {n} drafts; the button approves all that have no problem.", state.all_drafts)  # fmt: skip
    if state.rows < MINIMUM_ROWS:
        return tr("Next: generate rows from the facts, or import your own ({n} of at least {minimum} so far).",
                  n=state.rows, minimum=MINIMUM_ROWS)  # fmt: skip
    if state.needs_rows:
        return tr(
            "Next: generate rows for the facts that have none ({n} of {facts}).", n=state.bare_facts, facts=state.facts
        )
    return tr("Next: keep some rows for the exam; no model is trained on those.")
