"""An export is copied whole or not at all, nothing leads out of its folder, and Ollama gets what it needs."""

import asyncio
import json
import shutil
from collections import namedtuple

import pytest

from core import settings
from core.cli import commands
from core.errors import JukuError, ProviderError
from core.exam import exported_models, verdict
from core.exam.runs import ExamSubject
from core.progress import Cancelled, Reporter
from core.providers import LocalProvider, Reply, ollama
from core.providers.model_identity import ModelIdentityError, check_identity
from core.providers.model_kinds import split_exported
from core.training import jobs, lineage, model_export
from tests.support.fake_exports import FILES, GGUF, MODEL, ExportingServer, FakeOllama
from tests.support.fake_server import Answer, FakeServer
from tests.support.projects import write


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(model_export, "POLL_SECONDS", 0.0)
    with ExportingServer() as server:
        yield server


@pytest.fixture
def fake_ollama(monkeypatch):
    with FakeOllama() as found:
        monkeypatch.setenv("OLLAMA_HOST", found.url)
        yield found


def remember_job(db):
    values = {
        "provider": "fake", "token": "t", "remote_id": "ftjob-1", "model": "base-model", "rows": "study", "row_count": 15,
        "settings": "{}", "status": "succeeded", "fine_tuned_model": MODEL, "digest": "abc", "app": "1", "method": "supervised",
    }  # fmt: skip
    jobs.insert(db, values)


async def export(project, server, folder, reporter=None, formats=("gguf-q8_0",)):
    provider = server.provider()
    try:
        started = await model_export.start(project, provider, MODEL, formats)
        done = await model_export.wait(provider, started, reporter or Reporter())
        return await model_export.save(provider, done, folder, reporter or Reporter()), done
    finally:
        await provider.close()


def test_an_export_is_saved_whole_with_what_the_project_knows(project, server, tmp_path):
    write(project, remember_job)
    folder, done = asyncio.run(export(project, server, tmp_path))
    again, _ = asyncio.run(export(project, server, tmp_path))
    assert folder == tmp_path / "game" and again == tmp_path / "game (2)"
    for path, data in FILES.items():
        assert (folder / path).read_bytes() == data
    asked = server.exports["export-1"]["asked"]
    assert asked["card"] == {"data": "15 rows, with the tag “study”", "data_digest": "abc"}
    assert model_export.find_gguf(folder, done) == folder / GGUF


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "C:x", "a\\..\\x", "a\nb", ""])
def test_no_file_leaves_the_folder(project, server, tmp_path, path):
    server.exported = {path: b"x"}
    (tmp_path / "to").mkdir()
    with pytest.raises(JukuError, match="outside the folder"):
        asyncio.run(export(project, server, tmp_path / "to"))
    assert list((tmp_path / "to").iterdir()) == [] and not (tmp_path / "x").exists()


@pytest.mark.parametrize("fault", ["damaged", "failed", "full", "cancelled"])
def test_a_fault_leaves_nothing_and_is_told(project, server, tmp_path, monkeypatch, fault):
    reporter, words = Reporter(), "could not be exported"
    if fault == "damaged":
        server.damaged, words = GGUF, "arrived damaged"
    elif fault == "failed":
        server.failure = "no such architecture"
    elif fault == "full":
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, 1000))
        words = "no room"
    else:
        reporter.cancel()
    (tmp_path / "to").mkdir()
    with pytest.raises((Cancelled, JukuError), match=None if fault == "cancelled" else words):
        asyncio.run(export(project, server, tmp_path / "to", reporter))
    assert list((tmp_path / "to").iterdir()) == []
    assert (server.exports["export-1"]["status"] == "cancelled") == (fault == "cancelled")


def test_another_server_says_that_it_cannot(project, tmp_path):
    with FakeServer() as server, pytest.raises(ProviderError, match="cannot export models"):
        asyncio.run(export(project, server, tmp_path))


def test_an_exported_file_counts_as_the_model_it_was_made_from(project):
    write(project, remember_job)
    assert split_exported(f"{MODEL}:gguf-q4_k_m") == (MODEL, "Q4_K_M") and split_exported(MODEL) == (MODEL, "")
    assert lineage.find_job_of_model(project.rows, "fake", f"{MODEL}:gguf-f16").fine_tuned_model == MODEL
    title = verdict.subject_title(ExamSubject("fake", "ft:base:local:plain:x:ckpt-step-8:gguf-q8_0"))
    assert title == "base · plain · step 8 · GGUF Q8_0 (Closed book)"


def test_ollama_gets_the_file_once_and_the_template(project, server, tmp_path, fake_ollama):
    folder, done = asyncio.run(export(project, server, tmp_path))
    shares = []

    async def send():
        reporter = Reporter(lambda progress: shares.append(progress.done / progress.total))
        await ollama.send_model(ollama.default_url(), "game", folder / GGUF, done, reporter)

    asyncio.run(send())
    asyncio.run(send())
    assert fake_ollama.uploads == 1 and shares[-1] > 0.99
    (digest,) = fake_ollama.blobs
    assert fake_ollama.created[1] == {
        "model": "game", "files": {"game-Q8_0.gguf": digest}, "template": "{{ .Prompt }}", "system": "Be brief.",
        "parameters": {"num_ctx": 4096, "stop": ["<|im_end|>"]}, "stream": True,
    }  # fmt: skip
    assert asyncio.run(ollama.find_version(fake_ollama.url)) == "0.12.3"
    fake_ollama.refusal = "unsupported architecture"
    with pytest.raises(ProviderError, match="unsupported architecture"):
        asyncio.run(send())


def test_without_ollama_it_is_said_where_it_was_looked_for(project, server, tmp_path, fake_ollama):
    folder, done = asyncio.run(export(project, server, tmp_path))
    gone = "http://127.0.0.1:9"
    assert asyncio.run(ollama.find_version(gone)) is None
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1:9"):
        asyncio.run(ollama.send_model(gone, "game", folder / GGUF, done, Reporter()))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("10.0.0.2", "http://10.0.0.2:11434"),
        ("box:99/", "http://box:99"),
        ("https://o.test", "https://o.test:11434"),
    ],
)
def test_the_address_of_ollama_is_its_own_setting(monkeypatch, host, url):
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert ollama.default_url() == url


def test_the_command_exports_examines_and_brings_it_to_ollama(
    sample, server, tmp_path, fake_ollama, server_key, capsys
):
    settings.save(server.settings())
    path = sample.path
    sample.close()
    arguments = ["export-model", str(path), "--model", MODEL, "--provider", "fake", "--to", str(tmp_path), "--json",
                 "--format", "gguf-q8_0", "merged", "--exam", "--ollama", "game"]  # fmt: skip
    assert commands.run(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "game") and (tmp_path / "game" / GGUF).is_file()
    assert [score["precision"] for score in told["exam"]] == ["", "Q8_0"]
    (card,) = server.cards
    assert [row["subject"] for row in card["exam"]] == ["The model in Juku", "GGUF Q8_0"]
    assert card["exam"][1]["gained"] == card["exam"][1]["lost"] == 0
    assert fake_ollama.created[0]["model"] == "game"


def test_scores_tell_what_a_file_lost_and_whether_answers_are_the_same(sample, server):
    wrong = f"{MODEL}:gguf-q8_0"
    server.script = lambda asked: reply(asked, wrong)

    async def examine():
        provider = server.provider()
        started = await model_export.start(sample, provider, MODEL, ["gguf-f16", "gguf-q8_0"])

        async def connect(_id):
            return provider

        plan = exported_models.build_plan("fake", started)
        try:
            return await exported_models.examine(sample, connect, plan, Reporter(), lambda _changes: None)
        finally:
            await provider.close()

    original, same, worse = asyncio.run(examine())
    assert original.same is None and original.right > 0 and same.same == 1.0 and same.lost == same.gained == 0
    assert worse.right == 0 and worse.lost > 0 and worse.same == 0.0
    rows = exported_models.build_card_rows([original, same, worse], "Juku")
    assert [row["subject"] for row in rows] == ["Juku", "GGUF F16", "GGUF Q8_0"] and "lost" not in rows[0]


def test_a_file_that_gave_no_answers_has_no_verdict(sample, server):
    """The engine's fingerprint once made every answer of an exported file one of another model; “lost nothing” was told."""
    server.script = lambda asked: Answer([], error=(400, "no room")) if asked["model"] != MODEL else reply(asked, "")

    async def examine():
        provider = server.provider()
        started = await model_export.start(sample, provider, MODEL, ["gguf-q8_0"])

        async def connect(_id):
            return provider

        plan = exported_models.build_plan("fake", started)
        try:
            return await exported_models.examine(sample, connect, plan, Reporter(), lambda _changes: None)
        finally:
            await provider.close()

    original, silent = asyncio.run(examine())
    assert original.error == "" and "no room" in silent.error
    assert silent.gained is silent.lost is silent.same is None


def test_an_exported_file_is_known_by_its_own_hash():
    name = f"{MODEL}:gguf-q8_0"
    local = LocalProvider()
    check_identity(local, name, Reply(["x"], name, "base-model+0123456789ab@llama.cpp-q8_0", 0.0, 1))
    with pytest.raises(ModelIdentityError):
        check_identity(local, name, Reply(["x"], name, "base-model@llama.cpp-q8_0", 0.0, 1))


def reply(asked, wrong):
    return Answer(["Purple."] if asked["model"] == wrong else ["A team has three players and two balls."])
