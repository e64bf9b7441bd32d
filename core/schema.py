"""The tables of a project file, their migrations, and the images that undo restores."""

import re
import sqlite3
from collections.abc import Callable

Migration = Callable[[sqlite3.Connection], None]

APPLICATION_ID = 0x4A554B55  # "JUKU", in the file's header

UNDOABLE = ("spec", "fact", "example", "unread")
RECORDS = ("job", "job_event", "eval_run", "eval_question", "eval_answer")


def version(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for number, step in enumerate(MIGRATIONS[version(db) :], start=version(db) + 1):
            step(db)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def watch(db: sqlite3.Connection) -> None:
    """Keep every undoable row as it was before the step that changes it, and note which records changed.

    The images live in temporary tables of this connection, so that undo costs the project file nothing.
    """
    db.execute("CREATE TEMP TABLE step (id INTEGER PRIMARY KEY AUTOINCREMENT)")
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


def touched(db: sqlite3.Connection, step: int) -> dict[str, int]:
    """Rows with an image in `step`, per table."""
    counts = {
        table: db.execute(f"SELECT count(*) FROM before_{table} WHERE step = ?", (step,)).fetchone()[0]
        for table in UNDOABLE
    }
    return {table: count for table, count in counts.items() if count}


def recorded(db: sqlite3.Connection) -> set[str]:
    """The record tables the current step wrote to; they are never undone."""
    return {table for (table,) in db.execute("SELECT tbl FROM recorded")}


def restore(db: sqlite3.Connection, step: int) -> None:
    """Put back every row the step touched; the triggers record the way forward again."""
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


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [name for _cid, name, *_rest in db.execute(f"PRAGMA main.table_info({table})")]


FIRST_TABLES = """
CREATE TABLE spec (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, system_prompt TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE fact (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL,
  quote TEXT NOT NULL  -- the words of the spec that the fact stands on
);
CREATE TABLE example (
  id INTEGER PRIMARY KEY,
  data TEXT NOT NULL,        -- the row's JSON text, to the letter
  question TEXT NOT NULL,    -- what the grid shows and searches
  answer TEXT NOT NULL,
  split TEXT NOT NULL,       -- train, validation or test; a test row is an exam question
  kind TEXT NOT NULL,
  facts TEXT NOT NULL,       -- names parted by spaces
  tags TEXT NOT NULL,        -- parted by spaces
  key_points TEXT NOT NULL,  -- what an answer must contain (core/grading.py)
  source TEXT NOT NULL,      -- the file it came from, and its line there
  line INTEGER,
  problems TEXT NOT NULL,    -- rule ids parted by spaces
  digest INTEGER NOT NULL    -- of data, to find duplicates
);
CREATE INDEX example_digest ON example (digest);
CREATE TABLE unread (        -- lines of imported files that could not be read
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, line INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
  raw BLOB NOT NULL,         -- the line's bytes; of a line over the limit its first 64 KiB
  rule TEXT NOT NULL, message TEXT NOT NULL
);
CREATE TABLE job (
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL,
  token TEXT NOT NULL,       -- the metadata key chosen before the job is asked for, to find it after a doubtful answer
  remote_id TEXT, model TEXT NOT NULL, rows TEXT NOT NULL, row_count INTEGER NOT NULL, settings TEXT NOT NULL,
  created_at REAL NOT NULL, finished_at REAL, status TEXT NOT NULL, fine_tuned_model TEXT, error TEXT NOT NULL
);
CREATE TABLE job_event (
  id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job (id), remote_id TEXT NOT NULL, created_at REAL NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (job, remote_id)
);
CREATE TABLE eval_run (
  id INTEGER PRIMARY KEY, created_at REAL NOT NULL, finished_at REAL, models TEXT NOT NULL, repeats INTEGER NOT NULL,
  settings TEXT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE eval_question ( -- a copy of each question as it was asked, since the project's own may change later
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id), question TEXT NOT NULL, reference TEXT NOT NULL,
  key_points TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE TABLE eval_answer (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES eval_run (id),
  question INTEGER NOT NULL REFERENCES eval_question (id), model TEXT NOT NULL, sample INTEGER NOT NULL,
  text TEXT NOT NULL, score REAL NOT NULL, passed INTEGER NOT NULL,
  fingerprint TEXT NOT NULL, -- which weights the server says have answered
  UNIQUE (question, model, sample)
)"""


def m001_first_tables(db: sqlite3.Connection) -> None:
    for statement in re.sub(r" *--[^\n]*", "", FIRST_TABLES).split(";"):
        db.execute(statement)


MIGRATIONS: list[Migration] = [m001_first_tables]
