"""The queue in bad weather: after each no job is lost or doubled, the error is in words, and the queue goes on."""

import asyncio

import pytest

from core.errors import ProviderError
from core.storage.project import Project
from core.training import jobs
from core.training.job_queue import JobQueue
from core.training.metrics import load_series
from tests.core.training.test_job_queue import queue_jobs, run
from tests.support.fake_server import KEY, Fault

UNTIL_SENT = [
    Fault(status=429, code="rate_limit_exceeded"),
    Fault(status=500),
    Fault(status=503),
    Fault("reset"),
    Fault("lose"),
    Fault("html"),
    Fault("malformed"),
    Fault("truncated"),
]


def once(fault, method, path):
    """That fault for the first request of the kind, sunshine afterwards."""
    left = [fault]
    return lambda asked, where: left.pop() if left and asked == method and where.startswith(path) else None


@pytest.mark.parametrize("path", ["/v1/files", "/v1/fine_tuning/jobs"])
@pytest.mark.parametrize("fault", UNTIL_SENT, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_a_job_is_sent_once_whatever_happens_on_the_way(server, sample, fault, path):
    (id,) = queue_jobs(sample, 1)
    server.weather = once(fault, "POST", path)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        await watch.until(lambda: not watch.queue.failures)

    run(sample, server, work)
    tokens = {job["metadata"]["juku_key"] for job in server.jobs.values()}
    assert (server.creations, len(server.files), tokens) == (1, 1, {jobs.load(sample.rows, id).token})


@pytest.mark.parametrize("fault", UNTIL_SENT, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_following_goes_on_after_a_storm(server, sample, fault):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        storm = [fault] * 3
        server.weather = lambda _method, _path: storm.pop() if storm else None
        await watch.until(lambda: not storm)
        server.end("ftjob-1", "succeeded")
        await watch.until(lambda: watch.ended == [(id, "succeeded")])

    run(sample, server, work)
    assert [event.message for event in jobs.load_events(sample.rows, id)] == [
        "The job has started",
        "The job has succeeded",
    ]


def test_a_revoked_key_stops_asking_until_there_is_another(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        server.key = "sk-new"
        await watch.until(lambda: watch.queue.failures)
        assert "does not accept the API key" in str(watch.queue.failures["fake"])
        assert watch.statuses()[id] == "running"
        server.key = KEY
        server.end("ftjob-1", "succeeded")
        watch.queue.wake("fake")
        await watch.until(lambda: watch.ended and not watch.queue.failures)

    run(sample, server, work)


def test_a_closed_door_fails_the_job_in_words_and_leaves_the_others_alone(server, sample):
    first, second = queue_jobs(sample, 2)
    server.weather = once(Fault(status=403, code="training_not_available"), "POST", "/v1/fine_tuning")

    async def work(watch):
        await watch.until(lambda: watch.statuses() == {first: "failed", second: "running"})

    run(sample, server, work)
    assert "can be deleted" in jobs.load(sample.rows, first).error


def test_a_round_under_way_does_not_send_again_what_was_just_refused(server, sample):
    (id,) = queue_jobs(sample, 1)
    server.weather = once(Fault(status=429, code="insufficient_quota"), "POST", "/v1/fine_tuning")

    async def work(watch):
        second_round, rounds, create, connect = asyncio.Event(), [], watch.provider.create_job, watch.queue.connect

        async def create_later(request):
            await second_round.wait()
            return await create(request)

        async def connect_later(provider):
            rounds.append(provider)
            if len(rounds) == 2:
                second_round.set()
                await watch.until(lambda: watch.queue.failures)
            return await connect(provider)

        watch.provider.create_job, watch.queue.connect = create_later, connect_later
        await watch.until(lambda: len(rounds) == 2 and watch.queue.failures and not watch.queue._servers["fake"].task)
        assert watch.statuses()[id] == "waiting"

    run(sample, server, work)
    assert server.creations == 0


def test_an_empty_account_keeps_the_job_waiting(server, sample):
    (id,) = queue_jobs(sample, 1)
    server.weather = once(Fault(status=429, code="insufficient_quota"), "POST", "/v1/fine_tuning")

    async def work(watch):
        await watch.until(lambda: watch.queue.failures)
        assert isinstance(watch.queue.failures["fake"], ProviderError)
        assert watch.statuses()[id] == "waiting"
        watch.queue.wake("fake")
        await watch.until(lambda: watch.statuses()[id] == "running")

    run(sample, server, work)
    assert server.creations == 1


def test_a_failure_to_send_during_a_look_is_not_taken_back_by_it(server, sample, monkeypatch):
    """The look went well, so the error was forgotten, and the server was left alone for ever without a word."""
    queue_jobs(sample, 1)
    refused = ProviderError("No credit", status=429, code="insufficient_quota")

    async def fail_meanwhile(queue, _group, provider):
        queue._note_failure(provider.id, queue._servers[provider.id], refused, 1.0)

    monkeypatch.setattr(JobQueue, "_start_waiting", fail_meanwhile)

    async def work(watch):
        await watch.until(lambda: any(one.blocked and one.task is None for one in watch.queue._servers.values()))
        assert watch.queue.failures == {"fake": refused}

    run(sample, server, work)


@pytest.mark.parametrize("status, code", [(429, "insufficient_quota"), (503, "overloaded")])
def test_a_failure_between_the_beginning_of_a_round_and_its_first_step_stays(server, sample, monkeypatch, status, code):
    """The round took it for one from before, forgot it when all went well, and the server was left alone for ever."""
    queue_jobs(sample, 1)
    refused, rounds, whole = ProviderError("Refused", status=status, code=code, retry_after=600.0), [], JobQueue._round

    async def begin_later(queue, group, id, server, *before):
        rounds.append(queue._note_failure(id, server, refused, 1.0))
        server.schedule(rounds[0])
        await whole(queue, group, id, server, *before)

    monkeypatch.setattr(JobQueue, "_round", begin_later)

    async def work(watch):
        await watch.until(lambda: rounds and not watch.queue._servers["fake"].task)
        assert watch.queue.failures == {"fake": refused}
        assert watch.queue._servers["fake"].seconds_left() > 400  # as long as the server wants it

    run(sample, server, work)
    assert len(rounds) == 1


def test_a_job_that_was_deleted_at_the_server_is_missing_with_all_it_told(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running" and jobs.load_events(sample.rows, id))
        del server.jobs["ftjob-1"]
        await watch.until(lambda: watch.ended == [(id, "missing")])

    run(sample, server, work)
    record = jobs.load(sample.rows, id)
    assert "no longer exists there" in record.error
    assert jobs.load_events(sample.rows, id)


def test_a_status_and_an_event_that_nobody_knows_are_followed(server, sample):
    """Waits until the unknown status is stored, and then until the job has ended."""
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        server.jobs["ftjob-1"]["status"] = "defragmenting"
        server.note("ftjob-1", "Something new", {"colour": "blue"})
        await watch.until(lambda: watch.statuses()[id] == "defragmenting")
        server.end("ftjob-1", "succeeded")
        await watch.until(lambda: watch.ended)

    run(sample, server, work)


def test_result_files_that_are_gone_or_broken_hold_nothing_up(server, sample):
    """Waits until the job counts as merged without them."""
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        broken = server.keep(b"\0not a table", "x.csv", "fine-tune-results")["id"]
        server.end("ftjob-1", "succeeded", result_files=["file-gone", broken])
        await watch.until(lambda: jobs.load(sample.rows, id).results_merged)

    run(sample, server, work)


@pytest.mark.parametrize("kind", ["html", "malformed"])
def test_a_page_instead_of_a_result_file_costs_no_numbers(server, sample, kind):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        file = server.keep(b"step,train_loss\n1,2.0\n", "x.csv", "fine-tune-results")["id"]
        server.weather = once(Fault(kind), "GET", f"/v1/files/{file}/content")
        server.end("ftjob-1", "succeeded", result_files=[file])
        await watch.until(lambda: jobs.load(sample.rows, id).results_merged)

    run(sample, server, work)
    assert list(load_series(sample.rows, id)["train_loss"].values) == [2.0]


def test_a_full_disk_loses_no_job(server, sample: Project):
    (id,) = queue_jobs(sample, 1)

    def limit(pages):
        sample._writing.submit(lambda: sample._db.execute(f"PRAGMA max_page_count = {pages}")).result()

    pages = sample._writing.submit(lambda: sample._db.execute("PRAGMA page_count").fetchone()[0]).result()

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        limit(pages)
        for step in range(1, 400):
            server.step("ftjob-1", step, 400, 1.0)
        server.end("ftjob-1", "succeeded")
        await watch.until(lambda: watch.queue.failures)
        assert "full" in str(watch.queue.failures["fake"])
        limit(2**30)
        watch.queue.wake("fake")
        await watch.until(lambda: watch.ended)

    run(sample, server, work)
    assert len(jobs.load_events(sample.rows, id)) == len(server.events["ftjob-1"])
    assert server.creations == 1
