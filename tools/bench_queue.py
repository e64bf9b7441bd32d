"""What following 200 running jobs costs: time of the processor at the usual pace, and memory over 10,000 looks.

The server is a process of its own, so that its work does not count; each of its jobs tells a step every ten seconds.
"""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.dataset import sample_projects
from core.providers import JobState, Provider
from core.storage.project import Project
from core.training import jobs, submit
from core.training.job_queue import JobQueue
from core.training.submit import TrainingPlan
from tests.support.fake_server import KEY, FakeServer

JOBS, LOOKS = 200, 10_000
WARM = LOOKS // 10  # looks until all that is kept is there
SAMPLES = 20
PACED = 4  # looks at the usual interval
STEP = 10.0  # seconds between two steps of each job
Row = tuple[str, str, str]


class Counted(Provider):
    """Tells when it was asked for all jobs so many times; waiting for it costs nothing."""

    looks, end = 0, 0

    async def jobs(self, *given: int, **chosen: object) -> list[JobState]:
        self.looks += 1
        if self.looks == self.end:
            self.reached.set()
        return await super().jobs(*given, **chosen)

    async def until(self, looks: int) -> None:
        """Wait for so many more looks."""
        self.end, self.reached = self.looks + looks, asyncio.Event()
        await self.reached.wait()


def bench() -> list[Row]:
    """Rows of the table: what, the figure, the target."""
    with tempfile.TemporaryDirectory() as folder, _server() as url:
        return asyncio.run(_bench(Path(folder) / "p.juku", url))


async def _bench(path: Path, url: str) -> list[Row]:
    async with _followed(path, url) as (project, provider, queue):
        share = await _share(provider)
        provider.poll_seconds = 1e-6
        queue.wake()
        await provider.until(WARM)
        first, began, spent = await _memory(), time.perf_counter(), time.process_time()
        await provider.until(LOOKS - WARM)
        last, looks = await _memory(), LOOKS - WARM
        each, took = (time.process_time() - spent) / looks, (time.perf_counter() - began) / looks
        assert not queue.failures, queue.failures
        assert len(await project.read(jobs.load_unfinished)) == JOBS
        grown = f"{(last[0] - first[0]) / 2**20:+.1f} MB of {first[0] / 2**20:.0f}, {last[1] - first[1]:+,} blocks of {first[1]:,}"
        return [
            (f"follow {JOBS} running jobs, a look every {Provider.poll_seconds:.0f} s", share, "≤ 1 % of a core"),
            (f"memory between look {WARM:,} and look {LOOKS:,} at them, back to back", grown, "no growth"),
            ("one look", f"{1000 * each:.1f} ms of a core; {1000 * took:.1f} ms in all", ""),
        ]


async def _share(provider: Counted) -> str:
    """How much of a core is used from look to look at the usual pace."""
    await provider.until(1)
    began, spent = time.perf_counter(), time.process_time()
    await provider.until(PACED)
    share = (time.process_time() - spent) / (time.perf_counter() - began)
    return f"{100 * share:.2f} % of a core, over {PACED} looks"


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, __file__, "--serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate()


@asynccontextmanager
async def _followed(path: Path, url: str) -> AsyncIterator[tuple[Project, Counted, JobQueue]]:
    """A project whose jobs were all sent and are running, and the queue that follows them."""
    project, provider = Project(path), Counted("fake", "Fake", url, KEY)

    async def connect(_id: str) -> Provider:
        return provider

    await project.write("", sample_projects.fill, "hobannu-en")
    await submit.enqueue(project, "fake", [TrainingPlan("base-model", "study", seed=number) for number in range(JOBS)])
    queue = JobQueue(project, connect, lambda _id: JOBS)
    task = asyncio.ensure_future(queue.run())
    while any(job.remote_id is None for job in await project.read(jobs.load_all)):
        await asyncio.sleep(0.2)
    try:
        yield project, provider, queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await provider.close()
        project.close()


async def _memory() -> tuple[int, int]:
    """Bytes this process holds, and memory blocks of living objects: the fewest of some samples, as a look goes on."""
    blocks = []
    for _ in range(SAMPLES):
        await asyncio.sleep(0.01)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    return _resident(), min(blocks)


def _resident() -> int:
    where = Path("/proc/self/statm")
    pages = int(where.read_text().split()[1]) if where.exists() else 0  # elsewhere the blocks tell it
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve() -> None:
    """The server's process: until its input ends."""
    with FakeServer() as fake:
        print(fake.url, flush=True)
        done = threading.Event()
        threading.Thread(target=_train, args=(fake, done)).start()
        sys.stdin.read()
        done.set()


def _train(fake: FakeServer, done: threading.Event) -> None:
    step = 0
    while not done.wait(STEP):
        step += 1
        for id in list(fake.jobs):
            fake.step(id, step, 1000, 2.0 / step)
        fake.requests.clear()


def main() -> None:
    for line in bench():
        print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    serve() if "--serve" in sys.argv else main()
