"""Who may come in, what an error looks like, and that the engine never outlives its parent."""

import asyncio
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from openai import AsyncOpenAI

from tests.support.engine import BASE, MODELS, ROOT, TOKEN, TRAINING_ROWS, RunningEngine, start, upload
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio
GOOD = {"Authorization": f"Bearer {TOKEN}"}


def ask(
    engine: RunningEngine, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any, str]:
    """Status, JSON body and request id of a bare request."""
    where = urlsplit(engine.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers["x-request-id"]
    finally:
        connection.close()


REFUSED: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"Authorization": "Bearer wrong"}, 401),
    ({"Authorization": f"Basic {TOKEN}"}, 401),
    ({"Authorization": "Bearer "}, 401),
    ({**GOOD, "Host": "evil.example"}, 403),
    ({**GOOD, "Host": "127.0.0.1.evil.example:80"}, 403),
    ({**GOOD, "Host": "[::2]:80"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/"])
def test_strangers_are_refused_everywhere(
    engine: RunningEngine, headers: dict[str, str], status: int, path: str
) -> None:
    found, body, request_id = ask(engine, "GET", path, **headers)
    assert found == status and request_id
    assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:80", "LocalHost:9"])
def test_this_computer_has_several_names(engine: RunningEngine, host: str) -> None:
    assert ask(engine, "GET", "/v1/models", **GOOD, Host=host)[0] == 200


WRONG: list[tuple[str, str, bytes | None, int]] = [
    ("GET", "/v1/embeddings", None, 405),
    ("POST", "/v1/moderations", b"{}", 404),
    ("POST", "/v1/fine_tuning/jobs/ftjob-x/pause", b"{}", 404),
    ("POST", "/v1/fine_tuning/jobs/ftjob-x/resume", b"{}", 404),
    ("POST", "/v1/batches/batch_x/cancel", b"{}", 404),
    ("POST", "/v1/embeddings", b"{}", 400),
    ("GET", "/v1/files/file-unknown/content", None, 404),
    ("GET", "/v1/files/..%2f..%2fengine.json", None, 404),
    ("DELETE", f"/v1/models/{BASE}", None, 403),
    ("PUT", "/v1/models", b"{}", 405),
    ("POST", "/v1/chat/completions", b"{broken", 400),
    ("POST", "/v1/chat/completions", b"[1]", 400),
    ("POST", "/v1/chat/completions", b"[" * 100_000, 400),
    ("POST", "/v1/chat/completions", b'{"model": "\\ud800"}', 400),
    ("POST", "/v1/files", b"not a form", 400),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
def test_every_error_has_the_envelope(
    engine: RunningEngine, method: str, path: str, body: bytes | None, status: int
) -> None:
    found, answer, request_id = ask(engine, method, path, body, **GOOD)
    assert found == status and request_id
    assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_a_body_without_end_is_cut_off(engine: RunningEngine) -> None:
    where = urlsplit(engine.url)
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as one:
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        one.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        block = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(33):
            one.sendall(block)
        assert b" 413 " in one.recv(4096)


def test_the_address_is_for_this_user_only_and_the_home_for_one_engine(tmp_path: Path) -> None:
    running = start(tmp_path)
    found = json.loads((tmp_path / "engine.json").read_text())
    assert found == {"url": running.url, "token": TOKEN, "pid": running.pid}
    assert stat.S_IMODE((tmp_path / "engine.json").stat().st_mode) == 0o600
    second = subprocess.run(
        [sys.executable, "-m", "core.engine", "--child", "--home", str(tmp_path)],
        cwd=ROOT,
        input="x\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 75 and "Another engine" in second.stderr
    assert running.stop() == 0
    assert not (tmp_path / "engine.json").exists()


def modes(home: Path) -> dict[str, int]:
    """The permissions of everything below a folder, by its name there."""
    return {str(path.relative_to(home)): stat.S_IMODE(path.lstat().st_mode) for path in [home, *home.rglob("*")]}


@pytest.mark.skipif(os.name == "nt", reason="permissions of that kind")
async def test_nobody_else_may_read_what_was_uploaded(tmp_path: Path) -> None:
    """Also what an older engine left readable is taken back; a link is not followed."""
    home, outside = tmp_path / "home", tmp_path / "outside"
    old = home / "files" / "file-old"
    old.mkdir(parents=True)
    (old / "content").write_bytes(b"{}\n")
    outside.write_bytes(b"public")
    (home / "link").symlink_to(outside)
    for path in (home, old, old / "content", outside):
        path.chmod(0o755)
    running = start(home)
    async with running.client() as client:
        file = await upload(client, TRAINING_ROWS)
    assert running.stop() == 0
    found = modes(home)
    open_to_others = {name: oct(mode) for name, mode in found.items() if mode & 0o077 and name != "link"}
    assert not open_to_others
    assert f"files/{file}/content" in found
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to catch")
def test_a_server_of_its_own_stops_on_a_signal(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.engine", "--home", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "JUKU_ENGINE_TOKEN": "given"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    with process.stderr:
        assert "http://127.0.0.1:" in process.stderr.readline()
        shown = process.stderr.readline()  # it may go into the system's journal
        assert "JUKU_ENGINE_TOKEN" in shown and "given" not in shown
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert not (tmp_path / "engine.json").exists()


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "core.engine", "--child", "--home", sys.argv[1]],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
child.stdin.write(sys.argv[2] + "\\n"); child.stdin.flush()
print(child.stdout.readline(), end="", flush=True)
time.sleep(600)
"""


async def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), TOKEN],
        cwd=ROOT,
        env={**os.environ, "JUKU_MODELS": str(MODELS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout
    with parent.stdout:
        ready = json.loads(parent.stdout.readline())
    family = psutil.Process(ready["pid"])
    async with AsyncOpenAI(api_key=TOKEN, base_url=f"http://127.0.0.1:{ready['port']}/v1", max_retries=0) as client:
        file = await upload(client, TRAINING_ROWS)
        await client.fine_tuning.jobs.create(model=BASE, training_file=file)
        while not (children := family.children()):
            await asyncio.sleep(0.05)
    parent.kill()
    parent.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, [family, *children], 15)
    assert len(gone) == 2 and not alive
