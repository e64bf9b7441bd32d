"""An engine that nobody asks does nothing: no tick, and it ends at once all the same."""

import asyncio
import contextlib
import socket
import threading
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import psutil
import pytest
from openai import AsyncOpenAI
from starlette.applications import Starlette

from core.engine.http.connection import EngineConnection
from core.engine.http.engine_server import create_server
from tests.support.engine import start
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio


async def test_it_waits_for_its_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set from another thread, as the one that watches the parent does."""

    def tick(_server: object, _counter: int) -> bool:
        raise AssertionError("a tick")

    server = create_server(Starlette(), EngineConnection)
    monkeypatch.setattr(type(server), "on_tick", tick)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0)
        threading.Thread(target=setattr, args=(server, "should_exit", True)).start()
        await serving
    assert server.should_exit


async def test_one_that_is_to_end_before_it_began_ends() -> None:
    server = create_server(Starlette(), EngineConnection)
    server.should_exit = True
    await server.main_loop()
    assert server.should_exit


async def test_a_response_has_the_time_of_its_request(client: AsyncOpenAI) -> None:
    before = parsedate_to_datetime(formatdate(usegmt=True))
    response = await client.models.with_raw_response.list()
    assert before <= parsedate_to_datetime(response.headers["date"]) <= parsedate_to_datetime(formatdate(usegmt=True))


def test_a_signal_ends_it(tmp_path: Path, cache: Path) -> None:
    running = start(tmp_path, HF_HOME=str(cache))
    psutil.Process(running.pid).terminate()
    assert running.process.wait(PATIENCE) == 0
    running.stop()
