"""Creates jobs: the pre-flight checks and their dialog before anything is sent, and several jobs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from core import checks
from core.dataset import row_system_prompts, versions
from core.errors import ProviderError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import LOCAL, Provider
from core.providers.local_engine import LocalProvider
from core.providers.protocol_types import TrainingEstimate
from core.storage.project import Changes
from core.storage.schema import Table
from core.training import estimates, preflight, submit
from core.training.preflight import Objection, PreflightReport
from core.training.submit import TrainingPlan
from ui import style
from ui.training.sweep_dialog import SweepDialog
from ui.training.training_form import TrainingForm
from ui.widgets import basics, length_and_time_texts, server_texts
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.severity_icon import severity_icon
from ui.workspace import Workspace

MAX_VISIBLE_OBJECTIONS = 10  # objections that are seen without scrolling
SEVERITY_COLOURS = {"error": "error", "warning": "warning", "note": "note"}


class PreflightDialog(QDialog):
    """Shows the cost of the jobs and the objections to them: errors block, warnings ask.

    `started`: start the jobs; `rows_wanted` gives the filter that finds an objection's rows.
    `prompt_wanted` gives the rows' system prompt, to be made the project's.
    """

    started = Signal()
    rows_wanted = Signal(str)
    prompt_wanted = Signal(str)

    def __init__(self, report: PreflightReport, server: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Before it starts"))
        self.report = report
        self.cost = basics.heading(preflight.format_training_cost(report))
        self.amount = basics.label(_format_amount(report, server), wrap=True)
        self.whose = basics.label(
            _format_price_source(report) or _format_estimate(report.estimate), wrap=True, dim=True
        )
        self.objections = self._make_list(report.objections)
        self.rows, self.prompt = QPushButton(tr("Show the rows")), QPushButton(tr("Use the rows’ prompt"))
        basics.explain(self.prompt, tr("Makes it the project's system prompt; this can be undone."))
        self.start = basics.primary_button(_format_start(report))
        self.cancel = QPushButton(tr("Cancel"))
        self._lay_out()
        self._connect()
        self._show_rows()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.rows, self.prompt, self.start, self.cancel):
            button.setAutoDefault(False)
        buttons.addWidget(self.rows)
        buttons.addWidget(self.prompt)
        buttons.addStretch()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        for part in (self.amount, self.cost, self.whose):
            layout.addWidget(part)
        self.whose.setVisible(bool(self.whose.text()))
        if self.report.objections:
            layout.addWidget(basics.label(_format_heading(self.report), wrap=True))
            layout.addWidget(self.objections, 1)
        else:
            layout.addWidget(basics.label(tr("No objections."), dim=True))
            layout.addStretch()
        basics.set_enabled(self.start, tr("Fix the errors above first.") if self.report.is_blocked else "")
        layout.addLayout(buttons)
        lines = min(MAX_VISIBLE_OBJECTIONS, len(self.report.objections))
        room = 3 * style.SPACE + lines * (self.fontMetrics().height() + style.SPACE) if lines else 0
        self.resize(style.scaled(640), style.scaled(200) + room)

    def _connect(self) -> None:
        self.objections.currentRowChanged.connect(lambda _row: self._show_rows())
        self.objections.itemActivated.connect(lambda _item: self._on_rows())
        self.rows.clicked.connect(lambda _checked: self._on_rows())
        self.prompt.clicked.connect(lambda _checked: self._on_prompt())
        self.start.clicked.connect(lambda _checked: self._on_start())
        self.cancel.clicked.connect(lambda _checked: self.reject())

    def _make_list(self, objections: Sequence[Objection]) -> QListWidget:
        found = QListWidget()
        found.setAccessibleName(tr("Findings"))
        found.setWordWrap(True)
        found.setIconSize(QSize(style.scaled(16), style.scaled(16)))
        found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        found.setSpacing(style.HAIR)
        for one in objections:
            # A symbol in the text would be drawn with the font of the letter after it.
            item = QListWidgetItem(severity_icon(one.severity), one.message, found)
            item.setForeground(style.colours(SEVERITY_COLOURS[one.severity])[0])
            if rule := checks.RULES.get(one.rule):
                item.setToolTip(basics.plain_tooltip(rule.explanation()))
        return found

    def _selected_objection(self) -> Objection | None:
        row = self.objections.currentRow()
        return self.report.objections[row] if row >= 0 else None

    def _show_rows(self) -> None:
        chosen = self._selected_objection()
        self.rows.setVisible(any(one.words for one in self.report.objections))
        self.rows.setEnabled(bool(chosen and chosen.words))
        self.prompt.setVisible(self._prompt() is not None)

    def _on_rows(self) -> None:
        """The rows must be fixed first."""
        chosen = self._selected_objection()
        if chosen and chosen.words:
            self.reject()
            self.rows_wanted.emit(chosen.words)

    def _prompt(self) -> str | None:
        """The prompt of the selected objection, else of the only one about prompts."""
        chosen = self._selected_objection()
        prompts = [one.prompt for one in self.report.objections if one.prompt is not None]  # each once
        if chosen and chosen.prompt is not None:
            return chosen.prompt
        return prompts[0] if len(prompts) == 1 else None

    def _on_prompt(self) -> None:
        prompt = self._prompt()
        assert prompt is not None
        self.reject()
        self.prompt_wanted.emit(prompt)

    def _on_start(self) -> None:
        self.accept()
        self.started.emit()


def _format_amount(report: PreflightReport, server: str) -> str:
    jobs = trn("{n} job at “{server}”", "{n} jobs at “{server}”", report.jobs, server=server)
    rows = trn("{n} row", "{n} rows", report.rows)
    tokens = preflight.format_tokens(report.tokens)
    if report.epochs:
        epochs = trn("{n} epoch", "{n} epochs", report.epochs)
    else:
        epochs = tr("each with its own number of epochs") if report.jobs > 1 else tr("default number of epochs")
    return " · ".join((jobs, rows, tokens, epochs))


def _format_price_source(report: PreflightReport) -> str:
    if not report.cost or not report.cost[1]:
        return ""
    return tr("By the prices of {source}; they can be changed in the settings. Your actual bill may differ.",
              source=report.prices)  # fmt: skip


def _format_estimate(estimate: TrainingEstimate | None) -> str:
    return format_estimate(estimate) if estimate else ""


def format_estimate(estimate: TrainingEstimate) -> str:
    """The time and memory of a job on this computer, in words."""
    time = length_and_time_texts.format_duration(estimate.seconds)
    memory, free = preflight.format_gigabytes(estimate.memory), preflight.format_gigabytes(estimate.free)
    words = tr("About {time} when nothing else runs, and {memory} of memory ({free} free now)",
               time=time, memory=memory, free=free)  # fmt: skip
    return words if estimate.fits else f"{words}. " + tr("It does not fit now.")


def _format_heading(report: PreflightReport) -> str:
    if report.is_blocked:
        return tr("Fix this first. Nothing was sent.")
    return tr("Please read this before you start:") if report.needs_confirmation else tr("Note:")


def _format_start(report: PreflightReport) -> str:
    if any(one.severity == "warning" for one in report.objections):
        return trn("Start {n} job anyway", "Start {n} jobs anyway", report.jobs)
    return trn("Start {n} job", "Start {n} jobs", report.jobs)


class JobSubmitter(QObject):
    """Checks the rows before jobs start, asks the person where needed, and queues the jobs.

    `busy` gives a text for what is being done, '' when it is done; `queued` gives the ids of the new jobs.
    """

    busy = Signal(str)
    queued = Signal(list)
    asked = Signal(PreflightDialog)  # the dialog that a person must answer first
    show_examples = Signal(str)  # a search in the filter's words

    def __init__(self, workspace: Workspace, owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._owner = workspace, owner
        self._work, self._is_stopped = LatestTask(workspace, self), False
        self._work.busy.connect(lambda busy: self.busy.emit(tr("Checking before the start…") if busy else ""))
        self._agreed: set[tuple[str, frozenset[Objection]]] = set()  # what costs nothing is not asked twice

    def start(self, provider: str, plans: Sequence[TrainingPlan], sweep: str = "") -> None:
        """Check the rows, the cost and the server; without objections the jobs are queued."""
        if self._is_stopped:
            return
        self._work.start(
            lambda reporter: self._start(provider, list(plans), sweep, reporter), tr("Checking before the start")
        )

    def stop(self) -> None:
        """The window is closed: a check that still runs starts nothing and shows nothing."""
        self._is_stopped = True
        self._work.stop()

    def describe_plan(self, plan: TrainingPlan, then: Callable[[str], object]) -> None:
        """Call `then` with the time and memory that a job on this computer would need; '' where it cannot be told."""
        self._work.start(lambda reporter: self._describe(plan, then, reporter), tr("Checking before the start"))

    async def _describe(self, plan: TrainingPlan, then: Callable[[str], object], reporter: Reporter) -> None:
        provider = await self._workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        try:
            found = await estimates.estimate_plans(self._workspace.project, provider, [plan], reporter)
        except ProviderError:  # what is wrong with the rows is said when the job starts
            found = None
        if not self._is_stopped:
            then(format_estimate(found) if found else "")

    async def _start(self, provider: str, plans: list[TrainingPlan], sweep: str, reporter: Reporter) -> Changes | None:
        async def connect() -> Provider:
            return await self._workspace.provider(provider)

        preset = server_texts.preset_of(self._workspace, provider)
        report = await preflight.examine(self._workspace.project, provider, preset, connect, plans, reporter)
        if report.needs_confirmation and (provider, frozenset(report.objections)) not in self._agreed:
            self._ask(report, provider, plans, sweep)
            return Changes("", records={Table.FINDING})
        return await self._queue(provider, plans, sweep)

    def _ask(self, report: PreflightReport, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        dialog = PreflightDialog(report, server_texts.server_title(self._workspace, provider), self._owner.window())
        dialog.started.connect(lambda: self._on_agreed(report, provider, plans, sweep))
        dialog.rows_wanted.connect(self.show_examples)
        dialog.prompt_wanted.connect(lambda prompt: self._on_prompt(prompt, provider, plans, sweep))
        dialog.open()
        self.asked.emit(dialog)

    def _on_agreed(self, report: PreflightReport, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        if report.cost == (0.0, 0.0):
            self._agreed.add((provider, frozenset(report.objections)))
        self._workspace.tasks.start("", self._queue(provider, plans, sweep))

    def _on_prompt(self, prompt: str, provider: str, plans: list[TrainingPlan], sweep: str) -> None:
        """Make the rows' prompt the project's, and check again."""

        async def work() -> Changes:
            changes = await self._workspace.project.write(
                tr("Use the rows’ prompt"), row_system_prompts.use_prompt, prompt
            )
            self.start(provider, plans, sweep)
            return changes

        self._workspace.tasks.start("", work())

    async def _queue(self, provider: str, plans: Sequence[TrainingPlan], sweep: str) -> Changes:
        ids = await submit.enqueue(self._workspace.project, provider, plans, sweep)
        if not self._is_stopped:
            self.queued.emit(ids)
        self._workspace.queue.wake(provider)
        return Changes("", records={Table.JOB, Table.VERSION, Table.REVISION})

    def ask_for_several(self, form: TrainingForm) -> None:
        """Let the person choose what differs between several jobs."""
        self._workspace.tasks.start("", self._ask_for_several(form))

    async def _ask_for_several(self, form: TrainingForm) -> None:
        kept = await self._workspace.project.read(versions.list_versions)
        provider = self._workspace.settings.provider
        dialog = SweepDialog(form.plan(), form.ranges(), form.tags(), kept, self._owner)
        dialog.wanted.connect(lambda plans, name: self.start(provider, plans, name))
        self.busy.connect(dialog.show_busy)
        self.queued.connect(dialog.accept)
        self.show_examples.connect(dialog.reject)
        dialog.open()
