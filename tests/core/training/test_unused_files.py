import time

import pytest

from core.errors import ProviderError
from core.providers import FileInfo, JobState
from core.training import submit, unused_files
from core.training.submit import TrainingPlan
from tests.support import serving

NOW = time.time()
OLD = NOW - 2 * unused_files.MIN_AGE_SECONDS


def file(id, purpose="fine-tune", created=OLD):
    return FileInfo(id, f"{id}.jsonl", 10, created, purpose)


def state(training_file, *results):
    return JobState("j", "succeeded", None, None, "", list(results), training_file=training_file)


def test_only_training_files_that_no_job_names_are_unused(project):
    files = [file("mine"), file("left"), file("results", "fine-tune-results"), file("lost", "fine-tune-results"),
             file("photo", "vision"), file("new", created=NOW)]  # fmt: skip
    used = unused_files.list_used_files(project.rows, "fake", [state("mine", "results")])
    assert used == {"mine", "results"}
    assert unused_files.find_unused(files, used, NOW) == {"left", "lost"}


def test_a_file_that_waits_for_its_job_is_used(sample, server, monkeypatch):
    monkeypatch.setattr(unused_files, "MIN_AGE_SECONDS", -10.0)

    async def scene(provider):
        (first, _second) = await submit.enqueue(
            sample, "fake", [TrainingPlan("base-model", "study"), TrainingPlan("base-model", "plain")]
        )
        await submit.send(sample, provider, first)
        kept = next(iter(server.files))
        # The same bytes for a job that has not been asked for yet.
        server.jobs.clear()
        await sample.write("", lambda db: db.execute("UPDATE job SET training_file = NULL, status = 'waiting'"))
        return kept, await unused_files.load_contents(sample, provider)

    kept, stock = serving.run(server, scene)
    assert [file.id for file in stock.files] == [kept]
    assert stock.unused == set()


def test_what_a_server_holds(sample, server, monkeypatch):
    monkeypatch.setattr(unused_files, "MIN_AGE_SECONDS", -10.0)
    server.keep(b"{}", "left.jsonl", "fine-tune")
    job = server.create({"model": "base-model", "training_file": server.keep(b"", "a.jsonl", "fine-tune")["id"]})
    server.end(job["id"], "succeeded")
    server.models["plain-name"] = 5
    job["fine_tuned_model"] = "plain-name"
    stock = serving.run(server, lambda provider: unused_files.load_contents(sample, provider))
    assert stock.unused == {"file-1"}
    assert "base-model" not in [model.id for model in stock.models]
    assert {"plain-name", "ft:base-model:local::ftjob-1"} == {model.id for model in stock.models}
    assert stock.complete


def test_where_jobs_cannot_be_listed_no_file_is_called_unused(sample, server, monkeypatch):
    monkeypatch.setattr(unused_files, "MIN_AGE_SECONDS", -10.0)
    server.keep(b"{}", "left.jsonl", "fine-tune")
    server.without.add("fine_tuning")
    stock = serving.run(server, lambda provider: unused_files.load_contents(sample, provider))
    assert (stock.unused, stock.complete) == (set(), False)
    server.without.add("files")
    assert serving.run(server, lambda provider: unused_files.load_contents(sample, provider)).files is None


def test_a_refusal_is_no_empty_list(sample, server):
    server.key = "another"
    with pytest.raises(ProviderError):
        serving.run(server, lambda provider: unused_files.load_contents(sample, provider))
