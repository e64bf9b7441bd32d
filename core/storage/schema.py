"""The images that undo restores, and how a project file is brought to the newest tables."""

import sqlite3

from core.storage import compressed_texts
from core.storage.migrations import MIGRATIONS as MIGRATIONS
from core.storage.migrations import WIDENING

APPLICATION_ID = 0x4A554B55  # "JUKU", in the file's header

UNDOABLE = ("spec", "fact", "example", "unread", "saved_filter")
RECORDS = (
    "job", "job_event", "eval_run", "eval_question", "eval_answer", "version", "finding", "revision", "inquiry",
    "inquiry_request", "job_checkpoint", "job_metric", "upload", "batch", "golden_answer", "moderation", "eval_subject",
    "eval_mark", "eval_duel", "conversation", "chat_turn", "chat_answer", "domain", "route", "passage_vector",
)  # fmt: skip
KEPT_IMAGES = 20_000  # images of undo steps that are kept in the file from one session to the next
NAMED_IDS = 10_000  # above this many, a step says only how many rows it touched


def version(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def migrate(db: sqlite3.Connection) -> int:
    """Bring the tables to the newest version, in one transaction.

    Returns how many undo steps that the file kept had to be left out, since rows had another form then.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        steps = MIGRATIONS[version(db) :]
        lost = 0 if WIDENING.issuperset(steps) else _drop_kept(db)
        for number, step in enumerate(steps, start=version(db) + 1):
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
        _widen_kept(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return lost


def watch(db: sqlite3.Connection) -> None:
    """Keep every undoable row as it was before the step that changes it, and note which records changed.

    The images live in temporary tables of this connection, so that undo costs the project file nothing.
    """
    db.execute("CREATE TEMP TABLE step (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    db.execute("CREATE TEMP TABLE added (step INTEGER, tbl TEXT, first INTEGER, last INTEGER)")
    db.execute("CREATE TEMP TABLE recorded (tbl TEXT PRIMARY KEY) WITHOUT ROWID")
    for table in UNDOABLE:
        _watch_rows(db, table)
    for table in RECORDS:
        for event in ("INSERT", "UPDATE", "DELETE"):
            db.execute(
                f"CREATE TEMP TRIGGER {table}_{event} AFTER {event} ON main.{table} BEGIN "
                f"INSERT INTO recorded SELECT '{table}' WHERE NOT EXISTS "
                f"(SELECT 1 FROM recorded WHERE tbl = '{table}'); END"
            )


def _watch_rows(db: sqlite3.Connection, table: str) -> None:
    names = columns(db, table)
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
    db.execute("DELETE FROM recorded")
    step: int = db.execute("INSERT INTO step DEFAULT VALUES RETURNING id").fetchone()[0]
    return step


def note_added(db: sqlite3.Connection, step: int, table: str, ids: range) -> None:
    """Take rows that another process has added into the step: one range instead of an image for each."""
    db.execute("INSERT INTO added VALUES (?, ?, ?, ?)", (step, table, ids[0], ids[-1]))


def touched(db: sqlite3.Connection, step: int) -> dict[str, int]:
    """Rows with an image in `step`, per table."""
    counts = {
        table: db.execute(f"SELECT count(*) FROM before_{table} WHERE step = ?", (step,)).fetchone()[0]
        for table in UNDOABLE
    }
    for table, rows in db.execute("SELECT tbl, sum(last - first + 1) FROM added WHERE step = ? GROUP BY 1", (step,)):
        counts[table] += rows
    return {table: count for table, count in counts.items() if count}


def touched_ids(db: sqlite3.Connection, step: int, counts: dict[str, int]) -> dict[str, set[int]] | None:
    """Which rows those are, per table; None when they are too many to name."""
    if sum(counts.values()) > NAMED_IDS:
        return None
    ids = {
        table: {id for (id,) in db.execute(f"SELECT id FROM before_{table} WHERE step = ?", (step,))}
        for table in counts
    }
    for table, first, last in db.execute("SELECT tbl, first, last FROM added WHERE step = ?", (step,)):
        ids[table].update(range(first, last + 1))
    return ids


def recorded(db: sqlite3.Connection) -> set[str]:
    """The record tables the current step wrote to; they are never undone."""
    return {table for (table,) in db.execute("SELECT tbl FROM recorded")}


def restore(db: sqlite3.Connection, step: int) -> None:
    """Put back every row the step touched; the triggers record the way forward again."""
    added = db.execute("SELECT tbl, first, last FROM added WHERE step = ?", (step,)).fetchall()
    for table, first, last in added:
        db.execute(f"DELETE FROM main.{table} WHERE id BETWEEN ? AND ?", (first, last))
    for table in touched(db, step):
        names = columns(db, table)
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


def forget(db: sqlite3.Connection, steps: list[int]) -> None:
    """Drop the images of steps that can no longer be undone."""
    for table in UNDOABLE:
        db.executemany(f"DELETE FROM before_{table} WHERE step = ?", [(step,) for step in steps])
    db.executemany("DELETE FROM added WHERE step = ?", [(step,) for step in steps])


def keep(db: sqlite3.Connection, steps: list[tuple[int, str, str]]) -> None:
    """Write the images of `steps` (id, stack, label) into the file, for the next session.

    The newest come first; those that would make it more than `KEPT_IMAGES` images are left out.
    """
    _drop_kept(db)
    images, kept = 0, []
    for step in steps:
        images += sum(touched(db, step[0]).values())
        if images > KEPT_IMAGES:
            break
        kept.append(step)
    if not kept:
        return
    db.execute("CREATE TABLE kept_step (id INTEGER PRIMARY KEY, stack TEXT NOT NULL, label TEXT NOT NULL)")
    db.executemany("INSERT INTO kept_step VALUES (?, ?, ?)", kept)
    for name in _IMAGES:
        db.execute(f"CREATE TABLE kept_{name} AS SELECT * FROM temp.{name} WHERE step IN (SELECT id FROM kept_step)")


def has_kept(db: sqlite3.Connection) -> bool:
    """Whether the file holds steps of the session before."""
    return "kept_step" in tables(db)


def recall(db: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """Take the kept steps back into this session, oldest first; they leave the file."""
    if not has_kept(db):
        return []
    steps: list[tuple[int, str, str]] = db.execute("SELECT id, stack, label FROM kept_step ORDER BY id").fetchall()
    db.executemany("INSERT INTO step (id) VALUES (?)", [(id,) for id, _stack, _label in steps])
    for name in _IMAGES:
        listed = ", ".join(columns(db, f"kept_{name}"))
        db.execute(f"INSERT INTO temp.{name} ({listed}) SELECT {listed} FROM main.kept_{name}")
    _drop_kept(db)
    return steps


def _drop_kept(db: sqlite3.Connection) -> int:
    """Take the kept steps out of the file; how many there were."""
    count: int = db.execute("SELECT count(*) FROM main.kept_step").fetchone()[0] if has_kept(db) else 0
    for name in tables(db):
        if name.startswith("kept_"):
            db.execute(f"DROP TABLE main.{name}")
    return count


def _widen_kept(db: sqlite3.Connection) -> None:
    """Give the images of kept steps the columns that their tables have got meanwhile, with the same defaults."""
    for table in UNDOABLE if has_kept(db) else ():
        known = columns(db, f"kept_before_{table}")
        for _cid, name, kind, _notnull, default, _key in db.execute(f"PRAGMA main.table_info({table})").fetchall():
            if name not in known:
                db.execute(f"ALTER TABLE main.kept_before_{table} ADD COLUMN {name} {kind} DEFAULT {default}")


_IMAGES = (*(f"before_{table}" for table in UNDOABLE), "added")


def sweep(db: sqlite3.Connection) -> None:
    """Drop the texts that no row, version or kept step names any more."""
    users = [name for name in ("example", "version_row", "kept_before_example") if name in tables(db)]
    compressed_texts.sweep(db, users)


def tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}


def revision(db: sqlite3.Connection) -> int:
    """A number that grows with every undoable step, to know whether what was computed still holds."""
    number: int = db.execute("SELECT value FROM main.meta WHERE key = 'revision'").fetchone()[0]
    return number


def state(db: sqlite3.Connection) -> str:
    """The same with the project's own id, for what is kept outside it: another file may come to lie in its place."""
    id: str = db.execute("SELECT value FROM main.meta WHERE key = 'id'").fetchone()[0]
    return f"{id} {revision(db)}"


def advance(db: sqlite3.Connection) -> None:
    db.execute("UPDATE main.meta SET value = value + 1 WHERE key = 'revision'")


def commits(db: sqlite3.Connection) -> int:
    """A number that grows with every write, also of records, to know whether a file holds all of them."""
    found = db.execute("SELECT value FROM main.meta WHERE key = 'commits'").fetchone()
    return int(found[0]) if found else 0


def count_commit(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO main.meta VALUES ('commits', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1")


def mark_log(db: sqlite3.Connection, generation: int) -> None:
    """Say in the file that its newest changes are in the log `generation`; the log's first change settles it."""
    db.execute("INSERT OR REPLACE INTO main.meta VALUES ('log', ?)", (generation,))


def settle_log(db: sqlite3.Connection) -> None:
    """Where this can be read, the log that `mark_log` has named was read, too."""
    db.execute("UPDATE main.meta SET value = -value WHERE key = 'log' AND value > 0")


def log_mark(db: sqlite3.Connection) -> int:
    """The generation of the log that is missing here; negative where it is not; 0 where there never was one."""
    found = db.execute("SELECT value FROM main.meta WHERE key = 'log'").fetchone()
    return int(found[0]) if found else 0


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [name for _cid, name, *_rest in db.execute(f"PRAGMA main.table_info({table})")]
