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
    TEACHING = "teaching"
    TEACHING_PROBE = "teaching_probe"
    TEACHING_ROUND = "teaching_round"
    TEACHING_ANSWER = "teaching_answer"
    RESCUE = "rescue"


UNDOABLE = (Table.SPEC, Table.FACT, Table.EXAMPLE, Table.UNREAD, Table.SAVED_FILTER)
RECORDS = tuple(table for table in Table if table not in UNDOABLE)  # never undone


def schema_version(db: sqlite3.Connection) -> int:
    """How many migrations the file has had; 0 for a new file."""
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def table_names(db: sqlite3.Connection) -> set[str]:
    """The names of all tables in the file."""
    return {name for (name,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}


def revision(db: sqlite3.Connection) -> int:
    """A number that grows with every undoable step: a computed result with the same revision is still valid."""
    number: int = db.execute("SELECT value FROM main.meta WHERE key = 'revision'").fetchone()[0]
    return number


def project_state(db: sqlite3.Connection) -> str:
    """ "id revision", for results stored outside of the file: another project may get the same path."""
    id: str = db.execute("SELECT value FROM main.meta WHERE key = 'id'").fetchone()[0]
    return f"{id} {revision(db)}"


def increase_revision(db: sqlite3.Connection) -> None:
    """Add 1 to `revision`."""
    db.execute("UPDATE main.meta SET value = value + 1 WHERE key = 'revision'")


def commit_count(db: sqlite3.Connection) -> int:
    """A number that grows with every write, also of records: a file with the same or a higher number contains them all."""
    row = db.execute("SELECT value FROM main.meta WHERE key = 'commits'").fetchone()
    return int(row[0]) if row else 0


def increase_commit_count(db: sqlite3.Connection) -> None:
    """Add 1 to `commit_count`."""
    db.execute("INSERT INTO main.meta VALUES ('commits', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1")


def mark_log(db: sqlite3.Connection, generation: int) -> None:
    """Store in the file that its newest changes are in the log `generation`; the log's first change confirms the mark."""
    db.execute("INSERT OR REPLACE INTO main.meta VALUES ('log', ?)", (generation,))


def confirm_log_mark(db: sqlite3.Connection) -> None:
    """Make the log's mark negative: whoever reads this negative mark has read the log, too."""
    db.execute("UPDATE main.meta SET value = -value WHERE key = 'log' AND value > 0")


def log_mark(db: sqlite3.Connection) -> int:
    """The mark of the log: positive while the log is not confirmed, negative once it is, 0 where there never was one."""
    row = db.execute("SELECT value FROM main.meta WHERE key = 'log'").fetchone()
    return int(row[0]) if row else 0


def column_names(db: sqlite3.Connection, table: str) -> list[str]:
    """The columns of `table`, in their order in the file."""
    return [name for _cid, name, *_rest in db.execute(f"PRAGMA main.table_info({table})")]
