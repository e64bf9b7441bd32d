"""A process that forks others, each of which lives through two jobs of a project, until it is killed.

Read from standard input, a line each: project, URL, and the number of the write before or after which the child kills
itself (`before 3`, `after 3`, or `- 0`). Answers with the child's process number, then with how it ended.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import ProviderError
from core.providers import Provider
from core.storage.project import Project
from core.training import jobs, submit
from core.training.job_queue import JobQueue
from core.training.submit import TrainingPlan
from tests.support.fake_server import KEY

PLANS = [
    TrainingPlan("base-model", "study", {"n_epochs": 2}, seed=7, suffix="study", validation=True),
    TrainingPlan("base-model", "plain", suffix="plain"),
]


def main() -> None:
    import openai  # noqa: F401 - before the fork, so that each child starts at once

    for line in sys.stdin:
        path, url, where, number = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            asyncio.run(live(Path(path), url, where, int(number)))
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


async def live(path: Path, url: str, where: str, number: int) -> None:
    project = Project(path)
    kill_at_write(project, where, number)
    provider = Provider("fake", "Fake", url, KEY)
    provider.poll_seconds = 0.01

    async def connect(_id: str) -> Provider:
        return provider

    if not jobs.load_all(project.rows):
        await submit.enqueue(project, "fake", PLANS)
    queue = JobQueue(project, connect, lambda _id: 2)
    task = asyncio.ensure_future(queue.run())
    await act(project, provider, queue)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await provider.close()
    project.close()


async def act(project: Project, provider: Provider, queue: JobQueue) -> None:
    """What a person does: pauses the first job once and lets it go on, cancels the other, waits for the end."""
    was_paused = False
    while True:
        second, first = jobs.load_all(project.rows)
        if first.ended and second.ended and not jobs.load_unfinished(project.rows):
            return
        with suppress(ProviderError):  # the job may end at the same moment
            if first.status == "running" and not was_paused and not first.wish:
                was_paused = True
                await submit.pause(project, provider, first.id)
            elif first.status == "paused" and not first.wish:
                was_paused = True
                await submit.resume(project, provider, first.id)
            elif second.status == "running" and not second.wish:
                await submit.cancel(project, provider, second.id)
        await asyncio.sleep(0.005)


def kill_at_write(project: Project, where: str, number: int) -> None:
    """Let this process die before or after its write number `number`; each is told on standard error."""
    write, count = project.write, 0

    async def counted(label, change, *args, **how):
        nonlocal count
        count += 1
        mine = count
        print(change.__qualname__, file=sys.stderr, flush=True)
        if where == "before" and mine == number:
            os.kill(os.getpid(), signal.SIGKILL)
        made = await write(label, change, *args, **how)
        if where == "after" and mine == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    project.write = counted


if __name__ == "__main__":
    main()
