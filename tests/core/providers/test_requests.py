"""Every request Juku sends is one that OpenAI's published schema describes. What is meant to differ is listed here."""

import asyncio
import contextlib
import dataclasses
import email
import inspect
import json

import pytest

from core import replies
from core.chat import router
from core.chat.router import Domain
from core.dataset.versions import iterate_texts, save_current
from core.errors import ProviderError
from core.providers import ADAPTERS, JobRequest, Provider, Sampling, server_presets
from core.providers.chat_api import chat_body
from core.providers.connection_test import probe_capabilities
from core.providers.exports_api import ExportsApi
from core.providers.server_presets import preset
from core.training import row_selection
from tests.support import contract
from tests.support.serving import run

MESSAGES = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": [{"type": "text", "text": "Who?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]},
    {"role": "assistant", "content": "Nobody."},
    {"role": "user", "content": "Why?"},
]  # fmt: skip
SCHEMAS = (replies.PAIRS_SCHEMA, replies.STATEMENTS_SCHEMA, replies.VERDICT_SCHEMA)

# Routes that the document lacks: the limits of fine-tuning are documented in words only.
BEYOND = ["GET /fine_tuning/model_limits"]
# A look at what a server can do sends nothing, so that nothing is made: the routes are there if they refuse it.
EMPTY = [("POST", "/embeddings"), ("POST", "/moderations")]
# Hyperparameters that Nebius has and OpenAI has not; it wants them where OpenAI had its own at first.
NEBIUS = ["learning_rate", "lora_r", "lora_alpha", "lora_dropout", "context_length", "warmup_ratio", "weight_decay"]
# Not requests: they lead to the others, or only hold the line.
NO_REQUEST = {"client", "close", "plain", "offers", "batch_answers"}
# Routes of the local engine, which OpenAI's document does not have.
EXPORTS = {name for name, _ in inspect.getmembers(ExportsApi, inspect.iscoroutinefunction) if name in vars(ExportsApi)}
NO_REQUEST |= EXPORTS


def sent(server):
    """Each request: the method, the path with its query, its body as JSON or as a form."""
    for method, path, body in server.requests:
        yield method, path.removeprefix("/v1"), _form(body) if body.startswith(b"--") else json.loads(body or "null")


def _form(body):
    head = b"Content-Type: multipart/form-data; boundary=" + body.partition(b"\r\n")[0][2:] + b"\r\n\r\n"
    parts = email.message_from_bytes(head + body).get_payload()
    names = [part.get_param("name", header="content-disposition") for part in parts]
    return {name: part.get_payload() for name, part in zip(names, parts, strict=True)}


def faults(server, *but):
    """What is wrong with the requests that came, apart from the differences that are meant."""
    for method, path, body in sent(server):
        if f"{method} {path}" not in BEYOND and not ((method, path) in EMPTY and body == {}):
            wrong = contract.request_errors(method, path, body)
            yield from (f"{method} {path} {one}" for one in wrong if not any(f"/{name}: unk" in one for name in but))


async def everything(provider, server):
    """One call of each kind; the names of those that were made."""
    file = await provider.upload("rows.jsonl", b"{}\n", on_bytes=lambda _done, _total: None)
    await provider.upload("batch.jsonl", b"{}\n", "batch")
    await provider.files("fine-tune"), await provider.files(), await provider.file(file.id)
    await provider.look_at_files(), await provider.look_at_jobs()
    request = JobRequest(
        "base-model", file.id, "token", file.id, "x", 7, {}, "supervised", {"n" * 64: "v" * 512, "run": "1"}
    )
    job = (await provider.create_job(request)).id
    server.note(job, "Step 1/2", {"step": 1})
    await provider.jobs(), await provider.find_jobs("token"), await provider.job(job)
    await provider.events(job, set()), await provider.checkpoints(job)
    await provider.pause_job(job), await provider.resume_job(job), await provider.cancel_job(job)
    await provider.chat("base-model", MESSAGES, Sampling(), on_text=lambda _number, _text: None)
    for schema in SCHEMAS:
        await provider.chat("base-model", MESSAGES, Sampling(0.7, 0.9, 20, 3, 5, ("\n",)), schema=schema)
    with contextlib.suppress(ProviderError):  # the fake calls no function
        await router.choose_by_function_call(
            provider, "base-model", [Domain("Shop", "Opening hours", "fake", "m")], "When is it open?"
        )
    await provider.models(), await provider.model_limits(), await provider.delete_model("base-model")
    await provider.moderate(["a", "b"]), await provider.embed("base-model", ["a", "b"])
    batch = (await provider.create_batch("file-2", "/v1/chat/completions", "token")).id
    await provider.batch(batch), await provider.find_batch("token"), await provider.cancel_batch(batch)
    await provider.download(file.id), await provider.delete_file(file.id)


def test_every_kind_of_request_fits(server, monkeypatch):
    called = set()
    kinds = {name for name, _ in inspect.getmembers(Provider, inspect.iscoroutinefunction) if name[0] != "_"}
    for name in kinds - NO_REQUEST:
        monkeypatch.setattr(Provider, name, _noted(getattr(Provider, name), called))
    run(server, lambda provider: everything(provider, server))
    assert called == kinds - NO_REQUEST
    assert list(faults(server)) == []


def _noted(method, called):
    def call(*given, **named):
        called.add(method.__name__)
        return method(*given, **named)

    return call


def test_a_second_page_is_asked_for_in_the_documents_words(server):
    for number in range(150):
        server.create({"model": "m", "training_file": f"f{number}"})
        server.keep(b"", "x.jsonl", "batch")
        server.create_batch({"input_file_id": "f"})

    async def work(provider):
        return [len(await provider.jobs()), len(await provider.files("batch")), await provider.find_batch("none")]

    assert run(server, work) == [150, 150, None]
    assert sum("after=" in path for _method, path, _body in server.requests) == 3
    assert list(faults(server)) == []


def test_a_look_at_a_server_fits_but_for_the_empty_requests(server):
    run(server, probe_capabilities)
    assert sorted((method, path) for method, path, body in sent(server) if body == {}) == EMPTY
    assert list(faults(server)) == []


def ends(allowed):
    """Values a hyperparameter may have: those at the edges, and one between. Some servers name no upper one."""
    if allowed.values:
        return ["auto", allowed.values[0], allowed.values[-1], allowed.values[0]]
    step = 1 if allowed.integer else 1e-6
    low = allowed.low + step if allowed.open else allowed.low
    high = allowed.high if allowed.high is not None else low + 40
    return ["auto", low, high, int((low + high) / 2) if allowed.integer else (low + high) / 2]


@pytest.mark.parametrize(
    ("kind", "method"),
    [(kind.id, method) for kind in server_presets.presets() if kind.id not in ADAPTERS for method in kind.methods],
)
def test_all_hyperparameters_fit(server, kind, method):
    async def work(provider):
        for number in range(4):
            values = {name: ends(allowed)[number] for name, allowed in preset(kind).ranges(method).items()}
            suffix = "s" * preset(kind).suffix_limit
            await provider.create_job(JobRequest("m", "f", "t", "v", suffix, 2**31 - 1, values, method))
        await provider.create_job(JobRequest("m", "f", "t", method=method))

    run(server, work, preset=preset(kind))
    assert len(server.jobs) == 5
    # The local engine has more of its own, which OpenAI's document lacks; so has Nebius.
    own = [name for name, allowed in preset(kind).ranges(method).items() if allowed.advanced]
    own = [*NEBIUS] if kind == "nebius" else own
    assert list(faults(server, *own)) == []
    assert {name for fault in faults(server) for name in own if f"/{name}: unk" in fault} == set(own)


def test_a_number_that_json_does_not_have_is_no_value():
    assert not preset("openai").ranges("supervised")["learning_rate_multiplier"].holds(float("inf"))


@pytest.mark.parametrize("schema", [None, *SCHEMAS], ids=lambda schema: schema and schema["name"])
def test_a_line_of_a_batch_is_a_request_of_its_endpoint(schema):
    body = chat_body("m", MESSAGES, Sampling(0.5, 0.5, 9, 2, 1, ("a", "b")), schema)
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    assert not contract.schema_errors("BatchRequestInput", line)
    assert not contract.request_errors("POST", line["url"].removeprefix("/v1"), line["body"])
    assert not contract.request_errors("POST", "/embeddings", {"model": "m", "input": ["a"]})


def test_the_rows_of_a_training_file_fit(sample):
    version = []
    asyncio.run(sample.write("", lambda db: version.append(save_current(db, "x"))))
    rows = [json.loads(row) for row in iterate_texts(sample.rows, version[0], row_selection.row_filter(""))]
    assert len(rows) > 50
    assert [fault for row in rows for fault in contract.schema_errors("FineTuneChatRequestInput", row)] == []


def test_a_wrong_request_would_be_noticed(server):
    request = JobRequest("m", "f", "t", hyperparameters={"n_epochs": 51})
    kind = dataclasses.replace(preset("custom"), hyperparameters=None)
    kind = dataclasses.replace(kind, hyperparameters={"supervised": {"n_epochs": server_presets.NumberRange(1, 99)}})
    run(server, lambda provider: provider.create_job(request), preset=kind)
    assert any("n_epochs" in fault for fault in faults(server))
    assert contract.request_errors("GET", "/fine_tuning/jobs?limt=3", None) == ["limt: no such parameter"]
    assert contract.request_errors("POST", "/fine_tuning/jobs/ftjob-1/cancel", {"now": True})
    body = {"model": "m", "messages": [{"role": "user", "content": "a", "weigth": 1}], "maxtokens": 3}
    assert contract.request_errors("POST", "/chat/completions", body) == [
        "/messages/0/weigth: unknown field",
        "/maxtokens: unknown field",
    ]
