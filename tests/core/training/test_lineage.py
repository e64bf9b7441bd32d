import asyncio
import json

import pytest

from core.dataset import bulk_edits, examples, filters, versions
from core.exam import hold_out, runs
from core.progress import Reporter
from core.spec import facts, revisions, spec
from core.training import jobs, lineage, row_selection, submit
from core.training.submit import TrainingPlan
from tests.support.projects import write


@pytest.fixture
def job(sample):
    (id,) = asyncio.run(submit.enqueue(sample, "local", [TrainingPlan("base", "study", {"n_epochs": 3}, seed=7)]))
    return jobs.load(sample.rows, id)


def test_nothing_has_changed_at_first(sample, job):
    found = lineage.changes_since(sample.rows, job.id)
    assert found.is_unchanged
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (0, 0, 0)
    assert found.validation is None


def test_only_rows_that_would_be_trained_on_count(sample, job):
    first, second, third = filters.find(sample.rows, row_selection.row_filter(job.rows))[:3]
    exam = filters.find(sample.rows, filters.Filter(split="test"))[0]
    write(sample, examples.set_field, first, "answer", "Something else.")
    write(sample, examples.set_field, second, "status", "rejected")
    write(sample, examples.delete, [third])
    write(sample, examples.set_field, exam, "answer", "An exam question is not taught.")
    write(
        sample,
        examples.add,
        [examples.read_row('{"messages": []}', tags="study"), examples.read_row("{}", tags="other")],
    )
    found = lineage.changes_since(sample.rows, job.id)
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (1, 2, 1)
    assert {(row.kind, row.id) for row in found.rows.rows} >= {
        ("changed", first),
        ("removed", second),
        ("removed", third),
    }
    assert not found.is_unchanged


def test_the_spec_and_the_program_count_too(sample, job):
    before = spec.load(sample.rows)
    write(sample, facts.save, spec.Spec(before.name, text=before.text + "\n\nOne sentence more."))
    then, now = lineage.changes_since(sample.rows, job.id).spec
    assert now.text == then.text + "\n\nOne sentence more."
    write(sample, lambda db: db.execute("UPDATE job SET app = '0.0.1'"))
    assert lineage.changes_since(sample.rows, job.id).app[0] == "0.0.1"


def test_without_a_frozen_copy_nothing_is_claimed(sample, job):
    write(sample, versions.delete, job.version)
    write(sample, revisions.delete, job.revision)
    found = lineage.changes_since(sample.rows, job.id)
    assert (found.rows, found.spec) == (None, None)


def test_validation_rows_are_compared_by_themselves(sample, job):
    ids = filters.find(sample.rows, row_selection.row_filter(job.rows))[:4]
    write(sample, bulk_edits.set_field, ids, "split", "validation", Reporter())
    (id,) = asyncio.run(submit.enqueue(sample, "local", [TrainingPlan("base", "study", validation=True)]))
    write(sample, examples.set_field, ids[0], "answer", "Changed.")
    found = lineage.changes_since(sample.rows, id)
    assert (found.rows.changed, found.validation.changed) == (0, 1)


def test_settings_tell_what_was_asked_and_what_came_of_it(sample, job):
    settled = json.dumps({"n_epochs": 3, "batch_size": 4})
    write(sample, lambda db: db.execute("UPDATE job SET hyperparameters = ?", (settled,)))
    assert lineage.list_settings(jobs.load(sample.rows, job.id)) == [
        lineage.JobSetting("n_epochs", 3, 3),
        lineage.JobSetting("seed", 7, None),
        lineage.JobSetting("batch_size", None, 4),
    ]


def test_jobs_are_told_apart_by_what_only_one_has(sample):
    plans = [TrainingPlan("base", "study", {"n_epochs": n}) for n in (2, 4)] + [
        TrainingPlan("base", "plain", {"n_epochs": 4})
    ]
    ids = asyncio.run(submit.enqueue(sample, "local", plans, "sweep"))
    found = [jobs.load(sample.rows, id) for id in ids]
    assert lineage.distinguish_jobs(found) == [
        "rows study · n_epochs 2",
        "rows study · n_epochs 4",
        "rows plain · n_epochs 4",
    ]
    assert lineage.distinguish_jobs(found[:1]) == [""]


def test_what_a_model_was_taught_before_it_became_an_exam_question_leaks(sample, job):
    """Rows kept for the exam after the training: the tuned model knows them to the letter."""
    write(sample, lambda db: db.execute("UPDATE job SET fine_tuned_model = 'ft:a' WHERE id = ?", (job.id,)))
    tuned, base = [("local", "ft:a"), ("local", "base")], [("local", "base"), ("other", "ft:a")]
    assert lineage.find_leaked_questions(sample.rows, tuned) == {}
    kept, reworded, copied, left = filters.find(sample.rows, row_selection.row_filter(job.rows))[:4]
    text = examples.fetch(sample.rows, [copied])[copied].data
    write(sample, hold_out.hold_out_rows, [kept, reworded], 1)
    write(sample, examples.set_field, reworded, "question", "Now something quite different is asked of the reader?")
    write(sample, examples.set_field, kept, "answer", "Another answer.")
    write(sample, examples.delete, [copied])
    write(sample, examples.add, [examples.read_row(text, split="test")])
    (again,) = set(filters.find(sample.rows, filters.Filter(split="test", status="approved"))) & set(
        filters.find(sample.rows)[-1:]
    )
    assert lineage.find_leaked_questions(sample.rows, tuned) == {kept: f"{kept} 100", again: f"{copied} 100"}
    assert lineage.find_leaked_questions(sample.rows, base) == {}
    run = asyncio.run(runs.begin(sample, runs.ExamPlan([runs.ExamSubject(*one) for one in tuned]), Reporter()))
    leaking = {one.leak for one in runs.load_questions(sample.rows, run) if one.leak}
    assert leaking >= {f"{kept} 100", f"{copied} 100"}
    assert f"{left} 100" not in leaking
