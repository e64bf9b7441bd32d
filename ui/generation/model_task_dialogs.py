"""Dialogs for three shorter LLM runs: what a model already knows, whether drafts are right, facts in clearer words."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QFormLayout, QStackedWidget, QVBoxLayout, QWidget

from core.dataset import examples
from core.dataset.filters import Filter
from core.generation import fact_refining, knowledge_probe, row_judging
from core.generation.llm_run_tasks import TASKS
from core.generation.llm_runs import LlmRequest
from core.language import tr, trn
from core.providers import model_kinds
from core.spec import facts
from core.text import tokenizer
from ui import style
from ui.generation.llm_run_dialog import LlmRunDialog
from ui.generation.run_progress_and_recovery import FactScope
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.workspace import Workspace

SAMPLED_REQUESTS = 40  # requests that are written to estimate the tokens of all

Subjects = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RequestEstimate:
    """The subjects of the requests, and about how many tokens are sent and received."""

    subjects: Subjects
    sent: int
    received: int


class ModelTaskDialog(LlmRunDialog):
    """Shows what is asked, of which model, and how much; a subclass gives `subjects` and the texts."""

    def __init__(
        self,
        workspace: Workspace,
        task: str,
        title: str,
        words: str,
        parent: QWidget | None,
        demanding: bool = True,
        use: str = model_kinds.ANSWER,
        names: Collection[str] | None = None,
    ) -> None:
        """`names` are the facts that were chosen before."""
        super().__init__(workspace, task, title, parent, demanding, use)
        self.asked: RequestEstimate | None = None
        self.scope = FactScope(names)
        self.scope.changed.connect(self.read_soon)
        self.model.changed.connect(self._show_estimate)
        self.setMinimumWidth(style.scaled(560))
        self.count = basics.heading("")
        self.estimate = basics.label(wrap=True, dim=True)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addWidget(basics.label(words, wrap=True))
        column.addWidget(self.scope)
        column.addWidget(self.count)
        column.addWidget(self.model_part())
        column.addWidget(self.estimate)
        column.addStretch()
        self.nothing = EmptyState(*self.empty_texts())
        self.pages = QStackedWidget()
        self.pages.addWidget(page)
        self.pages.addWidget(self.nothing)
        self.body.addWidget(self.pages, 1)
        self.primary.setText(self.button_text(0))

    def model_part(self) -> QWidget:
        """The widgets to choose the model."""
        part = QWidget()
        form = QFormLayout(part)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(style.SPACE)
        name = basics.label(tr("Chat &model"))
        name.setBuddy(self.model.box)
        form.addRow(name, self.model)
        return part

    def subjects(self) -> Callable[[sqlite3.Connection], Iterable[dict[str, Any]]]:
        """A function that reads the subjects of the requests, in another thread."""
        raise NotImplementedError

    def empty_texts(self) -> tuple[str, str]:
        """The title and the text shown when there is nothing to ask."""
        raise NotImplementedError

    def format_subjects(self, subjects: Subjects) -> str:
        """How many subjects are asked about, as text."""
        raise NotImplementedError

    def button_text(self, count: int) -> str:
        """The primary button's text for so many requests."""
        raise NotImplementedError

    def build_query(self) -> Callable[[sqlite3.Connection], RequestEstimate]:
        task, subjects = self.task, self.subjects()
        return lambda db: estimate_requests(db, task, list(subjects(db)))

    def show_data(self, found: RequestEstimate) -> None:
        self.asked = found
        # With facts chosen there may be something to ask about the others.
        self.pages.setCurrentIndex(0 if found.subjects or not self.scope.isHidden() else 1)
        self.count.setText(self.format_subjects(found.subjects))
        self.primary.setText(self.button_text(len(found.subjects)))
        self._show_estimate()

    def _show_estimate(self) -> None:
        """What asking the chosen model takes."""
        if found := self.asked:
            self.estimate.setText(self.model.format_estimate(len(found.subjects), found.sent, found.received))

    def disabled_reason(self) -> str:
        there = bool(self.asked and self.asked.subjects)
        return self.model_reason() if there else tr("There is nothing to ask.")

    def start(self) -> None:
        self.runner.begin(self.task, self.model.model_id(), self.subjects(), batch=self.model.as_batch())


class ProbeDialog(ModelTaskDialog):
    """Asks a base model what it knows of the facts."""

    def __init__(
        self, workspace: Workspace, parent: QWidget | None = None, names: Collection[str] | None = None
    ) -> None:
        words = tr(
            "Each question is asked {n} times, without the spec in the prompt, and marked by its key points. A "
            "fact that the model already knows needs fewer examples.",
            n=knowledge_probe.ANSWERS_PER_QUESTION,
        )
        title = tr("Ask the base model what it knows")
        super().__init__(workspace, "probe", title, words, parent, demanding=False, use=model_kinds.BASE, names=names)

    def subjects(self) -> Callable[[sqlite3.Connection], Subjects]:
        names = self.scope.names()
        return lambda db: knowledge_probe.build_subjects(db, names)

    def empty_texts(self) -> tuple[str, str]:
        return tr("Nothing to ask yet"), tr("Find facts in the spec first: each of them becomes a question.")

    def format_subjects(self, subjects: Subjects) -> str:
        names = len({one["fact"] for one in subjects})
        return tr(
            "{questions} for {facts}",
            questions=trn("{n} question", "{n} questions", len(subjects)),
            facts=trn("{n} fact", "{n} facts", names),
        )

    def button_text(self, count: int) -> str:
        return trn("Ask {n} question", "Ask {n} questions", count) if count else tr("Ask")


class JudgeDialog(ModelTaskDialog):
    """Lets a chat model judge whether rows follow from their facts: `ids`, or all drafts, or those of chosen facts."""

    def __init__(
        self,
        workspace: Workspace,
        ids: Sequence[int] | None = None,
        parent: QWidget | None = None,
        names: Collection[str] | None = None,
    ) -> None:
        self._ids = None if ids is None else array("q", ids)
        words = tr(
            "The model compares each row with its fact and says whether the answer follows from it. Rows that do "
            "not are marked with the reason; nothing is changed or deleted."
        )
        super().__init__(workspace, "judge", tr("Judge rows with a model"), words, parent, names=names)

    def subjects(self) -> Callable[[sqlite3.Connection], Subjects]:
        ids, names = self._ids, self.scope.names()
        drafts = Filter(status="draft")
        return lambda db: row_judging.build_subjects(db, examples.find_ids(db, drafts) if ids is None else ids, names)

    def empty_texts(self) -> tuple[str, str]:
        if self._ids is None:
            return tr("No drafts to judge"), tr("Draft rows that refer to a fact are judged here.")
        return tr("Nothing to judge"), tr("None of the selected rows refers to a fact of the spec.")

    def format_subjects(self, subjects: Subjects) -> str:
        if self._ids is None:
            return trn("{n} draft that names its fact", "{n} drafts that name their facts", len(subjects))
        return trn("{n} row that names its fact", "{n} rows that name their facts", len(subjects))

    def button_text(self, count: int) -> str:
        return trn("Judge {n} row", "Judge {n} rows", count) if count else tr("Judge")


class RefineDialog(ModelTaskDialog):
    """Writes facts for statements that have none yet, each understandable without its context."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        words = tr(
            "The model splits sentences that say two things, and replaces “it” and “they” by names. The facts "
            "are added in one step that can be undone; check them."
        )
        super().__init__(workspace, "facts", tr("Refine statements into facts"), words, parent)

    def subjects(self) -> Callable[[sqlite3.Connection], Iterable[dict[str, Any]]]:
        return lambda db: fact_refining.build_subjects(facts.find_unused_statements(db))

    def empty_texts(self) -> tuple[str, str]:
        return tr("Nothing to refine"), tr("Every sentence of the spec is already a fact, or the spec is empty.")

    def format_subjects(self, subjects: Subjects) -> str:
        count = sum(len(one["statements"]) for one in subjects)
        return trn("{n} sentence is not a fact yet", "{n} sentences are not facts yet", count)

    def button_text(self, _count: int) -> str:
        return tr("Refine into facts")


def estimate_requests(db: sqlite3.Connection, task: str, subjects: Subjects) -> RequestEstimate:
    """The subjects with an estimate of the tokens from a sample of the requests."""
    part = subjects[:: -(-len(subjects) // SAMPLED_REQUESTS) or 1]
    sent, received = 0.0, 0.0
    for one in part:
        request = LlmRequest(0, one)
        sent += sum(tokenizer.estimate_tokens(message["content"]) for message in TASKS[task].messages(db, request))
        received += TASKS[task].expected_tokens(request)
    share = len(subjects) / max(1, len(part))
    return RequestEstimate(subjects, round(sent * share), round(received * share))
