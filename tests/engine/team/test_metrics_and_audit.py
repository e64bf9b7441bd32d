"""Counters for Prometheus, and the log of who did what."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import NotFoundError
from starlette.requests import Request

from core.engine.http import metrics_routes
from core.engine.http.protocol import ApiError
from core.engine.team.audit_log import AuditLog
from core.engine.team.users import User
from tests.engine.team.conftest import AsUser, TeamServer
from tests.support.engine import TRAINING_ROWS, upload
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio


def ask_metrics(team: TeamServer, **headers: str) -> httpx2.Response:
    return httpx2.get(team.engine.url.removesuffix("/v1") + "/metrics", headers=headers, timeout=PATIENCE)


async def test_prometheus_can_read_the_metrics(team: TeamServer, as_user: AsUser) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    await as_user("anna").models.list()
    answer = ask_metrics(team, Authorization=f"Bearer {team.keys['root']}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["juku_requests_total", "GET", "/v1/models", "200"] >= 1
    assert found["juku_request_seconds_count", "/v1/models"] >= 1
    assert found["juku_users",] == 5 and found["juku_requests_in_progress",] == 1
    assert found["juku_resident_bytes", "engine"] > 1e6 and found["juku_jobs", "running"] == 0


async def test_metrics_are_for_administrators_unless_they_are_open(team: TeamServer) -> None:
    pytest.importorskip("prometheus_client")
    assert ask_metrics(team, Authorization=f"Bearer {team.keys['anna']}").status_code == 403
    assert ask_metrics(team).status_code == 401
    settings = team.engine.home / "team.toml"
    closed = settings.read_text()
    settings.write_text(closed + "\n[server]\nopen_metrics = true\n")
    assert ask_metrics(team).status_code == 200
    assert httpx2.get(team.engine.url + "/models").status_code == 401  # nothing else is open
    settings.write_text(closed)
    assert ask_metrics(team).status_code == 401


async def test_without_the_package_there_are_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ApiError, match="pip install prometheus-client") as found:
        await metrics_routes.show(Request({"type": "http"}))
    assert found.value.status == 404


async def test_the_audit_log_says_who_did_what_and_no_text(team: TeamServer, as_user: AsUser) -> None:
    anna, ben = as_user("anna"), as_user("ben")
    file = await upload(anna, TRAINING_ROWS, "secret-name.jsonl")
    await anna.files.content(file)
    with pytest.raises(NotFoundError):
        await ben.files.delete(file)
    await anna.files.retrieve(file)
    await anna.files.delete(file)
    found = [(line["user"], line["action"], line["status"]) for line in team.audit if line["target"] == file]
    assert found == [
        ("anna", "POST /v1/files", 200),
        ("anna", "GET /v1/files/{id}/content", 200),
        ("ben", "DELETE /v1/files/{id}", 404),
        ("anna", "DELETE /v1/files/{id}", 200),
    ]
    text = (team.engine.home / "audit" / "audit.jsonl").read_text()
    assert "secret-name" not in text and "Zorvale" not in text and not any(key in text for key in team.keys.values())


def test_the_audit_log_rotates(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, max_bytes=1000)
    for number in range(20):
        log.add(User("user-a", "Änna"), "POST /v1/files", f"file-{number}", 200, "req_x")
    log.close()
    paths = sorted((tmp_path / "audit").iterdir())
    assert len(paths) > 2 and all(path.stat().st_size <= 1000 for path in paths)
    lines: list[Any] = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    assert {line["target"] for line in lines} == {f"file-{number}" for number in range(20)}
