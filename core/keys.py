"""API keys in the operating system's keyring; never in a file, a log or the process list."""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from core.errors import KeyStoreError
from core.language import tr

SERVICE = "juku"
TIMEOUT = 10.0  # seconds: a broken keyring hangs instead of failing
T = TypeVar("T")


class Keys:
    """The keys of providers by their ids.

    Every method blocks for up to `TIMEOUT` seconds: call it off the window's thread. All raise `KeyStoreError`.
    """

    def __init__(self) -> None:
        self._session: dict[str, str] = {}

    def load(self, provider: str) -> str | None:
        """The key of `provider`: of this session, from the environment (JUKU_KEY_<ID>), or from the keyring."""
        if key := self._session.get(provider) or os.environ.get(_variable(provider)):
            return key
        import keyring

        return _in_time(lambda: keyring.get_password(SERVICE, provider))

    def place(self, provider: str) -> str:
        """Where `load` finds the key: 'session', 'environment', 'keyring', or '' when there is none."""
        if provider in self._session:
            return "session"
        if os.environ.get(_variable(provider)):
            return "environment"
        return "keyring" if self.load(provider) else ""

    def save(self, provider: str, key: str) -> None:
        """Store `key` in the keyring; when that fails the key is nowhere."""
        import keyring

        _in_time(lambda: keyring.set_password(SERVICE, provider, key))
        self._session.pop(provider, None)

    def keep_for_session(self, provider: str, key: str) -> None:
        """Where there is no keyring: the key lives in this process's memory and ends with it."""
        self._session[provider] = key

    def delete(self, provider: str) -> None:
        """Forget the key everywhere; a missing key is no error."""
        self._session.pop(provider, None)
        _in_time(lambda: _delete(provider))


def backend() -> str:
    """The keyring's own name, to show where a key will lie."""
    return _in_time(_backend)


def _backend() -> str:
    import keyring

    found = keyring.get_keyring()
    # Where there are several, they are asked in turn: the first one keeps the key.
    first = next(iter(getattr(found, "backends", ())), found)
    return str(first.name)


def _variable(provider: str) -> str:
    return f"JUKU_KEY_{provider.upper().replace('-', '_')}"


def _delete(provider: str) -> None:
    import keyring
    from keyring.errors import PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, provider)
    except PasswordDeleteError:
        return


def _reason(error: Exception) -> str:
    from keyring.errors import NoKeyringError

    if isinstance(error, NoKeyringError):
        return tr("none was found")
    return str(error).rstrip(".") or type(error).__name__


def _in_time(call: Callable[[], T]) -> T:
    """The result of `call`, run in a thread of its own so that a hanging keyring can be given up."""
    from keyring.errors import KeyringError

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
    if failures and not isinstance(failures[0], KeyringError):
        raise failures[0]
    reason = (
        _reason(failures[0]) if failures else tr("it did not answer within {seconds} seconds", seconds=int(TIMEOUT))
    )
    raise KeyStoreError(
        tr("The system's keyring cannot be used"),
        tr(
            "No key was stored or read: {reason}. Unlock or install a keyring, or use the key for this session only.",
            reason=reason,
        ),
    )
