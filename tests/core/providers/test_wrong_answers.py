"""Servers that answer with status 200 and other types than their protocol says, or with an error: told, and never taken for “none”."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.errors import ProviderError
from core.providers import JobRequest
from core.providers.openai_api import OpenAIProvider
from tests.support.fake_dashscope import FakeDashScope
from tests.support.fake_fireworks import FakeFireworks
from tests.support.fake_service import FakeService
from tests.support.fake_together import FakeTogether

TOKEN = "0123456789abcdef0123456789abcdef"
REQUEST = JobRequest("base", "file-1", TOKEN, "file-2", "my rows", 7, {"n_epochs": 3})
Call = Callable[[Any], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "models": lambda provider: provider.models(),
    "offers": lambda provider: provider.offers(),
    "files": lambda provider: provider.files(),
    "file": lambda provider: provider.file("x"),
    "upload": lambda provider: provider.upload("a.jsonl", b"{}"),
    "create": lambda provider: provider.create_job(REQUEST),
    "jobs": lambda provider: provider.jobs(),
    "find": lambda provider: provider.find_jobs(TOKEN),
    "job": lambda provider: provider.job("x"),
    "cancel": lambda provider: provider.cancel_job("x"),
    "events": lambda provider: provider.events("x", set()),
    "checkpoints": lambda provider: provider.checkpoints("x"),
    "batch": lambda provider: provider.batch("x"),
    "find batch": lambda provider: provider.find_batch(TOKEN),
}
WRONG: list[Any] = [5, "abc", [1], {"a": 1}]
# What each service answers, all routes in one: each field in turn gets a wrong value.
ANSWERS: dict[str, tuple[type[FakeService], dict[str, Any]]] = {
    "openai": (FakeService, {
        "id": "x", "status": "running", "fine_tuned_model": "m", "created_at": 1, "finished_at": 2, "result_files": ["f"],
        "training_file": "f", "trained_tokens": 3, "seed": 1, "metadata": {}, "hyperparameters": {}, "method": {}, "error": None,
        "bytes": 3, "created": 1, "level": "info", "message": "m", "data": [], "step_number": 1, "request_counts": {},
        "errors": None, "output_file_id": "f",
    }),
    "together": (FakeTogether, {
        "id": "x", "status": "completed", "model_output_name": "m", "events": [], "training_method": {"method": "sft"},
        "updated_at": "", "training_file": "f", "token_count": 3, "random_seed": 1, "suffix": "s", "bytes": 3, "step": 1,
        "train/global_step": 3, "data": [], "metrics": [], "models": [],
    }),
    "fireworks": (FakeFireworks, {
        "id": "x", "name": "accounts/a/b/x", "state": "JOB_STATE_COMPLETED", "status": {"code": "c"}, "outputModel": "m",
        "displayName": "n (3)", "dataset": "d", "createTime": "", "accounts": [], "datasets": [], "models": [],
        "supervisedFineTuningJobs": [], "data": [],
    }),
    "dashscope": (FakeDashScope, {
        "job_id": "x", "status": "FAILED", "finetuned_output": "b-j-ft-1", "base_model": "b", "end_time": "", "message": "m",
        "training_file_ids": ["f"], "hyper_parameters": {}, "usage": 3, "jobs": [], "total": 1, "logs": ["l"], "id": "x",
        "bytes": 3, "data": [],
    }),
}  # fmt: skip
LISTS = ("data", "events", "metrics", "accounts", "datasets", "supervisedFineTuningJobs", "jobs")


class WrongService(FakeService):
    """Answers the same on every route."""

    body: Any = None

    def _find(self, *_request: object) -> Any:
        return self.body


def ask(service: str, bodies: list[Any], calls: list[str]) -> list[tuple[Any, str, Any]]:
    """Each body, each call, and its result or error."""
    fake_kind = ANSWERS[service][0]

    async def whole(fake: WrongService) -> list[tuple[Any, str, Any]]:
        provider, found = fake.provider(), []
        for body in bodies:
            fake.body = body
            if service == "fireworks":
                provider._account = "accounts/a"
            for name in calls:
                try:
                    found.append((body, name, await CALLS[name](provider)))
                except Exception as error:  # which kind it is, is what the test is about
                    found.append((body, name, error))
        await provider.close()
        return found

    with WrongService() as fake:
        fake.adapter = getattr(fake_kind, "adapter", OpenAIProvider)
        fake.preset, fake.base_path = fake_kind.preset or "openai", fake_kind.base_path
        return asyncio.run(whole(fake))


def whole_answer(service: str, changes: dict[str, Any]) -> dict[str, Any]:
    """An answer for all routes; lists that are not changed hold the answer itself."""
    item = ANSWERS[service][1] | changes
    lists = {name: [item] for name in LISTS if name in item and name not in changes}
    return item | lists | ({"output": item | lists} if service == "dashscope" else {})


@pytest.mark.parametrize("service", ANSWERS)
def test_a_field_of_another_type_is_an_error_in_words(service: str) -> None:
    bodies: list[Any] = [whole_answer(service, {name: wrong}) for name in ANSWERS[service][1] for wrong in WRONG]
    if service == "dashscope":
        bodies += [whole_answer(service, {}) | {"output": wrong} for wrong in WRONG]
    for body, name, result in ask(service, bodies, [*CALLS]):
        if isinstance(result, Exception):
            assert isinstance(result, ProviderError), (name, body, repr(result))
            continue
        for one in result if isinstance(result, list) else [result]:
            fields = [getattr(one, field, "") or "" for field in ("id", "status", "fine_tuned_model", "training_file")]
            assert all(isinstance(field, str) for field in fields), (name, body, one)


@pytest.mark.parametrize("service", ANSWERS)
def test_an_error_with_status_200_is_no_empty_list_and_no_job(service: str) -> None:
    bodies = [{"error": {"message": "no more"}}, {"error": "no more"}]
    bodies += [{"code": "Throttled", "message": "no more"}] if service == "dashscope" else []
    calls = [*CALLS] if service == "openai" else ["create", "jobs", "find", "job"]
    for body, name, result in ask(service, bodies, calls):
        assert isinstance(result, ProviderError), (name, body, result)
        assert "no more" in str(result) or service == "openai", (name, body, str(result))
