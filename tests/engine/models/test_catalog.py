"""Where models come from: an installed package, or a hub (here: a small one of our own on loopback)."""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from openai import AsyncOpenAI, BadRequestError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.engine.disk_store import DiskStore
from core.engine.http.job_request import JobRequest
from core.engine.models import catalog, convert_gguf
from core.engine.training import job_records_and_results
from core.engine.training.job_runner import JobRunner
from tests.support.engine import BASE, TINY, start, tiny_qwen

pytestmark = pytest.mark.anyio
REPO = "Qwen/Qwen2.5-0.5B-Instruct"
QWEN, MISSING = TINY, "qwen3-0.6b"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


async def listed(client: AsyncOpenAI) -> dict[str, Any]:
    found: Any = await client.get("/catalog", cast_to=object)
    return {model["id"]: model for model in found["data"]}


async def prepare(client: AsyncOpenAI, model: str, accept: bool = True) -> Any:
    return await client.post(f"/catalog/{model}/prepare", body={"accept_licence": accept}, cast_to=object)


async def test_what_is_missing_is_refused_with_the_way_to_get_it(client: AsyncOpenAI, base: Path) -> None:
    models = await listed(client)
    assert models[BASE]["state"] == "ready" and models[BASE]["source"] == "package"
    missing = models[MISSING]
    assert missing["state"] == "missing" and missing["licence"] == "Apache-2.0" and "ja" in missing["languages"]
    with pytest.raises(BadRequestError, match="prepare") as error:
        await client.chat.completions.create(model=MISSING, messages=[{"role": "user", "content": "x"}])
    assert error.value.code == "model_not_ready"
    with pytest.raises(BadRequestError) as error:
        await client.fine_tuning.jobs.create(model=MISSING, training_file="file-x")
    with pytest.raises(BadRequestError, match="licence"):
        await prepare(client, MISSING, accept=False)


def test_a_damaged_package_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF, or so it says")
    with pytest.raises(ValueError, match="SHA-256"):
        convert_gguf.check_sha256(tmp_path / "x.gguf", "0" * 64)


def test_a_file_that_gets_its_name_while_it_is_measured_counts_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "whole").write_bytes(b"12345")
    assert [catalog._file_size(tmp_path / name) for name in ("whole", "tmp_1")] == [5, 0]


def test_half_a_folder_is_not_a_model(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    assert not catalog.is_complete_folder(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}'
    )
    (tmp_path / "1.safetensors").touch()
    assert not catalog.is_complete_folder(tmp_path)
    (tmp_path / "2.safetensors").touch()
    assert catalog.is_complete_folder(tmp_path)


@contextlib.contextmanager
def hub(folder: Path, requested: list[str]) -> Iterator[str]:
    """The three routes of a hub that fetching a repository needs."""

    async def info(_: Request) -> Response:
        names = [{"rfilename": path.name} for path in folder.iterdir()]
        return JSONResponse({"id": REPO, "sha": COMMIT, "siblings": names, "private": False, "tags": []})

    async def tree(_: Request) -> Response:
        rows = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0" * 40} for p in folder.iterdir()]
        return JSONResponse(rows)

    async def resolve(request: Request) -> Response:
        path = folder / request.path_params["name"]
        requested.append(path.name)
        if not path.exists():
            return JSONResponse({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        etag = hashlib.sha256(path.read_bytes()).hexdigest()
        return FileResponse(path, headers={"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})

    routes = [
        Route(f"/api/models/{REPO}/revision/{{revision}}", info),
        Route(f"/api/models/{REPO}", info),
        Route(f"/api/models/{REPO}/tree/{{revision}}", tree),
        Route(f"/{REPO}/resolve/{{revision}}/{{name}}", resolve, methods=["GET", "HEAD"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


async def test_a_model_is_fetched_from_a_hub_when_the_person_agrees(tmp_path: Path, base: Path) -> None:
    source, requested = tmp_path / "hub", list[str]()
    tiny_qwen(base, source)
    (source / "evil.py").write_text("raise SystemExit")
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    with hub(source, requested) as url:
        running = start(tmp_path / "home", HF_ENDPOINT=url, HF_HOME=str(tmp_path / "cache"))
        async with running.client() as client:
            assert (await prepare(client, QWEN))["state"] == "fetching"
            assert (await prepare(client, QWEN))["state"] in ("fetching", "ready")
            while (model := (await listed(client))[QWEN])["state"] == "fetching":
                await asyncio.sleep(0.1)
            assert model["state"] == "ready", model["message"]
            assert QWEN in [one.id async for one in client.models.list()]
            failed = await prepare(client, MISSING)
            while (failed := (await listed(client))[MISSING])["state"] == "fetching":
                await asyncio.sleep(0.1)
            assert failed["state"] == "failed" and failed["message"]
        assert running.stop() == 0
    (fetched,) = (tmp_path / "cache" / "hub").glob("models--Qwen--*/snapshots/*/model.safetensors")
    assert fetched.read_bytes() == (source / "model.safetensors").read_bytes()  # that it answers then, others show
    assert not {"evil.py", "pytorch_model.bin"} & set(requested)


class _SlowCatalog(catalog.ModelCatalog):
    """Makes models ready as slowly as the test wants."""

    def __init__(self, models: Path) -> None:
        super().__init__(models)
        self.may_end = asyncio.Event()

    async def _prepare(self, entry: catalog.CatalogEntry) -> Path:
        for share in (0.3, 0.32, 0.9):
            self._set_progress(entry.id, share)
            await asyncio.sleep(0)
        await self.may_end.wait()
        return self._models / entry.id


async def test_a_job_reports_the_progress_of_preparing_its_model(tmp_path: Path) -> None:
    store, known = DiskStore(tmp_path / "home"), _SlowCatalog(tmp_path / "models")
    queue = JobRunner(store, known, "float32")
    job = job_records_and_results.build_job(JobRequest(model=BASE, training_file="file-x", seed=1))
    store.jobs.add(job)
    entry = catalog.load_catalog()[BASE]
    work = asyncio.ensure_future(queue._prepare_base_model(job["id"], entry))
    while len(events := store.jobs.events(job["id"])) < 3:
        await asyncio.sleep(0.01)
    assert [event["data"]["share"] for event in events[::-1]] == [0.0, 0.3, 0.9]  # the small step between is left out
    assert {event["type"] for event in events} == {"message"}  # no numbers of a training
    assert known.describe(entry)["progress"] == 0.9
    known.may_end.set()
    assert await work == tmp_path / "models" / BASE
    assert known.progress(entry) == 0.0


def test_a_conversion_reports_each_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import modeling_gguf_pytorch_utils as gguf_utils

    # Restored at the end; fails if transformers has no such progress bar.
    monkeypatch.setattr(gguf_utils, "tqdm", gguf_utils.tqdm)
    progress = list[float]()
    convert_gguf._report_tensors(progress.append)
    assert list(gguf_utils.tqdm(["a", "b", "c", "d"], desc="Converting")) == ["a", "b", "c", "d"]
    assert progress == [0.0, 0.25, 0.5, 0.75]
