"""Slow, broken, too many and too large: every client gets an error it can read, and the engine goes on."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import APIStatusError, AsyncOpenAI

from core.engine.http import connection
from core.engine.http.allowed_hosts import AllowedHosts
from core.engine.http.connection import EngineConnection
from core.paths import ROOT
from tests.support.engine import BASE, TOKEN, TRAINING_ROWS, RunningEngine, start, training_child, upload
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio
HEAD = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"


def connect(engine: RunningEngine) -> socket.socket:
    where = urlsplit(engine.url)
    return socket.create_connection((where.hostname, where.port), timeout=PATIENCE)


def read_answer(one: socket.socket) -> tuple[int, Any]:
    """Status and error of the answer, which has an id."""
    data = b""
    while part := one.recv(65536):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"x-request-id: req_" in head
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(head.split()[1]), error


MALFORMED = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01",  # a client that speaks TLS
    b"GET /v1/models\r\n\r\n",
    b"POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"\x00" * 100_000,
]


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_http_gets_the_envelope(engine: RunningEngine, data: bytes) -> None:
    with connect(engine) as one:
        one.sendall(data)
        status, error = read_answer(one)
        assert status == 400 and error["code"] == "invalid_http"


@pytest.mark.parametrize("token", [TOKEN, "wrong"])
@pytest.mark.parametrize("says_length", [True, False])
def test_a_body_that_is_refused_is_read_to_its_end(engine: RunningEngine, token: str, says_length: bool) -> None:
    """A client that sends everything first found its connection reset."""
    size = 40 * 1024 * 1024
    length = f"Content-Length: {size}" if says_length else "Transfer-Encoding: chunked"
    with connect(engine) as one:
        head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{length}\r\n\r\n"
        one.sendall(head.encode())
        for _ in range(40):
            one.sendall(b" " * 2**20 if says_length else b"100000\r\n" + b" " * 2**20 + b"\r\n")
        if not says_length:
            one.sendall(b"0\r\n\r\n")
        assert read_answer(one)[0] == (413 if token == TOKEN else 401)


async def serve(app: Any) -> tuple[asyncio.Server, int]:
    """Engine connections that `app` answers, in this process."""
    import uvicorn
    from uvicorn.server import ServerState

    config, state = (
        uvicorn.Config(app, http=EngineConnection, ws="none", lifespan="off", log_level="critical"),
        ServerState(),
    )
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: EngineConnection(config, state, {}), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def answer_late(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, then answers."""
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


SLOW = [
    b"",
    b"GET / HTTP/1.1\r\nHost: a",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /",
]


@pytest.mark.parametrize("data", SLOW)
async def test_a_request_that_never_ends_times_out(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADER_SECONDS", "IDLE_BODY_SECONDS"):
        monkeypatch.setattr(connection, name, 0.2)
    server, port = await serve(answer_late)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        found = await asyncio.wait_for(reader.read(), PATIENCE)
        assert b"HTTP/1.1 408 Request Timeout" in found and b"request_timeout" in found
        writer.close()


async def test_a_connection_too_many_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)
    server, port = await serve(answer_late)
    async with server:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        found = await asyncio.wait_for(reader.read(), PATIENCE)
        assert found.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in found
        for _, one in [*held, (reader, writer)]:
            one.close()


@pytest.mark.parametrize(
    "after", [b"", b'{"model"', b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc']
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
def test_a_client_that_leaves_in_the_middle_is_no_traceback(
    tmp_path: Path, path: str, after: bytes, quiet: Any
) -> None:
    engine, log = quiet
    with connect(engine) as one:
        kind = "multipart/form-data; boundary=x" if path == "/v1/files" else "application/json"
        one.sendall(
            f"POST {path} HTTP/1.1\r\n{HEAD}Content-Type: {kind}\r\nContent-Length: 999\r\n\r\n".encode() + after
        )
    with connect(engine) as one:
        one.sendall(f"GET /v1/models HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n".encode())
        assert b"200 OK" in one.recv(4096)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningEngine, Path]]:
    """An engine, and what it writes to standard error."""
    log = tmp_path_factory.mktemp("log") / "stderr"
    with log.open("wb") as file:
        running = start(tmp_path_factory.mktemp("quiet"), stderr=file)
        yield running, log
        assert running.stop() == 0
    assert "Traceback" not in log.read_text()


HOSTS: list[tuple[AllowedHosts, dict[str, bool]]] = [
    (AllowedHosts(), {"localhost:1": True, "127.0.0.1": True, "[::1]:5": True, "192.168.0.7": False, "box": False}),
    (AllowedHosts("0.0.0.0"), {"192.168.0.7:80": True, "[fe80::1]": True, "box:80": False, "evil.example": False}),
    (AllowedHosts("0.0.0.0", ["box"]), {"BOX:80": True, "box.example": False}),
    (AllowedHosts("box.local"), {"box.local:1": True, "other.local": False}),
]


@pytest.mark.parametrize(("hosts", "names"), HOSTS)
def test_names_of_this_server_are_a_list(hosts: AllowedHosts, names: dict[str, bool]) -> None:
    assert {name: hosts.allow(name) for name in names} == names


REFUSED_STARTS = [
    (["--host", "0.0.0.0"], "x" * 20, "--allow-remote"),
    (["--host", "0.0.0.0", "--allow-remote"], "", "JUKU_ENGINE_TOKEN"),
    (["--host", "0.0.0.0", "--allow-remote"], "short", "at least 20"),
]


@pytest.mark.parametrize(("arguments", "token", "words"), REFUSED_STARTS)
def test_other_computers_come_in_only_where_a_person_wants_it(
    arguments: list[str], token: str, words: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "core.engine", "--home", str(tmp_path), *arguments]
    environment = {**os.environ, "JUKU_ENGINE_TOKEN": token}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and words in done.stderr


def test_a_server_for_other_computers_warns(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.engine", "--home", str(tmp_path), "--host", "0.0.0.0", "--allow-remote"]
    environment = {**os.environ, "JUKU_ENGINE_TOKEN": "x" * 20}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    with process.stderr:
        assert "Warning" in process.stderr.readline() and "Engine:" in process.stderr.readline()
        process.terminate()
        process.wait(PATIENCE)


def mount_small_disk() -> list[str]:
    """The beginning of a command that runs in a folder `home` on a disk of 2 MB."""
    return ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"']


def can_mount() -> bool:
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


needs_small_disk = pytest.mark.skipif(
    sys.platform != "linux" or not can_mount(), reason="needs a small disk, which only Linux mounts for everybody"
)


@needs_small_disk
async def test_a_full_disk_is_said_and_leaves_no_phantom(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    running = start(home, prefix=[*mount_small_disk(), str(home)])
    try:
        await fill_disk(running)
    finally:
        assert running.stop() == 0


@needs_small_disk
async def test_a_running_job_is_cancelled_on_a_full_disk(tmp_path: Path, cache: Path, tiny: str) -> None:
    """The job's own files make the room that its new status needs; it stays cancelled for the next engine."""
    home = tmp_path / "home"
    home.mkdir()
    body = ["sh", "-c", 'mount -t tmpfs -o size=2m tmpfs "$0" && exec sleep 1000000']
    disk = subprocess.Popen(["unshare", "-rm", *body, str(home)])
    inside = ["nsenter", "-U", "-m", "--preserve-credentials", f"--wd={ROOT}", "-t", str(disk.pid)]
    try:
        while subprocess.run(
            [*inside, "mountpoint", "-q", str(home)], check=False, stderr=subprocess.DEVNULL
        ).returncode:
            await asyncio.sleep(0.01)
        job = await cancel_on_full_disk(start(home, prefix=inside, HF_HOME=str(cache)), tiny)
        again = start(home, prefix=inside, HF_HOME=str(cache))
        async with again.client() as client:
            assert (await client.fine_tuning.jobs.retrieve(job)).status == "cancelled"
        assert again.stop() == 0
    finally:
        disk.kill()
        disk.wait(PATIENCE)


async def cancel_on_full_disk(running: RunningEngine, model: str) -> str:
    """The id of a job that trained, whose process rests while the disk is filled, and that was cancelled then."""
    async with running.client() as client:
        rows = await upload(client, TRAINING_ROWS)
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50, "batch_size": 1}}}
        job = await client.fine_tuning.jobs.create(model=model, training_file=rows, method=method)
        while not any([one.type == "metrics" async for one in client.fine_tuning.jobs.list_events(job.id)]):
            await asyncio.sleep(0.05)
        training_child(running).suspend()
        await fill_up(client)
        cancelled = await client.fine_tuning.jobs.cancel(job.id)
        assert cancelled.status == "cancelled"
        assert (await upload(client, TRAINING_ROWS[:1])).startswith("file-")
    assert running.stop() == 0
    return job.id


async def fill_up(client: AsyncOpenAI) -> list[str]:
    """The ids of the files that fill the disk to its last byte."""
    fillers = []
    for size in (1 << 20, 1 << 17, 1 << 14, 1 << 12, 1):
        with pytest.raises(APIStatusError) as full:
            while True:
                data = b" " * size
                fillers.append((await client.files.create(file=("f.bin", data), purpose="user_data")).id)
        assert full.value.status_code == 507
    return fillers


async def fill_disk(running: RunningEngine) -> None:
    async with running.client(strict=False) as client:
        rows = await upload(client, TRAINING_ROWS)
        with pytest.raises(APIStatusError) as full:
            await client.files.create(file=("big.jsonl", b"{}\n" * 2**20), purpose="fine-tune")
        assert full.value.status_code == 507 and "disk" in full.value.message
        assert [file.id async for file in client.files.list()] == [rows]
        fillers = await fill_up(client)
        with pytest.raises(APIStatusError) as refused:
            await client.fine_tuning.jobs.create(model=BASE, training_file=rows)
        assert refused.value.status_code == 507
        assert not (await client.fine_tuning.jobs.list()).data
        await client.files.delete(fillers[0])
        assert (await upload(client, TRAINING_ROWS)).startswith("file-")
