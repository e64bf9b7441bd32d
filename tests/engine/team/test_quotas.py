"""What is over a limit is refused with 429 in the protocol's envelope, and says when to try again."""

import json
from pathlib import Path
from typing import Any

import pytest
from openai import RateLimitError

from core.engine.http.protocol import ApiError
from core.engine.inference.completions import CompletionDelta, CompletionStarted, PendingCompletion
from core.engine.inference.generation_request import GenerationRequest
from core.engine.inference.metered_inference import MeteredInference
from core.engine.inference.sampling import SamplingParams
from core.engine.team.quotas import Quotas
from core.engine.team.settings import SettingsFile
from core.engine.team.team import Team
from core.engine.team.users import OWNER, User
from tests.engine.team.conftest import AsUser
from tests.support.engine import BASE, TRAINING_ROWS, upload

pytestmark = pytest.mark.anyio
ANNA, ROOT = User("user-a", "Anna"), User("user-r", "Root", is_admin=True)


async def test_files_have_a_size_in_all(as_user: AsUser) -> None:
    carla = as_user("carla")
    await upload(carla, [{"a": "b" * 30}])
    with pytest.raises(RateLimitError, match="100 bytes in all") as found:
        await upload(carla, [{"a": "b" * 60}])
    assert found.value.code == found.value.type == "insufficient_quota"
    assert found.value.response.headers["x-should-retry"] == "false"  # waiting does not help
    assert "retry-after" not in found.value.response.headers
    await upload(as_user("root"), TRAINING_ROWS)


async def test_jobs_at_once_and_a_day(as_user: AsUser) -> None:
    for name, code in (("carla", "rate_limit_exceeded"), ("dora", "daily_rate_limit_exceeded")):
        person = as_user(name)
        file = (await person.files.list()).data[:1] or [
            await person.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune")
        ]
        with pytest.raises(RateLimitError) as found:
            await person.fine_tuning.jobs.create(model=BASE, training_file=file[0].id)
        assert found.value.code == code and 1 <= int(found.value.response.headers["retry-after"]) <= 86400
        assert not (await as_user("root").fine_tuning.jobs.list(extra_query={"metadata[of]": name})).data


async def test_requests_a_minute(as_user: AsUser) -> None:
    with pytest.raises(RateLimitError, match="3 requests per minute") as found:
        while True:
            await as_user("dora").models.list()
    assert 1 <= int(found.value.response.headers["retry-after"]) <= 20
    assert found.value.type == "rate_limit_error"
    await as_user("anna").models.list()


def make_quotas(home: Path, text: str) -> tuple[Quotas, list[float]]:
    """The limits in `text`, and the clock they go by, in a list so that it can be set."""
    (home / "team.toml").write_text(text)
    time = [0.0]
    return Quotas(home, SettingsFile(home), lambda: time[0]), time


def test_requests_come_back_with_time(tmp_path: Path) -> None:
    quotas, time = make_quotas(tmp_path, "[limits]\nrequests_per_minute = 2")
    quotas.take_request(ANNA)
    quotas.take_request(ANNA)
    with pytest.raises(ApiError) as found:
        quotas.take_request(ANNA)
    assert found.value.status == 429 and found.value.headers == {"retry-after": "30"}
    time[0] = 30.0
    quotas.take_request(ANNA)
    for _ in range(10):
        quotas.take_request(ROOT)
        quotas.take_request(OWNER)


def test_tokens_of_the_day_are_counted_and_outlive_the_engine(tmp_path: Path) -> None:
    quotas, time = make_quotas(tmp_path, "[limits]\ntokens_per_day = 10")
    quotas.add_tokens(ANNA, 9)
    quotas.check_tokens(ANNA)
    time[0] = 60.0
    quotas.add_tokens(ANNA, 1)
    quotas = Quotas(tmp_path, SettingsFile(tmp_path))
    with pytest.raises(ApiError, match="10 tokens per day") as found:
        quotas.check_tokens(ANNA)
    assert 1 <= int(found.value.headers["retry-after"]) <= 86400
    usage = json.loads((tmp_path / "usage.json").read_text())
    (tmp_path / "usage.json").write_text(json.dumps({**usage, "day": usage["day"] - 86400}))
    Quotas(tmp_path, SettingsFile(tmp_path)).check_tokens(ANNA)  # a new day


@pytest.mark.logs
def test_a_damaged_count_begins_again(tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text('{"day": 1, "tok')
    assert Quotas(tmp_path, SettingsFile(tmp_path)).tokens_today(ANNA) == 0


def test_a_person_alone_leaves_no_trace(tmp_path: Path) -> None:
    team = Team(tmp_path)
    team.quotas.add_tokens(OWNER, 5)
    team.note(OWNER, "POST /v1/files", "file-x", 200, "req_x")
    team.stop()
    assert not list(tmp_path.iterdir()) and team.max_jobs() == 1


class _Process:
    """Takes a request, and answers nothing by itself."""

    def submit(self, source: Any, request: GenerationRequest, background: bool, owner: str) -> PendingCompletion:
        assert owner == ANNA.id
        return PendingCompletion(source=source, request=request, on_cancel=lambda: None)


def test_the_tokens_of_every_choice_are_counted(tmp_path: Path) -> None:
    team = Team(tmp_path)
    source: Any = type("Source", (), {"id": "m"})
    process: Any = _Process()
    request = GenerationRequest(prompt="x", params=SamplingParams(), n=2)
    pending = MeteredInference(process, team, ANNA).submit(source, request)
    pending.receive(CompletionStarted("f", 7))
    for index, total in ((0, 2), (1, 1), (0, 5)):
        pending.receive(CompletionDelta(index, "x", None, total))
    assert team.quotas.tokens_today(ANNA) == 7 + 5 + 1
    assert team.counters.tokens == {(ANNA.id, "prompt"): 7, (ANNA.id, "completion"): 6}
