"""The findings of the last check of the whole dataset; the check (core/review/dataset_check.py) runs in its own process."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.language import trn
from core.progress import Reporter
from core.review import dataset_check, finding_texts
from core.storage import background_process, schema
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project

CHECK_VERSION = 5  # findings of another version are stale
MAX_LINES_LISTED = 20  # problems of the whole dataset that are listed for one rule


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of one row, or of the whole dataset (`example` 0).

    Rows with the same `cluster`, the id of the first of them, belong together; 0 is no cluster. `message` is translated.
    """

    rule: str
    cluster: int
    example: int
    message: str


def is_stale(db: sqlite3.Connection) -> bool:
    """Whether rows, facts, the spec or the checks themselves have changed since the last check."""
    (checked_stamp,) = db.execute("SELECT value FROM meta WHERE key = 'findings'").fetchone()
    return bool(checked_stamp != _compute_stamp(db))


async def refresh(project: Project, reporter: Reporter) -> Changes | None:
    """Check the whole dataset again if it has changed; None if not. Raises `JukuError`, `CancelledError`."""
    if not await project.read(is_stale):
        return None
    return await background_process.run_and_store(project, "core.review.findings", {}, _store_findings, reporter)


def count_by_rule(db: sqlite3.Connection) -> dict[str, int]:
    """How many rows, or problems of the whole dataset, each rule found."""
    sql = (
        "SELECT rule, count(DISTINCT nullif(example, 0)) + sum(example = 0) FROM finding "
        "WHERE example = 0 OR example IN (SELECT id FROM example) GROUP BY 1 ORDER BY 1"
    )
    return dict(db.execute(sql))


def load_for_dataset(db: sqlite3.Connection) -> list[Finding]:
    """The findings about no single row: one for each rule, with a line in its message for each problem."""
    messages: dict[str, list[str]] = {}
    for rule, detail in db.execute("SELECT rule, message FROM finding WHERE example = 0 ORDER BY id"):
        messages.setdefault(rule, []).append(finding_texts.format_finding(rule, detail))
    return [Finding(rule, 0, 0, _join_lines(lines)) for rule, lines in messages.items()]


def _join_lines(lines: list[str]) -> str:
    more = len(lines) - MAX_LINES_LISTED
    return "\n".join([*lines[:MAX_LINES_LISTED], *([trn("and {n} more", "and {n} more", more)] if more > 0 else [])])


def load(db: sqlite3.Connection, rule: str = "", offset: int = 0, limit: int = -1) -> list[Finding]:
    """The findings about rows, of one rule or ('') of all, ordered by cluster; deleted rows are left out."""
    records = db.execute(
        "SELECT rule, cluster, example, message FROM finding WHERE ? IN ('', rule) AND example IN (SELECT id FROM example) "
        "ORDER BY rule, cluster, example LIMIT ? OFFSET ?",
        (rule, limit, offset),
    )
    return [
        Finding(rule, cluster, example, finding_texts.format_finding(rule, detail))
        for rule, cluster, example, detail in records
    ]


def load_for_row(db: sqlite3.Connection, id: int) -> dict[str, str]:
    """What the last check found wrong with one row: by rule a translated sentence."""
    records = db.execute("SELECT rule, message FROM finding WHERE example = ? ORDER BY id DESC", (id,))
    return {rule: finding_texts.format_finding(rule, detail) for rule, detail in records}


def store_moderated(db: sqlite3.Connection) -> None:
    """Replace the moderation findings: one for each row whose present text a server has flagged (core/review/moderation.py)."""
    db.execute("DELETE FROM finding WHERE rule = ?", (finding_texts.MODERATED,))
    db.execute(
        "INSERT INTO finding (rule, cluster, example, message) SELECT ?, 0, e.id, group_concat(DISTINCT m.categories) "
        "FROM moderation m JOIN example e ON e.digest = m.digest WHERE m.categories <> '' GROUP BY e.id ORDER BY e.id",
        (finding_texts.MODERATED,),
    )


def _compute_stamp(db: sqlite3.Connection) -> str:
    return f"{schema.revision(db)}.{CHECK_VERSION}"


def _run_check(request: dict[str, Any], reporter: Reporter) -> str:
    """Run in the child process: writes the findings to the file `into`; returns the stamp of what was checked."""
    with closing(open_snapshot(Path(request["project"]))) as db:
        db.execute("BEGIN")  # one consistent snapshot for all reads
        with Path(request["into"]).open("w", encoding="utf-8") as file:
            dataset_check.check_dataset(db, lambda *line: background_process.write_line(file, line), reporter)
        return _compute_stamp(db)


def _store_findings(db: sqlite3.Connection, stamp: str, lines: Iterator[Any]) -> None:
    db.execute("DELETE FROM finding")
    db.executemany("INSERT INTO finding (rule, cluster, example, message) VALUES (?, ?, ?, ?)", lines)
    store_moderated(db)
    db.execute("UPDATE meta SET value = ? WHERE key = 'findings'", (stamp,))


if __name__ == "__main__":
    background_process.serve(_run_check)
