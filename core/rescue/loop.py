"""Rescues a model step by step without a person: each step is recorded, and after a crash the next one goes on.

What can be lost comes first: the files, then the old model's answers in the exam. Then the new model is trained, and
sits the same exam.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core import clock, providers
from core.errors import JukuError, ProviderError
from core.exam import questions, runs
from core.exam.runs import ExamPlan, ExamSubject
from core.formats.input_files import format_os_error
from core.generation import recorded_answers
from core.language import tr, trn
from core.progress import Reporter
from core.providers import Provider, model_kinds, shutdown_dates
from core.providers.retry_policy import PollTimer, needs_person
from core.rescue import files, records, row_choice
from core.rescue.records import RescuePlan, RescueRun, RescueStatus, RescueStep
from core.rescue.row_choice import RowChoice
from core.review import findings
from core.storage.project import Changes, OnChanges, Project
from core.training import job_queue, jobs, preflight, rescue, row_selection, submit
from core.training.jobs import Job
from core.training.rescue import TunedModel
from core.training.submit import TrainingPlan

MAX_FAILURES = 10  # of a server in a row, after which a rescue waits for a person
GONE_STATUSES = (400, 403, 404, 410)  # of a question to a model that was shut down
EXAM_SUFFIX = "rescued"  # of the new model's name

Connect = Callable[[str], Awaitable[Provider]]
Follow = Callable[[int], Awaitable[Job]]  # waits until the job of this id has ended


class NotAgreedError(JukuError):
    """The check before the training has something to say that nobody has agreed to."""


async def begin(project: Project, provider: Provider, plan: RescuePlan, on_changes: OnChanges = lambda _c: None) -> int:
    """Store a new rescue; returns its id. Nothing is saved, asked or trained yet. Raises `JukuError`."""
    if (plan.provider, plan.model) == (plan.target, plan.base):
        raise JukuError(tr("The old model cannot be its own successor"), tr("Choose another base model."))
    found = await _find_model(project, provider, plan.model)
    ids: list[int] = []
    on_changes(
        await project.write(
            "", lambda db: ids.append(records.add(db, plan, found.closing.day if found.closing else None))
        )
    )
    return ids[0]


async def resume(
    project: Project,
    connect: Connect,
    id: int,
    reporter: Reporter,
    on_changes: OnChanges = lambda _changes: None,
    follow: Follow | None = None,
    leaves_job: Callable[[], bool] = lambda: False,
) -> RescueRun:
    """Go on with a rescue until it is done; returns it. `follow` waits for the training job; by default it is followed here.

    A server that cannot be reached is asked again, `MAX_FAILURES` times. Raises `JukuError` where a step fails; what was
    done is kept, and `resume` can be called again. When the reporter or the task is cancelled, the training job goes on
    only where `leaves_job` says so.
    """
    rescuer = _Rescuer(project, connect, id, reporter, on_changes, follow)
    on_changes(await project.write("", records.set_status, id, RescueStatus.RUNNING))
    status, error = RescueStatus.FAILED, ""
    try:
        await rescuer.work()
        status = RescueStatus.ENDED
    except JukuError as failure:
        error = str(failure)
        raise
    except asyncio.CancelledError:
        status = RescueStatus.RUNNING if leaves_job() else RescueStatus.CANCELLED
        if not leaves_job():
            await asyncio.shield(rescuer.cancel_job())
        raise
    finally:
        on_changes(await asyncio.shield(project.write("", records.set_status, id, status, error)))
    return await project.read(records.load, id)


async def _find_model(project: Project, provider: Provider, model: str) -> TunedModel:
    """The old model with its job, as its server lists it, or as little as is known. Raises `ProviderError`."""
    found = await rescue.list_tuned_models(project, provider, clock.today())
    closing = shutdown_dates.find_shutdown(model, None, provider.preset.id)
    return next(
        (one for one in found if one.model == model), TunedModel(model, model_kinds.base_of(model), 0.0, closing, False)
    )


@dataclass
class _Rescuer:
    """A rescue that is worked on."""

    project: Project
    connect: Connect
    id: int
    reporter: Reporter
    on_changes: OnChanges
    follow: Follow | None

    async def work(self) -> None:
        """All steps that are left."""
        steps = {
            RescueStep.FILES: self._save_files,
            RescueStep.OLD_EXAM: self._examine_old,
            RescueStep.JOB: self._train,
            RescueStep.NEW_EXAM: self._examine_new,
        }
        while (run := await self._load()).step != RescueStep.DONE:
            number = list(RescueStep).index(run.step)
            self.reporter.update(number, len(steps))
            await self._patiently(partial(steps[run.step], run, self.reporter.part(number, len(steps))))
        self.reporter.update(len(steps), len(steps))

    async def _load(self) -> RescueRun:
        return await self.project.read(records.load, self.id)

    async def _write(self, change: Callable[..., object], *args: object) -> Changes:
        """Write `change(db, rescue, *args)`."""
        changes = await self.project.write("", change, self.id, *args)
        self.on_changes(changes)
        return changes

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step; a server that fails for a while is asked again later."""
        timer = PollTimer()
        while True:
            try:
                return await step()
            except ProviderError as error:
                is_passing = error.status is None or error.status == 429 or error.status >= 500
                if not is_passing or needs_person(error) or timer.failures >= MAX_FAILURES:
                    raise
                pause = timer.note_failure(error, Provider.poll_seconds)
                self.reporter.pause(pause)
                timer.schedule(pause)
                await timer.wait()

    async def _save_files(self, run: RescueRun, reporter: Reporter) -> None:
        provider = await self.connect(run.plan.provider)
        model = await _find_model(self.project, provider, run.plan.model)
        notes = []
        if rescue.list_files(model):
            folder = Path(run.plan.folder)
            await asyncio.to_thread(_make_folder, folder)
            saved = await rescue.save_files(provider, model, folder, reporter)
            notes.append(trn("{n} file is in {folder}.", "{n} files are in {folder}.", len(saved.paths), folder=folder))
            if saved.missing:
                notes.append(
                    trn("{n} was deleted on the server.", "{n} were deleted on the server.", len(saved.missing))
                )
            found = await files.import_rows(self.project, saved, model.tag, reporter, self.on_changes)
            notes += [*found.format(model.tag), await files.adopt_prompt(self.project, model.tag, self.on_changes)]
        else:
            notes.append(tr("The server lists no files of this model."))
        await self._write(records.end_step, RescueStep.FILES, *filter(None, notes))

    async def _examine_old(self, run: RescueRun, reporter: Reporter) -> None:
        """The old model sits the exam; where it is gone already, the new one sits it alone."""
        note = ""
        if run.exam is None:
            tag = _build_tag(run.plan.model)
            note = await files.keep_exam_questions(self.project, tag, self.reporter, self.on_changes)
            if await self._begin_exam(run):
                run = await self._load()
        if run.exam is not None:
            note = await self._ask_old(run, reporter) or note
        await self._write(records.end_step, RescueStep.OLD_EXAM, *filter(None, [note]))

    async def _begin_exam(self, run: RescueRun) -> bool:
        """Store the exam, with the old model as its first subject; False where there are no questions."""
        if not await self.project.read(questions.has_exam_rows):
            return False
        await findings.refresh(self.project, self.reporter)
        plan = ExamPlan([ExamSubject(run.plan.provider, run.plan.model)])
        await self._write(lambda db, id: records.set_exam(db, id, runs.add_run(db, plan)))
        return True

    async def _ask_old(self, run: RescueRun, reporter: Reporter) -> str:
        assert run.exam is not None
        try:
            await runs.resume(
                self.project, self.connect, run.exam, reporter, self.on_changes, await self._find_subject(run)
            )
        except ProviderError as error:
            if error.status not in GONE_STATUSES:
                raise
            return tr("The old model did not sit the exam: {reason}", reason=error)
        return ""

    async def _find_subject(self, run: RescueRun) -> int:
        """The id of the old model in the exam."""
        assert run.exam is not None
        return (await self.project.read(runs.load, run.exam)).subjects[0].id

    async def _train(self, run: RescueRun, reporter: Reporter) -> None:
        job = await self.project.read(jobs.load, run.job) if run.job is not None else None
        if job is None or (job.ended and job.fine_tuned_model is None):
            job = await self._queue_job(run, reporter)
        if not job.ended:
            provider = await self.connect(run.plan.target)
            follow = self.follow or partial(job_queue.follow, self.project, provider, on_changes=self.on_changes)
            job = await follow(job.id)
        if job.fine_tuned_model is None:
            reason = providers.explain_failure(job.error_code, job.error) or job.status
            raise JukuError(tr("The training did not succeed"), reason)
        await self._write(records.end_training, job.fine_tuned_model)

    async def _queue_job(self, run: RescueRun, reporter: Reporter) -> Job:
        """Check the rows and the server, then queue the job, in one write with the note of it."""
        chosen, plan, provider = await self._plan_job(run)

        async def connect() -> Provider:
            return provider

        report = await preflight.examine(self.project, provider.id, provider.preset, connect, [plan], reporter)
        objections = [one for one in report.objections if one.severity != "note"]
        said = "\n".join(one.message for one in objections)
        if report.is_blocked:
            raise JukuError(tr("The training cannot start"), said)
        if not run.plan.agreed and report.needs_confirmation:
            lines = "\n".join(filter(None, (preflight.format_training_cost(report), said)))
            raise NotAgreedError(tr("Nothing was sent: the check before the training has something to say"), lines)

        def queue(db: sqlite3.Connection, id: int) -> None:
            (job,) = submit.add_to_queue(db, run.plan.target, [plan], run.plan.model)
            records.set_job(db, id, job)
            records.add_notes(
                db, id, tr("Taught with: {rows}", rows=chosen.title), *(one.message for one in objections)
            )

        await self._write(queue)
        job = (await self._load()).job
        assert job is not None
        return await self.project.read(jobs.load, job)

    async def _plan_job(self, run: RescueRun) -> tuple[RowChoice, TrainingPlan, Provider]:
        """Which rows are taught how, at which server. Raises `JukuError` where there are none."""
        plan = run.plan
        who, tag = (plan.provider, plan.model), _build_tag(plan.model)
        found = await self.project.read(lambda db: row_choice.load(db, who, tag, jobs.load_all(db)))
        chosen = row_choice.choose(found)
        if chosen is None:
            raise JukuError(
                tr("There are too few rows to teach"),
                tr("Its files were not to be had. Record its answers, import rows, or write some; then continue."),
            )
        if chosen.from_saved_answers:
            label = tr("Make rows of the kept answers")
            self.on_changes(await self.project.write(label, recorded_answers.make_rows, who, tag))
        provider = await self.connect(plan.target)
        method = await self.project.read(_find_method, chosen)
        if provider.preset.methods and method not in provider.preset.methods:
            words = tr("“{server}” does not support training with the method “{method}”", server=provider.title, method=method)  # fmt: skip
            raise JukuError(words, tr("Nothing was sent. Choose another method or another server."))
        suffix = EXAM_SUFFIX if provider.preset.suffix_limit >= len(EXAM_SUFFIX) else ""
        wanted = TrainingPlan(
            plan.base, chosen.tag, plan.hyperparameters, plan.seed, suffix, method, chosen.validation,
            version=chosen.version,
        )  # fmt: skip
        return chosen, wanted, provider

    async def cancel_job(self) -> None:
        """Cancel the training job, if there is one that has not ended."""
        run = await self._load()
        job = await self.project.read(jobs.load, run.job) if run.job is not None else None
        if job is None or job.ended:
            return
        with suppress(ProviderError):  # the wish is recorded, and sent later
            self.on_changes(await submit.cancel_or_withdraw(self.project, self.connect, job))

    async def _examine_new(self, run: RescueRun, reporter: Reporter) -> None:
        """The new model sits the exam of the old one."""
        if run.exam is not None:
            new = ExamSubject(run.plan.target, run.fine_tuned_model)
            ids: list[int] = []
            exam = run.exam
            self.on_changes(await self.project.write("", lambda db: ids.append(runs.add_subject(db, exam, new))))
            try:
                await runs.resume(self.project, self.connect, exam, reporter, self.on_changes, ids[0])
            except ProviderError as error:
                provider = await self.connect(run.plan.target)
                if error.status in GONE_STATUSES and provider.preset.deploys:
                    raise _not_deployed_error(provider.title, run.fine_tuned_model, error) from error
                raise
        await self._write(records.end_step, RescueStep.NEW_EXAM)


def _make_folder(folder: Path) -> None:
    """Make the folder for the files. Raises `JukuError` where the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JukuError(
            tr("The folder {name} cannot be made", name=folder),
            tr(
                "{reason} Nothing was lost. Make room for it, or rescue to another folder.",
                reason=format_os_error(error),
            ),
        ) from error


def _not_deployed_error(server: str, model: str, error: ProviderError) -> JukuError:
    return JukuError(
        tr("The new model does not answer at “{server}” yet", server=server),
        tr("Deploy {model} there (it may be billed by the hour), and continue; if it answers under another name, enter "
           "that name. ({reason})", model=model, reason=error.message),
    )  # fmt: skip


def _build_tag(model: str) -> str:
    return TunedModel(model, "", 0.0, None, False).tag


def _find_method(db: sqlite3.Connection, chosen: RowChoice) -> str:
    """The method that rows are for: those that compare two answers are for DPO."""
    rows = row_selection.load_rows(db, chosen.tag, version=chosen.version)
    try:
        row_selection.require_method(rows, "supervised")
    except JukuError:
        return "dpo"
    return "supervised"
