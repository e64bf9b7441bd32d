"""Adapters of services with training routes of their own: the whole way of a job over real HTTP, and nothing made twice."""

import asyncio
import dataclasses
import json

import pytest

from core.dataset import examples
from core.errors import JukuError, ProviderError
from core.keys import Keys
from core.progress import Reporter
from core.providers import JobRequest, JobStatus, Sampling, connect, dashscope, fireworks, together
from core.providers.connection_test import check_connection
from core.providers.models_api import is_tuned
from core.providers.own_jobs import build_suffix, find_mark
from core.providers.server_presets import preset
from core.settings import ProviderSettings, Settings
from core.training import job_queue, jobs, preflight, submit
from core.training.submit import TrainingPlan
from tests.support import fake_dashscope, fake_fireworks, fake_together
from tests.support.fake_dashscope import FakeDashScope
from tests.support.fake_fireworks import FakeFireworks
from tests.support.fake_together import FakeTogether
from tests.support.projects import new_examples, write

TOKEN = "0123456789abcdef0123456789abcdef"
REQUEST = JobRequest("base", "file-1", TOKEN, "file-2", "my rows", 7, {"n_epochs": 3, "learning_rate": "auto"})
SERVICES = {
    "together": (FakeTogether, fake_together.BASE, "error"),
    "fireworks": (FakeFireworks, fake_fireworks.BASE, "JOB_STATE_FAILED"),
    "dashscope": (FakeDashScope, fake_dashscope.BASE, "FAILED"),
}


@pytest.fixture(params=SERVICES)
def name(request):
    return request.param


@pytest.fixture
def service(name):
    with SERVICES[name][0]() as fake:
        yield fake


@pytest.fixture
def rows(project):
    write(project, examples.add, new_examples(12))
    return project


def use(service, work, **changes):
    """What `work(provider)` returns."""

    async def whole():
        provider = service.provider(**changes)
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(whole())


def creations(service):
    """The bodies of the requests that ask for a job."""
    ends = ("/fine-tunes", "/supervisedFineTuningJobs")
    return [
        body for method, path, body in service.requests if method == "POST" and path.partition("?")[0].endswith(ends)
    ]


def train(project, name, service, ends=True):
    """The record of a job of the project's rows that went through the queue's own steps."""

    async def work(provider):
        plan = TrainingPlan(SERVICES[name][1], hyperparameters={"n_epochs": 2}, suffix="mine")
        (id,) = await submit.enqueue(project, "fake", [plan])
        try:
            await submit.send(project, provider, id)
        except ProviderError:
            assert (await project.read(jobs.load, id)).status == JobStatus.CREATING
            await submit.recover(project, provider, id)
        if ends:
            service.end((await project.read(jobs.load, id)).remote_id)
            return await job_queue.follow(project, provider, id)
        return await project.read(jobs.load, id)

    return use(service, work)


def test_a_job_goes_from_the_rows_to_a_model_that_answers(name, service, rows):
    service.logs = ["step 1", "step 2"]
    job = train(rows, name, service)
    assert job.status == JobStatus.SUCCEEDED
    assert is_tuned(job.fine_tuned_model)
    assert len(creations(service)) == 1
    (sent,) = service.bytes.values() if name == "fireworks" else [data for _name, data in service.files.values()]
    assert [json.loads(line)["messages"][0]["content"] for line in sent.splitlines()][:2] == [
        "question 0",
        "question 1",
    ]
    question = [{"role": "user", "content": "?"}]
    reply = use(service, lambda provider: provider.chat(job.fine_tuned_model, question, Sampling()))
    assert reply.texts == [f"{job.fine_tuned_model} answers."]


def test_a_lost_answer_makes_no_second_job_and_no_second_upload(name, service, rows):
    service.lost = "/supervisedFineTuningJobs" if name == "fireworks" else "/fine-tunes"
    first = train(rows, name, service)
    assert first.status == JobStatus.SUCCEEDED
    assert (len(creations(service)), len(service.jobs)) == (1, 1)
    train(rows, name, service)  # the same rows again: the file is there
    assert len(service.jobs) == 2
    assert len(service.datasets if name == "fireworks" else service.files) == 1


def test_a_job_that_is_being_made_is_not_taken_for_another_ones(name, service, rows):
    service.lost = "/supervisedFineTuningJobs" if name == "fireworks" else "/fine-tunes"

    async def work(provider):
        (id,) = await submit.enqueue(rows, "fake", [TrainingPlan(SERVICES[name][1])])
        with pytest.raises(ProviderError):
            await submit.send(rows, provider, id)
        return await submit.list_adoptable(rows, provider)

    assert use(service, work) == []
    assert len(service.jobs) == 1


def test_an_upload_that_was_cut_off_is_sent_again_whole(name, service, rows):
    service.lost = {"together": "/files/upload", "fireworks": ":upload", "dashscope": "/files"}[name]
    plan = TrainingPlan(SERVICES[name][1])

    async def work(provider):
        (id,) = await submit.enqueue(rows, "fake", [plan])
        with pytest.raises(ProviderError):
            await submit.send(rows, provider, id)
        if name == "fireworks":
            service.datasets[next(iter(service.datasets))]["state"] = "UPLOADING"
        await submit.send(rows, provider, id)

    use(service, work)
    assert len(service.jobs) == 1
    assert len(service.datasets if name == "fireworks" else service.files) == 1


def test_a_job_is_cancelled_and_a_failure_is_in_words(name, service, rows):
    running = train(rows, name, service, ends=False)

    async def cancel(provider):
        await submit.cancel(rows, provider, running.id)
        return await rows.read(jobs.load, running.id)

    cancelled = use(service, cancel)
    assert cancelled.status in (JobStatus.CANCELLED, "cancel_requested")
    service.end(running.remote_id, SERVICES[name][2])
    state = use(service, lambda provider: provider.job(running.remote_id))
    assert (state.status, state.ended, state.fine_tuned_model) == (JobStatus.FAILED, True, None)
    assert state.error in ("Job error", "bad rows")


def test_what_the_service_lacks_is_said_and_not_faked(name, service, rows):
    job = train(rows, name, service, ends=False)
    for act in ("pause_job", "resume_job"):
        with pytest.raises(ProviderError, match="cannot pause"):
            use(service, lambda provider, act=act: getattr(provider, act)(job.remote_id))
    assert use(service, lambda provider: provider.checkpoints(job.remote_id)) == []
    assert use(service, lambda provider: provider.model_limits()) == {}
    sent = len(service.requests)
    with pytest.raises(JukuError, match="no hyperparameter"):
        use(service, lambda provider: provider.create_job(dataclasses.replace(REQUEST, hyperparameters={"top_k": 1})))
    if name != "together":
        with pytest.raises(JukuError, match="does not support training with the method"):
            use(
                service,
                lambda provider: provider.create_job(dataclasses.replace(REQUEST, method="dpo", hyperparameters={})),
            )
    assert len(service.requests) == sent
    capabilities = preset(name).capabilities
    assert not {"pause", "checkpoints", "model_delete"} & set(capabilities)


def test_the_connection_test_finds_its_own_routes_and_a_wrong_key(name, service):
    found = use(service, check_connection)
    assert (found.ok, found.capabilities.jobs, found.capabilities.files) == (True, True, True)
    assert "It trains models" in found.advice
    assert service.jobs == {}
    refused = use(service, check_connection, key="sk-wrong-key")
    assert (refused.ok, "valid key" in refused.advice) == (False, True)


def test_jobs_of_others_are_listed_and_found_by_no_token(name, service, rows):
    train(rows, name, service)
    other = next(iter(service.jobs.values())) | {
        "id": "ft-x",
        "job_id": "ft-x",
        "name": "accounts/me/jobs/x",
        "suffix": "theirs",
    }
    service.jobs["x"] = other | {
        "finetuned_output": "qwen3-14b-theirs-ft-20261130-1",
        "model_output_name": "me/m-theirs",
    }
    listed = use(service, lambda provider: provider.jobs())
    assert len(listed) == 2
    assert use(service, lambda provider: provider.find_jobs(TOKEN)) == []


def test_the_settings_connect_each_kind_with_its_adapter(name, service, monkeypatch):
    monkeypatch.setenv("JUKU_KEY_MINE", "k")
    chosen = Settings("en", providers=[ProviderSettings("mine", "Mine", service.root, name)])
    assert type(connect("mine", chosen, Keys())) is service.adapter


def test_base_models_that_can_be_trained_are_offered_beside_those_that_answer():
    for kind, wanted in ((FakeTogether, fake_together.BASE), (FakeFireworks, f"{fake_fireworks.BASE}-base")):
        with kind() as service:
            offers = use(service, lambda provider: provider.offers())
        assert wanted in [offer.id for offer in offers]
        assert len(offers) == 2


@pytest.mark.parametrize(
    ("kind", "base"), [(FakeTogether, fake_together.BASE), (FakeFireworks, f"{fake_fireworks.BASE}-base")]
)
def test_a_base_model_that_can_be_trained_is_no_unknown_one(kind, base, rows):
    async def work(provider):
        async def connect():
            return provider

        plans = [TrainingPlan(base), TrainingPlan("no-such-model")]
        return await preflight.examine(rows, "fake", provider.preset, connect, plans, Reporter())

    with kind() as service:
        report = use(service, work)
    unknown = [one.message for one in report.objections if "does not list" in one.message]
    assert unknown == ["The server does not list the model no-such-model."]


def test_a_key_without_an_account_is_told():
    with FakeFireworks() as service:
        service.accounts = []
        with pytest.raises(ProviderError, match="names no account"):
            use(service, lambda provider: provider.jobs())


def test_the_bodies_are_those_of_the_documentation():
    assert together.build_body(REQUEST) == {
        "model": "base", "training_file": "file-1", "validation_file": "file-2", "n_evals": 3, "random_seed": 7,
        "suffix": "my-rows-j0123456789abcdef", "training_method": {"method": "sft", "train_on_inputs": "auto"}, "n_epochs": 3,
    }  # fmt: skip
    lora = dataclasses.replace(REQUEST, method="dpo", hyperparameters={"lora_r": 8, "lora_alpha": 16, "dpo_beta": 0.2})
    body = together.build_body(lora)
    assert body["training_type"] == {"type": "Lora", "lora_r": 8, "lora_alpha": 16}
    assert body["training_method"] == {"method": "dpo", "dpo_beta": 0.2}
    with pytest.raises(JukuError, match="belong together"):
        together.build_body(dataclasses.replace(REQUEST, hyperparameters={"lora_r": 8}))
    assert fireworks.build_body(REQUEST, "accounts/me") == {
        "baseModel": "base", "dataset": "accounts/me/datasets/file-1", "evaluationDataset": "accounts/me/datasets/file-2",
        "displayName": "my rows", "epochs": 3,
    }  # fmt: skip
    numbers = dataclasses.replace(REQUEST, hyperparameters={"learning_rate": 1.6e-5, "training_type": "sft"})
    assert dashscope.build_body(numbers) == {
        "model": "base", "training_file_ids": ["file-1"], "validation_file_ids": ["file-2"], "training_type": "sft",
        "finetuned_output_suffix": "j0123456", "hyper_parameters": {"learning_rate": "1.6e-05"},
    }  # fmt: skip


def test_every_hyperparameter_that_is_offered_is_sent(name, service):
    names = {"together": {"lora_r", "lora_alpha", "lora_dropout", "dpo_beta"}, "dashscope": {"training_type"}}.get(
        name, set()
    )
    for method in preset(name).methods:
        ranges = preset(name).ranges(method)
        values = {key: one.values[0] if one.values else 1 for key, one in ranges.items()}
        request = dataclasses.replace(REQUEST, method=method, hyperparameters=values)
        use(service, lambda provider, request=request: provider.create_job(request))
        body = creations(service)[-1]
        numbers = body.get("hyper_parameters", body)
        for key in ranges.keys() - names:
            assert fireworks.NUMBERS[key] in body if name == "fireworks" else key in numbers


def test_events_and_numbers_of_steps_are_told_once():
    with FakeTogether() as service:
        id = use(service, lambda provider: provider.create_job(dataclasses.replace(REQUEST, validation_file=None))).id
        service.jobs[id]["events"] = [fake_together.event("Training started", "training_start")]
        service.metrics = [{"train/loss": 0.5, "train/global_step": 7, "train/grad_norm": 1.0}]
        events = use(service, lambda provider: provider.events(id, set()))
        assert [(event.message, event.data) for event in events] == [
            ("Training started", {}), ("", {"step": 7, "train_loss": 0.5}),
        ]  # fmt: skip
        assert events[1].is_metrics
        assert use(service, lambda provider: provider.events(id, {event.id for event in events})) == []


@pytest.mark.parametrize(("suffix", "limit", "wanted"), [
    ("", 40, "j0123456789abcdef"), ("a" * 60, 40, f"{'a' * 22}-j0123456789abcdef"), ("塾 rows", 40, "rows-j0123456789abcdef"),
])  # fmt: skip
def test_a_suffix_carries_the_token_and_what_fits_of_the_persons(suffix, limit, wanted):
    made = build_suffix(suffix, TOKEN, limit)
    assert (made, len(made) <= limit, find_mark(f"me/base-{made}-1a2b3c4d")) == (wanted, True, "j0123456789abcdef")
    assert find_mark("me/base-1a2b3c4d") == ""
