"""Runs Juku's provider and queue in bad weather against a server nobody here wrote; writes docs/independent-fake.md.

The server is `@copilotkit/aimock` from the npm registry, put into a folder that is deleted afterwards. Its dice are
seeded, so that the weather is of the same kind each time; the order in which requests meet it is not.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.dataset import sample_projects
from core.errors import ProviderError
from core.providers import JobRequest, JobStatus, Provider, Sampling
from core.providers.connection_test import check_connection
from core.replies import PAIRS_SCHEMA
from core.storage.project import Project
from core.training import jobs, submit
from core.training.job_queue import JobQueue
from core.training.submit import TrainingPlan
from tools.aimock_server import ANSWER, MODEL, VERSION, Mock, NotRunningError

PAGE = Path(__file__).parent.parent / "docs" / "independent-fake.md"
TIMES, AT_ONCE = 100, 10
STORM = {"dropRate": 0.1, "malformedRate": 0.1, "rateLimitRate": 0.1, "disconnectRate": 0.1}
JOBS, LIMIT = 8, 2
PATIENCE = 240.0  # seconds for the queue's jobs
ROWS, LINE = b'{"messages": []}\n', b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
ENDPOINT = "/v1/chat/completions"
ASKED: list[dict[str, Any]] = [{"role": "user", "content": "When is it open?"}]
Call = Callable[[Provider], Awaitable[bool | str]]  # whether all was right; or words for what is meant to be not


@dataclass
class Tally:
    """How often something was asked, and what came of it."""

    what: str
    asked: int = 0
    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # words, by the code of the error
    wrong: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    faults: int = 0

    def row(self) -> str:
        codes = ", ".join(f"{number} × {code}" for code, number in self.failed.most_common())
        cells = [self.what, self.asked, self.requests, self.faults, self.answered, self.failed.total(), codes]
        return "| " + " | ".join(map(str, [*cells, "; ".join(self.wrong) or 0])) + " |"


@dataclass
class Stock:
    """What was made in calm: one object of each kind to ask for, and one for each call that uses one up."""

    token: str
    file: str = ""
    job: str = ""
    batch: str = ""
    files: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)

    async def fill(self, provider: Provider, times: int) -> None:
        self.file = (await provider.upload("rows.jsonl", ROWS)).id
        line = (await provider.upload("batch.jsonl", LINE, "batch")).id
        request = JobRequest(MODEL, self.file, self.token, suffix="s", seed=7)
        self.job = (await provider.create_job(request)).id
        self.batch = (await provider.create_batch(line, ENDPOINT, self.token)).id
        await provider.batch(self.batch)
        for _ in range(times):
            self.files.append((await provider.upload("spare.jsonl", ROWS)).id)
            self.jobs.append((await provider.create_job(replace(request, token="spare"))).id)
            self.batches.append((await provider.create_batch(line, ENDPOINT, "spare")).id)


def kinds(stock: Stock) -> dict[str, Call]:
    """A call of each kind; each looks whether its answer is the right one."""
    job, file, batch, token = stock.job, stock.file, stock.batch, stock.token
    names = iter(range(10**6))

    async def deleted(provider: Provider) -> bool:
        await provider.delete_file(stock.files.pop())
        return True

    async def created(provider: Provider) -> bool:
        return (await provider.create_job(JobRequest(MODEL, file, f"storm-{next(names)}"))).model == MODEL

    async def uploaded(provider: Provider) -> bool:
        return (await provider.upload(f"{next(names)}.jsonl", ROWS)).bytes == len(ROWS)

    async def batched(provider: Provider) -> bool:
        return (await provider.create_batch(file, ENDPOINT, f"storm-{next(names)}")).id != batch

    async def chatted(provider: Provider, model: str = MODEL, **how: Any) -> bool | str:
        reply = await provider.chat(model, ASKED, how.pop("sampling", Sampling()), **how)
        return reply.texts == [ANSWER] if reply.complete else "cut short, and said so"

    return {
        "list the models": lambda p: _is(p.models(), lambda found: any(one.id == MODEL for one in found)),
        "diagnose the server": lambda p: _diagnosed(p),
        "ask for limits (it has none)": lambda p: _is(p.model_limits(), lambda _found: False),
        "list the files": lambda p: _is(p.files("fine-tune"), lambda found: any(one.id == file for one in found)),
        "a file": lambda p: _is(p.file(file), lambda found: found.name == "rows.jsonl"),
        "download a file": lambda p: _is(p.download(file), lambda found: found == ROWS),
        "upload a file, once": uploaded,
        "create a job, once": created,
        "a job": lambda p: _is(p.job(job), lambda found: found.token == token),
        "list the jobs": lambda p: _is(p.jobs(), lambda found: any(one.id == job for one in found)),
        "find a job by its token": lambda p: _is(p.find_jobs(token), lambda found: [one.id for one in found] == [job]),
        "events of a job": lambda p: _is(p.events(job, set()), lambda found: "created" in found[0].message),
        "checkpoints (it has none)": lambda p: _is(p.checkpoints(job), lambda found: found == []),
        "pause a job (it cannot)": lambda p: _is(p.pause_job(job), lambda _found: False),
        "chat, streamed": chatted,
        "chat, sent once": partial(chatted, once=True),
        "chat, three answers (it gives one)": partial(chatted, sampling=Sampling(0.7, n=3, seed=1)),
        "chat by a schema": partial(chatted, schema=PAIRS_SCHEMA),
        "chat, ended early": partial(chatted, model="truncated"),
        "chat, line cut in the middle": partial(chatted, model="disconnected"),
        "embed three texts": lambda p: _is(p.embed(MODEL, ["a", "b", "c"]), lambda found: found == [[0.5, 0.25]] * 3),
        "moderate a text": lambda p: _is(p.moderate(["a"]), lambda found: found == [[]]),
        "moderate two (it answers to one)": lambda p: _is(p.moderate(["a", "b"]), lambda _found: False),
        "create a batch, once": batched,
        "a batch": lambda p: _is(p.batch(batch), lambda found: found.total == 1),
        "find a batch by its token": lambda p: _is(p.find_batch(token), lambda found: found.id == batch),
        "delete a file, once": deleted,
        "cancel a job": lambda p: _is(
            p.cancel_job(stock.jobs.pop()), lambda found: found.status == JobStatus.CANCELLED
        ),
        "cancel a batch": lambda p: _is(
            p.cancel_batch(stock.batches.pop()), lambda found: found.status == "cancelling"
        ),
    }


async def _is(call: Awaitable[Any], right: Callable[[Any], bool]) -> bool:
    return right(await call)


async def _diagnosed(provider: Provider) -> bool | str:
    found = await check_connection(provider)
    return found.models >= 1 if found.ok else "trouble, and said so"


async def tally(what: str, call: Call, provider: Provider, mock: Mock, times: int) -> Tally:
    """Ask `times` times, some at once, and count."""
    made, gate = Tally(what, times), asyncio.Semaphore(AT_ONCE)
    mock.forget_requests()

    async def ask() -> None:
        async with gate:
            try:
                found = await call(provider)
            except ProviderError as error:
                assert error.title and error.message, repr(error)
                made.failed[str(error.code or error.status)] += 1
            except Exception as error:  # a bug of Juku, which is what is looked for
                made.wrong[repr(error)] += 1
            else:
                made.answered += found is True
                made.failed.update([found] if isinstance(found, str) else [])
                made.wrong.update(["a wrong answer"] if found is False else [])

    await asyncio.gather(*(ask() for _ in range(times)))
    made.requests, made.faults = mock.requests()
    return made


async def storm(mock: Mock, weather: dict[str, float], times: int) -> list[Tally]:
    """A tally of each kind, with objects of its own that were made in calm."""
    provider = Provider("aimock", "aimock", mock.url)
    mock.weather({})
    stock = Stock(f"first of {times}")
    await stock.fill(provider, times)
    mock.weather(weather)
    try:
        return [await tally(what, call, provider, mock, times) for what, call in kinds(stock).items()]
    finally:
        mock.weather({})
        await provider.close()


@dataclass
class Life:
    """What became of jobs that were queued in a storm."""

    seconds: float = 0.0
    ended: list[str] = field(default_factory=list)
    requests: int = 0
    faults: int = 0
    words: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


async def live(mock: Mock, path: Path) -> Life:
    """Queue jobs, follow them to their ends through a storm, and compare with what the server has then."""
    mock.reset()
    life, began, project = Life(), time.monotonic(), Project(path)
    provider = Provider("aimock", "aimock", mock.url)
    provider.poll_seconds = 0.02
    await project.write("", sample_projects.fill, "hobannu-en")
    plans = [
        TrainingPlan(MODEL, "study", {"n_epochs": 1 + number}, seed=number, suffix=f"s{number}")
        for number in range(JOBS)
    ]
    await submit.enqueue(project, "aimock", plans)
    mock.weather(STORM)
    try:
        async with asyncio.timeout(PATIENCE):
            await _follow(project, provider, life)
    except TimeoutError:
        life.wrong.append(f"not done after {PATIENCE:.0f} s")
    life.seconds = time.monotonic() - began
    life.requests, life.faults = mock.requests()
    mock.weather({})
    life.wrong += await _differences(project, provider)
    await provider.close()
    project.close()
    return life


async def _follow(project: Project, provider: Provider, life: Life) -> None:
    async def connect(_id: str) -> Provider:
        return provider

    def heard(_changes: object) -> None:
        life.words |= {error.title for error in queue.failures.values()}

    queue = JobQueue(project, connect, lambda _id: LIMIT, heard, lambda job: life.ended.append(job.status))
    task = asyncio.ensure_future(queue.run())
    try:
        while await project.read(jobs.load_unfinished) and not task.done():
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(ended, asyncio.CancelledError):
            life.wrong.append(f"the queue ended with {ended!r}")


async def _differences(project: Project, provider: Provider) -> list[str]:
    """How the project's jobs differ from the server's, each of which must be there once."""
    found, there = await project.read(jobs.load_all), await provider.jobs()
    wrong = [f"job {job.id} is {job.status}" for job in found if job.status != JobStatus.SUCCEEDED]
    if sorted(state.token for state in there) != sorted(job.token for job in found):
        wrong.append(f"{len(there)} jobs on the server for {len(found)} queued")
    if len(files := await provider.files("fine-tune")) != 1:
        wrong.append(f"the same rows were sent {len(files)} times")
    for job in found:
        told = [event.id for event in await provider.events(job.remote_id or "", set())]
        if [event.id for event in await project.read(jobs.load_events, job.id)] != told:
            wrong.append(f"the events of job {job.id} differ")
    return wrong


HEAD = """# Test against an independent fake server

How Juku behaves when a server fails often. `tools/aimock.py` writes this page.

The server is `{version}` from the npm registry: a fake of the OpenAI platform that was written by others. Each kind of call was made {times} times, {at_once} at once. Meanwhile, a seeded random generator disturbed the requests:

- {rate:.0%} were answered with status 500;
- of the rest, {rate:.0%} each were answered with broken JSON, with status 429 and `Retry-After: 1`, or not at all (the connection is cut).

The fake does not disturb requests for models, limits, checkpoints and moderation, and does not count some of them.

The columns of the table:

- *Answered*: the answer was right.
- *In words*: the call failed with an error message, as it should; *which* names the error codes.
- *Otherwise*: what would be a bug of Juku: another exception, or a wrong answer that was taken for a right one.

Calls that must not happen twice are sent once. Juku repeats the others: questions to a model up to four times, all others up to two times (`core/providers/retry_policy.py`).

{asked} calls made {requests} requests, and {faults} of these were disturbed. {answered} calls were answered, {failed} failed in words, {wrong} otherwise.

| what | calls | requests | disturbed | answered | in words | which | otherwise |
|---|---|---|---|---|---|---|---|
"""
LIFE = """
## The queue

{jobs} jobs with the same rows were queued, {limit} at a time, with the same disturbances. After {seconds:.0f} s: {ended}. They made {requests} requests, and {faults} of these were disturbed. Afterwards the server had {verdict}.

Messages that Juku showed meanwhile: {words}.

## What it cannot show

- The fake has no checkpoints, pauses, result files, step numbers or limits, and no `n` parameter. Of several texts it moderates only one.
- A job of the fake moves on when it is asked for, not by itself.
- The fake disturbs a request before it acts on it. So an answer never gets lost after the server has done what was asked.

All of these are tested against `tests/support/fake_server.py`.
"""


def page(tallies: list[Tally], life: Life) -> str:
    """The document."""
    counts = {name: sum(getattr(one, name) for one in tallies) for name in ("asked", "requests", "faults", "answered")}
    counts |= {name: sum(getattr(one, name).total() for one in tallies) for name in ("failed", "wrong")}
    head = HEAD.format(version=VERSION, times=TIMES, at_once=AT_ONCE, rate=STORM["dropRate"], **counts)
    ended = ", ".join(f"{number} {status}" for status, number in Counter(life.ended).items())
    verdict = "each job once and the rows once, and every event was in the project once and in order"
    told = LIFE.format(
        jobs=JOBS, limit=LIMIT, ended=ended, seconds=life.seconds, requests=life.requests, faults=life.faults,
        verdict="; ".join(life.wrong) or verdict, words="; ".join(sorted(life.words)) or "nothing",
    )  # fmt: skip
    return head + "".join(f"{one.row()}\n" for one in tallies) + told


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            mock = Mock(Path(folder))
        except NotRunningError as reason:
            print(reason, file=sys.stderr)
            return 2
        try:
            calm = await storm(mock, {}, 1)
            tallies = await storm(mock, STORM, TIMES)
            life = await live(mock, Path(folder) / "p.juku")
        finally:
            mock.close()
    text = page(tallies, life)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    print("in calm, without an answer:", *(f"{one.what}: {one.row()}" for one in calm if not one.answered), sep="\n")
    return int(bool(life.wrong) or any(one.wrong for one in tallies))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
