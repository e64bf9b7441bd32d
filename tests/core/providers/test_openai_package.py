"""The openai package is imported once and whole, whoever asks first; and all code asks in that order."""

import ast
import asyncio
import subprocess
import sys
import threading

import pytest

from core.paths import ROOT
from core.providers import openai_package
from core.providers.http_client import Connection

FILES = sorted((ROOT / "core" / "providers").glob("*.py"))

# As the window starts: one loop asks several servers at once, a thread starts the engine, others import what is needed.
START = """
import asyncio, importlib, sys, threading
from core.errors import ProviderError
from core.providers import Provider, openai_package

failures, ready = [], threading.Barrier(5)

async def ask(call):
    provider = Provider("x", "X", "http://127.0.0.1:9/v1", "key")
    try:
        await call(provider)
    except ProviderError as error:
        if error.code != "refused":
            failures.append(repr(error))
    finally:
        await provider.close()

async def ask_all():
    calls = [
        lambda provider: provider.models(),
        lambda provider: provider.jobs(most=1),
        lambda provider: provider.file("f"),
        lambda provider: provider.call("m", [{"role": "user", "content": "?"}], []),
        lambda provider: provider.embed("m", ["?"]),
    ]
    await asyncio.gather(*(ask(call) for call in calls))

def work(act):
    ready.wait()
    try:
        act()
    except BaseException as error:
        failures.append(repr(error))

acts = [
    lambda: asyncio.run(ask_all()),
    openai_package.load,
    openai_package.load,
    lambda: importlib.import_module("scipy.stats"),
    lambda: importlib.import_module("keyring").get_keyring(),
]
threads = [threading.Thread(target=work, args=[act]) for act in acts]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("\\n".join(failures) or None)
"""


def test_several_threads_may_import_and_ask_at_once():
    ended = subprocess.run([sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_failed_import_can_be_tried_again(monkeypatch):
    openai_package.load.cache_clear()
    with monkeypatch.context() as broken:
        broken.setattr(openai_package, "MODULES", ("core.providers.nothing_of_this_name",))
        with pytest.raises(ImportError):
            openai_package.load()
    openai_package.load()


def test_nothing_more_of_the_package_is_imported_when_its_parts_are_used():
    use = """
import sys
from core.providers import openai_package
openai_package.load()
before = {name for name in sys.modules if name.split(".")[0] == "openai"}
from openai import AsyncOpenAI
client = AsyncOpenAI(api_key="x")
for call in (client.models.list, client.files.create, client.batches.create, client.chat.completions.create,
             client.moderations.create, client.embeddings.create, client.fine_tuning.jobs.checkpoints.list):
    pass
sys.exit("\\n".join(name for name in sys.modules if name.split(".")[0] == "openai" and name not in before) or None)
"""
    ended = subprocess.run([sys.executable, "-c", use], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(function):
    """The lines where a function imports something of the package."""
    for node in ast.walk(function):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if any(name and name.split(".")[0] == "openai" for name in names):
            yield node.lineno


def connected(function):
    """The lines where a function gets a client, which has the package loaded."""
    for node in ast.walk(function):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if named and node.func.attr in ("client", "once", "load"):
            yield node.lineno


# They are given a call of a client, or a client's function: the package is there.
GIVEN_ONE = {"translate_errors", "_connect", "_pages", "_request_job"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_package_is_imported_after_a_client_was_asked_for(path):
    for function in functions(path):
        for line in imported(function):
            asked = function.name in GIVEN_ONE or any(earlier < line for earlier in connected(function))
            assert asked, f"{path.name}:{line}: a client is to be asked for first"


def test_nothing_of_others_is_destroyed_on_the_thread_that_loads():
    """A widget that is garbage must die in the window's thread; to import makes enough objects for a collection."""
    use = """
import gc, threading
from core.providers import openai_package

class Owned:
    def __del__(self):
        died.append(threading.current_thread())

died = []
gc.collect()
owned = Owned()
owned.me = owned
del owned
thread = threading.Thread(target=openai_package.load)
thread.start()
thread.join()
assert not died
gc.collect()
assert died == [threading.main_thread()]
"""
    ended = subprocess.run([sys.executable, "-c", use], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_to_load_it_again_keeps_nothing_from_the_collector():
    """Each connection asks for the package; what the window had as garbage then was never destroyed."""
    use = """
import gc
from core.providers import openai_package

openai_package.load()
gc.freeze()  # as the window does when it is there
kept = gc.get_freeze_count()
rings = [[] for _number in range(10_000)]
openai_package.load()
assert gc.get_freeze_count() < kept + 5_000
"""
    ended = subprocess.run([sys.executable, "-c", use], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_client_is_made_off_the_window_s_thread_and_once(monkeypatch):
    """It reads the system's certificates, which holds up whoever does it."""
    made = []
    real = Connection._connect

    def connect(self, *about):
        made.append(threading.current_thread())
        return real(self, *about)

    monkeypatch.setattr(Connection, "_connect", connect)

    async def go():
        connection = Connection("x", "X", "http://127.0.0.1:9/v1", "k")
        first, second = await asyncio.gather(connection.client(), connection.client())
        assert first is second
        await connection.close()

    asyncio.run(go())
    assert len(made) == 1 and made[0] is not threading.main_thread()
