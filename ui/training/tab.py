"""The training tab: jobs are created from the project's rows, followed and compared; their models open in other tabs."""

import asyncio
import sqlite3
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core.dataset import examples
from core.errors import JukuError
from core.language import end_sentence, tr, trn
from core.providers import LOCAL, JobStatus, LocalProvider, ModelOffer
from core.spec import spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.teaching import probes
from core.training import job_progress, jobs, metrics, row_selection
from core.training.jobs import Job
from core.training.metrics import MetricSeries
from ui import style
from ui.tab_base import Tab
from ui.training.background_activities import BackgroundActivities
from ui.training.changed_since_dialog import ChangedSinceDialog
from ui.training.export_model_dialog import ExportModelDialog
from ui.training.job_actions import JobActions, JobOperations
from ui.training.job_pane import MAX_COMPARED_JOBS, JobCurves, JobPane
from ui.training.job_table import JobRow, JobTable
from ui.training.preflight_dialog import JobSubmitter
from ui.training.server_contents_dialog import ServerContentsDialog
from ui.training.shutdown_banner import ShutdownBanner
from ui.training.teaching_dialog import TeachingDialog
from ui.training.teaching_runner import TeachingRunner
from ui.training.training_form import FETCHABLE_STATES, TrainingForm
from ui.widgets import basics, kept_inputs, server_texts
from ui.widgets.confirm import confirm_download
from ui.widgets.latest_task_and_reload import ThrottledReload
from ui.widgets.message_bar import MessageBar
from ui.workspace import Workspace

WATCH_SECONDS = 1.0  # between two looks at a model that is being fetched
JOB_TABLES = {Table.JOB, Table.JOB_EVENT, Table.JOB_METRIC, Table.JOB_CHECKPOINT}


class TrainingTab(Tab):
    """The form above, folded while a project with jobs is opened; the table of jobs and the pane of the selected ones below."""

    icon = "training"
    rescue_wanted = Signal()

    def __init__(
        self, workspace: Workspace, parent: QWidget | None = None, teaching: TeachingRunner | None = None
    ) -> None:
        """`teaching` is the runner of a window that this tab's takes the place of."""
        super().__init__(workspace, parent)
        self._project: Project | None = None
        self._token_counts: job_progress.TokenCounts = {}
        self._series: dict[int, _Known] = {}
        self._saved: list[str] = []  # checkpoints, which few servers list among their models
        self._wanted_jobs: list[int] = []  # those that the window before has selected
        self._watching = False
        self._is_opened = False  # whether the jobs of the project have been shown
        self._was_unfolded = False  # the form, in the window before
        self._reported_failures = (
            ""  # of servers that cannot be asked; the same is not said again to a person who has closed it
        )
        self.runner = workspace.queue
        self.teaching = teaching or TeachingRunner(workspace, workspace)
        self.banner, self.form, self.table = ShutdownBanner(), TrainingForm(workspace), JobTable()
        self.actions_of_jobs = JobActions(self.table, partial(server_texts.may_have_capability, workspace))
        self.acts = JobOperations(workspace, self)
        self.activities = BackgroundActivities(workspace, self._on_cancel_model)
        self.starter = JobSubmitter(workspace, self)
        self.pane = JobPane(self.actions_of_jobs, workspace.settings)
        self._lines = ThrottledReload(workspace, self, self._load_lines)
        self._details = ThrottledReload(workspace, self, self._load_details)
        self._lay_out()
        self._connect()

    def _connect(self) -> None:
        self.banner.rescue_wanted.connect(self.rescue_wanted)
        self.form.started.connect(self._on_start)
        self.form.fetch_cancelled.connect(self._on_cancel_model)
        self.form.several_wanted.connect(lambda: self.starter.ask_for_several(self.form))
        self.form.rows_chosen.connect(self._count_rows)
        self.form.validation_wanted.connect(self._on_validation_wanted)
        self.starter.busy.connect(self.form.show_sending)
        self.new.toggled.connect(self.form.setVisible)
        self.starter.show_examples.connect(self.show_examples)
        self.starter.queued.connect(lambda _ids: self._on_queued())
        self.table.chosen.connect(self._on_chosen)
        self.actions_of_jobs.wanted.connect(self.acts.do)
        self.acts.again_wanted.connect(self.starter.start)
        self.acts.model_wanted.connect(self._on_model_wanted)
        self.acts.export_wanted.connect(self._on_export_wanted)
        self.pane.model_wanted.connect(self._on_checkpoint_wanted)
        self.pane.export_wanted.connect(self._on_checkpoint_export_wanted)
        self.pane.record.since_wanted.connect(lambda job: ChangedSinceDialog(self.workspace, job, self).open())
        self.runner.sent.connect(self.pane.show_sent)
        self.runner.ended.connect(self._on_ended)
        self.again.clicked.connect(lambda _checked: self.runner.wake())
        self.until_learned.clicked.connect(lambda _checked: self.show_teaching())
        self.at_server.clicked.connect(lambda _checked: self._show_server_contents())

    def _lay_out(self) -> None:
        self.jobs = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        self.jobs.setObjectName("training-jobs")
        self.jobs.addWidget(self.table)
        self.jobs.addWidget(self.pane)
        self.jobs.setStretchFactor(1, 1)
        self.body = QStackedWidget()
        self.body.addWidget(self._build_empty())
        self.body.addWidget(self.jobs)
        self.new = basics.disclosure_button(tr("New training"))
        self.new.setChecked(True)
        self.count, self.at_server = basics.label(dim=True), QPushButton(tr("Jobs, files and models…"))
        basics.explain(self.at_server, _at_server_words())
        self.until_learned = QPushButton(tr("&Teach until learned…"))
        basics.explain(self.until_learned, _until_learned_words())
        self.trouble, self.again = MessageBar(self), QPushButton(tr("Try again"))
        self.trouble.add_button(self.again)
        above = QHBoxLayout()
        above.addWidget(self.new)
        above.addWidget(self.count)
        above.addStretch()
        above.addWidget(self.banner)
        above.addWidget(self.until_learned)
        above.addWidget(self.at_server)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        layout.addLayout(above)
        layout.addWidget(self.form)
        layout.addWidget(self.body, 1)

    def _build_empty(self) -> QWidget:
        """What training is, and the ways to it beside the form above."""
        words = tr(
            "Training teaches a copy of the base model your rows: a small one takes minutes on this computer. "
            "Choose the rows above and press “Start training”; then watch the loss fall here."
        )
        ways = (
            basics.choice_button(tr("Teach until learned…"), _until_learned_words(), self.show_teaching),
            basics.choice_button(tr("Jobs, files and models…"), _at_server_words(), self._show_server_contents),
        )
        return basics.EmptyState(tr("Nothing has been trained yet"), words, parts=ways)

    def title(self) -> str:
        return tr("Training")

    def main_widget(self) -> QWidget:
        return self.table if self.table.lines() else self.form.start

    def refresh(self, changes: Changes) -> None:
        if self.workspace.project is not self._project:
            self._project = self.workspace.project
            self._token_counts, self._series = {}, {}
            self._is_opened = False
            self.activities.leave()
            self.table.clearSelection()
            self.form.begin()
            self.runner.begin()
        if Table.EXAMPLE in changes.tables:
            self.workspace.tasks.start("", self._read_rows())
        if Table.SPEC in changes.tables:
            self.form.show_language(spec.load_language(self.workspace.project.rows))
        if changes.tables & JOB_TABLES:
            self._show_trouble()
            self._lines.request()

    def take_over(self, other: Tab) -> None:
        assert isinstance(other, TrainingTab)
        kept_inputs.copy_inputs(other.form, self.form)
        self._was_unfolded = other.new.isChecked()
        self._wanted_jobs = [job.id for job in other.table.jobs()]
        self.pane.tabs.setCurrentIndex(other.pane.tabs.currentIndex())

    def show_offers(self) -> None:
        provider = self.workspace.settings.provider
        chosen = server_texts.preset_of(self.workspace, provider)
        self._show_trouble()
        self.banner.show_server(chosen.id, self.workspace.offers)
        self.form.show_server(chosen, self.workspace.provider_title())
        self._offer_models()
        self.activities.show_models(self.workspace.known_offers(LOCAL))
        if not self._watching and any(offer.state == "fetching" for offer in self.workspace.offers):
            self._watching = True
            self.workspace.tasks.start("", self._watch_fetching())

    def _offer_models(self) -> None:
        offers = self.workspace.offers
        listed = {offer.id for offer in offers}
        saved = [ModelOffer(model, model, tuned=True) for model in self._saved if model not in listed]
        provider, model = self.workspace.role("student")
        no_models = self.workspace.no_models(provider)
        self.form.show_offers(provider, [*offers, *saved] if offers else [], model, no_models)

    async def _read_rows(self) -> None:
        project = self.workspace.project
        self.form.show_tags(*await project.read(_count_row_sets))
        await self._check_rows()

    async def _check_rows(self) -> None:
        tag = self.form.tag()
        count, wrong, validation, every = await self.workspace.project.read(
            lambda db: (
                row_selection.count_rows(db, tag),
                examples.count_errors(db, row_selection.row_filter(tag)),
                row_selection.count_rows(db, tag, "validation"),
                examples.count_values(db, "status", "train"),
            )
        )
        approved = every.pop("approved", 0)
        self.form.show_rows(count, wrong, approved - count, sum(every.values()))
        self.form.show_validation(validation)

    def _on_validation_wanted(self) -> None:
        label = tr("Add validation questions")

        async def work() -> Changes:
            tasks = self.workspace.tasks
            count, changes = await probes.keep(self.workspace.project, tasks.reporter(label), self.form.tag())
            tasks.tell(trn("{n} validation question added", "{n} validation questions added", count))
            return changes

        self.workspace.tasks.start(label, work(), self)

    def _count_rows(self) -> None:
        self.workspace.tasks.start("", self._check_rows())

    async def _load_lines(self, project: Project) -> None:
        provider = self.workspace.settings.provider
        found, saved = await project.read(
            lambda db: (job_progress.load(db, self._token_counts), job_progress.list_checkpoint_models(db, provider))
        )
        if project is not self.workspace.project:
            return
        if saved != self._saved:
            self._saved = saved
            self._offer_models()
        self.activities.show_jobs(found)
        first = not self.table.lines()
        self.body.setCurrentIndex(1 if found else 0)
        self.count.setText(_format_count(found))
        self.table.show_lines([self._build_line(one) for one in found])
        if not found or not self._is_opened:  # later nothing moves by itself
            self.new.setChecked(self._was_unfolded or not found)
            self._is_opened, self._was_unfolded = True, False
        if self._wanted_jobs:
            self.table.choose(self._wanted_jobs)
            self._wanted_jobs = []
        if first and not self.jobs.property("restored"):
            height = self.table.fitting_height()
            self.jobs.setSizes([height, max(height, self.jobs.height() - height)])

    def _build_line(self, one: job_progress.JobProgress) -> JobRow:
        job = one.job
        days = None
        if job.fine_tuned_model:
            days = server_texts.count_days_left(self.workspace, job.provider, job.fine_tuned_model)
        return JobRow(one, server_texts.server_title(self.workspace, job.provider), server_texts.job_cost(one), days)

    def _on_chosen(self) -> None:
        self.actions_of_jobs.show_selected(self.table.jobs())
        self._details.request()

    async def _load_details(self, project: Project) -> None:
        lines = self.table.selected_rows()[:MAX_COMPARED_JOBS]
        if not lines:
            return
        ids = [line.job.id for line in lines]
        self.runner.watch(ids[0])
        # What has told nothing new is not read again: of twenty jobs mostly one or two run.
        stale = [line for line in lines if self._series.get(line.job.id, _NO_SERIES)[0] != _row_state(line)]
        read, curves = await project.read(_load_curves, [line.job.id for line in stale], ids[0])
        if project is not self.workspace.project:
            return
        self._series = {id: known for id, known in self._series.items() if id in ids}
        self._series |= {line.job.id: (_row_state(line), read[line.job.id]) for line in stale}
        if [line.job.id for line in self.table.selected_rows()[:MAX_COMPARED_JOBS]] == ids:
            series = {id: self._series[id][1] for id in ids}
            self.pane.show_lines(self.table.selected_rows(), replace(curves, series=series))

    def _show_trouble(self) -> None:
        """Servers that cannot be asked now, in words, and the button that asks them again."""
        shown = self.workspace.trouble(self.workspace.settings.provider)  # is said over all tabs already
        text = "\n".join(
            " ".join(filter(None, (end_sentence(error.title), error.message)))
            for error in self.runner.failures.values()
            if shown is None or error.title != shown.title
        )
        if text and text != self._reported_failures:
            self.trouble.show_text(text, "warning")
        elif not text:
            self.trouble.hide()
        self._reported_failures = text

    def _on_start(self) -> None:
        offer = self.form.offer()
        assert offer, "the button is off without a model"
        if offer.state in FETCHABLE_STATES and offer.source == "folder":
            self._fetch(offer)  # says why it cannot be used, or finds it again
        elif offer.state in FETCHABLE_STATES:
            self.starter.describe_plan(
                self.form.plan(), lambda words: self.workspace.tasks.start("", self._ask_for_download(offer, words))
            )
        else:
            self.starter.start(self.workspace.settings.provider, [self.form.plan()])

    def show_job(self, id: int) -> None:
        """Select a job in the table."""
        ids = [line.job.id for line in self.table.lines()]
        if id in ids:
            basics.select_row(self.table, ids.index(id))

    def show_teaching(self) -> None:
        """Open what teaches until the facts are learned."""
        dialogs = [one for one in self.findChildren(TeachingDialog) if one.isVisible()]
        dialog = dialogs[0] if dialogs else TeachingDialog(self.workspace, self.teaching, self)
        dialog.open()
        dialog.raise_()

    def _show_server_contents(self) -> None:
        ServerContentsDialog(self.workspace, parent=self).open()

    def _on_queued(self) -> None:
        offer = self.form.offer()
        if offer is not None and offer.state != "ready":
            self.workspace.tasks.start("", self.workspace.load_offers())

    def _on_ended(self, job: Job) -> None:
        """Its model is among the offers from now on."""
        if job.provider == self.workspace.settings.provider:
            self.workspace.tasks.start("", self.workspace.load_offers())

    def _fetch(self, offer: ModelOffer) -> None:
        self.workspace.tasks.start("", self._prepare(offer.id))

    async def _ask_for_download(self, offer: ModelOffer, estimate: str) -> None:
        provider = await self.workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        terms = await provider.terms(offer.id) if offer.has_terms else ""
        confirm_download(self, offer, estimate, terms, partial(self._fetch, offer))

    async def _prepare(self, model: str) -> None:
        provider = await self.workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        await provider.prepare(model)
        await self.workspace.load_offers()

    def _on_cancel_model(self, model: str) -> None:
        self.workspace.tasks.start("", self._cancel_preparing(model))

    async def _cancel_preparing(self, model: str) -> None:
        provider = await self.workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        await provider.cancel_preparing(model)
        await self.workspace.load_offers()

    async def _watch_fetching(self) -> None:
        """Ask for the offers again until no model is being fetched; report what could not be fetched."""
        try:
            while fetching := {offer.id for offer in self.workspace.offers if offer.state == "fetching"}:
                await asyncio.sleep(WATCH_SECONDS)
                await self.workspace.load_offers()
                for offer in self.workspace.offers:
                    if offer.id in fetching and offer.state == "failed":
                        raise JukuError(tr("{title} could not be prepared", title=offer.title), offer.message)
        finally:
            self._watching = False

    def _on_export_wanted(self, provider: str, model: str) -> None:
        ExportModelDialog(self.workspace, provider, model, self).open()

    def _on_checkpoint_export_wanted(self, model: str) -> None:
        if found := self.table.jobs():
            self._on_export_wanted(found[0].provider, model)

    def _on_checkpoint_wanted(self, tab: str, model: str) -> None:
        if found := self.table.jobs():
            self._on_model_wanted(tab, found[0], model)

    def _on_model_wanted(self, tab: str, job: Job, model: str) -> None:
        """Hand a model on; few servers name checkpoints in their list, so it is added there."""
        self.workspace.add_offer(job.provider, model)
        self.show_model.emit(tab, job.provider, model)


def _until_learned_words() -> str:
    return tr("Rows, training and questions in rounds, until the facts are learned or the time is used up")


def _at_server_words() -> str:
    return tr("Jobs created elsewhere, uploaded files and models")


_Known = tuple[object, dict[str, MetricSeries]]  # the state of a job when its curves were read, and they
_NO_SERIES: _Known = (None, {})


def _count_row_sets(db: sqlite3.Connection) -> tuple[int, dict[str, int], dict[str, int]]:
    """How many rows there are to train on, how many of them have each tag, and both ('' is all) with those not approved."""
    total, every = (examples.count_values(db, "split", status=status).get("train", 0) for status in ("approved", ""))
    return (
        total,
        examples.count_values(db, "tags", "train", "approved"),
        {**examples.count_values(db, "tags", "train"), "": every},
    )


def _row_state(line: JobRow) -> object:
    """Changes when a job has new events or numbers."""
    return line.job.status, line.job.results_merged, line.progress


def _load_curves(
    db: sqlite3.Connection, stale: list[int], first: int
) -> tuple[dict[int, dict[str, MetricSeries]], JobCurves]:
    """The curves of some jobs, and what is shown of the first that is selected."""
    series = {id: metrics.load_series(db, id) for id in stale}
    return series, JobCurves({}, jobs.load_events(db, first), jobs.load_checkpoints(db, first))


def _format_count(found: list[job_progress.JobProgress]) -> str:
    """How many jobs there are, and what they do."""
    if not found:
        return ""
    waiting = sum(one.job.status == JobStatus.WAITING for one in found)
    running = sum(not one.job.ended for one in found) - waiting
    parts = [trn("{n} job", "{n} jobs", len(found))]
    if running:
        parts.append(trn("{n} in progress", "{n} in progress", running))
    if waiting:
        parts.append(trn("{n} waiting", "{n} waiting", waiting))
    return " · ".join(parts)
