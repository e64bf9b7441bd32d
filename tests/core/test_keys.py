"""API keys in the system's own keyring: a real Secret Service where the tests have one."""

import os
import subprocess
import sys
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from core import keys
from core.errors import KeyStoreError
from core.keys import Keys
from core.paths import ROOT

PROVIDER = "juku-test"


@pytest.fixture
def secret_service(secret_service):
    yield
    Keys().delete(PROVIDER)


class HangingKeyring(KeyringBackend):
    """Answers only when it is released, as a keyring does whose prompt nobody sees."""

    priority = -1  # never chosen by itself: keyring finds every class of its kind

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.released = threading.Event(), threading.Event()

    def get_password(self, *_what: str) -> str | None:
        self.asked.set()
        self.released.wait()
        return None

    set_password = delete_password = get_password


@pytest.fixture
def hanging(monkeypatch):
    before, hanging = keyring.get_keyring(), HangingKeyring()
    monkeypatch.setattr(keys, "KEYRING_TIMEOUT", 0.05)
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
    assert Keys().location(PROVIDER) == "keyring"
    Keys().save(PROVIDER, "sk-2")
    assert Keys().load(PROVIDER) == "sk-2"


def test_a_deleted_key_is_nowhere(secret_service):
    store = Keys()
    store.save(PROVIDER, "sk-1")
    store.keep_for_session(PROVIDER, "sk-2")
    store.delete(PROVIDER)
    assert store.load(PROVIDER) is None
    assert store.location(PROVIDER) == ""
    store.delete(PROVIDER)


def test_a_session_key_is_not_stored(secret_service):
    store = Keys()
    store.keep_for_session(PROVIDER, "sk-1")
    assert (store.load(PROVIDER), store.location(PROVIDER)) == ("sk-1", "session")
    assert Keys().load(PROVIDER) is None


def test_the_environment_comes_before_the_keyring(monkeypatch):
    monkeypatch.setenv("JUKU_KEY_JUKU_TEST", "sk-environment")
    assert (Keys().load(PROVIDER), Keys().location(PROVIDER)) == ("sk-environment", "environment")


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


def test_while_a_keyring_hangs_nobody_else_waits_for_it(hanging):
    store = Keys()
    with pytest.raises(KeyStoreError):
        store.load(PROVIDER)
    asked = threading.active_count()
    for act in (store.load, store.delete, lambda _id: store.backend()):
        with pytest.raises(KeyStoreError, match="did not answer"):
            act(PROVIDER)
    assert threading.active_count() == asked  # no further thread hangs
    hanging.released.set()
    store._hanging.join()
    assert store.load(PROVIDER) is None


class Ring(KeyringBackend):
    """A keyring of several; `stored` is what it holds."""

    priority = -1
    name = "Safe"

    def __init__(self, **stored: str) -> None:
        super().__init__()
        self.stored = stored

    def get_password(self, _service: str, username: str) -> str | None:
        return self.stored.get(username)

    def set_password(self, _service: str, username: str, password: str) -> None:
        self.stored[username] = password

    def delete_password(self, _service: str, username: str) -> None:
        self.stored.pop(username, None)


# As keyrings.alt has it, the package that puts keys into a file which anybody can read.
Plaintext = type("PlaintextKeyring", (Ring,), {"__module__": "keyrings.alt.file", "name": "Plaintext"})


@pytest.fixture
def several():
    """Keyrings as keyring wraps them where it finds more than one."""
    before = keyring.get_keyring()

    def use(*rings):
        chain = fail.Keyring()
        chain.backends = rings
        keyring.set_keyring(chain if len(rings) > 1 else rings[0])

    yield use
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("made", "reason"),
    [(Plaintext, "stores keys in a file"), (null.Keyring, "none was found"), (fail.Keyring, "none was found")],
)
def test_what_keeps_keys_in_a_file_or_throws_them_away_is_refused(several, made, reason):
    ring = made()
    several(ring)
    for act in (lambda: Keys().save(PROVIDER, "sk-1"), lambda: Keys().load(PROVIDER), lambda: Keys().backend()):
        with pytest.raises(KeyStoreError, match=reason):
            act()
    assert not getattr(ring, "stored", {})


def test_of_several_keyrings_the_first_safe_one_keeps_the_key_and_no_file_is_asked(several):
    unsafe, first, second = Plaintext(p="sk-old"), Ring(), Ring(q="sk-q")
    several(unsafe, first, second)
    store = Keys()
    assert store.backend() == "Safe"
    assert (store.load("p"), store.load("q")) == (None, "sk-q")
    store.save("p", "sk-new")
    assert (unsafe.stored, first.stored) == ({"p": "sk-old"}, {"p": "sk-new"})
    store.delete("q")
    assert second.stored == {}
