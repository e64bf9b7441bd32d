"""Which tables a project file has, and what its table `meta` says of the file itself."""

import sqlite3

APPLICATION_ID = 0x4A554B55  # "JUKU", in the file's header
UNDOABLE = ("spec", "fact", "example", "unread", "saved_filter")
RECORDS = (
    "job", "job_event", "eval_run", "eval_question", "eval_answer", "version", "finding", "revision", "inquiry",
    "inquiry_request", "job_checkpoint", "job_metric", "upload", "batch", "golden_answer", "moderation", "eval_subject",
    "eval_mark", "eval_duel", "conversation", "chat_turn", "chat_answer", "domain", "route", "passage_vector",
)  # fmt: skip


def version(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


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
