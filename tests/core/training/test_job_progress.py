import asyncio
import json

import pytest

from core.dataset import examples, token_counts
from core.progress import Reporter
from core.providers import JobCheckpoint, JobEvent, JobState
from core.training import job_progress, jobs, row_selection, submit
from core.training.submit import TrainingPlan


@pytest.fixture
def job(sample):
    (id,) = asyncio.run(submit.enqueue(sample, "fake", [TrainingPlan("gpt-4o-mini", "study", {"n_epochs": 4})]))
    return id


def tell(project, id, status, steps=(), found=(), **told):
    """What a server says of a job: its state, and a loss for each of `steps` of 10, a minute apart."""
    events = [
        JobEvent(f"e{step}", 60.0 * step, "info", "", {"step": step, "total_steps": 10, "train_loss": 3.0 / step})
        for step in steps
    ]
    state = JobState("ftjob-1", status, None, None, "", [], **told)
    asyncio.run(project.write("", jobs.store, id, state, events, found))


def look(project):
    return job_progress.load(project.rows, {})[0]


def test_a_job_that_waits_tells_nothing(sample, job):
    assert look(sample) == job_progress.JobProgress(jobs.load(sample.rows, job))
    assert look(sample).share is None


def test_how_far_a_job_is(sample, job):
    tell(sample, job, "running", (1, 2, 4))
    found = look(sample)
    assert (found.step, found.total, found.loss, found.share) == (4, 10, 0.75, 0.4)


def test_the_tokens_until_now_are_those_of_its_rows_times_the_epochs(sample, job):
    tell(sample, job, "running", (5,))
    assert look(sample).tokens is None  # not counted yet
    asyncio.run(token_counts.count_missing_rows(sample, token_counts.get_encoding("gpt-4o-mini"), Reporter()))
    ids = list(examples.find_ids(sample.rows, row_selection.row_filter("study")))
    one = sum(token_counts.load_counts(sample.rows, ids, token_counts.get_encoding("gpt-4o-mini")).values())
    assert look(sample).tokens == one * 4 // 2
    tell(sample, job, "running", trained_tokens=123)
    assert look(sample).tokens == 123


def test_what_the_server_settled_on_counts(sample, job):
    assert job_progress.load_epochs(jobs.load(sample.rows, job)) == 4
    settled = json.dumps({"n_epochs": 3})
    asyncio.run(sample.write("", lambda db: db.execute("UPDATE job SET hyperparameters = ?", (settled,))))
    assert job_progress.load_epochs(jobs.load(sample.rows, job)) == 3


def test_a_job_that_has_succeeded_is_done(sample, job):
    tell(sample, job, "succeeded", (1, 9))
    found = look(sample)
    assert (found.share, found.seconds_left) == (1.0, None)


def test_checkpoints_are_those_of_the_provider(sample, job):
    tell(sample, job, "running", found=[JobCheckpoint("c1", "m:1", 1, 5.0, {}), JobCheckpoint("c2", "m:2", 2, 6.0, {})])
    assert job_progress.list_checkpoint_models(sample.rows, "fake") == ["m:2", "m:1"]
    assert job_progress.list_checkpoint_models(sample.rows, "local") == []


@pytest.mark.parametrize("status", ["failed", "cancelled", "succeeded"])
def test_a_job_that_ended_early_says_of_how_many_steps(sample, job, status):
    """It said "step 6 of 6" where the server had told of 10."""
    tell(sample, job, status, (1, 6))
    found = look(sample)
    assert (found.step, found.total, found.seconds_left) == (6, 10, None)


def test_a_job_has_started_when_the_server_took_it(sample, job):
    assert look(sample).started is None
    made = jobs.load(sample.rows, job).created_at
    state, later = JobState("ftjob-1", "running", None, None, "", []), made + 7200
    asyncio.run(sample.write("", jobs.store, job, state, [JobEvent("e1", later, "info", "", {})]))
    assert look(sample).started == later
