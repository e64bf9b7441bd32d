"""The user's choices in lists and forms of a project's window, to restore them after a restart."""

import sqlite3

KEY_PREFIX = "choice:"  # of the keys of `meta`


def load(db: sqlite3.Connection) -> dict[str, str]:
    """All choices, by the name of the list or form."""
    rows = db.execute("SELECT key, value FROM meta WHERE key LIKE ?", (f"{KEY_PREFIX}%",))
    return {key.removeprefix(KEY_PREFIX): str(value) for key, value in rows}


def store(db: sqlite3.Connection, place: str, value: str) -> None:
    """Store a choice; it is no undo step."""
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (f"{KEY_PREFIX}{place}", value))
