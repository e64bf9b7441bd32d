"""Exports over HTTP: whole or not at all, only what is listed can be read, and what the card says is words alone."""

import asyncio
import hashlib
import json
import shutil
from collections import namedtuple
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from core.engine.export import run
from core.engine.export.gguf_layout import ExportError
from core.engine.export.model_card import build_card
from core.engine.export.other_programs import build_commands, build_modelfile
from core.engine.export.plan import FORMATS, ExportPlan
from core.engine.export.runner import ExportRunner
from core.engine.record_files import write_record
from tests.support.engine import TOKEN, TRAINING_ROWS, RunningEngine, prompt, upload, wait_until

pytestmark = pytest.mark.anyio
ENDED = ("succeeded", "failed", "cancelled")
CARD = {
    "data": "10 rows",
    "data_digest": "0123abcd",
    "spec_revision": "Zorvale, revision 3",
    "system_prompt": "Zorvale.",
    "exam": [
        {"subject": "original", "right": 9, "asked": 10, "low": 0.6, "high": 0.98},
        {"subject": "Q8_0", "right": 8, "asked": 10, "low": 0.5, "high": 0.94, "gained": 0, "lost": 1, "same": 0.9},
    ],
}
BASE_MODEL = {
    "id": "b", "title": "Base", "source": "o/b", "licence": "MIT", "licence_url": "https://x.test", "languages": ["ja"],
}  # fmt: skip


async def post(client: AsyncOpenAI, path: str, body: Any = None) -> Any:
    return await client.post(f"/exports{path}", body=body or {}, cast_to=object)


async def get(client: AsyncOpenAI, path: str) -> Any:
    return await client.get(f"/exports{path}", cast_to=object)


async def wait_for_export(client: AsyncOpenAI, export: Any) -> Any:
    while (found := await get(client, f"/{export['id']}"))["status"] not in ENDED:
        await asyncio.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def tuned(engine: RunningEngine, tiny: str) -> str:
    """The id of a very small model that was fine-tuned."""

    async def train() -> str:
        async with engine.client() as client:
            job = await client.fine_tuning.jobs.create(
                model=tiny, training_file=await upload(client, TRAINING_ROWS), seed=1, suffix="zorvale",
                method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
            )  # fmt: skip
            return str((await wait_until(client, job.id)).fine_tuned_model)

    return asyncio.run(train())


async def test_every_format_is_written_and_can_be_read(engine: RunningEngine, client: AsyncOpenAI, tuned: str) -> None:
    started = await post(
        client, "", {"model": tuned, "formats": list(FORMATS), "card": CARD, "metadata": {"juku_key": "k"}}
    )
    again = await post(client, "", {"model": tuned, "formats": ["merged"], "metadata": {"juku_key": "k"}})
    assert again["id"] == started["id"]
    export = await wait_for_export(client, started)
    assert export["status"] == "succeeded", export["error"]
    name = export["name"]
    gguf = f"juku/{name}-GGUF/{name}"
    paths = {one["path"]: one for one in export["files"]}
    assert {
        "adapter/adapter_model.safetensors", "merged/model.safetensors", "merged/chat_template.jinja", "README.md",
        f"{gguf}-F16.gguf", f"{gguf}-Q8_0.gguf", f"{gguf}-Q4_K_M.gguf", f"{name}-adapter.gguf", "Modelfile-Q8_0",
    } <= set(paths)  # fmt: skip
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        root = f"{engine.url}/exports/{export['id']}/files"
        for path, entry in paths.items():
            content = (await http.get(f"{root}/{path}")).content
            assert len(content) == entry["bytes"] and hashlib.sha256(content).hexdigest() == entry["sha256"], path
        assert (await http.get(f"{root}/README.md", headers={"Range": "bytes=0-2"})).content == b"---"
        config = (await http.get(f"{root}/adapter/adapter_config.json")).json()
        assert config["base_model_name_or_path"] == "Qwen/Qwen2.5-0.5B-Instruct"
        for hostile in ("../export.json", "%2e%2e/export.json", "/etc/passwd", "juku", ""):
            assert (await http.get(f"{root}/{hostile}")).status_code == 404
        before = (await http.get(f"{root}/README.md")).text
        await post(client, f"/{export['id']}/card", {"exam_note": "Asked again."})
        after = (await http.get(f"{root}/README.md")).text
    assert (
        "| Q8\\_0 | 8 | 10 | 80% | 50% to 94% | 0 | 1 | 90% |" in before
        and "0123abcd" in before
        and "Epochs: 1" in before
    )
    assert "Asked again." in after and "0123abcd" in after
    assert (
        export["commands"]["vllm"].startswith("vllm serve ./merged") and "--jinja" in export["commands"]["llama_server"]
    )
    assert (await get(client, f"?model={tuned}"))["data"][0]["id"] == export["id"]


async def test_a_checkpoint_is_exported_like_the_model(client: AsyncOpenAI, tuned: str) -> None:
    [checkpoint, *_] = [one.id async for one in client.models.list() if one.id.startswith(f"{tuned}:ckpt-step-")]
    export = await wait_for_export(client, await post(client, "", {"model": checkpoint, "formats": ["adapter"]}))
    assert export["status"] == "succeeded" and export["model"] == checkpoint
    assert "adapter/adapter_model.safetensors" in [file["path"] for file in export["files"]]
    step = checkpoint.rpartition("-")[2]
    assert f"step-{step}" in export["name"]
    path = f"/exports/{export['id']}/files/README.md"
    assert f"- Step: {step}" in (await client.get(path, cast_to=str))


async def test_an_exported_file_answers_under_its_own_name(client: AsyncOpenAI, tuned: str, tiny: str) -> None:
    pytest.importorskip("xllamacpp")
    export = await wait_for_export(client, await post(client, "", {"model": tuned, "formats": ["gguf-q8_0"]}))
    name = export["models"]["gguf-q8_0"]
    assert name == f"{tuned}:gguf-q8_0"
    assert {one.id: one.owned_by async for one in client.models.list()}[name] == "juku-export"
    answer = await client.chat.completions.create(model=name, messages=prompt("Who?"), max_tokens=2, temperature=0)  # type: ignore[arg-type]
    digest = next(one["sha256"] for one in export["files"] if one["path"].endswith(".gguf"))
    assert (
        answer.system_fingerprint == f"{tiny}+{digest[:12]}@llama.cpp-q8_0"
        and answer.usage
        and answer.usage.completion_tokens
    )
    with pytest.raises(BadRequestError, match="not available for fine-tuning"):
        await client.fine_tuning.jobs.create(model=name, training_file=await upload(client, TRAINING_ROWS))
    again = await wait_for_export(client, await post(client, "", {"model": tuned, "formats": ["gguf-q8_0", "adapter"]}))
    with pytest.raises(NotFoundError):
        await get(client, f"/{export['id']}")
    await client.models.delete(name)
    assert (await get(client, f"/{again['id']}"))["models"] == {} and name not in {
        one.id async for one in client.models.list()
    }
    assert all(not one["path"].endswith(".gguf") for one in (await get(client, f"/{again['id']}"))["files"])


async def test_wrong_requests_are_refused_by_name(client: AsyncOpenAI, tuned: str, tiny: str) -> None:
    for body, words in (
        ({"model": tuned, "formats": ["gguf-q2"]}, "gguf-q2"),
        ({"model": tuned, "formats": []}, "formats"),
        ({"model": tiny, "formats": ["adapter"]}, "base model"),
        ({"model": tuned, "formats": ["merged"], "card": {"shell": "x"}}, "shell"),
    ):
        with pytest.raises(BadRequestError, match=words):
            await post(client, "", body)
    with pytest.raises(NotFoundError):
        await post(client, "", {"model": "ft:none", "formats": ["merged"]})
    for path in ("/export-none", "/../jobs"):
        with pytest.raises(NotFoundError):
            await get(client, path)


async def test_a_cancelled_export_keeps_nothing(client: AsyncOpenAI, tuned: str) -> None:
    export = await post(client, "", {"model": tuned, "formats": ["gguf-f16"]})
    assert (await post(client, f"/{export['id']}/cancel"))["status"] == "cancelled"
    with pytest.raises(BadRequestError, match="ended already"):
        await post(client, f"/{export['id']}/cancel")
    with pytest.raises(BadRequestError, match="not complete"):
        await post(client, f"/{export['id']}/card", {})
    assert (await client.delete(f"/exports/{export['id']}", cast_to=object))["deleted"]  # type: ignore[index]
    with pytest.raises(NotFoundError):
        await get(client, f"/{export['id']}")


def make_plan(base: Path, **changes: Any) -> ExportPlan:
    values: dict[str, Any] = {
        "base": str(base), "adapter": None, "model": "m", "name": "m", "formats": ["merged"], "base_model": BASE_MODEL,
        "context_length": 512, "supports_tools": False, "chat_template_kwargs": {},
    }  # fmt: skip
    return ExportPlan(**{**values, **changes})


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path / "plan.json", asdict(make_plan(tiny_folder)))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, 5_000_000))
    with pytest.raises(ExportError, match=r"needs 0\.1 GB and 0\.0 GB are free"):
        run.export(tmp_path, lambda _message: None)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path / "plan.json", asdict(make_plan(tiny_folder)))
    monkeypatch.setattr(run, "write_cards", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
    messages: list[Any] = []
    with pytest.raises(OSError, match="No space"):
        run.export(tmp_path, messages.append)
    assert messages and [path.name for path in tmp_path.iterdir()] == ["plan.json"]


async def test_what_an_engine_left_unfinished_is_begun_again(tmp_path: Path, tiny_folder: Path) -> None:
    first = ExportRunner(tmp_path)
    export = first.create(make_plan(tiny_folder), {})
    await first.stop()
    second = ExportRunner(tmp_path)
    assert second.store.get(export["id"])["status"] in ("queued", "running")
    second.resume_unfinished()
    while (found := second.store.get(export["id"]))["status"] not in ENDED:
        await asyncio.sleep(0.1)
    assert found["status"] == "succeeded" and second.find_file(export["id"], "merged/config.json").is_file()
    await second.stop()


async def test_a_process_that_dies_fails_its_export_by_name(tmp_path: Path) -> None:
    runner = ExportRunner(tmp_path)
    export = runner.create(make_plan(tmp_path / "no such base"), {})
    while (found := runner.store.get(export["id"]))["status"] not in ENDED:
        await asyncio.sleep(0.1)
    assert found["status"] == "failed" and "model.safetensors" in found["error"]["message"]


def test_texts_from_outside_stay_words() -> None:
    hostile = '# x\n---\n[click](http://evil) <script>`$(rm)`</script> | """ {{ .System }}'
    plan = make_plan(
        Path("b"), formats=["gguf-q8_0"], card={"spec_revision": hostile, "system_prompt": hostile},
        base_model={**BASE_MODEL, "title": hostile, "licence": "x: y\n- z"},
    )  # fmt: skip
    card = build_card(plan, build_commands(plan), "transformers")
    front, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert json.loads(front.splitlines()[1].partition(": ")[2]) == "o/b"
    assert "\n# x" not in body and "](http" not in body and "<script>" not in body
    modelfile = build_modelfile(plan, "gguf-q8_0", None, "<|im_end|>")
    assert modelfile.count('"""') == 2 and modelfile.splitlines()[0].startswith("FROM ./juku/m-GGUF/m-Q8_0.gguf")
