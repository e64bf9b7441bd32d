"""Remembers that a judge has found a row supported by its facts: its doubt is gone until what the judge has read changes."""

import sqlite3
from collections.abc import Sequence

from core.spec.facts import Fact
from core.spec.spec import Spec
from core.storage import compressed_texts
from core.text import grounding

NOT_SUPPORTED = 0  # `example.supported` of a row that no judge has found supported
_SEPARATOR = "\0"


def compute_digest(question: str, answer: str, kind: str, taught: Sequence[Fact], state: Spec) -> int:
    """A digest of what a judge reads of a row: question, answer, and its facts with their passages, in any order.

    Whether something is not stated, only the whole spec shows: there its text counts, too.
    """
    basis = sorted(f"{fact.text}{_SEPARATOR}{fact.quote}" for fact in taught)
    whole = [state.text] if kind == "not_stated" else []
    return compressed_texts.digest(_SEPARATOR.join([question, answer, *basis, *whole]).encode("utf-8", "surrogatepass"))


def is_same(supported: int, question: str, answer: str, kind: str, taught: Sequence[Fact], state: Spec) -> bool:
    """Whether this is what was found `supported`."""
    return supported != NOT_SUPPORTED and supported == compute_digest(question, answer, kind, taught, state)


def load(db: sqlite3.Connection, id: int) -> int:
    """The digest of what was found supported of a row, or `NOT_SUPPORTED`."""
    found = db.execute("SELECT supported FROM example WHERE id = ?", (id,)).fetchone()
    return int(found[0]) if found else NOT_SUPPORTED


def store(db: sqlite3.Connection, id: int, digest: int) -> None:
    """Store what a judge has found supported of a row; `NOT_SUPPORTED` takes an earlier verdict back."""
    db.execute("UPDATE example SET supported = ? WHERE id = ? AND supported <> ?", (digest, id, digest))


def delete_doubt(db: sqlite3.Connection, id: int) -> bool:
    """Delete the doubt about a row, except about its quotation, which no judge is shown; returns whether there was one."""
    sql = "DELETE FROM finding WHERE rule = 'ungrounded' AND example = ? AND message NOT LIKE ?"
    return db.execute(sql, (id, f'["{grounding.QUOTE_MISSING}"%')).rowcount > 0
