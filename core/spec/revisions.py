"""Revisions: saved states of the spec, saved by name or automatically before it is used; one can be restored."""

import sqlite3
import time
from dataclasses import dataclass, replace

from core.errors import JukuError
from core.language import tr
from core.spec import facts, spec
from core.spec.spec import Spec
from core.storage import compressed_texts


@dataclass(frozen=True, slots=True)
class Revision:
    """A saved state of the spec; `created_at` in Unix seconds."""

    id: int
    name: str
    created_at: float
    spec: Spec


def list_revisions(db: sqlite3.Connection) -> list[Revision]:
    """All revisions, the newest first."""
    return [_build_revision(*row) for row in db.execute(f"{_SELECT} ORDER BY id DESC")]


def load_revision(db: sqlite3.Connection, id: int) -> Revision | None:
    """The revision `id`; None when it was deleted."""
    row = db.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    return _build_revision(*row) if row else None


_SELECT = "SELECT id, name, created_at, title, system_prompt, text FROM revision"


def _build_revision(id: int, name: str, created: float, title: str, prompt: str, text: str) -> Revision:
    return Revision(id, name, created, Spec(title, system_prompt=prompt, text=text))


def save(db: sqlite3.Connection, name: str) -> int:
    """Save the spec as a revision under a name; returns its id."""
    now = spec.load(db)
    values = name, time.time(), _compute_digest(now), now.name, now.system_prompt, now.text
    id: int = db.execute(f"INSERT INTO revision {_VALUES} RETURNING id", values).fetchone()[0]
    return id


_VALUES = "(name, created_at, digest, title, system_prompt, text) VALUES (?, ?, ?, ?, ?, ?)"


def save_current(db: sqlite3.Connection, name: str) -> int:
    """The id of a revision of the spec as it is now: the newest one if nothing has changed since, else a new one."""
    newest = db.execute("SELECT id, digest FROM revision ORDER BY id DESC LIMIT 1").fetchone()
    if newest and newest[1] == _compute_digest(spec.load(db)):
        same: int = newest[0]
        return same
    return save(db, name)


def _compute_digest(state: Spec) -> int:
    return compressed_texts.digest(
        "\0".join((state.name, state.system_prompt, state.text)).encode("utf-8", "surrogatepass")
    )


def rename(db: sqlite3.Connection, id: int, name: str) -> None:
    """Change the name of a revision."""
    db.execute("UPDATE revision SET name = ? WHERE id = ?", (name, id))


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a revision; jobs that refer to it keep everything else they record."""
    db.execute("UPDATE job SET revision = NULL WHERE revision = ?", (id,))
    db.execute("DELETE FROM revision WHERE id = ?", (id,))


def restore(db: sqlite3.Connection, id: int) -> None:
    """Restore a revision; an ordinary, undoable write through which the facts' quotes follow.

    Raises `JukuError` when the revision was deleted.
    """
    revision = load_revision(db, id)
    if revision is None:
        raise JukuError(
            tr("The revision is no longer there"), tr("It was deleted in the meantime; the spec is unchanged.")
        )
    old = revision.spec
    facts.save(db, replace(spec.load(db), name=old.name, system_prompt=old.system_prompt, text=old.text))
