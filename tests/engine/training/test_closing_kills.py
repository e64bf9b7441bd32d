"""An engine that is killed while it stores what a job has made: the next one goes on, and nothing is there twice."""

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest

from core.engine import private_files, record_files
from core.engine.disk_store import DiskStore
from core.engine.http.job_request import JobRequest
from core.engine.models.catalog import ModelCatalog
from core.engine.record_files import write_json
from core.engine.training import job_records_and_results, job_runner
from core.engine.training.estimator import Estimator
from core.engine.training.job_runner import JobRunner
from tests.support.engine import TINY

pytestmark = pytest.mark.anyio
REPLACING, APPENDING = "replace_folder", "append_line"


class Killed(BaseException):
    """Stands for the end of the process: nothing handles it."""


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The home of an engine that was killed when a job was trained and nothing of it stored yet."""
    home = tmp_path / "home"
    store = DiskStore(home)
    job = job_records_and_results.build_job(JobRequest(model=TINY, training_file="file-x", seed=1))
    store.jobs.add({**job, "status": "running"})
    store.jobs.add_metrics(job["id"], {"step": 1, "total_steps": 1, "train_loss": 0.5})
    folder = store.jobs.folder(job["id"])
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter_config.json").write_text("{}")
    (folder / "adapter" / "adapter_model.safetensors").write_bytes(b"weights")
    write_json(folder / job_runner.TRAINED, {"trained_tokens": 321})
    return home


async def go_on(home: Path) -> None:
    """The life of an engine on `home`, until its jobs are done."""
    store = DiskStore(home)
    catalog = ModelCatalog(home / "models of others", home / "models.json")
    runner = JobRunner(store, catalog, "float32", Estimator("float32", home / "log"))
    runner.resume_unfinished()
    await asyncio.gather(*runner._tasks.values())
    await runner.stop()


async def test_a_kill_at_any_write_doubles_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for killed_at in itertools.count(1):
        home = tmp_path / f"killed at {killed_at}"
        shutil.copytree(trained, home)
        left = itertools.count(killed_at, -1)

        def die_in_time(left=left) -> None:
            if next(left) == 0:
                raise Killed

        with monkeypatch.context() as patch:
            for module, name in ((private_files, "sync_folder"), (record_files, "to_json_line")):
                real = getattr(module, name)
                patch.setattr(module, name, lambda *args, real=real: (die_in_time(), real(*args))[1])
            try:
                await go_on(home)
                is_whole = True
            except Killed:
                is_whole = False
        await go_on(home)
        store = DiskStore(home)
        (job,) = store.jobs.all()
        assert (job["status"], job["trained_tokens"]) == ("succeeded", 321)
        assert [model["id"] for model in store.models.all()] == [job["fine_tuned_model"]]
        assert [file["id"] for file in store.files.all()] == job["result_files"]
        words = [event["message"] for event in store.jobs.events(job["id"])]
        assert words == [
            "The job has successfully completed",
            f"New fine-tuned model created: {job['fine_tuned_model']}",
        ]
        assert not (store.jobs.folder(job["id"]) / job_runner.TRAINED).exists()
        if is_whole:
            break
    assert killed_at > 8


async def test_a_trained_job_without_an_adapter_is_trained_again(trained: Path) -> None:
    """Its folder was deleted by hand, say: what is written of it counts for nothing."""
    store = DiskStore(trained)
    (job,) = store.jobs.all()
    shutil.rmtree(store.jobs.folder(job["id"]) / "adapter")
    await go_on(trained)
    (job,) = DiskStore(trained).jobs.all()
    assert job["status"] == "failed" and job["fine_tuned_model"] is None


@pytest.mark.logs
async def test_the_files_of_a_job_whose_record_is_damaged_stay(trained: Path) -> None:
    """The record may be put back from a backup: the job then goes on."""
    (folder,) = (trained / "jobs").iterdir()
    record = (folder / "job.json").read_bytes()
    (folder / "job.json").write_bytes(record[:50])
    await go_on(trained)
    assert (folder / job_runner.TRAINED).exists()
    (folder / "job.json").write_bytes(record)
    await go_on(trained)
    (job,) = DiskStore(trained).jobs.all()
    assert job["status"] == "succeeded"
