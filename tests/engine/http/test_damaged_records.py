"""A record that cannot be read is shown with its folder and what to do; nothing else is missing because of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError

from core.engine import damaged_records, failures
from core.engine.disk_store import DiskStore
from core.engine.export.runner import ExportStore
from core.engine.http.job_request import JobRequest
from core.engine.http.protocol import ApiError
from core.engine.training import job_records_and_results
from tests.support.engine import start

pytestmark = pytest.mark.anyio
MODEL = "ft:smollm2-135m-instruct:local:x:abcdefgh"


def fill(home: Path) -> dict[str, Path]:
    """A store with one object of each kind; their records."""
    store = DiskStore(home)
    file = store.files.add("rows.jsonl", "fine-tune", lambda path: path.write_bytes(b"{}\n"))
    job = job_records_and_results.build_job(JobRequest(model="smollm2-135m-instruct", training_file=file["id"]))
    store.jobs.add({**job, "status": "succeeded"})
    store.batches.add(
        {
            "id": "batch_x",
            "created_at": 1,
            "status": "completed",
            "metadata": {},
            "endpoint": "/v1/embeddings",
            "input_file_id": "f",
            "request_counts": {},
        }
    )
    adapter = home / "adapter"
    adapter.mkdir()
    store.models.add(
        adapter,
        {"id": MODEL, "base": "smollm2-135m-instruct", "created": 1, "job": job["id"], "step": None, "metrics": {}},
    )
    exports = ExportStore(home / "exports")
    exports.add(
        {
            "id": "export-x",
            "created_at": 1,
            "status": "succeeded",
            "metadata": {},
            "model": MODEL,
            "files": [],
            "models": {},
        }
    )
    return {
        name: next((home / name).rglob(f"{name[:-1] if name != 'batches' else 'batch'}.json"))
        for name in ("files", "jobs", "batches", "models", "exports")
    }


def load(home: Path, kind: str) -> list[dict[str, Any]]:
    return ExportStore(home / kind).all() if kind == "exports" else getattr(DiskStore(home), kind).all()


@pytest.mark.logs
@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"id": "x', b"\xff\xfe{}", b"null"])
@pytest.mark.parametrize("kind", ["files", "jobs", "batches", "models", "exports"])
def test_it_is_shown_with_its_path(tmp_path: Path, kind: str, damage: bytes) -> None:
    path = fill(tmp_path)[kind]
    (whole,) = load(tmp_path, kind)
    path.write_bytes(damage)
    (found,) = load(tmp_path, kind)
    assert str(path) in json.dumps(found, ensure_ascii=False)
    assert set(found) >= set(whole) - {"sha256"}
    shutil.rmtree(path.parent)
    assert load(tmp_path, kind) == []


@pytest.mark.logs
@pytest.mark.parametrize("kind", ["files", "jobs", "batches", "models", "exports"])
def test_a_flipped_letter_is_found_and_an_older_record_is_read(tmp_path: Path, kind: str) -> None:
    """It was shown, and used, as if somebody had meant it."""
    path = fill(tmp_path)[kind]
    data = path.read_bytes()
    place = data.index(b"created") + 1
    path.write_bytes(data[:place] + b"R" + data[place + 1 :])
    assert "cannot be read" in json.dumps(load(tmp_path, kind))
    path.write_bytes(data.replace(b'"id": "', b'"id": "x', 1))
    assert "cannot be read" in json.dumps(load(tmp_path, kind))
    value = json.loads(data)
    del value["checksum"]
    path.write_text(json.dumps(value), "utf-8")
    assert "cannot be read" not in json.dumps(load(tmp_path, kind))


@pytest.mark.logs
@pytest.mark.parametrize("kind", ["files", "models"])
def test_a_record_that_is_gone_is_shown_and_what_a_crash_left_is_deleted(tmp_path: Path, kind: str) -> None:
    path = fill(tmp_path)[kind]
    (path.parent / "content").touch()
    path.unlink()
    left = tmp_path / kind / "file-x.new"
    left.mkdir()
    (left / "content").touch()
    (found,) = load(tmp_path, kind)
    assert str(path) in json.dumps(found)
    assert not left.exists()


@pytest.mark.parametrize("damage", [None, b"{}", b"{X\n"])
def test_an_uploaded_file_is_compared_before_it_is_used(tmp_path: Path, damage: bytes | None) -> None:
    """A flipped bit was trained on."""
    store = DiskStore(tmp_path)
    file = store.files.add("rows.jsonl", "fine-tune", lambda path: path.write_bytes(b"{}\n"))
    assert "sha256" not in file
    path = store.files.path(file["id"])
    assert store.files.read_whole(file["id"], tmp_path / "copy").read_bytes() == b"{}\n"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    for files in (store.files, DiskStore(tmp_path).files):
        with pytest.raises(ApiError, match="damaged") as error:
            files.read_whole(file["id"], tmp_path / "copy")
        assert error.value.code == failures.DAMAGED_FILE and str(path) in error.value.message


async def test_the_server_lists_it_and_says_what_to_do(tmp_path: Path) -> None:
    records = fill(tmp_path)
    for path in records.values():
        path.write_bytes(b"{")
    running = start(tmp_path)
    async with running.client() as client:
        (job,) = [one async for one in client.fine_tuning.jobs.list()]
        assert job.status == "failed" and job.error and str(records["jobs"]) in job.error.message
        (batch,) = [one async for one in client.batches.list()]
        assert batch.status == "failed" and batch.errors and batch.errors.data
        (file,) = [one async for one in client.files.list()]
        assert file.status == "error"
        with pytest.raises(BadRequestError, match="training_file"):
            await client.fine_tuning.jobs.create(model="smollm2-135m-instruct", training_file=file.id)
        (model,) = [one.id async for one in client.models.list() if one.owned_by == "user-local"]
        for ask in (
            lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}]),
            lambda: client.fine_tuning.jobs.create(model=model, training_file=file.id),
        ):
            with pytest.raises(BadRequestError):
                await ask()
        with pytest.raises(BadRequestError, match="Put back the file"):
            await client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}])
        await client.models.delete(model)
        assert not records["models"].exists()
    assert running.stop() == 0


@pytest.mark.parametrize("name", damaged_records.ADAPTER_FILES)
@pytest.mark.parametrize("damage", ["gone", "one bit", "half"])
def test_a_damaged_adapter_is_named_and_never_answers(tmp_path: Path, name: str, damage: str) -> None:
    """A flipped bit was loaded, and answered."""
    store, part = DiskStore(tmp_path), tmp_path / "part"
    part.mkdir()
    for one in damaged_records.ADAPTER_FILES:
        (part / one).write_bytes(b"0123456789")
    store.models.add(part, {"id": MODEL, "base": "b", "created": 1, "job": "", "step": None})
    found = store.models.get(MODEL)
    assert found
    damaged_records.check_adapter(found[1])
    path = found[1] / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"01234" if damage == "half" else b"1123456789")
    with pytest.raises(damaged_records.DamagedAdapterError, match=name) as error:
        damaged_records.check_adapter(found[1])
    assert "train it again" in str(error.value)
    (found[1] / "model.json").write_text("{}")  # of an older engine: there is nothing to compare with
    damaged_records.check_adapter(found[1])
