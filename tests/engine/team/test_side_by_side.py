"""Two people train at the same time and use what they made, with a very small model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError, RateLimitError

from core.engine.team.users import UserStore
from tests.support.engine import TRAINING_ROWS, RunningEngine, prompt, start, upload, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.proof]
PEOPLE = ("anna", "ben")


@pytest.fixture
def running(tmp_path: Path, cache: Path, tiny: str) -> Iterator[RunningEngine]:
    (tmp_path / "team.toml").write_text("[limits]\ntokens_per_day = 1\n[server]\njobs_at_once = 2\n")
    engine = start(tmp_path, "--dtype", "float32", "--answerer", "torch", HF_HOME=str(cache))
    yield engine
    assert engine.stop() == 0


async def begin_job(client: AsyncOpenAI, model: str, rows: list[Any]) -> str:
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": 1}}}
    file = await upload(client, rows)
    return (await client.fine_tuning.jobs.create(model=model, training_file=file, method=method)).id


async def test_two_people_train_side_by_side(running: RunningEngine, tiny: str) -> None:
    users = UserStore(running.home)
    async with running.client() as owner:
        anna, ben = (owner.with_options(api_key=users.add(name)) for name in PEOPLE)
        long = await begin_job(anna, tiny, TRAINING_ROWS * 1000)  # until it is cancelled
        await wait_until(anna, long, "running")
        short = await begin_job(ben, tiny, TRAINING_ROWS)
        bens = await wait_until(ben, short)
        assert bens.status == "succeeded", bens.error
        assert (await anna.fine_tuning.jobs.retrieve(long)).status == "running"  # began before, goes on after
        await anna.fine_tuning.jobs.cancel(long)

        assert {file.purpose for file in (await ben.files.list()).data} == {"fine-tune", "fine-tune-results"}
        assert {file.purpose for file in (await anna.files.list()).data} == {"fine-tune"}
        assert bens.fine_tuned_model in {model.id for model in (await ben.models.list()).data}
        with pytest.raises(NotFoundError):
            await ask(anna, bens.fine_tuned_model)
        assert (await ask(ben, bens.fine_tuned_model)).usage
        with pytest.raises(RateLimitError, match="1 tokens per day"):
            await ask(ben, bens.fine_tuned_model)
        await ask(owner, bens.fine_tuned_model)  # no limits


async def ask(client: AsyncOpenAI, model: str) -> Any:
    return await client.chat.completions.create(model=model, messages=prompt("Who sings?"), max_tokens=2)
