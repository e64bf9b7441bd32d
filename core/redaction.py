"""Removes API keys from texts: error messages, the log, bug reports, what servers report of a job."""

from typing import Any

REDACTION_MARK = "…"
MIN_SECRET_LENGTH = 12  # characters of a key that is removed everywhere; a shorter one would remove ordinary words
MIN_OWN_SECRET_LENGTH = 4  # characters of a key that is removed only from the answers of its own server

# The keys of this process, in memory only: the code that writes a text does not know them.
_secrets: set[str] = set()


def register_secret(secret: str) -> None:
    """From now on `redact` removes this key from every text."""
    if len(secret) >= MIN_SECRET_LENGTH:
        _secrets.add(secret)


def redact(text: str, secret: str | None = None) -> str:
    """`text` without the registered keys and without `secret`: some servers repeat the key in their answer."""
    own = {secret} if secret and len(secret) >= MIN_OWN_SECRET_LENGTH else set()
    for key in sorted(own | _secrets, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(key, REDACTION_MARK)
    return text


def redact_json(value: Any) -> Any:
    """`redact` for all texts in a decoded JSON value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: redact_json(part) for name, part in value.items()}
    return [redact_json(part) for part in value] if isinstance(value, list) else value
