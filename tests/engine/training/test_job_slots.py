"""Jobs of several people take turns, and train side by side only where their memory fits."""

import asyncio
from collections.abc import Callable

import pytest

from core.engine.round_robin import RoundRobin
from core.engine.training.job_slots import JobSlots, MemoryNeed

pytestmark = pytest.mark.anyio


def test_owners_take_turns() -> None:
    owners = RoundRobin()
    items = ["a1", "a2", "a3", "b1", "c1", "c2"]
    assert owners.order(items, lambda item: item[0]) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    owners.mark_served("a")
    owners.mark_served("b")
    assert owners.order(items, lambda item: item[0]) == ["c1", "a1", "b1", "c2", "a2", "a3"]


class Jobs:
    """Jobs that train until they are told to end. A job `a1` belongs to `a`, and needs as many bytes as its size."""

    def __init__(self, sizes: dict[str, int], memory: int = 100, max_jobs: int = 4) -> None:
        self.sizes, self.memory = sizes, memory
        self.running: list[str] = []
        self.waits: list[tuple[str, int, int]] = []
        self._ends = {job: asyncio.Event() for job in sizes}
        self.slots = JobSlots(lambda: max_jobs, self.estimate, lambda *wait: self.waits.append(wait))
        self.tasks = {job: asyncio.create_task(self._train(job)) for job in sizes}

    async def estimate(self, job: str) -> MemoryNeed:
        await asyncio.sleep(0)
        used = sum(self.sizes[one] // 2 for one in self.running)  # half of what they will take
        missing = self.sizes[job] // 2 if job in self.running else self.sizes[job]
        return MemoryNeed(self.sizes[job], missing, self.memory - used)

    async def _train(self, job: str) -> None:
        async with self.slots.turn(job, job[0]):
            self.running.append(job)
            try:
                await self._ends[job].wait()
            finally:
                self.running.remove(job)

    async def end(self, job: str) -> None:
        self._ends[job].set()
        await self.tasks[job]

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let everything happen that can happen without waiting."""
        for _ in range(50):
            await asyncio.sleep(0)


async def test_one_at_a_time_goes_round() -> None:
    jobs = Jobs(dict.fromkeys(("a1", "a2", "a3", "b1"), 1), max_jobs=1)
    order = []
    for _ in range(4):
        await jobs.until(lambda: len(jobs.running) == 1)
        order += jobs.running
        await jobs.end(jobs.running[0])
    assert order == ["a1", "b1", "a2", "a3"]
    await jobs.slots.stop()


async def test_a_job_starts_beside_others_only_where_its_memory_fits() -> None:
    jobs = Jobs({"a1": 60, "b1": 50, "c1": 30})
    await jobs.until(lambda: bool(jobs.waits))
    await jobs.settle()
    assert jobs.running == ["a1"]  # c1 would fit, and must not overtake b1
    assert jobs.waits[0] == ("b1", 50, 40)
    await jobs.end("a1")
    await jobs.until(lambda: jobs.running == ["b1", "c1"])
    await jobs.end("b1")
    await jobs.end("c1")
    await jobs.slots.stop()


async def test_a_job_whose_memory_is_larger_than_all_starts_alone() -> None:
    """Its own process says what is missing."""
    jobs = Jobs({"a1": 500})
    await jobs.until(lambda: jobs.running == ["a1"])
    await jobs.end("a1")
    await jobs.slots.stop()


async def test_a_cancelled_job_holds_nobody_up() -> None:
    jobs = Jobs({"a1": 60, "b1": 50, "c1": 30})
    await jobs.until(lambda: bool(jobs.waits))
    jobs.tasks["b1"].cancel()
    await jobs.until(lambda: jobs.running == ["a1", "c1"])
    assert jobs.tasks["b1"].cancelled()
    jobs.tasks["a1"].cancel()
    await jobs.end("c1")
    await asyncio.gather(*jobs.tasks.values(), return_exceptions=True)
    await jobs.slots.stop()


@pytest.mark.logs
async def test_where_the_memory_is_not_known_a_job_waits_for_the_others() -> None:
    jobs = Jobs({"a1": 1, "b1": 1})

    async def fail(job: str) -> MemoryNeed:
        raise ValueError(job)

    jobs.slots._estimate = fail
    await jobs.settle()
    assert jobs.running == ["a1"]
    await jobs.end("a1")
    await jobs.until(lambda: jobs.running == ["b1"])
    await jobs.end("b1")
    await jobs.slots.stop()
