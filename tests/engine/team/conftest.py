"""A server with two users and an administrator; none of its tests trains or answers, but for one."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from core.engine.team.users import UserStore
from tests.support.engine import RunningEngine, start

SETTINGS = """
[limits]
jobs_per_day = 1000

[users.carla]
file_bytes = 100
jobs_at_once = 0
requests_per_minute = 30
tokens_per_day = 0

[users.dora]
jobs_per_day = 0
requests_per_minute = 3
"""


@dataclass
class TeamServer:
    """A running engine, and the keys and ids of its users by their names."""

    engine: RunningEngine
    keys: dict[str, str]
    ids: dict[str, str]

    @property
    def audit(self) -> list[dict[str, str]]:
        text = (self.engine.home / "audit" / "audit.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]


def make_model(home: Path, name: str, owner: str) -> str:
    """A fine-tuned model as a job leaves it, without weights; returns its id."""
    folder, model = home / "models" / f"m-{name}", f"ft:smollm2-135m-instruct:local:{name}:12345678"
    folder.mkdir(parents=True)
    record = {"id": model, "base": "smollm2-135m-instruct", "created": 1, "job": "ftjob-x", "step": None, "metrics": {}}
    (folder / "model.json").write_text(json.dumps(record))
    (folder / "owner").write_text(owner)
    return model


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    """Anna and Ben are users, Carla and Dora have small limits, and Root is an administrator."""
    home = tmp_path_factory.mktemp("team")
    (home / "team.toml").write_text(SETTINGS)
    users = UserStore(home)
    keys = {name: users.add(name, name == "root") for name in ("anna", "ben", "carla", "dora", "root")}
    ids = {user.name: user.id for user in users.all()}
    make_model(home, "annas", ids["anna"])
    make_model(home, "shared", ids["anna"])
    engine = start(home)
    yield TeamServer(engine, keys, ids)
    assert engine.stop() == 0


AsUser = Callable[[str], AsyncOpenAI]


@pytest.fixture
async def as_user(team: TeamServer) -> AsyncIterator[AsUser]:
    """A client with the key of one user, by the user's name; `owner` has the engine's own token."""
    async with team.engine.client() as owner:
        yield lambda name: owner if name == "owner" else owner.with_options(api_key=team.keys[name])
