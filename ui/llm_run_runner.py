"""Sends the LLM runs of the open project, with or without an open dialog; at most one at a time for each task."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.activity_history import ActivityKind
from core.errors import JukuError
from core.generation import llm_runs, run_recovery
from core.generation.llm_run_tasks import TASKS
from core.generation.llm_runs import LlmRequest, LlmRun, LlmRunOutcome, LlmRunStatus, LlmTask
from core.language import tr, trn
from core.progress import Progress, Reporter
from core.providers import batches
from core.storage.project import Changes, OnChanges, Project
from ui.server_connections import Connections

Subjects = Callable[[sqlite3.Connection], Iterable[dict[str, Any]]]
Change = Callable[[sqlite3.Connection, Reporter], str]  # returns a sentence for the person


# Returns what came of it, in words.
ProjectWork = Callable[[Project, Reporter, OnChanges], Coroutine[Any, Any, str]]


@dataclass(frozen=True, slots=True)
class LlmRunResult:
    """The outcome of a run as text; `meaning` is good, warning or error.

    `llm_run` is its id, 0 without a model. `is_empty`: a model answered, and nothing could be made of it.
    """

    task: str
    text: str
    meaning: str
    llm_run: int = 0
    is_empty: bool = False


@dataclass(slots=True)
class _Run:
    """`messages` are what was made of the answers, also where the run was stopped in the middle."""

    project: Project
    ended: LlmRunResult
    label: str
    is_batch: bool = False
    progress: Progress = field(default_factory=lambda: Progress(0))
    messages: list[str] = field(default_factory=list)
    llm_run: int = 0
    is_empty: bool = False
    handle: asyncio.Task[None] | None = None
    reporter: Reporter = field(default_factory=Reporter)


_Work = Callable[[_Run], Coroutine[Any, Any, tuple[str, str]]]


class LlmRunRunner(QObject):
    """Runs the LLM runs of a project. It belongs to the workspace: a run outlives the dialog that began it."""

    changed = Signal(str)  # the task whose run has begun or ended
    progressed = Signal(str, Progress)  # the task
    ended = Signal(LlmRunResult)  # also when the run was stopped or failed

    def __init__(self, workspace: Connections) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._runs: dict[str, _Run] = {}

    def progress(self, task: str) -> Progress | None:
        """How far the run of `task` is; None while there is none."""
        run = self._runs.get(task)
        return run.progress if run and run.project is self._workspace.project else None

    def is_batch(self, task: str) -> bool:
        """Whether the run of `task` waits for a batch, which nothing here can pause at the server."""
        return self.progress(task) is not None and self._runs[task].is_batch

    def begin(self, task: str, model: str, subjects: Subjects, provider: str = "", batch: bool = False) -> None:
        """Ask `model` about each of what `subjects` finds in the project; '' is the provider that has the task's role."""
        self._start(
            task, TASKS[task].label(), lambda run: self._ask(run, task, model, subjects, provider, batch), batch
        )

    def resume(self, llm_run: LlmRun) -> None:
        """Send again what was not answered."""
        label, batch = TASKS[llm_run.task].label(), bool(llm_run.batch)
        self._start(llm_run.task, label, lambda run: self._resume(run, llm_run), batch)

    def apply_arrived(self, llm_run: LlmRun) -> None:
        """Apply the answers that have arrived, and drop the other requests."""
        self._start(llm_run.task, TASKS[llm_run.task].label(), lambda run: self._apply_arrived(run, llm_run))

    def drop(self, llm_run: LlmRun) -> None:
        """Drop an LLM run; a batch is cancelled at the server too."""
        self._workspace.tasks.start("", self._drop(llm_run))

    async def _drop(self, llm_run: LlmRun) -> Changes:
        project = self._workspace.project
        changes = await project.write("", run_recovery.drop, llm_run.id)
        if await project.read(batches.list_unmerged, llm_runs.BATCH_PURPOSE, llm_run.id):
            server = await self._workspace.provider(llm_run.provider)
            await batches.cancel(project, server, llm_runs.BATCH_PURPOSE, llm_run.id)
        return changes

    def follow(self) -> None:
        """Wait for the batches that an earlier window has sent: one of each task, then the next."""
        self._workspace.tasks.start("", self._follow())

    async def _follow(self) -> None:
        for llm_run in await self._workspace.project.read(run_recovery.load_sent_batches):
            self.resume(llm_run)

    def write(self, task: str, label: str, change: Change) -> None:
        """Do without a model what `task` is for, in one undoable step."""
        self._start(task, label, lambda run: self._write(run, label, change))

    def run(self, task: str, label: str, work: ProjectWork) -> None:
        """Do `work` for `task`. What it has stored stays when it is stopped."""
        self._start(task, label, lambda run: self._work(run, work))

    async def _work(self, run: _Run, work: ProjectWork) -> tuple[str, str]:
        return await work(run.project, run.reporter, lambda changes: self._show(run, changes)), "good"

    def cancel(self, task: str) -> None:
        """Stop the run of `task`; the answers that have arrived are kept."""
        if (run := self._runs.get(task)) and run.handle:
            run.handle.cancel()

    def _start(self, task: str, label: str, work: _Work, batch: bool = False) -> None:
        if self.progress(task) is not None:  # what is being asked is not asked, and paid, a second time
            return
        run = _Run(self._workspace.project, LlmRunResult(task, tr("Stopped."), "warning"), label, batch)
        run.reporter = Reporter(lambda progress: self._report_progress(run, progress))
        self._runs[task] = run
        run.handle = self._workspace.tasks.start(
            label, self._run(run, work), kind=ActivityKind.GENERATION, is_windowless=True
        )
        run.handle.add_done_callback(lambda _handle: self._end(run))
        self.changed.emit(task)

    def _report_progress(self, run: _Run, progress: Progress) -> None:
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
            result = await work(run)
            run.ended = LlmRunResult(task, *result, run.llm_run, run.is_empty)
            self._workspace.tasks.tell(run.ended.text, run.ended.meaning == "error")
        except JukuError as error:
            result = "\n".join(filter(None, (error.title, error.message))), "error"
            run.ended = LlmRunResult(task, *result, run.llm_run)
            raise
        except asyncio.CancelledError:
            run.reporter.cancel()
            run.ended = LlmRunResult(task, " ".join([tr("Stopped."), *run.messages]), "warning", run.llm_run)
            self._workspace.tasks.tell(run.ended.text)
            raise

    async def _ask(self, run: _Run, task: str, model: str, subjects: Subjects, id: str, batch: bool) -> tuple[str, str]:
        # Connected first: without a server nothing is written down.
        provider = await self._workspace.provider(id or self._workspace.role(TASKS[task].role)[0])
        ids: list[int] = []

        def begin(db: sqlite3.Connection) -> None:
            ids.append(llm_runs.begin(db, task, provider.id, model, subjects(db), batch))

        await run.project.write("", begin)
        return await self._send(run, task, provider.id, ids[0])

    async def _resume(self, run: _Run, llm_run: LlmRun) -> tuple[str, str]:
        return await self._send(run, llm_run.task, llm_run.provider, llm_run.id)

    async def _send(self, run: _Run, task: str, provider: str, id: int) -> tuple[str, str]:
        run.llm_run = id
        tasks = {task: _record_messages(TASKS[task], run.messages)}
        server = await self._workspace.provider(provider)
        try:
            outcome = await llm_runs.run(
                run.project, server, id, tasks, run.reporter, lambda changes: self._show(run, changes)
            )
        except asyncio.CancelledError:
            if batches.list_unmerged(run.project.rows, llm_runs.BATCH_PURPOSE, id):
                run.messages.append(
                    tr("The batch continues on the server: its answers are collected when you choose “Wait”.")
                )
            raise
        open_ones = await run.project.read(llm_runs.load_requests, id, *llm_runs.UNANSWERED)
        return _summarise(run, outcome, open_ones)

    async def _apply_arrived(self, run: _Run, llm_run: LlmRun) -> tuple[str, str]:
        outcome, run.llm_run = LlmRunOutcome(), llm_run.id
        self._show(run, await llm_runs.apply_replies(run.project, llm_run, TASKS, outcome, LlmRunStatus.CANCELLED))
        self._show(run, await run.project.write("", run_recovery.drop, llm_run.id))
        return _summarise(run, outcome, [])

    async def _write(self, run: _Run, label: str, change: Change) -> tuple[str, str]:
        messages: list[str] = []
        self._show(
            run,
            await run.project.write(label, lambda db: messages.append(change(db, run.reporter)), reporter=run.reporter),
        )
        return messages[0], "good"

    def _show(self, run: _Run, changes: Changes) -> None:
        if changes.tables and run.project is self._workspace.project:
            self._workspace.tasks.changed.emit(changes)


def _record_messages(task: LlmTask, messages: list[str]) -> LlmTask:
    """`task`, noting in `messages` what it made of the answers: a run that is stopped returns nothing."""

    def apply(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
        messages.append(task.apply(db, answered))
        return messages[-1]

    return dataclasses.replace(task, apply=apply)


def _summarise(run: _Run, outcome: LlmRunOutcome, unanswered: Sequence[LlmRequest]) -> tuple[str, str]:
    text, meaning = _format_outcome(outcome.message, unanswered)
    run.is_empty = outcome.is_empty
    return (text, "warning") if outcome.is_empty else (text, meaning)


def _format_outcome(message: str, unanswered: Sequence[LlmRequest]) -> tuple[str, str]:
    if not unanswered:
        return message, "good"
    text = trn("{n} question was not answered.", "{n} questions were not answered.", len(unanswered))
    reason = next((request.error for request in reversed(unanswered) if request.error), "")
    return "\n".join(filter(None, (message, f"{text} {reason}".strip()))), "warning"
