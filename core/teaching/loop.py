"""Teaches until learned: rows, a training job and probe questions in rounds, then one exam; it continues after a crash.

Each step is recorded in the project before the next: `resume` goes on with the first that is not done. The probe
questions decide what is learned and which model is the best; the exam is asked once, of that model and of the base model.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from core import providers
from core.errors import JukuError, ProjectError, ProviderError
from core.exam import questions, runs
from core.exam.runs import ExamPlan, ExamSubject
from core.language import tr
from core.progress import Reporter
from core.providers import Provider, Sampling, chat_messages
from core.providers.request_runner import run_together
from core.review import findings
from core.spec import spec
from core.storage.project import Changes, OnChanges, Project
from core.teaching import probes, records, round_rows, stopping
from core.teaching.records import Probe, TeachingPlan, TeachingRound, TeachingRun, TeachingStatus
from core.teaching.stopping import StopReason
from core.training import job_queue, jobs, submit
from core.training.jobs import Job
from core.training.submit import TrainingPlan

SAVE_SECONDS = 10.0  # between two times that the time used is stored while a job is followed

Connect = Callable[[str], Awaitable[Provider]]
Follow = Callable[[int], Awaitable[Job]]  # waits until the job of this id has ended


async def begin(
    project: Project, plan: TeachingPlan, reporter: Reporter, on_changes: OnChanges = lambda _c: None
) -> int:
    """Keep probe questions where they lack, and store a new run; returns its id. Nothing is trained yet.

    Raises `JukuError` where there are no facts, no exam questions, or no wordings that could tell what is learned.
    """
    material = await probes.read_material(project, reporter, tr("There are no facts to teach"))
    if not await project.read(questions.has_exam_rows):
        raise JukuError(
            tr("There are no exam questions"),
            tr(
                "The exam at the end proves what was learned. Make examples first, with a wording of each fact for the exam."
            ),
        )
    rows = await asyncio.to_thread(probes.choose_rows, material, reporter)
    ids: list[int] = []

    def store(db: sqlite3.Connection) -> None:
        probes.add_rows(db, rows)
        kept = probes.load(db)
        if not kept:
            raise JukuError(
                tr("No question can tell what is learned"),
                tr(
                    "No wording of a fact is neither trained nor asked in the exam. Add some rows with the split “validation”."
                ),
            )
        ids.append(records.add(db, plan, kept, probes.find_left_out(db, kept)))

    on_changes(await project.write(tr("Keep questions that tell what is learned"), store))
    return ids[0]


async def resume(
    project: Project,
    connect: Connect,
    id: int,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
    follow: Follow | None = None,
    leaves_job: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> TeachingRun:
    """Go on with a run until no round comes any more and its exam is over; returns it.

    `follow` waits for a training job; by default it is sent and followed here. The reporter shows the seconds used of
    the budget. When it is cancelled, the training job is cancelled, too, unless `leaves_job` says that it goes on.
    Raises `JukuError` where a step fails; what was done is kept, and `resume` can be called again.
    """
    teacher = _Teacher(project, connect, id, reporter, on_changes, follow, leaves_job, clock)
    on_changes(await project.write("", records.set_status, id, TeachingStatus.RUNNING))
    status, error = TeachingStatus.FAILED, ""
    try:
        await teacher.teach()
        status = TeachingStatus.ENDED
    except JukuError as failure:
        error = str(failure)
        raise
    except asyncio.CancelledError:
        teacher.quiet.cancel()  # what runs in a thread learns of it only in this way
        status = TeachingStatus.RUNNING if leaves_job() else TeachingStatus.CANCELLED
        raise
    finally:
        on_changes(await asyncio.shield(project.write("", records.set_status, id, status, error)))
    return await project.read(records.load, id)


@dataclass
class _Teacher:
    """A run that is worked on."""

    project: Project
    connect: Connect
    id: int
    reporter: Reporter
    on_changes: OnChanges
    follow: Follow | None
    leaves_job: Callable[[], bool]
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._since = self.clock()  # up to when the time used is stored
        self._used = 0.0  # seconds of the budget
        self._budget = 0.0
        self._limit: asyncio.Timeout | None = None  # ends the rounds when the budget is used
        self.quiet = Reporter()  # of the steps of a round: the budget is what is shown

    async def teach(self) -> None:
        """All rounds that are left, then the exam."""
        run = await self._load()
        self._provider = await self.connect(run.plan.provider)
        if run.reason is None:
            reason = await self._teach_within_budget(run)
            await self._write("", records.set_reason, reason)
        await self._examine(await self._load())

    async def _load(self) -> TeachingRun:
        return await self.project.read(records.load, self.id)

    async def _write(self, label: str, change: Callable[..., object], *args: object) -> Changes:
        """Write `change(db, run, *args)`, with the time used until now."""
        now = self.clock()
        used, self._since = now - self._since, now

        def write(db: sqlite3.Connection) -> None:
            records.add_seconds(db, self.id, used)
            change(db, self.id, *args)

        changes = await self.project.write(label, write)
        self._used += used
        if self._limit and not self._limit.expired() and self._used >= self._budget:
            self._limit.reschedule(asyncio.get_running_loop().time())
        self.on_changes(changes)
        return changes

    async def _teach_within_budget(self, run: TeachingRun) -> StopReason:
        """Rounds until a rule ends them, or the time is over: then the training job is cancelled."""
        self._used, self._budget = run.seconds, run.plan.stopping_rules.seconds
        try:
            async with asyncio.timeout(None) as self._limit:
                return await self._teach_rounds()
        except TimeoutError:
            self.quiet.cancel()
            await self._cancel_job()
            run = await self._load()
            rules = run.plan.stopping_rules
            return stopping.find_reason(rules, run.results, len(run.facts), run.seconds) or StopReason.BUDGET
        except asyncio.CancelledError:
            if not self.leaves_job():
                await asyncio.shield(self._cancel_job())
            raise
        finally:
            self._limit = None

    async def _teach_rounds(self) -> StopReason:
        while True:
            run = await self._load()
            self._report(run)
            open_round = next((one for one in run.rounds if not one.done), None)
            if open_round is None:
                reason = stopping.find_reason(run.plan.stopping_rules, run.results, len(run.facts), run.seconds)
                open_round = None if reason else await self._begin_round(run)
                if open_round is None:
                    return reason or StopReason.NO_ROWS
            await self._finish_round(run.plan, open_round)

    def _report(self, run: TeachingRun) -> None:
        total = max(1, int(run.plan.stopping_rules.seconds))
        self.reporter.update(min(int(run.seconds), total), total)

    async def _begin_round(self, run: TeachingRun) -> TeachingRound | None:
        """The next round with its rows; None where no new rows can be made."""
        number = len(run.rounds)
        if not number:
            one = TeachingRound(0, "", 0, 0, frozenset(), 0.0, model=run.plan.model)
            await self._write("", records.begin_round, one)
            return one
        learned = run.results[-1].learned
        names = [name for name in (*run.facts, *(run.left_out if number == 1 else ())) if name not in learned]
        made = await round_rows.make(self.project, self._provider, run, number, names, self.quiet)
        if not made.rows and number > 1:
            return None
        begun: list[TeachingRound] = []

        def add(db: sqlite3.Connection, id: int) -> None:
            begun.append(round_rows.add(db, id, run.plan, number, made, self.quiet))

        await self._write(tr("Rows of round {number}", number=number), add)
        return begun[0]

    async def _finish_round(self, plan: TeachingPlan, one: TeachingRound) -> None:
        """Train and ask what is not done yet."""
        model = one.model or await self._train(plan, one)
        system = (await self.project.read(spec.load)).system_prompt
        left = await self.project.read(records.load_unanswered, self.id, one.number)

        async def ask(probe: Probe) -> None:
            reply = await self._provider.chat(model, chat_messages(system, probe.question), Sampling())
            await self._write("", records.store_answer, one.number, probe, reply.texts[0])

        await run_together(self._provider, [partial(ask, probe) for probe in left])
        await self._write("", records.end_round, one.number)

    async def _train(self, plan: TeachingPlan, one: TeachingRound) -> str:
        """The model of the round's training job. One is queued where there is none, or the last one was cancelled or failed."""
        job = await self.project.read(jobs.load, one.job) if one.job is not None else None
        if job is None or (job.ended and job.fine_tuned_model is None):
            await self._write("", self._queue_job, plan, one.number)
            job = await self.project.read(lambda db: jobs.load(db, _find_job(records.load(db, self.id))))
        if not job.ended:
            job = await self._follow_job(job.id)
        if job.fine_tuned_model is None:
            raise JukuError(
                tr("The training of round {number} did not succeed", number=one.number),
                providers.explain_failure(job.error_code, job.error) or job.status,
            )
        await self._write("", records.set_model, one.number, job.fine_tuned_model)
        return job.fine_tuned_model

    @staticmethod
    def _queue_job(db: sqlite3.Connection, id: int, plan: TeachingPlan, number: int) -> None:
        validated = "early_stopping_patience" in plan.hyperparameters
        wanted = TrainingPlan(plan.model, "", plan.hyperparameters, plan.seed, f"round-{number}", validation=validated)
        (job,) = submit.add_to_queue(db, plan.provider, [wanted])
        records.set_job(db, id, number, job)

    async def _follow_job(self, id: int) -> Job:
        """Wait for the job; the time used is stored meanwhile."""
        follow = self.follow or partial(job_queue.follow, self.project, self._provider, on_changes=self.on_changes)
        failure: JukuError | None = None
        async with asyncio.TaskGroup() as group:
            saving = group.create_task(self._save_time())
            try:
                job = await follow(id)
            except JukuError as error:
                failure = error
            saving.cancel()
        if failure:
            raise failure
        return job

    async def _save_time(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            with suppress(ProjectError):  # the next step that has to write says what is wrong
                await self._write("", lambda _db, _id: None)
                self._report(await self._load())

    async def _cancel_job(self) -> None:
        """Cancel the training job of a round that is not done."""
        run = await self._load()
        number = next((one.job for one in run.rounds if not one.done and one.job is not None), None)
        job = await self.project.read(jobs.load, number) if number is not None else None
        if job is None or job.ended:
            return
        with suppress(ProviderError):  # the wish is recorded, and sent later
            self.on_changes(await submit.cancel_or_withdraw(self.project, self.connect, job))

    async def _examine(self, run: TeachingRun) -> None:
        """Ask the exam once: of the base model and of the best one; not where nothing was trained."""
        best = stopping.find_best(run.results)
        if best is None:
            return
        if run.exam is None:
            await findings.refresh(self.project, Reporter())
            subjects = [ExamSubject(run.plan.provider, model) for model in (run.plan.model, best.model)]
            plan = ExamPlan(subjects, general=run.plan.general)
            self.on_changes(
                await self.project.write("", lambda db: records.set_exam(db, run.id, runs.add_run(db, plan)))
            )
            run = await self._load()
        assert run.exam is not None
        exam = await self.project.read(runs.load, run.exam)
        if exam.status != runs.ExamStatus.SUCCEEDED:
            await runs.resume(self.project, self.connect, run.exam, self.reporter, self.on_changes)


def _find_job(run: TeachingRun) -> int:
    found = next(one.job for one in run.rounds if not one.done)
    assert found is not None
    return found
