"""API keys in the operating system's keyring; never in a file, a log or the process list."""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from core.errors import KeyStoreError
from core.language import tr
from core.redaction import hide, redacted

SERVICE = "juku"
PREFIX = "JUKU_KEY_"  # of environment variables
TIMEOUT = 10.0  # seconds: a broken keyring hangs instead of failing
IN_FILES = ("keyrings.alt.", "keyrings.cryptfile.")  # packages whose keyrings are files, most of them readable by all
T = TypeVar("T")


class Keys:
    """The keys of providers by their ids.

    Every method blocks for up to `TIMEOUT` seconds: call it off the window's thread. All raise `KeyStoreError`.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}
        self._hanging: threading.Thread | None = None

    def load(self, provider: str) -> str | None:
        """The key of `provider`: of this session, from the environment (`variable`), or from the keyring."""
        key = self._session.get(provider) or _from_environment(provider) or self._in_time(lambda: _load(provider))
        if key:
            hide(key)
        return key or None

    def place(self, provider: str) -> str:
        """Where `load` finds the key: 'session', 'environment', 'keyring', or '' when there is none."""
        if provider in self._session:
            return "session"
        if _from_environment(provider):
            return "environment"
        return "keyring" if self.load(provider) else ""

    def save(self, provider: str, key: str) -> None:
        """Store `key` in the keyring; when that fails the key is nowhere."""
        hide(key)
        self._in_time(lambda: _rings()[0].set_password(SERVICE, provider, key))
        self._session.pop(provider, None)

    def keep_for_session(self, provider: str, key: str) -> None:
        """Where there is no keyring: the key lives in this process's memory and ends with it."""
        hide(key)
        self._session[provider] = key

    def delete(self, provider: str) -> None:
        """Forget the key everywhere; a missing key is no error."""
        self._session.pop(provider, None)
        self._in_time(lambda: _delete(provider))

    def backend(self) -> str:
        """The keyring's own name, to show where a key will lie."""
        return self._in_time(lambda: str(_rings()[0].name))

    def _in_time(self, call: Callable[[], T]) -> T:
        """The result of `call`, run in a thread of its own so that a hanging keyring can be given up.

        While one hangs, perhaps at a question that nobody sees, no other is sent after it: who asks is told at once.
        """
        from keyring.errors import KeyringError

        if self._hanging is not None and self._hanging.is_alive():
            raise _hangs()
        results: list[T] = []
        failures: list[Exception] = []

        def work() -> None:
            try:
                results.append(call())
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=work, name="keyring", daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        if results:
            return results[0]
        if not failures:
            self._hanging = thread
            raise _hangs()
        if not isinstance(failures[0], KeyringError):
            raise failures[0]
        raise _unusable(_reason(failures[0]))


def variable(provider: str) -> str:
    """The environment variable that a key may come from instead of the keyring."""
    return f"{PREFIX}{provider.upper().replace('-', '_')}"


def environment() -> dict[str, str]:
    """What a child process is given: all but the keys, since it reads strangers' files and has no use for them."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _from_environment(provider: str) -> str:
    return os.environ.get(variable(provider), "").strip()


def _rings() -> list[Any]:
    """The keyrings that keep keys safe, the one that new keys go to first. Raises `KeyStoreError` where there is none."""
    import keyring

    found = keyring.get_keyring()
    # Where there are several, keyring wraps them in one that asks them in turn, also those that are files.
    rings = list(getattr(found, "backends", None) or [found])
    safe = [ring for ring in rings if not _is_file(ring) and not _is_nothing(ring)]
    if not safe and any(_is_file(ring) for ring in rings):
        raise _unusable(tr("there is only “{name}”, which stores keys in a file", name=rings[0].name))
    if not safe:
        raise _unusable(tr("none was found"))
    return safe


def _is_file(ring: Any) -> bool:
    return type(ring).__module__.startswith(IN_FILES) or hasattr(type(ring), "file_path")


def _is_nothing(ring: Any) -> bool:
    """Whether it is what keyring puts where there is none: one refuses every key, the other throws it away."""
    from keyring.backends import fail, null

    return isinstance(ring, fail.Keyring | null.Keyring)


def _load(provider: str) -> str | None:
    found = (ring.get_password(SERVICE, provider) for ring in _rings())
    return next((key for key in found if key), None)


def _delete(provider: str) -> None:
    from keyring.errors import PasswordDeleteError

    for ring in _rings():
        try:
            ring.delete_password(SERVICE, provider)
        except PasswordDeleteError:
            continue


def _reason(error: Exception) -> str:
    from keyring.errors import NoKeyringError

    if isinstance(error, NoKeyringError):
        return tr("none was found")
    return redacted(str(error)).rstrip(".") or type(error).__name__


def _hangs() -> KeyStoreError:
    return _unusable(tr("it did not answer within {seconds} seconds", seconds=int(TIMEOUT)))


def _unusable(reason: str) -> KeyStoreError:
    return KeyStoreError(
        tr("The system's keyring cannot be used"),
        tr(
            "No API key was stored or read: {reason}. Unlock or install a keyring, or use the key for this "
            "session only.",
            reason=reason,
        ),
    )
