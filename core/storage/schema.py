"""Which tables a project file has, and what its table `meta` says of the file itself."""

import sqlite3
from enum import StrEnum

APPLICATION_ID = 0x4A554B55  # "JUKU", in the file's header


class Table(StrEnum):
    """The tables whose changes `Changes` reports, by their names in the file."""

    SPEC = "spec"
    FACT = "fact"
    EXAMPLE = "example"
    UNREAD = "unread"
    SAVED_FILTER = "saved_filter"
    JOB = "job"
    JOB_EVENT = "job_event"
    EVAL_RUN = "eval_run"
    EVAL_QUESTION = "eval_question"
    EVAL_ANSWER = "eval_answer"
    VERSION = "version"
    FINDING = "finding"
    REVISION = "revision"
    INQUIRY = "inquiry"
    INQUIRY_REQUEST = "inquiry_request"
    JOB_CHECKPOINT = "job_checkpoint"
    JOB_METRIC = "job_metric"
    UPLOAD = "upload"
    BATCH = "batch"
    GOLDEN_ANSWER = "golden_answer"
    MODERATION = "moderation"
    EVAL_SUBJECT = "eval_subject"
    EVAL_MARK = "eval_mark"
    EVAL_DUEL = "eval_duel"
    CONVERSATION = "conversation"
    CHAT_TURN = "chat_turn"
    CHAT_ANSWER = "chat_answer"
    DOMAIN = "domain"
    ROUTE = "route"
    PASSAGE_VECTOR = "passage_vector"


UNDOABLE = (Table.SPEC, Table.FACT, Table.EXAMPLE, Table.UNREAD, Table.SAVED_FILTER)
RECORDS = tuple(table for table in Table if table not in UNDOABLE)  # never undone


def schema_version(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def table_names(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}


def revision(db: sqlite3.Connection) -> int:
    """A number that grows with every undoable step, to know whether what was computed still holds."""
    number: int = db.execute("SELECT value FROM main.meta WHERE key = 'revision'").fetchone()[0]
    return number


def project_state(db: sqlite3.Connection) -> str:
    """The same with the project's own id, for what is kept outside it: another file may come to lie in its place."""
    id: str = db.execute("SELECT value FROM main.meta WHERE key = 'id'").fetchone()[0]
    return f"{id} {revision(db)}"


def increase_revision(db: sqlite3.Connection) -> None:
    db.execute("UPDATE main.meta SET value = value + 1 WHERE key = 'revision'")


def commit_count(db: sqlite3.Connection) -> int:
    """A number that grows with every write, also of records, to know whether a file holds all of them."""
    found = db.execute("SELECT value FROM main.meta WHERE key = 'commits'").fetchone()
    return int(found[0]) if found else 0


def increase_commit_count(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO main.meta VALUES ('commits', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1")


def mark_log(db: sqlite3.Connection, generation: int) -> None:
    """Say in the file that its newest changes are in the log `generation`; the log's first change settles it."""
    db.execute("INSERT OR REPLACE INTO main.meta VALUES ('log', ?)", (generation,))


def confirm_log_mark(db: sqlite3.Connection) -> None:
    """Where this can be read, the log that `mark_log` has named was read, too."""
    db.execute("UPDATE main.meta SET value = -value WHERE key = 'log' AND value > 0")


def log_mark(db: sqlite3.Connection) -> int:
    """The generation of the log that is missing here; negative where it is not; 0 where there never was one."""
    found = db.execute("SELECT value FROM main.meta WHERE key = 'log'").fetchone()
    return int(found[0]) if found else 0


def column_names(db: sqlite3.Connection, table: str) -> list[str]:
    return [name for _cid, name, *_rest in db.execute(f"PRAGMA main.table_info({table})")]
