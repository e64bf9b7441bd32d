"""API keys in the system's own keyring: a real Secret Service where the tests have one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from core import keys
from core.errors import KeyStoreError
from core.keys import Keys

ROOT = Path(__file__).parent.parent.parent
PROVIDER = "juku-test"


@pytest.fixture
def secret_service():
    """The Secret Service of the test's own D-Bus session; the project's test runner starts one."""
    if "JUKU_TEST_DISPLAY" not in os.environ:
        pytest.skip("needs the Secret Service that tools/test.sh starts")
    assert "SecretService" in keys.backend()
    yield
    Keys().delete(PROVIDER)


class HangingKeyring(KeyringBackend):
    """Answers only when it is released, as a keyring does whose prompt nobody sees."""

    priority = -1  # never chosen by itself: keyring finds every class of its kind

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def get_password(self, *_what: str) -> str | None:
        self.released.wait()
        return None

    set_password = delete_password = get_password


@pytest.fixture
def hanging(monkeypatch):
    before, hanging = keyring.get_keyring(), HangingKeyring()
    monkeypatch.setattr(keys, "TIMEOUT", 0.05)
    keyring.set_keyring(hanging)
    yield hanging
    keyring.set_keyring(before)
    hanging.released.set()
    for thread in threading.enumerate():
        if thread.name == "keyring":
            thread.join()


def test_a_key_is_stored_for_the_next_start(secret_service):
    Keys().save(PROVIDER, "sk-日本-1")
    assert Keys().load(PROVIDER) == "sk-日本-1"
    assert Keys().place(PROVIDER) == "keyring"
    Keys().save(PROVIDER, "sk-2")
    assert Keys().load(PROVIDER) == "sk-2"


def test_a_deleted_key_is_nowhere(secret_service):
    store = Keys()
    store.save(PROVIDER, "sk-1")
    store.keep_for_session(PROVIDER, "sk-2")
    store.delete(PROVIDER)
    assert store.load(PROVIDER) is None
    assert store.place(PROVIDER) == ""
    store.delete(PROVIDER)


def test_a_session_key_is_not_stored(secret_service):
    store = Keys()
    store.keep_for_session(PROVIDER, "sk-1")
    assert (store.load(PROVIDER), store.place(PROVIDER)) == ("sk-1", "session")
    assert Keys().load(PROVIDER) is None


def test_the_environment_comes_before_the_keyring(monkeypatch):
    monkeypatch.setenv("JUKU_KEY_JUKU_TEST", "sk-environment")
    assert (Keys().load(PROVIDER), Keys().place(PROVIDER)) == ("sk-environment", "environment")


def test_without_a_keyring_it_is_said_in_words(tmp_path):
    """In a process without D-Bus and home, as on a bare server."""
    code = """
from core.errors import KeyStoreError
from core.keys import Keys
store = Keys()
for work in (lambda: store.save("p", "sk-1"), lambda: store.load("p"), lambda: store.delete("p")):
    try:
        work()
        raise SystemExit("no error")
    except KeyStoreError as error:
        print(error)
store.keep_for_session("p", "sk-2")
assert store.load("p") == "sk-2"
"""
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("none was found") == 3
    assert "for this session only" in done.stdout
    assert "sk-1" not in done.stdout + done.stderr


def test_a_keyring_that_hangs_is_given_up(hanging):
    with pytest.raises(KeyStoreError, match="did not answer"):
        Keys().load(PROVIDER)
    with pytest.raises(KeyStoreError, match="did not answer"):
        Keys().save(PROVIDER, "sk-1")
