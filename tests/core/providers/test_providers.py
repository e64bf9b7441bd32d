"""The protocol against a real server in all weathers: every failure in words, nothing asked twice, no key in any text."""

import asyncio
import dataclasses

import keyring
import pytest
from keyring.backend import KeyringBackend

from core.errors import JukuError, ProviderError
from core.keys import Keys
from core.providers import JobRequest, Sampling, connect, server_presets
from core.providers.connection_test import check_connection, probe_capabilities
from core.providers.retry_policy import may_have_been_made
from core.settings import ProviderSettings, Settings
from tests.support.fake_server import KEY, FakeServer, Fault
from tests.support.serving import run

FAULTS = [
    (Fault(status=429, code="rate_limit_exceeded"), "is busy or a limit is reached"),
    (Fault(status=429, code="rate_limit_exceeded", headers={"Retry-After": "300"}), "is busy or a limit is reached"),
    (Fault(status=429, code="insufficient_quota"), "requires payment first"),
    (Fault(status=403, code="training_not_available"), "no longer makes new fine-tuned models"),
    (Fault(status=403, code="country"), "does not allow this"),
    (Fault(status=401, code="invalid_api_key"), "does not accept the API key"),
    (Fault(status=404, code="model_not_found"), "does not have this"),
    (Fault(status=500), "internal error"),
    (Fault(status=502), "internal error"),
    (Fault(status=503), "internal error"),
    (Fault("reset"), "cannot be reached"),
    (Fault("lose"), "cannot be reached"),
    (Fault("html"), "does not answer like an OpenAI-compatible server"),
    (Fault("malformed"), "cannot be read"),
    (Fault("truncated"), "cannot be read"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[f"{f.kind}-{f.status}-{f.code}" for f, _ in FAULTS])
def test_a_creation_in_bad_weather_is_sent_once_and_its_failure_is_in_words(server, fault, words):
    server.weather = lambda method, _path: fault if method == "POST" else None
    request = JobRequest("base-model", "file-1", "token")
    with pytest.raises(ProviderError, match=words):
        run(server, lambda provider: provider.create_job(request))
    assert [method for method, _path, _body in server.requests] == ["POST"]


def test_a_long_wait_is_passed_on(server):
    server.weather = lambda _method, _path: Fault(status=429, headers={"Retry-After": "300"})
    with pytest.raises(ProviderError) as caught:
        run(server, lambda provider: provider.jobs())
    assert (caught.value.retry_after, caught.value.is_final) == (300.0, False)


def test_a_server_that_never_answers_is_given_up(server):
    server.weather = lambda _method, _path: Fault("stall")
    with pytest.raises(ProviderError, match="did not answer in time"):
        run(server, lambda provider: provider.create_job(JobRequest("m", "f", "t")), timeout_seconds=0.2)
    server.release()


def test_a_key_that_the_server_repeats_is_in_no_text(server):
    server.weather = lambda _method, _path: Fault(status=401, message=f"Incorrect API key provided: {KEY}.")
    with pytest.raises(ProviderError) as caught:
        run(server, lambda provider: provider.models())
    assert KEY not in str(caught.value)


def test_pages_without_end_end(server):
    server.endless = True
    for _number in range(3):
        server.create({"model": "base-model", "training_file": "f"})
    assert len(run(server, lambda provider: provider.jobs())) == 3


def test_unknown_statuses_and_null_hyperparameters_pass(server):
    server.create({"model": "base-model", "training_file": "f"})
    server.jobs["ftjob-1"] |= {"status": "defragmenting", "hyperparameters": None, "error": {}, "metadata": None}
    state = run(server, lambda provider: provider.job("ftjob-1"))
    assert (state.status, state.ended, state.error, state.hyperparameters) == ("defragmenting", False, "", {})


def test_files_go_and_come_back_whole(server):
    sent = []

    async def work(provider):
        file = await provider.upload("rows.jsonl", b"{}\n" * 9, on_bytes=lambda done, total: sent.append((done, total)))
        assert (file.name, file.bytes, file.purpose) == ("rows.jsonl", 27, "fine-tune")
        assert [one.id for one in await provider.files("fine-tune")] == [file.id]
        assert await provider.download(file.id) == b"{}\n" * 9
        await provider.delete_file(file.id)
        return await provider.files()

    assert run(server, work) == []
    assert sent[-1] == (27, 27)


def test_texts_are_moderated_and_embedded(server):
    server.flagged["bad"] = ["hate"]

    async def work(provider):
        assert await provider.moderate(["good", "bad"]) == [[], ["hate"]]
        assert await provider.embed("m", ["a", "banana"]) == [[1.0, 1.0, 1.0], [6.0, 3.0, 1.0]]

    run(server, work)


def test_a_batch_is_found_by_its_token(server):
    async def work(provider):
        file = await provider.upload("b.jsonl", b'{"custom_id": "1", "body": {}}\n', "batch")
        made = await provider.create_batch(file.id, "/v1/chat/completions", "token")
        assert (await provider.find_batch("token")).id == made.id
        assert await provider.find_batch("other") is None
        server.finish_batch(made.id, lambda _body: {"ok": True})
        return await provider.batch(made.id)

    state = run(server, work)
    assert (state.status, state.ended, state.completed, state.failed) == ("completed", True, 1, 0)


def test_the_style_of_a_creation_is_the_presets(server):
    request = JobRequest("m", "f", "t", hyperparameters={"n_epochs": 3})
    run(server, lambda provider: provider.create_job(request))
    run(server, lambda provider: provider.create_job(request), preset=server_presets.preset("nebius"))
    first, second = (job["asked"] for job in server.jobs.values())
    assert first["method"]["supervised"]["hyperparameters"] == second["hyperparameters"] == {"n_epochs": 3}
    assert "method" not in second


@pytest.mark.parametrize(
    ("preset", "method", "numbers", "suffix", "words"),
    [
        ("openai", "supervised", {"n_epochs": 51}, "", "n_epochs cannot be 51"),
        ("openai", "dpo", {"beta": 0}, "", "beta cannot be 0"),
        ("openai", "supervised", {"lora_r": 8}, "", "no hyperparameter"),
        ("openai", "reinforcement", {}, "", "does not support training with"),
        ("bedrock", "supervised", {}, "", "does not support training with"),
        ("azure", "supervised", {}, "nineteen-characters", "suffix is too long"),
    ],
)
def test_what_a_server_would_refuse_is_not_sent(server, preset, method, numbers, suffix, words):
    request = JobRequest("m", "f", "t", suffix=suffix or None, hyperparameters=numbers, method=method)
    with pytest.raises(JukuError, match=words):
        run(server, lambda provider: provider.create_job(request), preset=server_presets.preset(preset))
    assert server.requests == []


def test_a_look_finds_what_a_server_can_do_and_makes_nothing(server):
    server.without = {"batches", "moderations"}
    found = run(server, probe_capabilities)
    assert (found.files, found.jobs, found.batch, found.moderation, found.embeddings) == (
        True,
        True,
        False,
        False,
        True,
    )
    assert server.jobs == server.batches == server.files == {}


def test_a_server_that_cannot_pause_is_remembered(server):
    server.create({"model": "m", "training_file": "f"})
    server.without = {"pause"}

    async def work(provider):
        with pytest.raises(ProviderError):
            await provider.pause_job("ftjob-1")
        return provider.capabilities

    assert run(server, work) == dataclasses.replace(run(server, work), pause=False)


def test_the_diagnosis_says_what_to_do(server):
    assert run(server, check_connection).title == "Connected: 1 model"
    assert "valid key" in run(server, check_connection, key="sk-wrong-key").advice
    refused = run(server, check_connection, base_url="http://127.0.0.1:9/v1")
    assert "Nothing is listening there" in refused.advice


@pytest.mark.parametrize("entered", ["", "/", "/v1/chat/completions", "/v1/models/", "/api"])
def test_the_address_under_which_a_server_answers_is_found(server, entered):
    base = server.url.removesuffix("/v1")
    found = run(server, check_connection, base_url=f"{base}{entered}")
    assert (found.ok, found.base_url) == (False, server.url)
    assert f"The server answers at {server.url}" in found.advice
    server.weather = lambda _method, path: (
        None if path.startswith("/v1/models?") or path == "/v1/models" else Fault(status=404)
    )
    assert run(server, check_connection, base_url=f"{base}{entered}", key="sk-wrong-key").base_url == server.url
    server.weather = lambda _method, _path: None
    server.without = {"models", "chat"}
    nowhere = run(server, check_connection, base_url=f"{base}{entered}")
    assert (nowhere.base_url, "There is no OpenAI-compatible API at this address" in nowhere.advice) == ("", True)


def test_a_server_that_only_chats_is_connected_and_takes_no_job(server):
    server.without = {"models", "files", "fine_tuning", "batches", "embeddings", "moderations"}
    found = run(server, check_connection)
    assert (found.ok, found.title, found.models) == (True, "Connected", 0)
    assert "does not support training" in found.advice
    assert "enter their names under “More models”" in found.advice
    assert [model.id for model in run(server, lambda provider: provider.models(), unlisted_models=("a", "b"))] == [
        "a",
        "b",
    ]
    assert server.asked == []  # the look asked no model
    with pytest.raises(ProviderError, match="only answers questions"):
        run(server, lambda provider: provider.upload("rows.jsonl", b"{}\n"))


# What other servers say in their own forms, and what Juku says of it.
REFUSALS = [
    (422, {"detail": [{"loc": ["body", "training_file"], "msg": "field required", "type": "value_error.missing"},
                      {"loc": ["body", "method", 0], "msg": "extra fields not permitted"}]},
     ["rejected the request", "training_file: field required; method.0: extra fields not permitted", "own kind in the settings"]),
    (422, {"detail": "No such base."}, ["rejected the request", "No such base."]),
    (400, {"error": "bad suffix"}, ["rejected the request", "bad suffix"]),
    (400, "plain words", ["plain words"]),
    (403, {"error": {"message": "You must accept the license for model llama-4 at https://example.com/llama"}},
     ["licence to be accepted first", "https://example.com/llama", "Accept them on its website"]),
    (403, {"detail": "This is a gated repository."}, ["licence to be accepted first"]),
    (403, {"message": "请先同意模型服务协议"}, ["licence to be accepted first"]),
    (500, {"error": {"message": "Only premium users can use fine-tuning. Get a license key."}}, ["only with a paid licence"]),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "words"), REFUSALS)
def test_a_refusal_in_any_form_is_in_words_with_the_cure_and_final(server, status, body, words):
    server.weather = lambda _method, _path: Fault(status=status, body=body)
    with pytest.raises(ProviderError) as caught:
        run(server, lambda provider: provider.create_job(JobRequest("m", "f", "t")))
    assert [one for one in words if one not in str(caught.value)] == []
    assert not may_have_been_made(caught.value)  # so that no job waits for ever
    assert len(server.requests) == 1


def test_a_cut_stream_keeps_what_has_come(server):
    server.answer("base-model", "Three pla", finish=False)
    reply = run(server, lambda provider: provider.chat("base-model", [{"role": "user", "content": "?"}], Sampling()))
    assert (reply.texts, reply.complete) == (["Three pla"], False)


@pytest.mark.parametrize(
    ("kind", "words"), [("html", "does not answer like an OpenAI-compatible server"), ("malformed", "cannot be read"),
                        ("empty", "cannot be read"), ("lose", "cannot be reached")],
)  # fmt: skip
def test_something_else_than_a_stream_is_no_empty_answer(server, kind, words):
    server.weather = lambda _method, _path: Fault(kind)
    with pytest.raises(ProviderError, match=words):
        run(server, lambda provider: provider.chat("m", [{"role": "user", "content": "?"}], Sampling()))


@pytest.mark.parametrize(
    ("kind", "words"), [("html", "does not answer like an OpenAI-compatible server"), ("malformed", "cannot be read")]
)
def test_something_else_than_the_file_is_no_file(server, kind, words):
    server.keep(b"step,train_loss\n1,2\n", "results.csv", "fine-tune-results")
    server.weather = lambda _method, path: Fault(kind) if path.endswith("/content") else None
    with pytest.raises(ProviderError, match=words):
        run(server, lambda provider: provider.download("file-1"))


def test_a_server_that_gives_one_answer_of_three_has_given_one(server):
    server.first_only = True
    server.answer("m", "One.", "Two.", "Three.")
    reply = run(server, lambda provider: provider.chat("m", [{"role": "user", "content": "?"}], Sampling(n=3)))
    assert (reply.texts, reply.complete) == (["One."], True)


@pytest.mark.parametrize(
    "ask", [lambda provider: provider.moderate(["a", "b"]), lambda provider: provider.embed("m", ["a", "b"])]
)
def test_an_answer_to_some_of_the_texts_is_none(server, ask):
    server.first_only = True
    with pytest.raises(ProviderError, match="cannot be read"):
        run(server, ask)


class EmptyKeyring(KeyringBackend):
    """A keyring with nothing in it."""

    priority = -1  # never chosen by itself
    name = "Empty"

    def get_password(self, service, username):
        return None

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture
def no_keys():
    before = keyring.get_keyring()
    keyring.set_keyring(EmptyKeyring())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("no_keys")
def test_a_service_with_accounts_is_not_asked_without_a_key():
    far = ProviderSettings("openai", "OpenAI", "https://api.openai.com/v1", "openai")
    near = ProviderSettings("near", "Near", "http://127.0.0.1:9/v1", "openai")
    own = Settings(providers=[far, near])
    with pytest.raises(ProviderError, match="No API key is entered for “OpenAI”") as error:
        connect("openai", own, Keys())
    assert (error.value.status, error.value.code) == (401, "no_key")
    assert connect("near", own, Keys()).title == "Near"


def test_the_systems_own_words_for_a_dead_server_are_not_shown():
    with FakeServer() as server:
        provider = server.provider()

    async def ask():
        try:
            await provider.models()
        finally:
            await provider.close()

    with pytest.raises(ProviderError) as error:
        asyncio.run(ask())
    assert "Errno" not in str(error.value) and "(" not in error.value.message
    assert "Nothing is listening there" in error.value.message


@pytest.mark.parametrize("kind", ["reset", "lose"])
def test_a_question_that_may_have_been_answered_is_not_asked_again(server, kind):
    """The package would send it up to three times, and an answer that was lost would be paid as often."""
    server.weather = lambda _method, _path: Fault(kind)
    with pytest.raises(ProviderError, match="cannot be reached"):
        run(server, lambda provider: provider.chat("m", [{"role": "user", "content": "?"}], Sampling()))
    assert len(server.requests) == 1
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    with pytest.raises(ProviderError, match="cannot be reached"):
        run(server, lambda provider: provider.call("m", [{"role": "user", "content": "?"}], [tool]))
    assert len(server.requests) == 2


def test_a_busy_server_is_asked_again_at_its_own_pace_in_the_chat_too(server, monkeypatch):
    told = []
    faults = [Fault(status=429, headers={"Retry-After-Ms": "20"})] * 2
    server.weather = lambda _method, _path: faults.pop() if faults else None
    server.answer("base-model", "Three.")
    ask = [{"role": "user", "content": "?"}]
    reply = run(server, lambda provider: provider.chat("base-model", ask, Sampling(), on_pause=told.append))
    assert reply.texts == ["Three."] and len(server.requests) == 3
    assert all(0 < seconds <= 0.02 for seconds in told) and told
