"""What all tests share: a project of their own, and no trace of it outside."""

import asyncio
import logging
import os
import tempfile
import threading
from pathlib import Path

from tests.support.patience import PATIENCE

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from hypothesis import HealthCheck, settings

from core import language
from core.dataset import sample_projects
from core.keys import Keys
from core.providers import retry_policy
from core.providers.http_client import Connection
from core.storage.project import Project
from tests.support import scripted_models
from tests.support.fake_server import KEY, FakeServer
from tests.support.projects import write

# No property fails by the clock, and what a test draws is the same every time. `make fuzz` draws anew.
settings.register_profile("fixed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("random", settings.get_profile("fixed"), derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("JUKU_EXAMPLES", "fixed"))

# The files that take longest: begun first, so that the processes end at about the same time.
LONGEST = (
    "test_demo",
    "test_learning",
    "test_project",
    "test_course",
    "test_secrets",
    "test_contract",
    "test_engine_batches",
    "test_llama_cpp",
    "test_catalog",
    "test_exports",
    "test_guided_path",
)
HAS_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(config, items):
    wants_proofs = "JUKU_PROOFS" in os.environ
    left_out = [item for item in items if ("proof" in item.keywords) is not wants_proofs]
    if any("::" in argument for argument in config.args):  # a test that is named is run
        left_out = []
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Settings, logs and the engine's store of each test lie in its own folder; the screen speaks English."""
    for name in ("CONFIG", "DATA", "LOG", "ENGINE_HOME"):
        monkeypatch.setenv(f"JUKU_{name}", str(tmp_path / name.lower()))
    language.set_language("en")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """A server that is busy without saying how long is asked again at once."""
    monkeypatch.setattr(retry_policy, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash[HAS_FAILED] = item.stash.get(HAS_FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def nothing_left(request, caplog):
    """A logged warning, or a thread left running, fails the test; the mark `logs` says that a warning is meant.

    What a test that has failed leaves is not waited for: a window's threads took four minutes each, which looked as if the
    run stood still.
    """
    before = set(threading.enumerate())
    yield
    if request.node.stash.get(HAS_FAILED, False):
        return
    warnings = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    # It warns of a kernel that it lacks in whichever test imports it first, through PEFT.
    warnings = [record for record in warnings if not record.name.startswith("bitsandbytes.")]
    assert "logs" in request.keywords or not warnings, [record.getMessage() for record in warnings]
    left = [thread for thread in set(threading.enumerate()) - before if not thread.daemon and is_stray(thread)]
    assert not left, f"left running: {left}"


def is_stray(thread):
    """The default executor's threads end with their loop."""
    thread.join(PATIENCE)
    return thread.is_alive() and not thread.name.startswith("asyncio_")


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "test.juku")
    yield project
    project.close()


@pytest.fixture
def sample(project):
    """A project with the English sample."""
    asyncio.run(project.write("sample", sample_projects.fill, "hobannu-en"))
    return project


@pytest.fixture
def server():
    """A scripted server with OpenAI's API; a file that needs it prepared has its own `server`, made from this one."""
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def server_key(monkeypatch):
    """The window and the command line know that server's key."""
    monkeypatch.setenv("JUKU_KEY_FAKE", KEY)


@pytest.fixture
def secret_service():
    """The Secret Service of the test's own D-Bus session; the project's test runner starts one."""
    if "JUKU_TEST_DISPLAY" not in os.environ:
        pytest.skip("needs the Secret Service that tools/test.sh starts")
    assert "SecretService" in Keys().backend()


@pytest.fixture
def one_request_at_a_time(monkeypatch):
    """Requests are sent in their order, so that it is known which scripted answer belongs to which."""
    monkeypatch.setattr(Connection, "at_once", 1)


@pytest.fixture
def gates(project):
    """A project with a spec of ten facts, of which the scripted model writes rows."""
    write(project, scripted_models.fill, label="fill")
    return project


@pytest.fixture
def shared_folder():
    """A folder that other accounts can enter, too: every start of pytest closes the one above `tmp_path` to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
