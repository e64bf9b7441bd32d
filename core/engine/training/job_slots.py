"""Which jobs train now: owners take turns, and a job starts beside others only where its memory fits."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from core.engine.round_robin import RoundRobin

RETRY_SECONDS = 30.0  # while a job waits for memory: another program may have ended

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MemoryNeed:
    """The memory of one job in bytes. `total`: at its peak. `missing`: what its process does not have yet. `available`:
    what is free now, for all processes."""

    total: int
    missing: int
    available: int


@dataclass(eq=False)
class _Waiting:
    job_id: str
    owner: str
    turn: asyncio.Future[None]


class JobSlots:
    """Gives jobs their turns. `max_jobs`: at the same time. `estimate`: the memory of a queued or running job; it raises
    when that is not known, and the job waits until no other runs. `on_wait`: a job is next, but its memory does not fit.

    Nobody overtakes the job that is next: a large one would wait for ever while small ones come.
    """

    def __init__(
        self,
        max_jobs: Callable[[], int],
        estimate: Callable[[str], Awaitable[MemoryNeed]],
        on_wait: Callable[[str, int, int], None],
    ) -> None:
        self._max_jobs, self._estimate, self._on_wait = max_jobs, estimate, on_wait
        self._waiting: list[_Waiting] = []
        self._running: set[str] = set()
        self._owners = RoundRobin()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def turn(self, job_id: str, owner: str) -> AsyncIterator[None]:
        """Wait for the job's turn, and keep it inside the block."""
        one = _Waiting(job_id, owner, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._look_again()
        try:
            await one.turn
            yield
        finally:
            if one in self._waiting:
                self._waiting.remove(one)
            self._running.discard(job_id)
            self._look_again()

    async def stop(self) -> None:
        """Give no more turns; no estimate is left running."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _look_again(self) -> None:
        self._changed.set()
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._give_turns(), name="job-slots")

    async def _give_turns(self) -> None:
        """Give turns until no job waits; while one waits for memory, look again from time to time."""
        while self._waiting:
            self._changed.clear()
            one = self._owners.order(self._waiting, lambda waiting: waiting.owner)[0]
            if len(self._running) < self._max_jobs() and (not self._running or await self._fits(one)):
                self._start(one)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RETRY_SECONDS)

    def _start(self, one: _Waiting) -> None:
        if one in self._waiting and not one.turn.done():  # not cancelled while its memory was estimated
            self._waiting.remove(one)
            self._running.add(one.job_id)
            self._owners.mark_served(one.owner)
            one.turn.set_result(None)

    async def _fits(self, one: _Waiting) -> bool:
        """Whether the job's memory fits beside what the running ones will still take."""
        try:
            reserved = sum([(await self._estimate(job_id)).missing for job_id in sorted(self._running)])
            need = await self._estimate(one.job_id)
        except Exception:
            log.warning("The memory of %s is not known: it waits for the others.", one.job_id, exc_info=True)
            return False
        free = need.available - reserved
        if need.total > free and one in self._waiting:
            self._on_wait(one.job_id, need.total, free)
        return need.total <= free
