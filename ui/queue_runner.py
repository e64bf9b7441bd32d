"""Runs the job queue of the open project while one of its jobs has not ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from PySide6.QtCore import QObject, Signal

from core.errors import JukuError
from core.providers import LOCAL, JobStatus, server_presets
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.training import jobs, submit
from core.training.job_queue import JobQueue
from core.training.jobs import Job
from ui.server_connections import Connections

IDLE_SECONDS = 0.3  # seconds without news after which a queue with nothing to do may end


class QueueRunner(QObject):
    """Runs the queue of training jobs. It belongs to the workspace: there is one for each project."""

    ended = Signal(Job)  # succeeded, failed or cancelled
    sent = Signal(int, int, int)  # a job, how many bytes of its files were sent, and of how many

    def __init__(self, workspace: Connections) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._project: Project | None = None
        self._queue: JobQueue | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._watched: int | None = None
        workspace.tasks.changed.connect(self._on_changed)
        workspace.offers_changed.connect(self._on_offers)
        workspace.reconnected.connect(self._on_reconnected)

    @property
    def failures(self) -> dict[str, JukuError]:
        """The servers that cannot be asked now, and why."""
        return self._queue.failures if self._queue and self._project is self._workspace.project else {}

    def begin(self) -> None:
        """Start following the open project's jobs. Costs nothing when there are none."""
        project = self._workspace.project
        if project is not self._project or self._task is None or self._task.done():
            self._project = project
            self._queue = self._make(project)
            self._task = self._workspace.tasks.start("", self._run_queue(project, self._queue))

    def wake(self, provider: str = "") -> None:
        """Poll at once, after a job was queued, a key was entered or “Try again” was pressed. '' is all servers."""
        self.begin()
        assert self._queue
        self._queue.wake(provider)
        self._news.set()

    def watch(self, id: int | None) -> None:
        """Poll this job more often than the others: it is selected in the window."""
        self._watched = id
        if self._queue:
            self._queue.watched = id

    async def cancel(self, job: Job) -> Changes:
        """End a job, or take it out of the queue; an upload that is going on is cut off."""
        project = self._workspace.project
        if job.remote_id is None:
            changes = await submit.withdraw(project, job.id)
            record = await project.read(jobs.load, job.id)
            if job.status == JobStatus.UPLOADING and record.ended and self._queue:
                self._queue.stop_sending(job.id)
            return changes
        return await submit.cancel(project, await self._workspace.provider(job.provider), job.id)

    def trains_here(self) -> bool:
        """Whether a job is being trained on this computer now."""
        return any(
            job.provider == LOCAL and job.remote_id and not job.ended and job.status != JobStatus.PAUSED
            for job in jobs.load_unfinished(self._workspace.project.rows)
        )

    def _make(self, project: Project) -> JobQueue:
        def notify(changes: Changes) -> None:
            self._news.set()
            if project is self._workspace.project:
                self._workspace.tasks.changed.emit(changes)

        def end(job: Job) -> None:
            self._news.set()
            if project is self._workspace.project:
                self.ended.emit(job)

        queue = JobQueue(project, self._workspace.provider, self._limit, notify, end, self.sent.emit)
        queue.watched = self._watched
        return queue

    def _limit(self, provider: str) -> int:
        """How many jobs may run there at once."""
        known = {entry.id: entry.limit for entry in self._workspace.settings.providers}
        return known.get(provider, server_presets.preset(provider).limit)

    async def _run_queue(self, project: Project, queue: JobQueue) -> None:
        """Run the queue while a job has not ended; an idle window sends no requests."""
        while not project.read_only and not await self._is_idle(project):
            async with asyncio.TaskGroup() as group:
                running = group.create_task(queue.run())
                running.add_done_callback(lambda _task: self._news.set())  # one that has ended is started again
                while not running.done() and not (await self._is_idle(project) and await self._is_quiet()):
                    await self._news.wait()
                running.cancel()

    async def _is_idle(self, project: Project) -> bool:
        self._news.clear()
        return not await project.read(jobs.load_unfinished) and not self._news.is_set()

    async def _is_quiet(self) -> bool:
        """Whether no change comes for a moment: by then the end of a job has been reported."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), IDLE_SECONDS)
        return not self._news.is_set()

    def _on_changed(self, changes: Changes) -> None:
        if Table.JOB in changes.tables:
            self._news.set()
            if self._workspace.tasks.can_start():
                self.begin()

    def _on_offers(self) -> None:
        """The chosen server has answered: what could not be asked before is asked again."""
        provider = self._workspace.settings.provider
        if self._workspace.offers and provider in self.failures:
            self.wake(provider)

    def _on_reconnected(self, provider: str) -> None:
        if provider in self.failures:
            self.wake(provider)
