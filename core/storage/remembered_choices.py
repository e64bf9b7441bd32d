"""What a person has chosen in the lists of a project's window, so that it is chosen again after a restart."""

import sqlite3

KEY_PREFIX = "choice:"  # of the keys of `meta`


def load(db: sqlite3.Connection) -> dict[str, str]:
    """All choices by the place where they were made."""
    rows = db.execute("SELECT key, value FROM meta WHERE key LIKE ?", (f"{KEY_PREFIX}%",))
    return {key.removeprefix(KEY_PREFIX): str(value) for key, value in rows}


def store(db: sqlite3.Connection, place: str, value: str) -> None:
    """Keep a choice. No step: nobody undoes a look at a list."""
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (f"{KEY_PREFIX}{place}", value))
