"""The commands of main.py about training jobs: jobs list, watch, pause, resume, cancel, adopt, forget."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core import providers
from core.cli.console import (
    CLEAN,
    PROBLEMS,
    AddCommand,
    Arguments,
    connected,
    format_time,
    print_result,
    print_table,
    with_project,
    with_provider,
)
from core.cli.streams import print_message
from core.errors import JukuError
from core.language import tr, trn
from core.providers import Provider
from core.storage.project import Changes, Project
from core.training import job_queue, jobs, submit
from core.training.jobs import Job

Work = Callable[[Project, Provider, Job], Coroutine[Any, Any, int]]


def add(add_command: AddCommand) -> None:
    """Add these commands to the parser."""
    add_command("list", _list, tr("list the project's jobs"))
    for name, function, text in (
        ("watch", _watch, tr("follow a job to its end")),
        ("pause", _pause, tr("pause a job")),
        ("resume", _resume, tr("resume a paused job")),
        ("cancel", _cancel, tr("cancel a job")),
        ("forget", _forget, tr("delete the record of a job that has ended; the server keeps its own")),
    ):
        add_command(name, function, text).add_argument("job", type=int, metavar="JOB")
    adopt = add_command("adopt", _adopt, tr("record a server's jobs that this project does not have yet"))
    adopt.add_argument("ids", nargs="*", metavar="ID", help=tr("by default they are only listed"))
    adopt.add_argument("--provider", default=providers.LOCAL)


def _list(arguments: Arguments) -> int:
    async def work(document: Project) -> int:
        found = await document.read(jobs.load_all)
        rows = [
            (
                one.id,
                format_time(one.created_at),
                one.provider,
                one.model,
                one.status,
                one.fine_tuned_model or one.error,
            )
            for one in found
        ]
        keys = ("job", "made", "provider", "model", "status", "result")
        data = {"jobs": [dict(zip(keys, row, strict=True)) for row in rows]}
        heads = ("", tr("Made"), tr("Server"), tr("Model"), tr("Status"), tr("Result"))
        print_table(arguments, data, heads, rows)
        return CLEAN

    return with_project(arguments, work)


def _with_job(arguments: Arguments, work: Work) -> int:
    """Do `work` with a job's record and its server. Raises `JukuError` where there is no such job."""

    async def connect_and_work(document: Project) -> int:
        record = next((one for one in await document.read(jobs.load_all) if one.id == arguments.job), None)
        if record is None:
            raise JukuError(tr("There is no job {id}", id=arguments.job), tr("“jobs list” shows them."))
        async with connected(record.provider) as provider:
            return await work(document, provider, record)

    return with_project(arguments, connect_and_work)


def print_events(document: Project, id: int) -> Callable[[Changes], None]:
    """What prints a job's new events on standard error at each change."""
    shown = 0

    def show(_changes: Changes) -> None:
        nonlocal shown
        events = jobs.load_events(document.rows, id)
        for event in events[shown:]:
            print_message(event.message)
        shown = len(events)

    return show


def print_job(arguments: Arguments, job: Job) -> int:
    """Print what became of a job; returns the exit status."""
    print_result(
        arguments,
        {"job": job.id, "status": job.status, "model": job.fine_tuned_model, "error": job.error},
        job.fine_tuned_model or f"{job.status}: {providers.explain_failure(job.error_code, job.error)}",
    )
    return CLEAN if job.status == providers.JobStatus.SUCCEEDED else PROBLEMS


def _watch(arguments: Arguments) -> int:
    async def work(document: Project, provider: Provider, record: Job) -> int:
        try:
            job = await job_queue.follow(document, provider, record.id, print_events(document, record.id))
        except asyncio.CancelledError:
            print_message(tr("The job goes on; “jobs cancel {id}” cancels it.", id=record.id))
            raise
        return print_job(arguments, job)

    return _with_job(arguments, work)


def _pause(arguments: Arguments) -> int:
    return _request(arguments, submit.pause)


def _resume(arguments: Arguments) -> int:
    return _request(arguments, submit.resume)


def _cancel(arguments: Arguments) -> int:
    return _request(arguments, submit.cancel)


def _request(arguments: Arguments, action: Callable[[Project, Provider, int], Coroutine[Any, Any, Changes]]) -> int:
    async def work(document: Project, provider: Provider, record: Job) -> int:
        await action(document, provider, record.id)
        job = await document.read(jobs.load, record.id)
        print_result(arguments, {"job": job.id, "status": job.status, "requested": job.wish}, job.wish or job.status)
        return CLEAN

    return _with_job(arguments, work)


def _forget(arguments: Arguments) -> int:
    async def work(document: Project, _provider: Provider, record: Job) -> int:
        if not record.ended:
            raise JukuError(tr("The job has not ended"), tr("Cancel it first: “jobs cancel {id}”.", id=record.id))
        await submit.forget(document, record.id)
        print_result(arguments, {"job": record.id}, tr("The record was deleted."))
        return CLEAN

    return _with_job(arguments, work)


def _adopt(arguments: Arguments) -> int:
    async def work(document: Project, provider: Provider) -> int:
        found = await submit.list_adoptable(document, provider)
        chosen = [one for one in found if one.id in arguments.ids]
        if unknown := sorted(set(arguments.ids) - {one.id for one in found}):
            raise JukuError(tr("The server has no such job that is new here"), ", ".join(unknown))
        if chosen:
            await submit.adopt(document, arguments.provider, chosen)
            print_result(arguments, {"adopted": arguments.ids}, trn("{n} job adopted", "{n} jobs adopted", len(chosen)))
            return CLEAN
        rows = [(one.id, one.model, one.status, one.fine_tuned_model or "") for one in found]
        data = {"jobs": [dict(zip(("id", "model", "status", "result"), row, strict=True)) for row in rows]}
        print_table(arguments, data, (tr("Id"), tr("Model"), tr("Status"), tr("Result")), rows)
        return CLEAN

    return with_provider(arguments, work)
