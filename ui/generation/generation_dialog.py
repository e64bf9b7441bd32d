"""The dialog that generates examples for facts: by a chat model, or from the text of the facts alone."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.exam import fact_coverage
from core.exam.fact_coverage import EXAM, EXTRA_KINDS, FactCoverage
from core.generation import heading_groups, page_rows, row_generation
from core.generation.page_rows import PageMaterial, PagePlan, RowChoice
from core.generation.row_generation import Asked, GenerationEstimate, RowRequest
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import OnChanges, Project
from ui import style
from ui.generation.llm_run_dialog import LlmRunDialog
from ui.generation.model_rows_choice import ModelRowsChoice, write_page_rows
from ui.generation.run_progress_and_recovery import FactScope, RowWriterChoice
from ui.llm_run_runner import LlmRunResult
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.cost_texts import format_token_estimate
from ui.widgets.latest_task_and_reload import ProgressLine
from ui.workspace import Workspace

MNEMONIC = re.compile(r"\(&\w\)|&")  # in the text of a box, also as Japanese has it
SAMPLED_REQUESTS = 60  # facts whose requests are written to estimate the tokens of all


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """How many facts there are, how many lack rows, how many rows of each kind, and the requests to make.

    `page` are the rows that come without a model; None where a model is to write them. Where there are none, `more` is how
    many there would be of facts that have enough. `otherwise` is the estimate with the facts of a heading put together,
    or where `requests` put them together, each alone.
    """

    facts: int
    lacking: int
    counts: Counter[str]
    requests: list[Asked]
    estimate: GenerationEstimate
    otherwise: GenerationEstimate
    page: PagePlan | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Material:
    """What is read from the project; without a model also what rows are made from."""

    plan: GenerationPlan
    choice: RowChoice | None
    page: PageMaterial | None


class GenerationDialog(LlmRunDialog):
    """Generates examples for facts. `names` are the facts; None for all. With `more` also for those that have enough."""

    drafts_wanted = Signal()  # the person wants to see the drafts
    approval_wanted = Signal()  # the person wants to approve drafts by kind

    def __init__(
        self, workspace: Workspace, names: set[str] | None = None, parent: QWidget | None = None, more: bool = False
    ) -> None:
        super().__init__(workspace, "examples", tr("Generate rows"), parent)
        self.scope = FactScope(names)
        self.scope.changed.connect(self._on_choice)
        self.plan: GenerationPlan | None = None
        self._is_working = True  # whether what would be added without a model is not worked out yet
        self._asked_for: RowChoice | None = None  # what it was or is being worked out for
        self.setMinimumWidth(style.scaled(700))
        self._make_kinds()
        self._make_ways()
        self.more = QCheckBox(tr("Also for facts that have &enough: other questions than before"))
        self.more.setChecked(more)
        self.more.toggled.connect(lambda _on: self._on_choice())
        self._make_next_steps()
        self.primary.setText(tr("Generate rows"))
        self._lay_out_body()
        self.ways.changed.connect(self._show_way)
        self.model.batch.toggled.connect(lambda _on: self._on_batch())
        self._show_way()

    def _on_model_rows(self) -> None:
        if self.plan:
            self._show_estimate(self.plan)
            self.show_start()

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
            "Asks for each fact in many ways, by rules. The answers say what the facts say, word for word where they can. "
            "Nothing leaves this computer."
        )
        self.per_fact = basics.integer_field(1, page_rows.MAX_ROWS_PER_FACT, page_rows.ROWS_PER_FACT)
        self.per_fact.valueChanged.connect(lambda _value: self._on_choice())
        name = basics.label(tr("&New rows of each fact, at most"))
        name.setBuddy(self.per_fact)
        self.amount = QWidget()
        line = QHBoxLayout(self.amount)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(name)
        line.addWidget(self.per_fact)
        line.addStretch()
        self.model_rows = ModelRowsChoice(self.workspace)
        self.model_rows.changed.connect(self._on_model_rows)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE // 2)
        column.addWidget(self.amount)
        column.addWidget(self.model_rows)
        self.by_heading = QCheckBox(tr("One request for the short facts under a &heading"))
        self.by_heading.setToolTip(
            tr("Rules and text are sent once for several facts. What a reply leaves out is asked again, fact by fact.")
        )
        self.by_heading.toggled.connect(lambda _on: self._on_choice())
        self.ways = RowWriterChoice(self.model, words, below, self.by_heading)
        self.online, self.offline = self.ways.online, self.ways.offline
        self.estimate = basics.label(wrap=True, dim=True)
        self.working = ProgressLine(self._work)
        self.working.cancel.hide()  # another choice, or closing the dialog, ends it

    def _make_next_steps(self) -> None:
        """What can be done with the drafts once they are there."""
        self.drafts = QPushButton(tr("Show the &drafts"), autoDefault=False)
        self.approve = QPushButton(tr("&Approve drafts by kind…"), autoDefault=False)
        for button, signal in ((self.drafts, self.drafts_wanted), (self.approve, self.approval_wanted)):
            button.clicked.connect(signal)
            button.clicked.connect(lambda _checked: self.close())
            button.hide()
            self.buttons.insertWidget(
                self.buttons.indexOf(self.primary), button
            )  # another line might not fit the screen

    def _lay_out_body(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(style.SPACE)
        column.addWidget(self.scope)
        column.addWidget(self.heading)
        column.addWidget(self.more)
        column.addLayout(self._kind_grid())
        column.addSpacing(style.SPACE // 2)
        column.addWidget(basics.heading(tr("Generation method")))
        column.addWidget(self.ways)
        column.addWidget(self.estimate)
        column.addWidget(self.working)
        column.addStretch()
        self.nothing = EmptyState()
        self.pages = QStackedWidget()
        self.pages.addWidget(page)
        self.pages.addWidget(self.nothing)
        self.body.addWidget(self.pages, 1)

    def _kind_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(style.SPACE)
        grid.setVerticalSpacing(style.HAIR)  # the dialog fits on a screen of 1000 pixels at 150 %
        for row, (kind, (_title, words)) in enumerate(kind_texts().items()):
            grid.addWidget(self.kinds[kind], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(basics.label(words, wrap=True, dim=True), row, 1)
            grid.addWidget(self.counts[kind], row, 2, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        return grid

    def chosen_kinds(self) -> list[str]:
        """The ticked kinds that the chosen writer can write."""
        return [kind for kind, box in self.kinds.items() if box.isChecked() and self._can_write(kind)]

    def row_choice(self) -> RowChoice:
        """What is chosen for rows without a model."""
        names, kinds = self.scope.names(), self.chosen_kinds()
        return RowChoice(
            None if names is None else frozenset(names),
            tuple(kind for kind in kinds if kind != EXAM),
            self.per_fact.value(),
            EXAM in kinds,
            self.more.isChecked(),
        )

    def build_query(self) -> Callable[[sqlite3.Connection], _Material]:
        names, kinds, more, by_heading = self._choose_requests()
        self._asked_for = choice = self.row_choice() if self.offline.isChecked() else None

        def read(db: sqlite3.Connection) -> _Material:
            plan = load_plan(db, names, kinds, more, by_heading)
            return _Material(plan, choice, None if choice is None else page_rows.load_material(db))

        return read

    def _choose_requests(self) -> tuple[set[str] | None, list[str], bool, bool]:
        """What `load_plan` and `load_row_requests` take beside the project."""
        return self.scope.names(), self.chosen_kinds(), self.more.isChecked(), self.by_heading.isChecked()

    async def work_out(self, found: _Material, reporter: Reporter) -> GenerationPlan:
        if found.choice is None or found.page is None:
            return found.plan
        choice, more = found.choice, 0
        page = await asyncio.to_thread(page_rows.plan_rows, found.page, choice, reporter)
        if not page.rows and choice.kinds and not choice.more:
            other = dataclasses.replace(choice, more=True)
            more = len((await asyncio.to_thread(page_rows.plan_rows, found.page, other, reporter)).rows)
        return dataclasses.replace(found.plan, page=page, more=more)

    def show_data(self, found: GenerationPlan) -> None:
        self.plan, self._is_working = found, False
        self.pages.setCurrentIndex(0 if found.facts else 1)
        self.nothing.set_texts(tr("No facts yet"), tr("Find facts in the spec first: rows are made for facts."))
        self._show_heading(found)
        for kind, label in self.counts.items():
            label.setText(self._format_count(found, kind))
        self._show_estimate(found)
        self.show_start()

    def _format_count(self, found: GenerationPlan, kind: str) -> str:
        if not self._can_write(kind):
            return tr("only without a model")
        if found.page is not None:
            count = found.page.counts[kind]
            return trn("{n} row", "{n} rows", count) if count else tr("none")
        count = found.counts[kind]
        return trn("{n} missing", "{n} missing", count) if count else tr("enough")

    def disabled_reason(self) -> str:
        if self.offline.isChecked():
            return self._offline_reason()
        if not (self.plan and self.plan.requests):
            return tr("No rows are missing for these facts and kinds.")
        return self.model_reason()

    def _offline_reason(self) -> str:
        page = self.plan.page if self.plan else None
        if self._is_working:
            return tr("Looking for rows…")
        if reason := self.model_rows.disabled_reason():
            return reason
        if (page is not None and page.rows) or self.model_rows.is_wanted():
            return ""
        if not self.row_choice().kinds:
            return tr("Choose a kind of question.")
        if self.more.isChecked():
            return tr("Every question that can be made of these facts is there already.")
        parts = [tr("Nothing that these facts lack can be made without a model.")]
        if self.plan and self.plan.more:
            box = MNEMONIC.sub("", self.more.text())
            parts.append(trn("{n} other row can be made: tick “{box}”.", "{n} other rows can be made: tick “{box}”.",
                             self.plan.more, box=box))  # fmt: skip
        return " ".join([*parts, *(page_rows.format_gaps(page) if page else [])])

    def start(self) -> None:
        self._show_next_steps(False)
        if self.offline.isChecked():
            self._start_offline()
        else:
            choice = self._choose_requests()
            asked = (
                self.model.model_id(),
                lambda db: row_generation.build_subjects(load_row_requests(db, *choice)),
            )
            self.runner.begin(self.task, *asked, batch=self.model.as_batch())

    def _start_offline(self) -> None:
        label, choice = tr("Generate rows without a model"), self.row_choice()
        if not self.model_rows.is_wanted():
            self.runner.write(self.task, label, write_page_rows(choice))
            return
        model_rows, page = self.model_rows.wanted(choice.names), self.plan.page if self.plan else None

        async def work(project: Project, reporter: Reporter, on_changes: OnChanges) -> str:
            if page is not None and page.rows:
                return await model_rows.add_with_page_rows(project, label, choice, reporter, on_changes)
            return "\n".join(await model_rows.add(project, reporter, on_changes))

        self.runner.run(self.task, label, work)

    def on_ended(self, ended: LlmRunResult) -> None:
        super().on_ended(ended)
        if ended.task == self.task:
            self._show_next_steps(ended.meaning != "error" and not ended.is_empty)

    def _show_next_steps(self, shown: bool) -> None:
        for button in (self.drafts, self.approve):
            button.setVisible(shown)

    def advice(self) -> str:
        return tr("Look at what the model wrote. Then try again, choose a larger model, or do without a model.")

    def _can_write(self, kind: str) -> bool:
        return self.offline.isChecked() or kind not in EXTRA_KINDS

    def _show_heading(self, found: GenerationPlan) -> None:
        if self.more.isChecked():
            text = trn("{n} fact gets more rows", "{n} facts get more rows", found.facts)
        elif not found.lacking:
            text = trn("The fact has enough rows", "All {n} facts have enough rows", found.facts)
        elif self.scope.names() is None:
            text = trn("{lacking} of {n} fact lacks rows of some kind", "{lacking} of {n} facts lack rows of some kind", found.facts,
                       lacking=f"{found.lacking:,}")  # fmt: skip
        else:
            text = trn("{lacking} of {n} chosen fact lacks rows of some kind",
                       "{lacking} of {n} chosen facts lack rows of some kind", found.facts, lacking=f"{found.lacking:,}")  # fmt: skip
        self.heading.setText(text)

    def _show_estimate(self, found: GenerationPlan) -> None:
        estimate = found.estimate
        examples = estimate.examples if found.page is None else len(found.page.rows)
        some = trn("Generate {n} row", "Generate {n} rows", examples)
        self.primary.setText(some if examples else tr("Generate rows"))
        if found.page is not None:
            text = _format_page_plan(found.page)
        else:
            text = self.model.format_estimate(estimate.requests, estimate.sent, estimate.received)
            text += self._format_otherwise(found)
        after = tr("All rows are added as drafts: they are not used for training until you approve them.")
        nothing = self._offline_reason() if found.page is not None else ""
        separator = "\n" if found.page is None else " "  # at 150 % every line counts
        self.estimate.setText(f"{text}{separator}{after}" if examples else nothing)

    def _format_otherwise(self, found: GenerationPlan) -> str:
        """What it would be with the other way to put facts together, where there is another one."""
        other = found.otherwise
        if other.requests == found.estimate.requests:
            return ""
        words = tr("Fact by fact:") if self.by_heading.isChecked() else tr("By heading:")
        tokens = tr("about {sent} tokens sent", sent=format_token_estimate(other.sent))
        return f"\n{words} {trn('{n} request', '{n} requests', other.requests)} · {tokens}"

    def _show_way(self) -> None:
        for kind, box in self.kinds.items():
            box.setEnabled(self._can_write(kind))
        self.amount.setEnabled(self.offline.isChecked())
        self.model_rows.setEnabled(self.offline.isChecked())
        self.by_heading.setEnabled(self.online.isChecked())
        self._on_choice()

    def _on_choice(self) -> None:
        if self.offline.isChecked():
            if self.isVisible() and self._asked_for == self.row_choice():
                return  # only the list of chat models has changed
            self._is_working = True
            self.estimate.setText(tr("Looking for rows…"))
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
        "combined": (tr("Combined"), tr("One question for two facts; the answer gives both.")),
        "statement": (tr("Statement"), tr("A question that asks to state the fact itself.")),
        "not_stated": (
            tr("Not stated"),
            tr("Asks about something the text does not say; the right answer is to say so."),
        ),
        "false_premise": (tr("False premise"), tr("Takes something wrong for right; the answer corrects it.")),
        EXAM: (tr("For the exam"), tr("A wording of each fact and a few other questions, never used for training.")),
    }


def load_row_requests(
    db: sqlite3.Connection, names: set[str] | None, kinds: Sequence[str], more: bool = False, by_heading: bool = False
) -> list[Asked]:
    """The rows of these kinds that the facts lack, as requests; with `more` a whole study plan of each fact.

    With `by_heading` one request for the short facts under a heading.
    """
    return _group_requests(db, _build_row_requests(_load_coverage(db, names, more), kinds), by_heading)


def _group_requests(db: sqlite3.Connection, requests: Sequence[RowRequest], by_heading: bool) -> list[Asked]:
    return heading_groups.group_by_heading(db, requests) if by_heading else [*requests]


def load_plan(
    db: sqlite3.Connection, names: set[str] | None, kinds: Sequence[str], more: bool = False, by_heading: bool = False
) -> GenerationPlan:
    """What will be generated, with an estimate of the tokens from a sample of the requests, and what it would be with the
    requests put together otherwise."""
    entries = _load_coverage(db, names, more)
    counts = Counter[str]()
    for entry in entries:
        counts.update(entry.lacking)
    single = _build_row_requests(entries, kinds)
    requests, other = (_group_requests(db, single, way) for way in (by_heading, not by_heading))
    lacking = sum(bool(entry.lacking) for entry in entries)
    whole, otherwise = (_estimate(db, some) for some in (requests, other))
    return GenerationPlan(len(entries), lacking, counts, requests, whole, otherwise)


def _estimate(db: sqlite3.Connection, requests: Sequence[Asked]) -> GenerationEstimate:
    part = requests[:: -(-len(requests) // SAMPLED_REQUESTS) or 1]
    sample = row_generation.estimate(db, part)
    examples = sum(map(row_generation.count_examples, row_generation.build_subjects(requests)))
    sent = round(sample.sent * len(requests) / max(1, len(part)))
    return GenerationEstimate(len(requests), examples, sent, examples * row_generation.EXAMPLE_TOKENS)


def _load_coverage(db: sqlite3.Connection, names: set[str] | None, more: bool) -> list[FactCoverage]:
    entries = [entry for entry in fact_coverage.load(db) if not entry.fact.ignored]
    chosen = [entry for entry in entries if names is None or entry.fact.name in names]
    return [dataclasses.replace(entry, trained=Counter()) for entry in chosen] if more else chosen


def _build_row_requests(entries: Sequence[FactCoverage], kinds: Sequence[str]) -> list[RowRequest]:
    """The requests; without exam wordings the entries count as if each fact had one."""
    if EXAM not in kinds:
        entries = [
            dataclasses.replace(entry, held=max(entry.held, fact_coverage.HELD_OUT_WORDINGS)) for entry in entries
        ]
    return row_generation.build_requests(entries, [kind for kind in kinds if kind != EXAM])


def _format_page_plan(plan: PagePlan) -> str:
    rows = trn("{n} row", "{n} rows", len(plan.rows))
    text = trn("{rows} of {n} fact.", "{rows} of {n} facts.", plan.facts, rows=rows)
    return " ".join([text, *page_rows.format_gaps(plan)])
