"""The dialog that generates the examples facts still lack: by a chat model, or from templates."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.exam import fact_coverage
from core.exam.fact_coverage import EXAM, FactCoverage
from core.generation import row_generation
from core.generation.draft_rows import AddedDrafts
from core.generation.row_generation import GenerationEstimate, RowRequest
from core.language import tr, trn
from core.progress import Reporter
from core.providers.prices import chat_price
from ui import style
from ui.generation.llm_run_dialog import LlmRunDialog, format_token_estimate
from ui.generation.run_progress_and_recovery import FactScope, RowWriterChoice
from ui.llm_run_runner import LlmRunResult
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.workspace import Workspace

OFFLINE_KINDS = ("direct", "reworded", "statement", EXAM)  # what templates can write
SAMPLED_REQUESTS = 60  # facts whose requests are written to estimate the tokens of all


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """How many facts there are, how many lack rows, how many rows of each kind, and the requests to make."""

    facts: int
    lacking: int
    counts: Counter[str]
    requests: list[RowRequest]
    estimate: GenerationEstimate


class GenerationDialog(LlmRunDialog):
    """Generates examples for facts. `names` are the facts; None for all."""

    drafts_wanted = Signal()  # the person wants to see the drafts

    def __init__(self, workspace: Workspace, names: set[str] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(workspace, "examples", tr("Generate examples"), parent)
        self.scope = FactScope(names)
        self.scope.changed.connect(self._on_choice)
        self.plan: GenerationPlan | None = None
        self.setMinimumWidth(640)
        self._make_kinds()
        self._make_ways()
        self.drafts = QPushButton(tr("Show the &drafts"), autoDefault=False)
        self.drafts.clicked.connect(self.drafts_wanted)
        self.drafts.clicked.connect(lambda _checked: self.close())
        self.drafts.hide()
        self._lay_out_body()
        self.ways.changed.connect(self._show_way)
        self.model.batch.toggled.connect(lambda _on: self._on_batch())
        self._show_way()

    def _on_batch(self) -> None:
        if self.plan:
            self._show_estimate(self.plan)

    def _make_kinds(self) -> None:
        self.heading = basics.heading("")
        self.kinds: dict[str, QCheckBox] = {}
        self.counts = {}
        for kind, (title, words) in kind_texts().items():
            box = QCheckBox(title)
            box.setChecked(True)
            box.setAccessibleDescription(words)
            box.toggled.connect(lambda _on: self._on_choice())
            self.kinds[kind] = box
            self.counts[kind] = basics.label(dim=True)

    def _make_ways(self) -> None:
        words = tr(
            "States each fact, and makes fill-in-the-blank questions from it. Nothing leaves this computer, and it takes only a moment."
        )
        self.ways = RowWriterChoice(self.model, words)
        self.online, self.offline = self.ways.online, self.ways.offline
        self.estimate = basics.label(wrap=True, dim=True)

    def _lay_out_body(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addWidget(self.scope)
        column.addWidget(self.heading)
        column.addLayout(self._kind_grid())
        column.addSpacing(style.SPACE // 2)
        column.addWidget(basics.heading(tr("Generation method")))
        column.addWidget(self.ways)
        column.addWidget(self.estimate)
        column.addStretch()
        self.nothing = EmptyState()
        self.pages = QStackedWidget()
        self.pages.addWidget(page)
        self.pages.addWidget(self.nothing)
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(self.drafts, 0, Qt.AlignmentFlag.AlignLeft)

    def _kind_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(style.SPACE)
        grid.setVerticalSpacing(style.SPACE // 2)
        for row, (kind, (_title, words)) in enumerate(kind_texts().items()):
            grid.addWidget(self.kinds[kind], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(basics.label(words, wrap=True, dim=True), row, 1)
            grid.addWidget(self.counts[kind], row, 2, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        return grid

    def chosen_kinds(self) -> list[str]:
        """The ticked kinds that the chosen writer can write."""
        return [kind for kind, box in self.kinds.items() if box.isChecked() and self._can_write(kind)]

    def build_query(self) -> Callable[[sqlite3.Connection], GenerationPlan]:
        names, kinds = self.scope.names(), self.chosen_kinds()
        return lambda db: load_plan(db, names, kinds)

    def show_data(self, found: GenerationPlan) -> None:
        self.plan = found
        self.pages.setCurrentIndex(0 if found.facts else 1)
        self.nothing.set_texts(tr("No facts yet"), tr("Find facts in the spec first: examples are made for facts."))
        self._show_heading(found)
        for kind, label in self.counts.items():
            count = found.counts[kind]
            text = trn("{n} missing", "{n} missing", count) if count else tr("enough")
            label.setText(text if self._can_write(kind) else tr("needs a model"))
        self._show_estimate(found)
        self.show_start()

    def disabled_reason(self) -> str:
        if not (self.plan and self.plan.requests):
            return tr("No rows are missing for these facts and kinds.")
        return "" if self.offline.isChecked() else self.model_reason()

    def start(self) -> None:
        names, kinds = self.scope.names(), self.chosen_kinds()
        self.drafts.hide()
        if self.offline.isChecked():
            self.runner.write(self.task, tr("Generate examples from templates"), _write_from_templates(names, kinds))
        else:
            asked = self.model.model_id(), lambda db: row_generation.build_subjects(load_row_requests(db, names, kinds))
            self.runner.begin(self.task, *asked, batch=self.model.as_batch())

    def on_ended(self, ended: LlmRunResult) -> None:
        super().on_ended(ended)
        if ended.task == self.task:
            self.drafts.setVisible(ended.meaning != "error" and not ended.is_empty)

    def advice(self) -> str:
        return tr("Look at what the model wrote. Then try again, choose a larger model, or use the templates.")

    def _can_write(self, kind: str) -> bool:
        return self.online.isChecked() or kind in OFFLINE_KINDS

    def _show_heading(self, found: GenerationPlan) -> None:
        if not found.lacking:
            text = trn("The fact has enough examples", "All {n} facts have enough examples", found.facts)
        elif self.scope.names() is None:
            text = trn("{lacking} of {n} fact needs examples", "{lacking} of {n} facts need examples", found.facts,
                       lacking=f"{found.lacking:,}")  # fmt: skip
        else:
            text = trn("{lacking} of {n} chosen fact needs examples", "{lacking} of {n} chosen facts need examples",
                       found.facts, lacking=f"{found.lacking:,}")  # fmt: skip
        self.heading.setText(text)

    def _show_estimate(self, found: GenerationPlan) -> None:
        estimate, examples = found.estimate, found.estimate.examples
        if self.offline.isChecked():
            self.primary.setText(tr("Generate examples from templates"))
            text = trn(
                "At most {n} example: as many as the facts have figures and terms to ask about.",
                "At most {n} examples: as many as the facts have figures and terms to ask about.",
                examples,
            )
        else:
            self.primary.setText(trn("Generate {n} example", "Generate {n} examples", examples))
            requests = trn("{n} request", "{n} requests", estimate.requests)
            tokens = tr(
                "about {sent} tokens sent to {provider}, {received} received",
                sent=format_token_estimate(estimate.sent),
                provider=self.model.server(),
                received=format_token_estimate(estimate.received),
            )
            cost = chat_price(estimate.sent, estimate.received, self.model.model_id(), self.model.as_batch())
            text = " · ".join([requests, tokens, *([tr("about ${cost}", cost=f"{cost:.2f}")] if cost else [])])
        after = tr("All rows are added as drafts: they are not used for training until you approve them.")
        self.estimate.setText(f"{text}\n{after}" if found.requests else "")

    def _show_way(self) -> None:
        for kind, box in self.kinds.items():
            box.setEnabled(self._can_write(kind))
        self._on_choice()

    def _on_choice(self) -> None:
        self.show_start()
        if self.isVisible():
            self.read_soon()


def kind_texts() -> dict[str, tuple[str, str]]:
    """The title and the explanation of each kind of example."""
    return {
        "direct": (tr("Direct"), tr("The simplest question whose answer is the fact.")),
        "reworded": (tr("Reworded"), tr("The same question as different people would ask it.")),
        "reverse": (tr("Reverse"), tr("The question in reverse, from the answer to what it is about.")),
        "applied": (tr("Applied"), tr("A situation in which the fact must be used.")),
        "statement": (tr("Statement"), tr("A question that asks to state the fact itself.")),
        "not_stated": (
            tr("Not stated"),
            tr("Asks about something the text does not say; the right answer is to say so."),
        ),
        EXAM: (tr("For the exam"), tr("One wording of each fact that is set aside and never used for training.")),
    }


def load_row_requests(db: sqlite3.Connection, names: set[str] | None, kinds: Sequence[str]) -> list[RowRequest]:
    """The rows of these kinds that the facts lack, as requests."""
    return _build_row_requests(_load_coverage(db, names), kinds)


def load_plan(db: sqlite3.Connection, names: set[str] | None, kinds: Sequence[str]) -> GenerationPlan:
    """What will be generated, with an estimate of the tokens from a sample of the requests."""
    entries = _load_coverage(db, names)
    counts = Counter[str]()
    for entry in entries:
        counts.update(entry.lacking)
    requests = _build_row_requests(entries, kinds)
    part = requests[:: -(-len(requests) // SAMPLED_REQUESTS) or 1]
    sample = row_generation.estimate(db, part)
    examples = sum(sum(request.counts.values()) for request in requests)
    sent = round(sample.sent * len(requests) / max(1, len(part)))
    whole = GenerationEstimate(len(requests), examples, sent, examples * row_generation.EXAMPLE_TOKENS)
    return GenerationPlan(len(entries), sum(bool(entry.lacking) for entry in entries), counts, requests, whole)


def _load_coverage(db: sqlite3.Connection, names: set[str] | None) -> list[FactCoverage]:
    entries = [entry for entry in fact_coverage.load(db) if not entry.fact.ignored]
    return [entry for entry in entries if names is None or entry.fact.name in names]


def _build_row_requests(entries: Sequence[FactCoverage], kinds: Sequence[str]) -> list[RowRequest]:
    """The requests; without exam wordings the entries count as if each fact had one."""
    if EXAM not in kinds:
        entries = [
            dataclasses.replace(entry, held=max(entry.held, fact_coverage.HELD_OUT_WORDINGS)) for entry in entries
        ]
    return row_generation.build_requests(entries, [kind for kind in kinds if kind != EXAM])


def _write_from_templates(
    names: set[str] | None, kinds: Sequence[str]
) -> Callable[[sqlite3.Connection, Reporter], str]:
    def make(db: sqlite3.Connection, reporter: Reporter) -> str:
        done: list[AddedDrafts] = []
        row_generation.make_offline(db, load_row_requests(db, names, kinds), reporter, done)
        return str(done[0])

    return make
