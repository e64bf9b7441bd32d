"""Keeps keys out of every text that outlives a moment: messages, the log, reports of a bug, what servers say of a job."""

from typing import Any

HIDDEN = "…"
SHORTEST = 12  # signs of a key that is looked for everywhere; a shorter one would blank out ordinary words
SHORTEST_OWN = 4  # of one that is looked for only where it was sent

# The keys of this process. Whoever writes a text cannot know them, so they are known here; in memory only.
_secrets: set[str] = set()


def hide(secret: str) -> None:
    """From now on `redacted` takes this key out of whatever it is given."""
    if len(secret) >= SHORTEST:
        _secrets.add(secret)


def redacted(text: str, secret: str | None = None) -> str:
    """`text` without any key that is in use, and without `secret`: some servers repeat it in what they answer."""
    own = {secret} if secret and len(secret) >= SHORTEST_OWN else set()
    for key in sorted(own | _secrets, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(key, HIDDEN)
    return text


def redacted_in(value: Any) -> Any:
    """The same for all texts in what was JSON."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: redacted_in(part) for name, part in value.items()}
    return [redacted_in(part) for part in value] if isinstance(value, list) else value
