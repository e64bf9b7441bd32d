"""Jobs against a real HTTP server: never lost, never doubled, each event once."""

import asyncio
import json

import pytest

from core import chat, curves, dataset, jobs, training
from core.errors import JukuError, ProviderError
from core.jobs import CREATING, WAITING
from core.providers import Sampling
from core.training import Plan
from tests.fake_server import FINGERPRINT, FakeServer

PLAN = Plan("base-model", "study", {"n_epochs": 2}, seed=7, suffix="study")


@pytest.fixture
def server():
    with FakeServer() as server:
        yield server


def run(server, work, key="sk-test"):
    """Await `work(provider)` with a provider that is closed afterwards."""

    async def connected():
        provider = server.provider(key)
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(connected())


def test_a_job_is_created_and_followed_to_its_end(server, sample):
    async def work(provider):
        id = await training.create(sample, provider, PLAN)
        updates = 0

        def move_on(_changes):
            nonlocal updates
            updates += 1
            if updates == 2:
                server.step("ftjob-1", 1, 2, 1.5)
                server.step("ftjob-1", 2, 2, 0.5)
            if updates == 3:
                server.end("ftjob-1", "succeeded")

        return await training.follow(sample, provider, id, move_on)

    job = run(server, work)
    assert (job.status, job.fine_tuned_model) == ("succeeded", "ft:base-model:local:study:ftjob-1")
    messages = [event.message for event in jobs.events(sample.rows, job.id)]
    assert messages == [event["message"] for event in server.events["ftjob-1"]]
    assert [(m.step, m.total, m.loss) for m in curves.losses(sample.rows, job.id)] == [(1, 2, 1.5), (2, 2, 0.5)]


def test_what_is_sent_is_what_was_planned(server, sample):
    run(server, lambda provider: training.create(sample, provider, PLAN))
    asked = server.jobs["ftjob-1"]["asked"]
    assert (asked["model"], asked["seed"], asked["suffix"]) == ("base-model", 7, "study")
    assert asked["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    rows = server.files[asked["training_file"]].decode().splitlines()
    assert rows == training.training_rows(sample.rows, "study")
    assert {tuple(json.loads(row)) for row in rows} == {("messages",)}


def test_after_a_lost_answer_the_job_is_found_and_not_made_again(server, sample):
    server.lose_answer = True

    async def work(provider):
        with pytest.raises(ProviderError, match="cannot be reached"):
            await training.create(sample, provider, PLAN)
        (job,) = jobs.jobs(sample.rows)
        assert (job.status, job.remote_id) == (CREATING, None)
        await training.recover(sample, provider, job.id)

    run(server, work)
    (job,) = jobs.jobs(sample.rows)
    assert (job.status, job.remote_id, server.creations) == ("running", "ftjob-1", 1)


def test_a_creation_that_never_arrived_is_sent_once_more(server, sample):
    server.lose_request = True

    async def work(provider):
        with pytest.raises(ProviderError):
            await training.create(sample, provider, PLAN)
        await training.recover(sample, provider, 1)
        assert jobs.job(sample.rows, 1).status == CREATING, "a slow server may still make it"
        for _look in range(training.LOOKS):
            await training.recover(sample, provider, 1)
        assert jobs.job(sample.rows, 1).status == WAITING
        server.lose_request = False
        await training.update(sample, provider, 1)

    run(server, work)
    assert (jobs.job(sample.rows, 1).status, server.creations, len(server.files)) == ("running", 1, 1)


def test_what_a_very_slow_server_made_after_all_is_ended(server, sample):
    server.lose_answer = True

    async def work(provider):
        with pytest.raises(ProviderError):
            await training.create(sample, provider, PLAN)
        late, server.jobs = server.jobs, {}  # accepted, but not in the list yet
        for _look in range(training.LOOKS):
            await training.recover(sample, provider, 1)
        server.lose_answer = False
        await training.send(sample, provider, 1)
        server.jobs |= late
        await training.end_twins(provider, jobs.job(sample.rows, 1))

    run(server, work)
    assert {id: job["status"] for id, job in server.jobs.items()} == {"ftjob-1": "cancelled", "ftjob-2": "running"}
    assert jobs.job(sample.rows, 1).remote_id == "ftjob-2"


def test_a_refused_creation_is_told_and_recorded(server, sample):
    with pytest.raises(ProviderError, match="does not accept the API key"):
        run(server, lambda provider: training.create(sample, provider, PLAN), key="wrong")
    assert jobs.jobs(sample.rows) == []  # the upload is refused already, before a job is wished for


def test_following_survives_faults_of_the_server(server, sample):
    async def work(provider):
        id = await training.create(sample, provider, PLAN)
        server.faults = 3
        return await training.follow(sample, provider, id, lambda _changes: server.end("ftjob-1", "cancelled"))

    job = run(server, work)
    assert (job.status, server.faults) == ("cancelled", 0)


def test_a_failed_job_keeps_the_servers_reason(server, sample):
    async def work(provider):
        id = await training.create(sample, provider, PLAN)
        server.end("ftjob-1", "failed", error={"code": "invalid", "message": "The file is bad.", "param": None})
        return await training.follow(sample, provider, id, lambda _changes: None)

    job = run(server, work)
    assert (job.status, job.error) == ("failed", "The file is bad.")


def test_cancelling_ends_the_job_on_the_server(server, sample):
    async def work(provider):
        id = await training.create(sample, provider, PLAN)
        await training.cancel(sample, provider, id)

    run(server, work)
    assert server.jobs["ftjob-1"]["status"] == "cancelled"
    assert jobs.job(sample.rows, 1).ended


def test_too_few_rows_are_not_sent(server, sample):
    with pytest.raises(JukuError, match="At least 10"):
        run(server, lambda provider: training.create(sample, provider, Plan("base-model", "no-such-tag")))
    assert server.files == {}


def test_rows_with_errors_are_not_sent(server, sample):
    bad = dataset.read_row('{"messages": [{"role": "assitant"}]}', tags="study")
    asyncio.run(sample.write("", dataset.add, [bad]))
    with pytest.raises(JukuError, match="1 of the rows has an error"):
        run(server, lambda provider: training.create(sample, provider, PLAN))
    assert server.files == {}


def test_numbers_that_cannot_be_drawn_are_left_out(server, sample):
    async def work(provider):
        id = await training.create(sample, provider, PLAN)
        for step, loss in ((1, float("nan")), (10**400, 1.0), (-1, 1.0), (2, 0.5)):
            server.step("ftjob-1", step, 10**30, loss)
        await training.update(sample, provider, id)

    run(server, work)
    assert [(m.step, m.total, m.loss) for m in curves.losses(sample.rows, 1)] == [(2, None, 0.5)]


def test_a_page_of_html_is_an_error_in_words(server):
    server.html = True
    with pytest.raises(ProviderError, match="does not answer like an OpenAI-compatible server"):
        run(server, lambda provider: provider.offers())


def test_a_wrong_key_is_said_as_such(server):
    with pytest.raises(ProviderError, match="does not accept the API key") as caught:
        run(server, lambda provider: provider.offers(), key="wrong")
    assert caught.value.status == 401


def test_an_answer_streams_and_is_whole(server):
    server.answer("base-model", "Three players.", "Four of them.")
    heard = []

    async def ask(provider):
        said = lambda index, text: heard.append((index, text))  # noqa: E731
        return await provider.chat("base-model", chat.messages("Be brief.", "How many?"), Sampling(n=2), said)

    reply = run(server, ask)
    assert (reply.texts, reply.complete) == (["Three players.", "Four of them."], True)
    assert (reply.model, reply.fingerprint, reply.tokens) == ("base-model", FINGERPRINT, 7)
    assert "".join(text for index, text in heard if index == 1) == "Four of them."


def test_a_stream_without_a_finish_reason_is_incomplete(server):
    server.answer("base-model", "Three pla", finish=False)
    reply = run(server, lambda provider: provider.chat("base-model", chat.messages("", "How many?"), Sampling()))
    assert (reply.texts, reply.complete) == (["Three pla"], False)
