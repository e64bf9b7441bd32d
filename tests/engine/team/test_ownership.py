"""What belongs to one user is not there for another; administrators and the engine's own token see all."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, PermissionDeniedError

from core.engine.team.users import UserStore
from tests.engine.team.conftest import AsUser, TeamServer
from tests.support.engine import BASE, TRAINING_ROWS, start, upload

pytestmark = pytest.mark.anyio
ANNAS, SHARED = (f"ft:{BASE}:local:{name}:12345678" for name in ("annas", "shared"))
BROKEN = [{"messages": []}]  # a job with it fails before anything is trained


async def make_objects(as_user: AsUser) -> dict[str, str]:
    """One object of each kind that Anna owns."""
    anna = as_user("anna")
    file, requests = await upload(anna, BROKEN), await upload(anna, [{}], "requests.jsonl", "batch")
    job = await anna.fine_tuning.jobs.create(model=BASE, training_file=file)
    batch = await anna.batches.create(input_file_id=requests, endpoint="/v1/chat/completions", completion_window="24h")
    return {"file": file, "requests": requests, "job": job.id, "batch": batch.id}


async def test_nobody_else_finds_them(as_user: AsUser) -> None:
    mine, ben = await make_objects(as_user), as_user("ben")
    lists: dict[str, Any] = {"/files": None, "/fine_tuning/jobs": None, "/batches": None, "/exports": None}
    for path in lists:
        assert (await ben.get(path, cast_to=dict))["data"] == []
    paths = [
        f"/files/{mine['file']}",
        f"/files/{mine['file']}/content",
        f"/fine_tuning/jobs/{mine['job']}",
        f"/fine_tuning/jobs/{mine['job']}/events",
        f"/fine_tuning/jobs/{mine['job']}/checkpoints",
        f"/batches/{mine['batch']}",
        f"/models/{ANNAS}",
    ]
    for path in paths:
        with pytest.raises(NotFoundError):
            await ben.get(path, cast_to=object)
        assert await as_user("anna").get(path, cast_to=object)
        assert await as_user("root").get(path, cast_to=object)
    for path in (
        f"/fine_tuning/jobs/{mine['job']}/cancel",
        f"/batches/{mine['batch']}/cancel",
        f"/models/{ANNAS}/share",
    ):
        with pytest.raises(NotFoundError):
            await ben.post(path, cast_to=object)
    for path in (f"/files/{mine['file']}", f"/models/{ANNAS}"):
        with pytest.raises(NotFoundError):
            await ben.delete(path, cast_to=object)
    assert mine["job"] in {job.id for job in (await as_user("owner").fine_tuning.jobs.list()).data}


async def test_nobody_else_can_use_them(as_user: AsUser) -> None:
    mine, ben = await make_objects(as_user), as_user("ben")
    own = await upload(ben, TRAINING_ROWS)
    with pytest.raises(BadRequestError, match="invalid training_file"):
        await ben.fine_tuning.jobs.create(model=BASE, training_file=mine["file"])
    with pytest.raises(BadRequestError, match="not available"):
        await ben.fine_tuning.jobs.create(model=ANNAS, training_file=own)
    with pytest.raises(BadRequestError, match="invalid input_file_id"):
        await ben.batches.create(
            input_file_id=mine["requests"], endpoint="/v1/chat/completions", completion_window="24h"
        )
    with pytest.raises(NotFoundError):
        await ben.chat.completions.create(model=ANNAS, messages=[{"role": "user", "content": "?"}])
    with pytest.raises(NotFoundError):
        await ben.post("/exports", body={"model": ANNAS, "formats": ["adapter"]}, cast_to=object)
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": ANNAS, "messages": [{"role": "user", "content": "?"}]}
    requests = await upload(ben, [{**line, "body": body}], "requests.jsonl", "batch")
    batch = await ben.batches.create(input_file_id=requests, endpoint="/v1/chat/completions", completion_window="24h")
    while batch.status == "validating":
        batch = await ben.batches.retrieve(batch.id)
    assert batch.status == "failed" and batch.errors and batch.errors.data
    assert batch.errors.data[0].code == "model_not_found"


async def test_a_shared_model_is_used_by_all_and_deleted_by_its_owner(as_user: AsUser) -> None:
    anna, ben = as_user("anna"), as_user("ben")

    async def names() -> set[str]:
        return {model.id for model in (await ben.models.list()).data}

    assert SHARED not in await names()
    await anna.post(f"/models/{SHARED}/share", body={"shared": True}, cast_to=object)
    assert SHARED in await names() and ANNAS not in await names()
    for path in (f"/models/{SHARED}/share", f"/models/{SHARED}"):
        with pytest.raises(PermissionDeniedError, match="another person"):
            await (
                ben.post(path, body={"shared": False}, cast_to=object)
                if path.endswith("share")
                else ben.delete(path, cast_to=object)
            )
    await anna.post(f"/models/{SHARED}/share", body={"shared": False}, cast_to=object)
    assert SHARED not in await names()


async def test_base_models_are_changed_by_administrators(as_user: AsUser) -> None:
    ben, path, body = as_user("ben"), "/catalog/no-such-model/prepare", {"accept_licence": True}
    assert (await ben.get("/catalog", cast_to=dict))["data"]
    with pytest.raises(PermissionDeniedError):
        await ben.post(path, body=body, cast_to=object)
    with pytest.raises(NotFoundError):
        await as_user("root").post(path, body=body, cast_to=object)


async def test_owners_are_known_after_a_restart_and_a_removed_key_ends_at_once(tmp_path: Path) -> None:
    users = UserStore(tmp_path)
    keys = {name: users.add(name) for name in ("anna", "ben")}
    running = start(tmp_path)
    async with running.client() as one:
        file = await upload(one.with_options(api_key=keys["anna"]), TRAINING_ROWS)
        users.remove("ben")
        with pytest.raises(AuthenticationError):
            await one.with_options(api_key=keys["ben"]).models.list()
    assert running.stop() == 0
    renewed = {name: users.add(name) for name in ("ben",)}
    running = start(tmp_path)
    async with running.client() as one:
        assert [found.id for found in (await one.with_options(api_key=keys["anna"]).files.list()).data] == [file]
        assert not (await one.with_options(api_key=renewed["ben"]).files.list()).data
        assert [found.id for found in (await one.files.list()).data] == [file]
    assert running.stop() == 0


def test_a_wrong_key_is_refused(team: TeamServer) -> None:
    answer = httpx2.get(f"{team.engine.url}/models", headers={"Authorization": f"Bearer {team.keys['anna'][:-1]}"})
    assert answer.status_code == 401
