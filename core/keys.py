"""API keys in the operating system's keyring; never in a file, a log or the process list."""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from core.errors import KeyStoreError
from core.language import tr
from core.redaction import redact, register_secret

KEYRING_SERVICE = "juku"
VARIABLE_PREFIX = "JUKU_KEY_"  # of environment variables
KEYRING_TIMEOUT = 10.0  # seconds: a broken keyring hangs instead of failing
FILE_KEYRINGS = (
    "keyrings.alt.",
    "keyrings.cryptfile.",
)  # packages that store keys in files, most of them readable by everyone
T = TypeVar("T")


class Keys:
    """The API keys of servers, by the provider's id.

    Every method blocks for up to `KEYRING_TIMEOUT` seconds: call it in another thread than the window's. Raises
    `KeyStoreError` when the keyring cannot be used.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}
        self._hanging: threading.Thread | None = None

    def load(self, provider: str) -> str | None:
        """The key of `provider`, or None: of this session, from its `environment_variable`, or from the keyring. Raises `KeyStoreError`."""
        key = self._session.get(provider) or _from_environment(provider) or self._in_time(lambda: _load(provider))
        if key:
            register_secret(key)
        return key or None

    def location(self, provider: str) -> str:
        """Where `load` finds the key: "session", "environment", "keyring", or "" when there is none. Raises `KeyStoreError`."""
        if provider in self._session:
            return "session"
        if _from_environment(provider):
            return "environment"
        return "keyring" if self.load(provider) else ""

    def save(self, provider: str, key: str) -> None:
        """Store `key` in the keyring. Raises `KeyStoreError`; the key is stored nowhere then."""
        register_secret(key)
        self._in_time(lambda: _safe_keyrings()[0].set_password(KEYRING_SERVICE, provider, key))
        self._session.pop(provider, None)

    def keep_for_session(self, provider: str, key: str) -> None:
        """Keep `key` in the memory of this process only, for systems without a keyring."""
        register_secret(key)
        self._session[provider] = key

    def delete(self, provider: str) -> None:
        """Delete the key of this session and of the keyring; a missing key is no error. Raises `KeyStoreError`."""
        self._session.pop(provider, None)
        self._in_time(lambda: _delete(provider))

    def backend(self) -> str:
        """The keyring's own name, to show where a key will be stored. Raises `KeyStoreError` when there is none."""
        return self._in_time(lambda: str(_safe_keyrings()[0].name))

    def _in_time(self, call: Callable[[], T]) -> T:
        """The result of `call`, run in a thread of its own so that a keyring that hangs can be abandoned.

        While one call hangs, perhaps at a dialog that nobody sees, further calls fail at once.
        """
        from keyring.errors import KeyringError

        if self._hanging is not None and self._hanging.is_alive():
            raise _no_answer_error()
        results: list[T] = []
        failures: list[Exception] = []

        def work() -> None:
            try:
                results.append(call())
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=work, name="keyring", daemon=True)
        thread.start()
        thread.join(KEYRING_TIMEOUT)
        if results:
            return results[0]
        if not failures:
            self._hanging = thread
            raise _no_answer_error()
        if not isinstance(failures[0], KeyringError):
            raise failures[0]
        raise _unusable_error(_error_reason(failures[0]))


def environment_variable(provider: str) -> str:
    """The name of the environment variable that may hold the key instead of the keyring."""
    return f"{VARIABLE_PREFIX}{provider.upper().replace('-', '_')}"


def child_environment() -> dict[str, str]:
    """The environment for a child process, without API keys: children read files of strangers and need no keys."""
    return {name: value for name, value in os.environ.items() if not name.startswith(VARIABLE_PREFIX)}


def _from_environment(provider: str) -> str:
    return os.environ.get(environment_variable(provider), "").strip()


def _safe_keyrings() -> list[Any]:
    """The keyrings that store keys safely; new keys go to the first. Raises `KeyStoreError` where there is none."""
    import keyring

    found = keyring.get_keyring()
    # Where there are several, keyring wraps them in one that asks them in turn, also those that are files.
    rings = list(getattr(found, "backends", None) or [found])
    safe = [ring for ring in rings if not _is_file(ring) and not _is_placeholder(ring)]
    if not safe and any(_is_file(ring) for ring in rings):
        raise _unusable_error(tr("there is only “{name}”, which stores keys in a file", name=rings[0].name))
    if not safe:
        raise _unusable_error(tr("none was found"))
    return safe


def _is_file(ring: Any) -> bool:
    return type(ring).__module__.startswith(FILE_KEYRINGS) or hasattr(type(ring), "file_path")


def _is_placeholder(ring: Any) -> bool:
    """Whether it is what the keyring package returns for no keyring: one refuses every key, one discards it."""
    from keyring.backends import fail, null

    return isinstance(ring, fail.Keyring | null.Keyring)


def _load(provider: str) -> str | None:
    found = (ring.get_password(KEYRING_SERVICE, provider) for ring in _safe_keyrings())
    return next((key for key in found if key), None)


def _delete(provider: str) -> None:
    from keyring.errors import PasswordDeleteError

    for ring in _safe_keyrings():
        try:
            ring.delete_password(KEYRING_SERVICE, provider)
        except PasswordDeleteError:
            continue


def _error_reason(error: Exception) -> str:
    from keyring.errors import NoKeyringError

    if isinstance(error, NoKeyringError):
        return tr("none was found")
    return redact(str(error)).rstrip(".") or type(error).__name__


def _no_answer_error() -> KeyStoreError:
    return _unusable_error(tr("it did not answer within {seconds} seconds", seconds=int(KEYRING_TIMEOUT)))


def _unusable_error(reason: str) -> KeyStoreError:
    return KeyStoreError(
        tr("The system's keyring cannot be used"),
        tr(
            "No API key was stored or read: {reason}. Unlock or install a keyring, or use the key for this "
            "session only.",
            reason=reason,
        ),
    )
