"""Named states of the dataset: keep one, compare two row by row, go back to one."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.dataset import filters
from core.dataset.examples import METADATA_FIELDS, Example, read_previews
from core.dataset.filters import Filter
from core.progress import Reporter
from core.storage import compressed_texts, schema

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Version:
    id: int
    name: str
    created_at: float
    rows: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that two states do not share; the side that lacks it is None."""

    id: int
    kind: Kind
    before: Example | None
    after: Example | None


@dataclass(frozen=True, slots=True)
class Diff:
    """How many rows differ, and some of them."""

    added: int
    removed: int
    changed: int
    rows: list[Difference]


def versions(db: sqlite3.Connection) -> list[Version]:
    """The kept states, the newest first."""
    return [Version(*row) for row in db.execute("SELECT id, name, created_at, rows FROM version ORDER BY id DESC")]


def keep(db: sqlite3.Connection, name: str) -> int:
    """Keep the rows as they are now under a name; the version's id. Texts are shared, so it costs little."""
    sql = "INSERT INTO version (name, created_at, rows) SELECT ?, ?, count(*) FROM example RETURNING id"
    id: int = db.execute(sql, (name, time.time())).fetchone()[0]
    names = ", ".join(_columns(db))
    db.execute(f"INSERT INTO version_row (version, {names}) SELECT ?, {names} FROM example", (id,))
    return id


def current(db: sqlite3.Connection, name: str) -> int:
    """The version that holds the rows as they are: the newest one if nothing has changed since, or one kept now."""
    newest = db.execute("SELECT max(id) FROM version").fetchone()[0]
    if newest is not None:
        pair, values = _pairs(newest, None)
        if not any(db.execute(f"SELECT 1 FROM ({pair}) LIMIT 1", values)):
            same: int = newest
            return same
    return keep(db, name)


def texts(db: sqlite3.Connection, id: int, chosen: Filter) -> Iterator[str]:
    """The JSON texts of a version's rows that match `chosen` (its text is not looked at), in order."""
    reader = compressed_texts.PackReader(db)
    condition, values = filters.where(chosen)
    sql = f"SELECT pack, slot FROM version_row WHERE version = ? AND {condition} ORDER BY id"
    for place in db.execute(sql, [id, *values]):
        yield reader.text(place)


def rename(db: sqlite3.Connection, id: int, name: str) -> None:
    db.execute("UPDATE version SET name = ? WHERE id = ?", (name, id))


def delete(db: sqlite3.Connection, id: int) -> None:
    """Forget a state; jobs that point at it keep everything else they record."""
    db.execute("UPDATE job SET version = NULL WHERE version = ?", (id,))
    db.execute("DELETE FROM version_row WHERE version = ?", (id,))
    db.execute("DELETE FROM version WHERE id = ?", (id,))


def restore(db: sqlite3.Connection, id: int, reporter: Reporter | None = None) -> None:
    """Go back to a kept state; an ordinary, undoable write that touches only the rows that differ."""
    names = _columns(db)
    listed, updates = ", ".join(names), ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    db.execute("DELETE FROM example WHERE id NOT IN (SELECT id FROM version_row WHERE version = ?)", (id,))
    if reporter:
        reporter.check()
    db.execute(
        f"INSERT INTO example ({listed}) SELECT {listed} FROM (SELECT {listed} FROM version_row WHERE version = ? "
        f"EXCEPT SELECT {listed} FROM example) WHERE true ON CONFLICT (id) DO UPDATE SET {updates}",
        (id,),
    )


def diff(
    db: sqlite3.Connection,
    old: int,
    new: int | None = None,
    offset: int = 0,
    limit: int = 1000,
    among: Filter = Filter(),
) -> Diff:
    """What differs between two versions, or between one and now (None): the counts, and `limit` rows from `offset`.

    Only rows that are `among` those chosen count: one that no longer is, is removed (its text is not looked at).
    """
    pair, values = _pairs(old, new, among)
    counts = dict(db.execute(f"SELECT kind, count(*) FROM ({pair}) GROUP BY 1", values))
    found = db.execute(f"SELECT * FROM ({pair}) ORDER BY id LIMIT ? OFFSET ?", [*values, limit, offset]).fetchall()
    reader = compressed_texts.PackReader(db)
    width = len(_SHOWN)
    rows = [
        Difference(
            id,
            kind,
            None if kind == "added" else _example(reader, id, before),
            None if kind == "removed" else _example(reader, id, after),
        )
        for id, kind, before, after in ((row[0], row[1], row[2 : 2 + width], row[2 + width :]) for row in found)
    ]
    return Diff(counts.get("added", 0), counts.get("removed", 0), counts.get("changed", 0), rows)


_SHOWN = ("pack", "slot", *METADATA_FIELDS, "source", "line", "problems")


def _pairs(old: int, new: int | None, among: Filter = Filter()) -> tuple[str, list[Any]]:
    """Rows side by side where they differ. Texts are compared by digest, since an undone edit lies in another pack."""
    condition, given = filters.where(among)
    then, before = f"SELECT * FROM version_row WHERE version = ? AND {condition}", [old, *given]
    now, after = (
        (f"SELECT * FROM example WHERE {condition}", given)
        if new is None
        else (f"SELECT * FROM version_row WHERE version = ? AND {condition}", [new, *given])
    )
    both = ", ".join([*(f"o.{name} AS o_{name}" for name in _SHOWN), *(f"n.{name} AS n_{name}" for name in _SHOWN)])
    compared = ("digest", *METADATA_FIELDS)
    differs = " OR ".join(f"o.{name} <> n.{name}" for name in compared)
    sql = (
        f"SELECT o.id, 'removed' AS kind, {both} FROM ({then}) o LEFT JOIN ({now}) n ON n.id = o.id WHERE n.id IS NULL "
        f"UNION ALL SELECT o.id, 'changed', {both} FROM ({then}) o JOIN ({now}) n ON n.id = o.id WHERE {differs} "
        f"UNION ALL SELECT n.id, 'added', {both} FROM ({now}) n LEFT JOIN ({then}) o ON o.id = n.id WHERE o.id IS NULL"
    )
    return sql, [*before, *after, *before, *after, *after, *before]


def _example(reader: compressed_texts.PackReader, id: int, values: Sequence[object]) -> Example:
    pack, slot, *rest = values
    assert isinstance(pack, int)
    assert isinstance(slot, int)
    data = reader.text((pack, slot))
    return Example(data, *read_previews(data), *rest, id)  # type: ignore[arg-type, call-arg]


def _columns(db: sqlite3.Connection) -> list[str]:
    return schema.column_names(db, "example")
