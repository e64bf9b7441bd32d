"""Versions of the dataset: save one under a name, compare two row by row, restore one."""

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

DifferenceKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Version:
    """A saved version of the dataset; `created_at` in Unix seconds."""

    id: int
    name: str
    created_at: float
    rows: int


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One row that differs between two versions; the side without it is None."""

    id: int
    kind: DifferenceKind
    before: Example | None
    after: Example | None


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The numbers of rows that differ, and some of these rows."""

    added: int
    removed: int
    changed: int
    rows: list[RowDifference]


def list_versions(db: sqlite3.Connection) -> list[Version]:
    """All versions, the newest first."""
    return [Version(*row) for row in db.execute("SELECT id, name, created_at, rows FROM version ORDER BY id DESC")]


def save(db: sqlite3.Connection, name: str) -> int:
    """Save the present rows as a version; returns its id. It shares its texts with the rows, so it needs little space."""
    sql = "INSERT INTO version (name, created_at, rows) SELECT ?, ?, count(*) FROM example RETURNING id"
    id: int = db.execute(sql, (name, time.time())).fetchone()[0]
    names = ", ".join(_get_columns(db))
    db.execute(f"INSERT INTO version_row (version, {names}) SELECT ?, {names} FROM example", (id,))
    return id


def save_current(db: sqlite3.Connection, name: str) -> int:
    """The id of a version of the present rows: the newest one if nothing has changed since, else a new one."""
    newest = db.execute("SELECT max(id) FROM version").fetchone()[0]
    if newest is not None:
        pair, values = _build_difference_sql(newest, None)
        if not any(db.execute(f"SELECT 1 FROM ({pair}) LIMIT 1", values)):
            same: int = newest
            return same
    return save(db, name)


def iterate_texts(db: sqlite3.Connection, id: int, row_filter: Filter) -> Iterator[str]:
    """Yield the JSON texts of a version's rows that match `chosen` (its text is ignored), in order."""
    reader = compressed_texts.PackReader(db)
    condition, values = filters.to_sql(row_filter)
    sql = f"SELECT pack, slot FROM version_row WHERE version = ? AND {condition} ORDER BY id"
    for place in db.execute(sql, [id, *values]):
        yield reader.text(place)


def rename(db: sqlite3.Connection, id: int, name: str) -> None:
    """Give a version another name."""
    db.execute("UPDATE version SET name = ? WHERE id = ?", (name, id))


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a version; jobs that refer to it keep everything else they record."""
    db.execute("UPDATE job SET version = NULL WHERE version = ?", (id,))
    db.execute("DELETE FROM version_row WHERE version = ?", (id,))
    db.execute("DELETE FROM version WHERE id = ?", (id,))


def restore(db: sqlite3.Connection, id: int, reporter: Reporter | None = None) -> None:
    """Restore the rows of a version, as one undoable step that changes only rows that differ. Raises `Cancelled`."""
    names = _get_columns(db)
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
) -> VersionDiff:
    """The difference between two versions, or a version and now (None): counts, and `limit` rows from `offset`.

    Only rows that match `among` count (its text is ignored); a row that no longer matches counts as removed.
    """
    pair, values = _build_difference_sql(old, new, among)
    counts = dict(db.execute(f"SELECT kind, count(*) FROM ({pair}) GROUP BY 1", values))
    rows_found = db.execute(f"SELECT * FROM ({pair}) ORDER BY id LIMIT ? OFFSET ?", [*values, limit, offset]).fetchall()
    reader = compressed_texts.PackReader(db)
    width = len(_ROW_COLUMNS)
    rows = [
        RowDifference(
            id,
            kind,
            None if kind == "added" else _build_example(reader, id, before),
            None if kind == "removed" else _build_example(reader, id, after),
        )
        for id, kind, before, after in ((row[0], row[1], row[2 : 2 + width], row[2 + width :]) for row in rows_found)
    ]
    return VersionDiff(counts.get("added", 0), counts.get("removed", 0), counts.get("changed", 0), rows)


_ROW_COLUMNS = ("pack", "slot", *METADATA_FIELDS, "source", "line", "problems")


def _build_difference_sql(old: int, new: int | None, among: Filter = Filter()) -> tuple[str, list[Any]]:
    """A query for pairs of rows that differ. Texts are compared by digest: an edit and its undo use different packs."""
    condition, parameters = filters.to_sql(among)
    then, before = f"SELECT * FROM version_row WHERE version = ? AND {condition}", [old, *parameters]
    now, after = (
        (f"SELECT * FROM example WHERE {condition}", parameters)
        if new is None
        else (f"SELECT * FROM version_row WHERE version = ? AND {condition}", [new, *parameters])
    )
    both = ", ".join(
        [
            *(f"o.{name} AS o_{name}" for name in _ROW_COLUMNS),
            *(f"n.{name} AS n_{name}" for name in _ROW_COLUMNS),
        ]
    )
    compared = ("digest", *METADATA_FIELDS)
    differs = " OR ".join(f"o.{name} <> n.{name}" for name in compared)
    sql = (
        f"SELECT o.id, 'removed' AS kind, {both} FROM ({then}) o LEFT JOIN ({now}) n ON n.id = o.id WHERE n.id IS NULL "
        f"UNION ALL SELECT o.id, 'changed', {both} FROM ({then}) o JOIN ({now}) n ON n.id = o.id WHERE {differs} "
        f"UNION ALL SELECT n.id, 'added', {both} FROM ({now}) n LEFT JOIN ({then}) o ON o.id = n.id WHERE o.id IS NULL"
    )
    return sql, [*before, *after, *before, *after, *after, *before]


def _build_example(reader: compressed_texts.PackReader, id: int, values: Sequence[object]) -> Example:
    pack, slot, *rest = values
    assert isinstance(pack, int)
    assert isinstance(slot, int)
    data = reader.text((pack, slot))
    return Example(data, *read_previews(data), *rest, id)  # type: ignore[arg-type, call-arg]


def _get_columns(db: sqlite3.Connection) -> list[str]:
    return schema.column_names(db, "example")
