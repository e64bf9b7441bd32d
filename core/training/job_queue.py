"""The queue: one poller that starts the waiting jobs of a project and follows them all until they end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from core.errors import JukuError, ProjectError, ProviderError
from core.language import tr
from core.providers import JobState, JobStatus, Provider
from core.providers.retry_policy import MAX_PAUSE_SECONDS, PollTimer
from core.storage.project import Changes, OnChanges, Project
from core.training import jobs, metrics, submit
from core.training.jobs import Job

MIN_JOBS_TO_LIST = 3  # followed jobs from which a server is asked for its list instead of each
CLOSELY_FOLLOWED_SECONDS = 120.0  # seconds in which a job is followed closely
LEISURELY_FACTOR = 6.0  # times the usual interval between two looks at the events of an older job
EVENTS_A_SECOND = 1.0  # requests for events, over all jobs that tell nothing new
IDLE_SECONDS = 3600.0
MAX_FAILED_ROUNDS = 10  # in a row, after which following one job is given up; the job itself goes on

Connect = Callable[[str], Awaitable[Provider]]
OnSent = Callable[[int, int, int], None]


@dataclass(slots=True)
class _Server(PollTimer):
    """A server's state in the queue."""

    task: asyncio.Task[None] | None = None
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)  # one after the other: the same rows go out once


@dataclass(slots=True)
class _EventSchedule:
    since: float
    events_due: float = 0.0


@dataclass
class JobQueue:
    """Follows the jobs of `project` while `run` runs.

    `limit` returns how many jobs may run at a provider at once. `on_ended` is called once for each job that ends, also
    for those that ended while the program was closed. `failures` holds the servers that cannot be polled now, and why.
    """

    project: Project
    connect: Connect
    limit: Callable[[str], int]
    on_changes: OnChanges = lambda _changes: None
    on_ended: Callable[[Job], None] = lambda _job: None
    on_sent: OnSent = lambda _job, _done, _total: None
    failures: dict[str, JukuError] = field(default_factory=dict)
    watched: int | None = None  # the job that the person looks at: its events are fetched each time

    def __post_init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        self._followed: dict[int, _EventSchedule] = {}
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._requested_actions: set[tuple[int, str]] = set()
        self._only: int | None = None  # the one job that is followed, None for all
        self._woken = asyncio.Event()
        self._tokens = EVENTS_A_SECOND
        self._counted = time.monotonic()

    def wake(self, provider: str = "") -> None:
        """Poll at once: a job was queued, a key entered, the network is back. '' means all servers."""
        for id, server in self._servers.items():
            if provider in ("", id):
                server.reset()
        self._woken.set()

    def stop_sending(self, id: int) -> None:
        """Stop the upload of a job that was cancelled."""
        if task := self._sending.get(id):
            task.cancel()

    async def run(self) -> None:
        """Follow all jobs until cancelled. A `JukuError` at one server is stored in `failures` and delays no other."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._run_once(group)

    async def follow(self, id: int) -> Job:
        """Work on this job alone until it has ended; returns its record. The others stay as they are.

        Raises the server's `JukuError` where asking it again is no use, or after `MAX_FAILED_ROUNDS` failures in a row.
        """
        self._only = self.watched = id
        async with asyncio.TaskGroup() as group:
            while not (record := await self.project.read(jobs.load, id)).ended:
                server = self._servers.setdefault(record.provider, _Server())
                if server.blocked or server.failures >= MAX_FAILED_ROUNDS:
                    break
                await self._run_once(group)
        if not record.ended:
            raise self.failures[record.provider]
        return record

    async def _run_once(self, group: asyncio.TaskGroup) -> None:
        """Begin what is due, and wait until a round has ended or the next is due."""
        self._woken.clear()
        pause = await self._begin_rounds(group)
        with suppress(TimeoutError):  # wait_for would sometimes swallow a cancellation
            async with asyncio.timeout(pause):
                await self._woken.wait()

    async def _load_unfinished(self) -> list[Job]:
        """The jobs that this queue looks after, the oldest first."""
        found = await self.project.read(jobs.load_unfinished)
        return [job for job in found if self._only in (None, job.id)]

    async def _begin_rounds(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due; returns the seconds until the next."""
        try:
            found = await self._load_unfinished()
        except JukuError:
            return MAX_PAUSE_SECONDS
        self._drop_ended(found)
        now = time.monotonic()
        providers = dict.fromkeys(job.provider for job in found)
        for id in providers:
            server = self._servers.setdefault(id, _Server())
            if server.task is None and not server.blocked and server.due <= now:
                # The task runs later: what is noted until then is news to it.
                server.task = group.create_task(self._round(group, id, server, self.failures.get(id)))
        pending = [
            server.due
            for id, server in self._servers.items()
            if id in providers and not (server.task or server.blocked)
        ]
        return max(0.0, min(pending, default=now + IDLE_SECONDS) - now)

    def _drop_ended(self, found: list[Job]) -> None:
        there, served = {job.id for job in found}, {job.provider for job in found}
        self._requested_actions = {action for action in self._requested_actions if action[0] in there}
        self._followed = {id: schedule for id, schedule in self._followed.items() if id in there}
        for id in set(self._servers) - served:
            if self._servers[id].task is None:
                del self._servers[id]
                self.failures.pop(id, None)

    async def _round(self, group: asyncio.TaskGroup, id: str, server: _Server, before: JukuError | None) -> None:
        """One round at a server: requested actions, running jobs, and those that wait.

        `before` is what was wrong with it when the round was begun.
        """
        pause = Provider.poll_seconds
        try:
            provider = await self.connect(id)
            pause = provider.poll_seconds
            await self._poll_server(provider)
            await self._start_waiting(group, provider)
        except JukuError as error:
            pause = self._note_failure(id, server, error, pause)
        else:
            if self.failures.get(id) is before:
                self._note_success(id, server)
            else:  # a job that was sent meanwhile was refused: its pause counts
                pause = max(pause, server.seconds_left())
        finally:
            server.task = None
            server.schedule(pause)
            self._woken.set()

    def _note_success(self, id: str, server: _Server) -> None:
        """A round has gone well: what was wrong before it is over."""
        server.failures = 0
        if self.failures.pop(id, None):
            self.on_changes(Changes("", records={"job"}))

    def _note_failure(self, id: str, server: _Server, error: JukuError, usual: float) -> float:
        """Note why a server cannot be asked; returns the seconds until the next try."""
        pause = server.note_failure(error, usual)
        news = str(self.failures.get(id)) != str(error)
        self.failures[id] = error
        if news:
            self.on_changes(Changes("", records={"job"}))
        return pause

    async def _poll_server(self, provider: Provider) -> None:
        followed = [job for job in await self._load_unfinished() if job.provider == provider.id]
        await self._send_requested_actions(provider, [job for job in followed if job.wish and job.remote_id])
        sent = [job for job in followed if job.remote_id]
        states = {state.id: state for state in await provider.jobs()} if len(sent) >= MIN_JOBS_TO_LIST else {}
        for job in sorted(followed, key=self._events_due):
            if job.status == JobStatus.CREATING and job.id not in self._sending:
                await self._report(await submit.recover(self.project, provider, job.id), job)
            elif job.status == JobStatus.UPLOADING and job.id not in self._sending:
                await self.project.write("", jobs.set_status, job.id, JobStatus.WAITING)  # the program ended meanwhile
            elif job.remote_id:
                await self._poll_job(provider, job, states.get(job.remote_id))

    def _events_due(self, job: Job) -> float:
        """Whose events were asked for longest ago comes first, so that many jobs starve none."""
        return self._followed[job.id].events_due if job.id in self._followed else 0.0

    async def _send_requested_actions(self, provider: Provider, jobs_with_action: list[Job]) -> None:
        """Send requested actions that were not confirmed.

        A new one is being sent already: only one that is still there in the next round is repeated.
        """
        lasting = [job for job in jobs_with_action if (job.id, job.wish) in self._requested_actions]
        self._requested_actions -= {
            action for action in self._requested_actions if action[0] in {job.id for job in jobs_with_action}
        }
        self._requested_actions |= {(job.id, job.wish) for job in jobs_with_action}
        for job in lasting:
            with suppress(ProviderError):  # the state that is asked for next tells what became of it
                await self._report(await submit.send_requested_action(self.project, provider, job), job)

    async def _poll_job(self, provider: Provider, job: Job, state: JobState | None) -> None:
        assert job.remote_id
        try:
            state = state or await provider.job(job.remote_id)
            if jobs.is_news(job, state) or job.adopted == 1 or self._wants_events(provider, job, state):
                await self._report(await submit.update(self.project, provider, job.id, state), job)
            await submit.cancel_duplicates(provider, job)
            if state.ended:
                await self._merge_results(provider, job.id)
        except ProviderError as error:
            if error.status != 404:
                raise
            gone = tr("This job no longer exists there. What it reported until then is kept.")
            await self._report(
                await self.project.write("", jobs.fail, job.id, gone, "not_found", JobStatus.MISSING), job
            )

    def _wants_events(self, provider: Provider, job: Job, state: JobState) -> bool:
        """Whether it is time to ask for a running job's events: closely at first, then at leisure, few at a time."""
        now = time.monotonic()
        schedule = self._followed.setdefault(job.id, _EventSchedule(now))
        self._tokens = min(2 * EVENTS_A_SECOND * max(1.0, provider.poll_seconds), self._tokens + (now - self._counted) * EVENTS_A_SECOND)  # fmt: skip
        self._counted = now
        if state.ended or now < schedule.events_due or (job.id != self.watched and self._tokens < 1.0):
            return False
        self._tokens -= job.id != self.watched
        pace = 1.0 if now - schedule.since < CLOSELY_FOLLOWED_SECONDS or job.id == self.watched else LEISURELY_FACTOR
        schedule.events_due = now + provider.poll_seconds * pace * 0.9
        return True

    async def _merge_results(self, provider: Provider, id: int) -> None:
        """Download and merge the result files of a job that has ended; one that is missing or broken is not tried again."""
        record = await self.project.read(jobs.load, id)
        if record.results_merged or record.result_files == "[]":
            return
        for file in record.files:
            try:
                data = await provider.download(file)
                await self.project.write("", metrics.merge_results, id, data)
            except ProviderError as error:
                if error.status != 404:
                    raise
            except JukuError as error:
                self.failures[provider.id] = error
        self.on_changes(await self.project.write("", jobs.mark_results_merged, id))

    async def _start_waiting(self, group: asyncio.TaskGroup, provider: Provider) -> None:
        """Send waiting jobs as far as the provider's limit allows."""
        found = [job for job in await self._load_unfinished() if job.provider == provider.id]
        server = self._servers[provider.id]
        if server.blocked or (server.failures and server.due > time.monotonic()):
            return  # a job that was being sent when this round began has failed: the next round comes after a pause
        running = sum(not job.ended and (job.status != JobStatus.WAITING or job.id in self._sending) for job in found)
        waiting = [job for job in found if job.status == JobStatus.WAITING and job.id not in self._sending]
        for job in waiting[: max(0, self.limit(provider.id) - running)]:
            task = group.create_task(self._send(provider, job))
            self._sending[job.id] = task
            task.add_done_callback(lambda _task, id=job.id: self._sending.pop(id, None))  # type: ignore[misc]

    async def _send(self, provider: Provider, job: Job) -> None:
        server = self._servers[provider.id]
        try:
            async with server.sending:
                await submit.send(self.project, provider, job.id, lambda done, total: self.on_sent(job.id, done, total))
        except (ProviderError, ProjectError) as error:
            server.due = time.monotonic() + await self._note_send_failure(provider, server, job, error)
        except JukuError as error:  # the rows or numbers of this job are wrong
            await self._report(await self.project.write("", jobs.fail, job.id, str(error)), job)
        else:
            server.due = 0.0  # there may be room for the next one
        finally:
            self.on_changes(Changes("", records={"job"}))
            self._woken.set()

    async def _note_send_failure(self, provider: Provider, server: _Server, job: Job, error: JukuError) -> float:
        """The seconds to wait: none where only this job was refused."""
        record = await self.project.read(jobs.load, job.id)
        if record.ended:
            self.on_ended(record)
            return 0.0
        return self._note_failure(provider.id, server, error, provider.poll_seconds)

    async def _report(self, changes: Changes, before: Job) -> None:
        """Report what has changed; the end of a job is reported once."""
        if changes.tables:
            self.on_changes(changes)
        record = await self.project.read(jobs.load, before.id)
        if record.ended and not before.ended:
            self.on_ended(record)


async def follow(project: Project, provider: Provider, id: int, on_changes: OnChanges = lambda _changes: None) -> Job:
    """Follow one job at `provider` to its end without a window; returns its record.

    Raises `JukuError` as `JobQueue.follow` does. Cancelling ends the following, not the job.
    """

    async def connect(_id: str) -> Provider:
        return provider

    return await JobQueue(project, connect, lambda _id: 1, on_changes).follow(id)
