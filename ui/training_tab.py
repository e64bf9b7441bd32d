"""Where a model is taught: jobs are made of the project's rows, watched, and their models handed on."""

import asyncio
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core import dataset, filters, spec, training
from core.errors import JukuError
from core.language import tr
from core.project import Changes
from core.providers import LOCAL, LocalProvider, Offer
from core.training import Job
from ui import style, widgets
from ui.fetch_question import ask_to_fetch
from ui.job_pane import JobPane
from ui.job_table import JobTable
from ui.tab import Tab
from ui.training_form import FETCHED, TrainingForm
from ui.workspace import Workspace

WATCH_SECONDS = 1.0  # between two looks at a model that is being fetched


class TrainingTab(Tab):
    icon = "training"

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self._project = workspace.project
        self._followed: set[int] = set()  # jobs that a task of ours looks after
        self._given_up: set[int] = set()  # jobs whose server cannot be asked: only the person begins again
        self._sending = self._watching = False
        self._form, self._table, self._pane = TrainingForm(), JobTable(), JobPane()
        self._form.started.connect(self._on_start)
        self._form.rows_chosen.connect(self._count_rows)
        self._table.chosen.connect(self._show_job)
        self._pane.cancelled.connect(self._on_cancel)
        self._pane.followed.connect(self._on_follow_again)
        self._pane.model_wanted.connect(self._on_model_wanted)
        self._lay_out()

    def _lay_out(self) -> None:
        empty = widgets.EmptyState(
            tr("Nothing has been trained yet"),
            tr("Training teaches a copy of the base model your rows: a small one takes minutes on this computer. "
               "Choose the rows above and press “Start training”; then watch the loss fall here."),
        )  # fmt: skip
        self._jobs = QSplitter(Qt.Orientation.Horizontal)
        self._jobs.addWidget(self._table)
        self._jobs.addWidget(self._pane)
        self._jobs.setChildrenCollapsible(False)
        self._jobs.setSizes([660, 440])
        self._body = QStackedWidget()
        self._body.addWidget(empty)
        self._body.addWidget(self._jobs)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._form)
        layout.addWidget(self._body, 1)

    def title(self) -> str:
        return tr("Training")

    def refresh(self, changes: Changes) -> None:
        if self.workspace.project is not self._project:
            self._project = self.workspace.project
            self._given_up.clear()
        if "example" in changes.tables:
            self.workspace.tasks.start("", self._read_rows())
        if "spec" in changes.tables:
            self._form.show_language(spec.load(self.workspace.project.rows).language)
        if changes.tables & {"job", "job_event"}:
            self._show_jobs()

    def show_offers(self) -> None:
        self._form.show_offers(self.workspace.offers)
        if not self._watching and any(offer.state == "fetching" for offer in self.workspace.offers):
            self._watching = True
            self.workspace.tasks.start("", self._watch_fetching())

    async def _read_rows(self) -> None:
        project = self.workspace.project
        total = (await project.read(dataset.counts, "split")).get("train", 0)
        self._form.show_tags(total, await project.read(dataset.counts, "tags", "train"))
        await self._check_rows()

    async def _check_rows(self) -> None:
        chosen = training.trained(self._form.tag())
        count, wrong = await self.workspace.project.read(
            lambda db: (len(filters.find(db, chosen)), dataset.count_errors(db, chosen))
        )
        self._form.show_rows(count, wrong)

    def _count_rows(self) -> None:
        self.workspace.tasks.start("", self._check_rows())

    def _show_jobs(self) -> None:
        jobs = training.jobs(self.workspace.project.rows)
        self._body.setCurrentIndex(1 if jobs else 0)
        self._table.show_jobs(jobs)
        for job in jobs:
            # While one is being asked for, its record looks like one whose answer was lost.
            lost = job.remote_id is None and not self._sending
            if not job.ended and (job.remote_id or lost) and job.id not in self._followed | self._given_up:
                self._begin_to_follow(job.id, job.provider)

    def _show_job(self) -> None:
        if job := self._table.job():
            db = self.workspace.project.rows
            followed = job.id not in self._given_up
            self._pane.show_job(job, training.events(db, job.id), training.metrics(db, job.id), followed)

    def _begin_to_follow(self, id: int, provider: str) -> None:
        self._followed.add(id)
        self.workspace.tasks.start("", self._follow(id, provider))

    async def _follow(self, id: int, provider_id: str) -> None:
        """Keep the record of a job up to date; when it has ended, its model is among the offers."""
        try:
            provider = await self.workspace.provider(provider_id)
            await training.follow(self.workspace.project, provider, id, self.workspace.tasks.changed.emit)
        except JukuError:
            self._given_up.add(id)
            self._show_job()
            raise
        finally:
            self._followed.discard(id)
        if provider_id == self.workspace.settings.provider:
            await self.workspace.load_offers()

    def _on_start(self) -> None:
        offer = self._form.offer()
        assert offer, "the button is off without a model"
        if offer.state in FETCHED:
            ask_to_fetch(self, offer, partial(self._fetch, offer))
        else:
            self._set_sending(True)
            self.workspace.tasks.start("", self._train(offer, self._form.plan()))

    async def _train(self, offer: Offer, plan: training.Plan) -> Changes:
        """Ask for a job. Also after an error there may be one: to follow it is to find out what became of it."""
        try:
            provider = await self.workspace.provider()
            await training.create(self.workspace.project, provider, plan)
            if offer.state != "ready":
                await self.workspace.load_offers()
        except JukuError as error:
            self.workspace.tasks.failed.emit(error)
        finally:
            self._set_sending(False)
        return Changes("", records={"job"})

    def _set_sending(self, sending: bool) -> None:
        self._sending = sending
        self._form.show_sending(sending)

    def _fetch(self, offer: Offer) -> None:
        self.workspace.tasks.start("", self._prepare(offer.id))

    async def _prepare(self, model: str) -> None:
        provider = await self.workspace.provider(LOCAL)
        assert isinstance(provider, LocalProvider)
        await provider.prepare(model)
        await self.workspace.load_offers()

    async def _watch_fetching(self) -> None:
        """Ask for the offers again until nothing is on its way; say what could not be fetched."""
        try:
            while fetching := {offer.id for offer in self.workspace.offers if offer.state == "fetching"}:
                await asyncio.sleep(WATCH_SECONDS)
                await self.workspace.load_offers()
                for offer in self.workspace.offers:
                    if offer.id in fetching and offer.state == "failed":
                        raise JukuError(tr("{title} could not be made ready", title=offer.title), offer.message)
        finally:
            self._watching = False

    def _selected(self) -> Job:
        job = self._table.job()
        assert job, "the buttons are there only with a job"
        return job

    def _on_cancel(self) -> None:
        self.workspace.tasks.start("", self._cancel(self._selected()))

    async def _cancel(self, job: Job) -> Changes:
        provider = await self.workspace.provider(job.provider)
        return await training.cancel(self.workspace.project, provider, job.id)

    def _on_follow_again(self) -> None:
        job = self._selected()
        self._given_up.discard(job.id)
        self._begin_to_follow(job.id, job.provider)
        self._show_job()

    def _on_model_wanted(self, tab: str) -> None:
        if model := self._selected().fine_tuned_model:
            self.show_model.emit(tab, model)
