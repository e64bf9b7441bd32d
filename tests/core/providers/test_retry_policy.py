"""A server is asked as fast as it wants to be, over real HTTP: Retry-After, its limits, and its redirects."""

import ast
import asyncio
import inspect
from collections import Counter
from pathlib import Path

import pytest

from core.errors import TRAINING_CLOSED_CODE, ProviderError
from core.exam import prompt_conditions, retrieval
from core.paths import ROOT
from core.progress import Progress, Reporter
from core.providers import JobRequest, LocalProvider, Sampling, retry_policy, server_presets
from core.providers.connection_test import probe_capabilities
from core.providers.http_client import Connection
from core.providers.protocol_types import ExportedFile
from core.providers.retry_policy import (
    MAX_PARALLEL,
    MAX_PAUSE_SECONDS,
    QUESTIONING,
    READING,
    PollTimer,
    RateLimiter,
    retry_after,
)
from core.spec.spec import Spec
from tests.support import scripted_models
from tests.support.fake_server import KEY, FakeServer, Fault
from tests.support.patience import PATIENCE
from tests.support.scripted_models import GATES, begin
from tests.support.serving import count_chats, run

CLIENT_PACKAGES = ("providers", "training", "review", "generation", "exam", "chat", "cli")
QUESTION = [{"role": "user", "content": "?"}]
SOON = {"Retry-After-Ms": "20"}
NOON = "Sun, 29 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "40"}, 40.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Sun, 29 Nov 2026 12:00:40 GMT", "date": NOON}, 40.0),
        ({"retry-after": "Sun, 29 Nov 2026 11:59:00 GMT", "date": NOON}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_as_seconds_or_as_a_date(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_date_without_the_servers_clock_is_held_against_ours():
    assert retry_after({"retry-after": "Sun, 29 Nov 1998 12:00:00 GMT"}) == 0.0
    assert retry_after({"retry-after": "Fri, 29 Nov 2999 12:00:00 GMT"}) > 1e9


def test_a_server_is_left_alone_as_long_as_it_asks_and_the_wait_is_told(gates, server):
    """Not after our own pause, which is 0 here: the telling is what shows that there was a wait."""
    seen, told = Counter(), []
    server.script = scripted_models.examples

    def weather(_method, path):
        seen[path] += 1
        return Fault(status=429, headers=SOON) if path.endswith("completions") and seen[path] < 3 else None

    server.weather = weather
    reporter = Reporter(told.append)
    outcome = asyncio.run(scripted_models.ask(gates, server.provider(), begin(gates), reporter))
    assert (outcome.answered, outcome.failed) == (10, 0)
    assert all(0 < one.pause <= 0.02 for one in told if one.pause)
    assert any(one.pause for one in told)
    assert told[-1] == Progress(10, 10)


def test_a_wait_that_is_too_long_ends_the_run_and_what_was_answered_stays(gates, server):
    server.script = scripted_models.examples
    server.weather = lambda _method, _path: Fault(status=429, headers={"Retry-After": str(int(MAX_PAUSE_SECONDS) + 1)})
    id = begin(gates)
    with pytest.raises(ProviderError, match="is busy or a limit is reached"):
        asyncio.run(scripted_models.ask(gates, server.provider(), id, Reporter()))
    assert len(server.requests) <= Connection.at_once  # none is asked twice, the rest is not asked at all
    server.weather = lambda _method, _path: None
    assert asyncio.run(scripted_models.ask(gates, server.provider(), id, Reporter())).answered == 10


@pytest.mark.parametrize("what", ["embeddings", "moderations"])
def test_vectors_and_moderation_wait_as_answers_do(server, what):
    seen, told = Counter(), []

    def weather(_method, path):
        seen[path] += 1
        return Fault(status=429, headers=SOON) if seen[path] < 4 else None

    server.weather = weather
    ask = {
        "embeddings": lambda provider: provider.embed("m", ["banana"], told.append),
        "moderations": lambda provider: provider.moderate(["banana"], told.append),
    }
    assert run(server, ask[what]) == {"embeddings": [[6.0, 3.0, 1.0]], "moderations": [[]]}[what]
    assert seen == {f"/v1/{what}": 4}
    assert told


def test_questions_side_by_side_have_the_passages_embedded_once(project, server):
    state = Spec("Gates", "en", "", scripted_models.TEXT)
    book = prompt_conditions.PromptBuilder(state, [], prompt_conditions.RetrievalSettings(embedding="vectors"))

    async def work(provider):
        await asyncio.gather(*(book.find(project, f"When does {gate} open?", provider) for gate in GATES))

    run(server, work)
    book.close()
    sent = [body.decode() for _method, path, body in server.requests if path.endswith("embeddings")]
    whole = retrieval.split_passages(state.text)[0].text[:30].replace("\n", "\\n")
    assert sum(whole in body for body in sent) == 1


# --- every request keeps the one policy

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
EXPORTED, NOWHERE = ExportedFile("a.gguf", 1, "0"), Path("/nowhere/a.gguf")
LOOKS = {
    "models": lambda provider: provider.models(),
    "terms": lambda provider: LocalProvider.terms(provider, "base-model"),
    "model_limits": lambda provider: provider.model_limits(),
    "files": lambda provider: provider.files(),
    "file": lambda provider: provider.file("file-1"),
    "download": lambda provider: provider.download("file-1"),
    "jobs": lambda provider: provider.jobs(),
    "job": lambda provider: provider.job("ftjob-1"),
    "events": lambda provider: provider.events("ftjob-1", set()),
    "checkpoints": lambda provider: provider.checkpoints("ftjob-1"),
    "find_batch": lambda provider: provider.find_batch("token"),
    "batch": lambda provider: provider.batch("batch_1"),
    "exports": lambda provider: provider.exports("m"),
    "export_state": lambda provider: provider.export_state("export-1"),
    "download_exported": lambda provider: provider.download_exported("export-1", EXPORTED, NOWHERE, lambda *_: None),
    "estimate_training": lambda provider: LocalProvider.estimate_training(
        provider, "m", "supervised", {}, ["{}"], 1, 0
    ),
}
ACTS = {
    "create_job": lambda provider: provider.create_job(JobRequest("m", "f", "t", method="supervised")),
    "cancel_job": lambda provider: provider.cancel_job("ftjob-1"),
    "pause_job": lambda provider: provider.pause_job("ftjob-1"),
    "resume_job": lambda provider: provider.resume_job("ftjob-1"),
    "upload": lambda provider: provider.upload("rows.jsonl", b"{}\n"),
    "delete_file": lambda provider: provider.delete_file("file-1"),
    "delete_model": lambda provider: provider.delete_model("m"),
    "create_batch": lambda provider: provider.create_batch("file-1", "/v1/chat/completions", "token"),
    "cancel_batch": lambda provider: provider.cancel_batch("batch_1"),
    "prepare": lambda provider: prepare(provider),
    "cancel_preparing": lambda provider: LocalProvider.cancel_preparing(provider, "base-model"),
    "start_export": lambda provider: provider.start_export("m", ["adapter"], {}, "token"),
    "cancel_export": lambda provider: provider.cancel_export("export-1"),
    "update_export_card": lambda provider: provider.update_export_card("export-1", {}),
    "delete_export": lambda provider: provider.delete_export("export-1"),
    "add_model": lambda provider: LocalProvider.add_model(provider, repo="a/b"),
    "look_at_jobs": lambda provider: (
        provider.look_at_jobs()
    ),  # nothing is made by a look; a person waits for its answer
    "look_at_files": lambda provider: provider.look_at_files(),
    "remove_model": lambda provider: LocalProvider.remove_model(provider, "m"),
}
QUESTIONS = {
    "chat": lambda provider: provider.chat("m", QUESTION, Sampling()),
    "call": lambda provider: provider.call("m", QUESTION, [TOOL]),
    "moderate": lambda provider: provider.moderate(["a"]),
    "embed": lambda provider: provider.embed("m", ["a"]),
}
COMPOSED = {"client", "close", "request_json", "offers", "batch_answers", "find_jobs"}


async def prepare(provider):
    """The engine's own route, at the scripted server: everything else of `LocalProvider` is about its process."""
    await LocalProvider.prepare(provider, "base-model")


def each(*groups):
    return [pytest.param(way, id=name) for ways in groups for name, way in ways.items()]


def test_no_kind_of_request_is_forgotten_here():
    kinds = {name for name, _ in inspect.getmembers(LocalProvider, inspect.iscoroutinefunction) if name[0] != "_"}
    assert kinds - COMPOSED == {*LOOKS, *ACTS, *QUESTIONS}


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429, headers=SOON), Fault("lose"), Fault("reset")])
@pytest.mark.parametrize("way", each(ACTS))
def test_what_changes_something_is_sent_once(server, way, fault):
    server.weather = lambda _method, _path: fault
    with pytest.raises(ProviderError):
        run(server, way)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429, headers=SOON), Fault("reset")])
@pytest.mark.parametrize("way", each(LOOKS))
def test_a_look_is_taken_again(server, way, fault):
    server.weather = lambda _method, _path: fault
    with pytest.raises(ProviderError):
        run(server, way)
    assert len(server.requests) == READING.tries


@pytest.mark.parametrize("way", each(QUESTIONS))
@pytest.mark.parametrize(("fault", "tries"), [(Fault(status=503), QUESTIONING.tries), (Fault("lose"), 1)])
def test_a_question_is_asked_again_where_nothing_was_answered(server, way, fault, tries):
    server.weather = lambda _method, _path: fault
    with pytest.raises(ProviderError):
        run(server, way)
    assert len(server.requests) == tries


@pytest.mark.parametrize("seconds", ["20", str(int(MAX_PAUSE_SECONDS) - 1)])
@pytest.mark.parametrize("way", each(LOOKS, ACTS))
def test_a_server_that_wants_to_be_left_alone_for_long_is_and_it_is_said_at_once(server, way, seconds):
    """The package waited a minute without a word, or did not wait at all."""
    server.weather = lambda _method, _path: Fault(status=429, headers={"Retry-After": seconds})

    async def twice(provider):
        with pytest.raises(ProviderError, match="is busy or a limit is reached"):
            await way(provider)
        with pytest.raises(ProviderError, match="is busy or a limit is reached") as caught:
            await way(provider)
        assert (caught.value.status, caught.value.code) == (429, retry_policy.HELD_BACK)
        assert caught.value.retry_after == pytest.approx(float(seconds), abs=PATIENCE)

    run(server, twice)
    assert len(server.requests) == 1


@pytest.mark.parametrize("way", each(LOOKS, ACTS))
def test_a_short_wait_is_waited_for(server, way):
    faults = [Fault(status=429, headers=SOON)]
    server.weather = lambda _method, _path: faults.pop() if faults else Fault(status=403)

    async def twice(provider):
        for _time in range(2):
            with pytest.raises(ProviderError):
                await way(provider)
            assert provider.limiter.seconds_left(READING) < 0.02

    run(server, twice)


def test_the_limits_of_questions_do_not_keep_a_job_from_being_stopped(server):
    job = server.create({"model": "m", "training_file": "f"})["id"]
    server.weather = lambda _method, path: (
        Fault(status=429, headers={"Retry-After": str(int(MAX_PAUSE_SECONDS) + 1)}) if "chat" in path else None
    )

    async def work(provider):
        with pytest.raises(ProviderError):
            await provider.chat("m", QUESTION, Sampling())
        return await provider.cancel_job(job)

    assert run(server, work).status == "cancelled"


def test_a_look_at_a_server_that_is_held_tells_nothing_of_its_routes(server):
    server.weather = lambda _method, _path: Fault(status=429, headers={"Retry-After": "60"})

    async def work(provider):
        with pytest.raises(ProviderError):
            await provider.models()
        return await probe_capabilities(provider)

    found = run(server, work)
    assert (found.files, found.jobs, found.batch) == (None, None, None)
    assert len(server.requests) == 1


# --- how many at once


def told(left, most="500", what="requests", reset="1s"):
    names = ("remaining", left), ("limit", most), ("reset", reset)
    return {f"x-ratelimit-{kind}-{what}": str(value) for kind, value in names}


def test_a_server_that_tells_nothing_is_asked_a_few_at_once_fewer_when_it_was_too_much():
    own = RateLimiter(4)
    assert own.at_once == 4
    own.note_response(429, {})
    assert own.at_once == 2
    own.note_response(429, {})
    own.note_response(429, {})
    assert own.at_once == 1
    for _answer in range(9):
        own.note_response(200, {})
    assert own.at_once == 4


@pytest.mark.parametrize(
    ("headers", "at_once"),
    [
        (told(400), MAX_PARALLEL),
        (told(3), 3),
        (told(1), 1),
        (told(30_000, 60_000, "tokens"), MAX_PARALLEL // 2),
        (told(400) | told(1_000, 60_000, "tokens"), 1),
        ({"x-ratelimit-remaining-requests": "many"}, 4),
        ({"x-ratelimit-remaining-requests": "-1"}, 4),
        ({"x-ratelimit-remaining-tokens": "5"}, 4),
    ],
)
def test_what_a_server_tells_of_its_limits_sets_how_many_go_out_at_once(headers, at_once):
    own = RateLimiter(4)
    own.note_response(200, headers)
    assert (own.at_once, own.seconds_left()) == (at_once, 0)


@pytest.mark.parametrize(
    ("reset", "seconds"), [("6m0s", 0.0), ("1m30s", 90.0), ("2", 2.0), ("20ms", 0.02), ("soon", 0.0)]
)
def test_where_nothing_is_left_it_is_waited_until_there_is(reset, seconds):
    """Longer than `LONGEST` nobody waits on a header's word: the server says itself when it is too much."""
    own = RateLimiter(4)
    own.note_response(200, told(0, reset=reset))
    assert own.seconds_left() == pytest.approx(seconds, abs=1.0)
    assert own.at_once == 1


def test_the_limits_hold_over_real_http(gates, server):
    """Two at once, since the server has said so; not the usual four, and not eight."""
    server.headers, server.script = told(2), scripted_models.examples
    provider = server.provider()
    under_way = count_chats(provider)

    async def work():
        await provider.models()
        return await scripted_models.ask(gates, provider, begun, Reporter())

    begun = begin(gates)
    assert asyncio.run(work()).answered == 10
    assert max(under_way) == 2


# --- redirects


@pytest.fixture
def other():
    with FakeServer() as fake:
        yield fake


def redirect(server, target, status=307):
    server.weather = lambda _method, path: Fault(status=status, headers={"Location": f"{target}{path[3:]}"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("preset", ["openai", "azure"])
def test_nothing_that_is_sent_goes_to_another_server(server, other, status, preset):
    redirect(server, other.url, status)
    ways = [
        lambda provider: provider.create_job(JobRequest("m", "f", "t", method="supervised")),
        lambda provider: provider.upload("rows.jsonl", b"{}\n"),
        lambda provider: provider.chat("m", QUESTION, Sampling()),
        lambda provider: provider.embed("m", ["secret"]),
    ]
    for way in ways:
        with pytest.raises(ProviderError, match="sends requests on to another address") as caught:
            run(server, way, preset=server_presets.preset(preset))
        assert other.url in caught.value.message
        assert KEY not in str(caught.value)
    assert other.requests == []
    assert len(server.requests) == len(ways)


@pytest.mark.parametrize("preset", ["openai", "azure"])
def test_a_file_at_another_server_is_read_without_the_key(server, other, preset):
    """Some servers keep the files themselves elsewhere, and send reading on to there."""
    redirect(server, other.url, 302)
    with pytest.raises(ProviderError, match="does not accept the API key"):
        run(server, lambda provider: provider.download("file-1"), preset=server_presets.preset(preset))
    (head,) = other.heads
    assert KEY not in " ".join(head.values())
    assert not {"authorization", "api-key", "openai-organization"} & set(head)


def test_a_server_may_send_on_to_itself(server):
    first = True

    def once(_method, path):
        nonlocal first
        fault = Fault(status=307, headers={"Location": f"{server.url}{path[3:]}"}) if first else None
        first = False
        return fault

    server.weather = once
    assert run(server, lambda provider: provider.moderate(["a"])) == [[]]
    assert all(head["authorization"] == f"Bearer {KEY}" for head in server.heads)


def test_who_is_cancelled_twice_keeps_no_place():
    async def go():
        limiter = RateLimiter(1)

        async def hold():
            async with limiter.slot():
                await asyncio.Event().wait()

        first, others = asyncio.ensure_future(hold()), []
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in (first, *others):
            task.cancel()
        await asyncio.sleep(0)
        for task in (first, *others):
            task.cancel()
        await asyncio.gather(first, *others, return_exceptions=True)
        assert limiter._running == 0
        async with asyncio.timeout(PATIENCE), limiter.slot():
            pass

    asyncio.run(go())


class Counting(asyncio.SelectorEventLoop):
    """Counts what it is given to do."""

    steps = 0

    def call_soon(self, *args, **more):
        self.steps += 1
        return super().call_soon(*args, **more)


def test_who_leaves_wakes_one_of_those_who_wait_in_the_order_they_came():
    async def go():
        limiter, done = RateLimiter(2), []

        async def one(number):
            async with limiter.slot():
                assert limiter._running <= 2
                await asyncio.sleep(0)
                done.append(number)

        await asyncio.gather(*(one(number) for number in range(300)))
        assert done == list(range(300))
        assert (limiter._running, len(limiter._waiting)) == (0, 0)

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(go())
        assert runner.get_loop().steps < 300 * 20  # not 300 × 300


def test_a_place_that_was_handed_to_one_who_is_cancelled_goes_to_the_next():
    async def go():
        limiter, got = RateLimiter(1), []

        async def one(number):
            async with limiter.slot():
                got.append(number)
                await leave.wait()

        leave = asyncio.Event()
        first, second, third = (asyncio.ensure_future(one(number)) for number in range(3))
        await asyncio.sleep(0)
        leave.set()
        while not first.done():
            await asyncio.sleep(0)
            if len(limiter._waiting) == 1 and not second.cancelling():
                second.cancel()  # it has the place and has not begun
        await asyncio.gather(first, second, third, return_exceptions=True)
        assert got == [0, 2]
        assert limiter._running == 0

    asyncio.run(go())


def test_nothing_else_waits_between_two_tries_at_a_server():
    """One policy: whoever asks a server again does it by `RateLimiter.run` or by a `PollTimer`.

    request_runner.py waits for replies that come at the same time, before they are written.
    """
    packages = [ROOT / "core" / name for name in CLIENT_PACKAGES]
    sleeping = {
        path.name
        for package in packages
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
    }
    assert sleeping == {"retry_policy.py", "request_runner.py"}


@pytest.mark.parametrize(
    ("error", "interval", "pause", "blocked"),
    [
        (ProviderError("a", "b", 500), 10.0, 20.0, False),
        (ProviderError("a", "b", 503, retry_after=60.0), 10.0, 60.0, False),
        (ProviderError("a", "b"), 200.0, 300.0, False),
        (ProviderError("a", "b", 401), 10.0, 20.0, True),
        (ProviderError("a", "b", 403, TRAINING_CLOSED_CODE), 10.0, 20.0, True),
    ],
)
def test_a_poller_asks_less_often_after_each_failure_and_stops_where_a_person_is_needed(
    error, interval, pause, blocked
):
    timer = PollTimer()
    assert (timer.note_failure(error, interval), timer.blocked) == (pause, blocked)
    assert timer.note_failure(error, interval) == min(300.0, max(pause, interval * 4))
    timer.reset()
    assert (timer.failures, timer.blocked, timer.seconds_left()) == (0, False, 0.0)
