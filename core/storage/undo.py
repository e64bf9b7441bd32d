"""The undo list: its steps and their limit, the images of rows that a step restores, and what is saved of it at the close.

An image is an undoable row as it was before the step that changed it.
"""

import sqlite3
from dataclasses import dataclass

from core.storage.schema import RECORDS, UNDOABLE, column_names, table_names

UNDO_LIMIT = 500  # steps that can be undone; older ones are dropped
MAX_SAVED_IMAGES = 20_000  # images that are saved in the file from one session to the next
MAX_LISTED_IDS = 10_000  # above this many, a step says only how many rows it touched
IMAGE_TABLES = (*(f"before_{table}" for table in UNDOABLE), "added")


@dataclass(frozen=True, slots=True)
class Step:
    """One write that can be undone or redone; `rows` is how many undoable rows it touched."""

    id: int
    label: str
    rows: int


class UndoStack:
    """The steps that can be undone and redone, the newest last. Their images are in the connection that writes."""

    def __init__(self) -> None:
        self.undo_steps: list[Step] = []
        self.redo_steps: list[Step] = []

    @property
    def undo_label(self) -> str | None:
        """The label of the next step to undo, None where there is none."""
        return self.undo_steps[-1].label if self.undo_steps else None

    @property
    def redo_label(self) -> str | None:
        """The label of the next step to redo, None where there is none."""
        return self.redo_steps[-1].label if self.redo_steps else None

    @property
    def is_undo_saved(self) -> bool:
        """Whether `save` would include the next step to undo: it takes all steps to redo first."""
        return self._fits([*self.redo_steps, *self.undo_steps[-1:]])

    @property
    def is_redo_saved(self) -> bool:
        """Whether `save` would include the next step to redo."""
        return self._fits(self.redo_steps[-1:])

    @staticmethod
    def _fits(steps: list[Step]) -> bool:
        return sum(step.rows for step in steps) <= MAX_SAVED_IMAGES

    def push(self, step: Step) -> list[Step]:
        """Add a new step. Returns the steps that can no longer be reached, for `delete_images`."""
        self.undo_steps.append(step)
        dropped = self.redo_steps + self.undo_steps[:-UNDO_LIMIT]
        self.redo_steps.clear()
        del self.undo_steps[:-UNDO_LIMIT]
        return dropped

    def clear(self) -> None:
        """Remove all steps; their images stay."""
        self.undo_steps.clear()
        self.redo_steps.clear()

    def save(self, db: sqlite3.Connection) -> None:
        """Write the newest steps and their images into the file, for the next session (`save_steps`)."""
        steps = [(step.id, "redo", step.label) for step in reversed(self.redo_steps)]
        steps += [(step.id, "undo", step.label) for step in reversed(self.undo_steps)]
        save_steps(db, steps)

    def fill(self, saved: list[tuple[str, Step]]) -> None:
        """Take the result of `load_saved_steps`, once its transaction is committed."""
        for stack, step in saved:
            (self.undo_steps if stack == "undo" else self.redo_steps).append(step)


# --- the images, in SQLite


def create_triggers(db: sqlite3.Connection) -> None:
    """Store an image of every undoable row before a step changes it, and the names of the record tables that change.

    Both are in temporary tables of this connection, so that undo adds nothing to the project file.
    """
    db.execute("CREATE TEMP TABLE step (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    db.execute("CREATE TEMP TABLE added (step INTEGER, tbl TEXT, first INTEGER, last INTEGER)")
    db.execute("CREATE TEMP TABLE recorded (tbl TEXT PRIMARY KEY) WITHOUT ROWID")
    for table in UNDOABLE:
        _create_row_triggers(db, table)
    for table in RECORDS:
        for event in ("INSERT", "UPDATE", "DELETE"):
            db.execute(
                f"CREATE TEMP TRIGGER {table}_{event} AFTER {event} ON main.{table} BEGIN "
                f"INSERT INTO recorded SELECT '{table}' WHERE NOT EXISTS "
                f"(SELECT 1 FROM recorded WHERE tbl = '{table}'); END"
            )


def _create_row_triggers(db: sqlite3.Connection, table: str) -> None:
    names = column_names(db, table)
    listed = ", ".join(names)
    # An id without a type would be compared as a number without the key's help: each row would search all images.
    typed = ", ".join("id INTEGER" if name == "id" else name for name in names)
    db.execute(
        f"CREATE TEMP TABLE before_{table} (step INTEGER, existed INTEGER, {typed}, PRIMARY KEY (step, id)) WITHOUT ROWID"
    )
    old = ", ".join(f"old.{name}" for name in names)
    new = ", ".join("new.id" if name == "id" else "NULL" for name in names)
    for event, row, image in (
        ("INSERT", "new", f"0, {new}"),
        ("UPDATE", "old", f"1, {old}"),
        ("DELETE", "old", f"1, {old}"),
    ):
        # NOT EXISTS, since an "OR IGNORE" here would be overridden by the outer statement's own conflict clause.
        db.execute(
            f"CREATE TEMP TRIGGER {table}_{event} AFTER {event} ON main.{table} BEGIN "
            f"INSERT INTO before_{table} (step, existed, {listed}) SELECT (SELECT max(id) FROM step), {image} "
            f"WHERE NOT EXISTS (SELECT 1 FROM before_{table} "
            f"WHERE step = (SELECT max(id) FROM step) AND id = {row}.id); END"
        )


def begin_step(db: sqlite3.Connection) -> int:
    """Start a new step: the triggers add what changes from now on to it. Returns its id."""
    db.execute("DELETE FROM recorded")
    step: int = db.execute("INSERT INTO step DEFAULT VALUES RETURNING id").fetchone()[0]
    return step


def record_added_rows(db: sqlite3.Connection, step: int, table: str, ids: range) -> None:
    """Add rows that no trigger saw to `step`: one range of ids instead of an image for each row."""
    db.execute("INSERT INTO added VALUES (?, ?, ?, ?)", (step, table, ids[0], ids[-1]))


def count_rows(db: sqlite3.Connection, step: int) -> dict[str, int]:
    """How many undoable rows `step` touched, per table; tables without any are left out."""
    counts = {
        table: db.execute(f"SELECT count(*) FROM before_{table} WHERE step = ?", (step,)).fetchone()[0]
        for table in UNDOABLE
    }
    for table, rows in db.execute("SELECT tbl, sum(last - first + 1) FROM added WHERE step = ? GROUP BY 1", (step,)):
        counts[table] += rows
    return {table: count for table, count in counts.items() if count}


def list_row_ids(db: sqlite3.Connection, step: int, counts: dict[str, int]) -> dict[str, set[int]] | None:
    """The ids of the rows that `step` touched, per table of `counts`; None for more than `MAX_LISTED_IDS`."""
    if sum(counts.values()) > MAX_LISTED_IDS:
        return None
    ids = {
        table: {id for (id,) in db.execute(f"SELECT id FROM before_{table} WHERE step = ?", (step,))}
        for table in counts
    }
    for table, first, last in db.execute("SELECT tbl, first, last FROM added WHERE step = ?", (step,)):
        ids[table].update(range(first, last + 1))
    return ids


def list_changed_records(db: sqlite3.Connection) -> set[str]:
    """The record tables that the current step wrote to; they are never undone."""
    return {table for (table,) in db.execute("SELECT tbl FROM recorded")}


def restore_images(db: sqlite3.Connection, step: int) -> None:
    """Restore every row that `step` changed; the triggers store the images for redo in the current step."""
    added_ranges = db.execute("SELECT tbl, first, last FROM added WHERE step = ?", (step,)).fetchall()
    for table, first, last in added_ranges:
        db.execute(f"DELETE FROM main.{table} WHERE id BETWEEN ? AND ?", (first, last))
    for table in count_rows(db, step):
        names = column_names(db, table)
        listed = ", ".join(names)
        updates = ", ".join(f"{name} = excluded.{name}" for name in names)
        db.execute(
            f"DELETE FROM main.{table} WHERE id IN (SELECT id FROM before_{table} WHERE step = ? AND NOT existed)",
            (step,),
        )
        db.execute(
            f"INSERT INTO main.{table} ({listed}) SELECT {listed} FROM before_{table} WHERE step = ? AND existed "
            f"ON CONFLICT (id) DO UPDATE SET {updates}",
            (step,),
        )


def delete_images(db: sqlite3.Connection, steps: list[int]) -> None:
    """Delete the images of `steps`, which can no longer be undone."""
    for table in UNDOABLE:
        db.executemany(f"DELETE FROM before_{table} WHERE step = ?", [(step,) for step in steps])
    db.executemany("DELETE FROM added WHERE step = ?", [(step,) for step in steps])


def save_steps(db: sqlite3.Connection, steps: list[tuple[int, str, str]]) -> None:
    """Write `steps` (id, "undo" or "redo", label) and their images into the file; steps saved before are replaced.

    The newest come first; from the first step on that would make it more than `MAX_SAVED_IMAGES` images, none is saved.
    """
    delete_saved_steps(db)
    images, saved = 0, []
    for step in steps:
        images += sum(count_rows(db, step[0]).values())
        if images > MAX_SAVED_IMAGES:
            break
        saved.append(step)
    if not saved:
        return
    db.execute("CREATE TABLE kept_step (id INTEGER PRIMARY KEY, stack TEXT NOT NULL, label TEXT NOT NULL)")
    db.executemany("INSERT INTO kept_step VALUES (?, ?, ?)", saved)
    for name in IMAGE_TABLES:
        db.execute(f"CREATE TABLE kept_{name} AS SELECT * FROM temp.{name} WHERE step IN (SELECT id FROM kept_step)")


def has_saved_steps(db: sqlite3.Connection) -> bool:
    """Whether the file has steps of an earlier session."""
    return "kept_step" in table_names(db)


def load_saved_steps(db: sqlite3.Connection) -> list[tuple[str, Step]]:
    """Move the saved steps and their images out of the file into this session.

    Returns ("undo" or "redo", step), the oldest first.
    """
    if not has_saved_steps(db):
        return []
    steps = db.execute("SELECT id, stack, label FROM kept_step ORDER BY id").fetchall()
    db.executemany("INSERT INTO step (id) VALUES (?)", [(id,) for id, _stack, _label in steps])
    for name in IMAGE_TABLES:
        listed = ", ".join(column_names(db, f"kept_{name}"))
        db.execute(f"INSERT INTO temp.{name} ({listed}) SELECT {listed} FROM main.kept_{name}")
    delete_saved_steps(db)
    return [(stack, Step(id, label, sum(count_rows(db, id).values()))) for id, stack, label in steps]


def delete_saved_steps(db: sqlite3.Connection) -> int:
    """Delete the saved steps from the file. Returns how many there were."""
    count: int = db.execute("SELECT count(*) FROM main.kept_step").fetchone()[0] if has_saved_steps(db) else 0
    for name in table_names(db):
        if name.startswith("kept_"):
            db.execute(f"DROP TABLE main.{name}")
    return count


def add_new_columns(db: sqlite3.Connection) -> None:
    """Add the columns to the saved images that a migration has added to their tables, with the same defaults."""
    for table in UNDOABLE if has_saved_steps(db) else ():
        saved_columns = column_names(db, f"kept_before_{table}")
        for _cid, name, kind, _notnull, default, _key in db.execute(f"PRAGMA main.table_info({table})").fetchall():
            if name not in saved_columns:
                db.execute(f"ALTER TABLE main.kept_before_{table} ADD COLUMN {name} {kind} DEFAULT {default}")
