"""Which rows are trained on: one statement of it, and each row read once for all jobs that share it."""

import asyncio
import json

import pytest

from core.dataset import examples, versions
from core.errors import JukuError
from core.training import jobs, row_selection, submit
from core.training.row_selection import MINIMUM_ROWS
from core.training.submit import TrainingPlan


def test_the_rows_of_a_kept_version_are_those_of_its_time(sample):
    before = row_selection.load_rows(sample.rows, "study")
    versions_made = []
    asyncio.run(sample.write("", lambda db: versions_made.append(versions.save(db, "Before"))))
    ids = examples.find_ids(sample.rows, row_selection.row_filter("study"))
    asyncio.run(sample.write("", examples.set_field, ids[0], "status", "draft"))
    assert row_selection.count_rows(sample.rows, "study") == len(before) - 1
    assert row_selection.load_rows(sample.rows, "study") == before[1:]
    assert row_selection.load_rows(sample.rows, "study", version=versions_made[0]) == before


def test_the_jobs_of_a_sweep_read_their_rows_once(sample, monkeypatch):
    reads, load_rows = [], row_selection.load_rows
    monkeypatch.setattr(row_selection, "load_rows", lambda *args, **how: reads.append(args) or load_rows(*args, **how))
    plans = [TrainingPlan("base-model", tag, {"n_epochs": n}) for tag in ("study", "plain") for n in (1, 2, 3)]
    asyncio.run(submit.enqueue(sample, "fake", plans, "sweep"))
    assert len(reads) == 2
    assert len({(job.rows, job.digest, job.row_count) for job in jobs.load_all(sample.rows)}) == 2
    assert len({job.version for job in jobs.load_all(sample.rows)}) == 1


def test_a_plan_that_cannot_be_trained_leaves_no_job_and_no_version(sample):
    plans = [TrainingPlan("base-model", "study"), TrainingPlan("base-model", "no-such-tag")]
    with pytest.raises(JukuError, match=f"At least {MINIMUM_ROWS}"):
        asyncio.run(submit.enqueue(sample, "fake", plans))
    assert (jobs.load_all(sample.rows), versions.list_versions(sample.rows)) == ([], [])


def test_rows_with_errors_are_refused_and_warnings_are_not(sample):
    bad = examples.read_row(json.dumps({"messages": [{"role": "assitant"}]}), tags="study")
    asyncio.run(sample.write("", examples.add, [bad]))
    with pytest.raises(JukuError, match="1 of the rows has an error"):
        row_selection.load_trainable_rows(sample.rows, "study")
    assert row_selection.load_trainable_rows(sample.rows, "plain")
