"""Runs inquiries of the open project, whether or not a dialog looks on: one at a time for each task."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.errors import JukuError
from core.generation import llm_runs
from core.generation.llm_run_tasks import TASKS
from core.generation.llm_runs import Inquiry, Outcome, Request, Task
from core.language import tr, trn
from core.progress import Progress, Reporter
from core.providers import batches
from core.storage.project import Changes, Project
from ui.connections import Connections

Abouts = Callable[[sqlite3.Connection], Iterable[dict[str, Any]]]
Change = Callable[[sqlite3.Connection, Reporter], str]  # returns a sentence for the person


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a run, in words; `meaning` is good, warning or error.

    `inquiry` is its id, 0 without a model. `is_empty`: a model answered, and nothing could be made of it.
    """

    task: str
    text: str
    meaning: str
    inquiry: int = 0
    is_empty: bool = False


@dataclass(slots=True)
class _Run:
    """`said` is what was made of the answers, also where the run was stopped in the middle."""

    project: Project
    ended: Ended
    label: str
    is_batch: bool = False
    progress: Progress = field(default_factory=lambda: Progress(0))
    said: list[str] = field(default_factory=list)
    inquiry: int = 0
    is_empty: bool = False
    handle: asyncio.Task[None] | None = None
    reporter: Reporter = field(default_factory=Reporter)


_Work = Callable[[_Run], Coroutine[Any, Any, tuple[str, str]]]


class InquiryRunner(QObject):
    """Belongs to the workspace: a run outlives the dialog that began it."""

    changed = Signal(str)  # the task whose run has begun or ended
    progressed = Signal(str, Progress)  # the task
    ended = Signal(Ended)

    def __init__(self, workspace: Connections) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._runs: dict[str, _Run] = {}

    def progress(self, task: str) -> Progress | None:
        """How far the run of `task` is; None while there is none."""
        run = self._runs.get(task)
        return run.progress if run and run.project is self._workspace.project else None

    def is_batch(self, task: str) -> bool:
        """Whether the run of `task` waits for a batch, which goes on at its server whatever is pressed here."""
        return self.progress(task) is not None and self._runs[task].is_batch

    def begin(self, task: str, model: str, abouts: Abouts, provider: str = "", batch: bool = False) -> None:
        """Ask `model` about each of what `abouts` finds in the project; '' is the provider that has the task's role."""
        self._start(task, TASKS[task].label(), lambda run: self._ask(run, task, model, abouts, provider, batch), batch)

    def resume(self, inquiry: Inquiry) -> None:
        """Send again what was not answered."""
        label, batch = TASKS[inquiry.task].label(), bool(inquiry.batch)
        self._start(inquiry.task, label, lambda run: self._resume(run, inquiry), batch)

    def take(self, inquiry: Inquiry) -> None:
        """Make what can be made of the answers that have arrived, and give up the rest."""
        self._start(inquiry.task, TASKS[inquiry.task].label(), lambda run: self._take(run, inquiry))

    def drop(self, inquiry: Inquiry) -> None:
        """Give an inquiry up, also at the server where it went out as a batch."""
        self._workspace.tasks.start("", self._drop(inquiry))

    async def _drop(self, inquiry: Inquiry) -> Changes:
        project = self._workspace.project
        changes = await project.write("", llm_runs.drop, inquiry.id)
        if await project.read(batches.under_way, llm_runs.PURPOSE, inquiry.id):
            server = await self._workspace.provider(inquiry.provider)
            await batches.cancel(project, server, llm_runs.PURPOSE, inquiry.id)
        return changes

    def follow(self) -> None:
        """Go on waiting for the batches that an earlier window has sent; one of each task, the others after it."""
        self._workspace.tasks.start("", self._follow())

    async def _follow(self) -> None:
        for inquiry in await self._workspace.project.read(llm_runs.at_servers):
            self.resume(inquiry)

    def write(self, task: str, label: str, change: Change) -> None:
        """Do without a model what `task` is for, in one undoable step."""
        self._start(task, label, lambda run: self._write(run, label, change))

    def cancel(self, task: str) -> None:
        if (run := self._runs.get(task)) and run.handle:
            run.handle.cancel()

    def _start(self, task: str, label: str, work: _Work, batch: bool = False) -> None:
        if self.progress(task) is not None:  # what is being asked is not asked, and paid, a second time
            return
        run = _Run(self._workspace.project, Ended(task, tr("Stopped."), "warning"), label, batch)
        run.reporter = Reporter(lambda progress: self._tell(run, progress))
        self._runs[task] = run
        run.handle = self._workspace.tasks.start(label, self._run(run, work))
        run.handle.add_done_callback(lambda _handle: self._end(run))
        self.changed.emit(task)

    def _tell(self, run: _Run, progress: Progress) -> None:
        run.progress = progress
        self._workspace.tasks.progress.emit(run.label, progress)
        self.progressed.emit(run.ended.task, progress)

    def _end(self, run: _Run) -> None:
        task = run.ended.task
        if self._runs.get(task) is run:
            del self._runs[task]
        if run.project is self._workspace.project:
            self.ended.emit(run.ended)
            self.changed.emit(task)

    async def _run(self, run: _Run, work: _Work) -> None:
        task = run.ended.task
        try:
            told = await work(run)
            run.ended = Ended(task, *told, run.inquiry, run.is_empty)
        except JukuError as error:
            told = "\n".join(filter(None, (error.title, error.message))), "error"
            run.ended = Ended(task, *told, run.inquiry)
            raise
        except asyncio.CancelledError:
            run.reporter.cancel()
            run.ended = Ended(task, " ".join([tr("Stopped."), *run.said]), "warning", run.inquiry)
            raise

    async def _ask(self, run: _Run, task: str, model: str, abouts: Abouts, id: str, batch: bool) -> tuple[str, str]:
        # Connected first: without a server nothing is written down.
        provider = await self._workspace.provider(id or self._workspace.role(TASKS[task].role)[0])
        made: list[int] = []

        def begin(db: sqlite3.Connection) -> None:
            made.append(llm_runs.begin(db, task, provider.id, model, abouts(db), batch))

        await run.project.write("", begin)
        return await self._send(run, task, provider.id, made[0])

    async def _resume(self, run: _Run, inquiry: Inquiry) -> tuple[str, str]:
        return await self._send(run, inquiry.task, inquiry.provider, inquiry.id)

    async def _send(self, run: _Run, task: str, provider: str, id: int) -> tuple[str, str]:
        run.inquiry = id
        overheard = {task: _overheard(TASKS[task], run.said)}
        server = await self._workspace.provider(provider)
        try:
            outcome = await llm_runs.run(
                run.project, server, id, overheard, run.reporter, lambda changes: self._show(run, changes)
            )
        except asyncio.CancelledError:
            if batches.under_way(run.project.rows, llm_runs.PURPOSE, id):
                run.said.append(
                    tr("The batch continues on the server: its answers are collected when you choose “Wait”.")
                )
            raise
        open_ones = await run.project.read(llm_runs.requests, id, "waiting", "failed")
        return _result(run, outcome, open_ones)

    async def _take(self, run: _Run, inquiry: Inquiry) -> tuple[str, str]:
        outcome, run.inquiry = Outcome(), inquiry.id
        self._show(run, await llm_runs.land(run.project, inquiry, TASKS, outcome, "cancelled"))
        self._show(run, await run.project.write("", llm_runs.drop, inquiry.id))
        return _result(run, outcome, [])

    async def _write(self, run: _Run, label: str, change: Change) -> tuple[str, str]:
        said: list[str] = []
        self._show(
            run,
            await run.project.write(label, lambda db: said.append(change(db, run.reporter)), reporter=run.reporter),
        )
        return said[0], "good"

    def _show(self, run: _Run, changes: Changes) -> None:
        if changes.tables and run.project is self._workspace.project:
            self._workspace.tasks.changed.emit(changes)


def _overheard(task: Task, said: list[str]) -> Task:
    """`task`, noting in `said` what it made of the answers: a run that is stopped returns nothing."""

    def land(db: sqlite3.Connection, answered: Sequence[Request]) -> str:
        said.append(task.land(db, answered))
        return said[-1]

    return dataclasses.replace(task, land=land)


def _result(run: _Run, outcome: Outcome, unanswered: Sequence[Request]) -> tuple[str, str]:
    text, meaning = _words(outcome.message, unanswered)
    run.is_empty = outcome.is_empty
    return (text, "warning") if outcome.is_empty else (text, meaning)


def _words(message: str, unanswered: Sequence[Request]) -> tuple[str, str]:
    if not unanswered:
        return message, "good"
    told = trn("{n} question was not answered.", "{n} questions were not answered.", len(unanswered))
    reason = next((request.error for request in reversed(unanswered) if request.error), "")
    return "\n".join(filter(None, (message, f"{told} {reason}".strip()))), "warning"
