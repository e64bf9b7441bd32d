"""The queue against a real server: jobs start within the limit, are followed, and end once."""

import asyncio
import json
import time

import pytest

from core.dataset import examples, filters
from core.errors import JukuError, KeyStoreError
from core.providers import uploads
from core.training import job_queue, jobs, metrics, row_selection, submit
from core.training.job_queue import JobQueue
from core.training.submit import TrainingPlan
from tests.support.patience import PATIENCE

PLAN = TrainingPlan("base-model", "study", {"n_epochs": 2}, 7, "study")


class Watch:
    """A queue that runs until what the test waits for is true."""

    def __init__(self, project, server, limit=3, key=None):
        self.provider = server.provider(*([key] if key else []))
        self.ended, self.project = [], project
        self.queue = JobQueue(project, self.connect, lambda _id: limit, lambda _changes: None, self._on_ended)

    async def connect(self, _id):
        return self.provider

    def _on_ended(self, job):
        self.ended.append((job.id, job.status))

    async def __aenter__(self):
        self._task = asyncio.ensure_future(self.queue.run())
        return self

    async def __aexit__(self, *_error):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.provider.close()

    async def until(self, true):
        async with asyncio.timeout(PATIENCE):
            while not true():
                assert not self._task.done(), self._task
                await asyncio.sleep(0.005)

    def statuses(self):
        return {job.id: job.status for job in jobs.load_all(self.project.rows)}


def run(project, server, work, **how):
    async def whole():
        async with Watch(project, server, **how) as watch:
            return await work(watch)

    return asyncio.run(whole())


def queue_jobs(project, count, plan=PLAN):
    return asyncio.run(submit.enqueue(project, "fake", [plan] * count))


def test_waiting_jobs_start_within_the_limit_and_the_next_when_one_ends(server, sample):
    first, second, third = queue_jobs(sample, 3)

    async def work(watch):
        await watch.until(lambda: watch.statuses() == {first: "running", second: "running", third: "waiting"})
        assert server.creations == 2
        server.end("ftjob-1", "succeeded")
        await watch.until(lambda: watch.statuses()[third] == "running")
        assert watch.ended == [(first, "succeeded")]

    run(sample, server, work, limit=2)
    assert len(server.files) == 1, "the same rows are sent once"


def test_many_jobs_starve_none(server, sample, monkeypatch):
    """Waits until each of 25 jobs has events, while the server answers 20 requests for events a second."""
    monkeypatch.setattr(job_queue, "EVENTS_A_SECOND", 20.0)
    ids = queue_jobs(sample, 25)

    async def work(watch):
        await watch.until(lambda: set(watch.statuses().values()) == {"running"})
        for number in range(len(ids)):
            server.step(f"ftjob-{number + 1}", 1, 2, 1.0)
        await watch.until(lambda: all(jobs.load_event_ids(sample.rows, id) for id in ids))

    run(sample, server, work, limit=25)


def test_one_failure_does_not_stop_the_rest(server, sample):
    _first, _second = queue_jobs(sample, 2)

    async def work(watch):
        await watch.until(lambda: set(watch.statuses().values()) == {"running"})
        server.end("ftjob-1", "failed", error={"code": "invalid_training_file", "message": "Bad rows.", "param": None})
        server.end("ftjob-2", "succeeded")
        await watch.until(lambda: len(watch.ended) == 2)

    run(sample, server, work)
    assert [(job.status, job.error, job.error_code) for job in jobs.load_all(sample.rows)] == [
        ("succeeded", "", ""),
        ("failed", "Bad rows.", "invalid_training_file"),
    ]


def test_events_checkpoints_and_results_are_kept_once_each_in_order(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        for step in range(1, 4):
            server.step("ftjob-1", step, 3, 3.0 / step)
        server.checkpoint("ftjob-1", 2, train_loss=1.5, full_valid_loss=1.6)
        data = b"step,train_loss,train_accuracy,valid_loss\n1,3.0,0.1,\n2,1.5,0.4,1.6\n3,1.0,0.5,\n"
        file = server.keep(data, "step_metrics.csv", "fine-tune-results")["id"]
        server.end("ftjob-1", "succeeded", result_files=[file], trained_tokens=1234)
        await watch.until(lambda: jobs.load(sample.rows, id).results_merged)

    run(sample, server, work)
    told = [event["message"] for event in server.events["ftjob-1"]]
    assert [event.message for event in jobs.load_events(sample.rows, id)] == told
    assert [(one.step, one.metrics["full_valid_loss"]) for one in jobs.load_checkpoints(sample.rows, id)] == [(2, 1.6)]
    found = metrics.load_series(sample.rows, id)
    assert list(found["train_loss"].values) == [3.0, 1.5, 1.0]
    assert list(found["valid_loss"].steps) == [2]
    assert jobs.load(sample.rows, id).trained_tokens == 1234


def test_what_ended_while_the_window_was_closed_is_told_once(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def begin(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")

    async def look(watch):
        await watch.until(lambda: watch.ended)
        return watch.ended

    run(sample, server, begin)
    server.end("ftjob-1", "succeeded")
    assert run(sample, server, look) == [(id, "succeeded")]

    async def nothing(watch):
        await asyncio.sleep(0)
        return watch.ended

    assert run(sample, server, nothing) == []


def test_pause_resume_and_cancel_are_carried_out(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")
        for act, status in ((submit.pause, "paused"), (submit.resume, "running"), (submit.cancel, "cancelled")):
            await act(sample, watch.provider, id)
            assert watch.statuses()[id] == status == server.jobs["ftjob-1"]["status"]
        assert jobs.load(sample.rows, id).wish == ""

    run(sample, server, work)


def test_a_wish_that_was_not_answered_is_carried_out_later(server, sample):
    (id,) = queue_jobs(sample, 1)

    async def begin(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")

    run(sample, server, begin)
    asyncio.run(sample.write("", jobs.set_requested_action, id, "cancel"))  # and then the program is killed

    async def later(watch):
        await watch.until(lambda: watch.statuses()[id] == "cancelled")

    run(sample, server, later)
    assert server.jobs["ftjob-1"]["status"] == "cancelled"


def test_a_job_that_waits_can_be_withdrawn(server, sample):
    first, second = queue_jobs(sample, 2)
    asyncio.run(submit.withdraw(sample, second))

    async def work(watch):
        await watch.until(lambda: watch.statuses()[first] == "running")

    run(sample, server, work)
    job = jobs.load(sample.rows, second)
    assert (job.status, job.error) == ("cancelled", "Cancelled before it was sent.")
    assert server.creations == 1


def test_jobs_made_elsewhere_are_adopted_with_their_history(server, sample):
    server.create({"model": "base-model", "training_file": "file-x"})
    server.step("ftjob-1", 1, 1, 0.5)
    server.end("ftjob-1", "succeeded")

    async def work(watch):
        (found,) = await submit.list_adoptable(sample, watch.provider)
        await submit.adopt(sample, "fake", [found])
        assert await submit.list_adoptable(sample, watch.provider) == []
        watch.queue.wake()
        await watch.until(lambda: len(jobs.load_events(sample.rows, 1)) == 3)
        return watch.ended

    assert run(sample, server, work) == [], "it ended long ago: that is no news"
    job = jobs.load(sample.rows, 1)
    assert (job.status, job.model, job.rows, job.fine_tuned_model) == (
        "succeeded",
        "base-model",
        "",
        "ft:base-model:local::ftjob-1",
    )


def test_what_is_sent_is_what_was_queued_also_after_the_rows_have_changed(server, sample):
    wanted = row_selection.load_trainable_rows(sample.rows, "study")
    (id,) = queue_jobs(sample, 1)

    found = filters.find(sample.rows, row_selection.row_filter("study"))
    asyncio.run(sample.write("Delete", examples.delete, found[:5]))

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")

    run(sample, server, work)
    (data,) = server.files.values()
    assert data.decode().splitlines() == wanted
    assert uploads.sha256_of(data) == jobs.load(sample.rows, id).digest


def test_rows_must_fit_the_method(sample):
    with pytest.raises(JukuError, match="do not compare two answers"):
        queue_jobs(sample, 1, TrainingPlan("base-model", "study", method="dpo"))
    pair = {
        "input": {"messages": [{"role": "user", "content": "How many?"}]},
        "preferred_output": [{"role": "assistant", "content": "Three."}],
        "non_preferred_output": [{"role": "assistant", "content": "Four."}],
    }

    rows = [examples.read_row(json.dumps(pair), tags="pairs") for _n in range(10)]
    asyncio.run(sample.write("", examples.add, rows))
    with pytest.raises(JukuError, match="compare two answers"):
        queue_jobs(sample, 1, TrainingPlan("base-model", "pairs"))
    assert queue_jobs(sample, 1, TrainingPlan("base-model", "pairs", method="dpo"))


def test_the_validation_rows_go_along(server, sample):

    found = filters.find(sample.rows, row_selection.row_filter("study"))[:3]
    for row in found:
        asyncio.run(sample.write("", examples.set_field, row, "split", "validation"))
    (id,) = queue_jobs(sample, 1, TrainingPlan("base-model", "study", validation=True))

    async def work(watch):
        await watch.until(lambda: watch.statuses()[id] == "running")

    run(sample, server, work)
    asked = server.jobs["ftjob-1"]["asked"]
    assert len(server.files[asked["validation_file"]].splitlines()) == 3
    assert server.names[asked["training_file"]].startswith("juku-")


def test_a_clock_that_jumps_delays_and_doubles_nothing(server, sample, monkeypatch):
    """The wall's clock goes a day ahead, then a day back: waiting goes by the monotonic one."""
    (first, second) = queue_jobs(sample, 2)
    wall, offset = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: wall() + offset[0])

    async def work(watch):
        await watch.until(lambda: watch.statuses() == {first: "running", second: "waiting"})
        for jump in (86_400.0, -86_400.0):
            offset[0] = jump
            server.step("ftjob-1", int(jump > 0) + 1, 3, 1.0)
            told = len(jobs.load_events(sample.rows, first))
            await watch.until(lambda told=told: len(jobs.load_events(sample.rows, first)) > told)
        server.end("ftjob-1", "succeeded")
        await watch.until(lambda: watch.statuses() == {first: "succeeded", second: "running"})

    run(sample, server, work, limit=1)
    assert server.creations == 2


def test_following_one_job_leaves_the_others_in_the_queue(server, sample):
    """The command line trains one job: it must not send what somebody has queued in the window."""
    other, mine = queue_jobs(sample, 2)

    async def work():
        provider = server.provider()
        end = lambda _changes: server.jobs and server.end("ftjob-1", "succeeded")  # noqa: E731
        try:
            return await job_queue.follow(sample, provider, mine, end)
        finally:
            await provider.close()

    job = asyncio.run(work())
    assert (job.id, job.status, server.creations) == (mine, "succeeded", 1)
    assert jobs.load(sample.rows, other).status == "waiting"


def test_a_server_that_cannot_even_be_connected_to_is_left_alone_between_two_tries(server, sample):
    """A locked keyring, say: without a pause the queue tried again as fast as it could."""
    queue_jobs(sample, 1)
    tries = []

    async def work(watch):
        async def connect(_id):
            tries.append(_id)
            raise KeyStoreError("The keyring is locked", "Unlock it.")

        watch.queue.connect = connect
        await watch.until(lambda: watch.queue.failures)
        await asyncio.sleep(0.2)
        watch.queue.wake()
        await watch.until(lambda: len(tries) > 1)

    run(sample, server, work)
    assert len(tries) == 2
