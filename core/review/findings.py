"""What a check of the whole set found last; the check itself runs in a process of its own (core/review/dataset_check.py)."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.language import tr, trn
from core.progress import Reporter
from core.review import dataset_check
from core.storage import background_process, schema
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project
from core.text import contradicting_answers, grounding
from core.text.grounding import Doubt

MODERATED = "moderated"
EDITION = 2  # of the checks: what another one found is stale
LINES = 20  # things of the whole set that are listed for one rule


@dataclass(frozen=True, slots=True)
class Finding:
    """`example` 0 is the whole set; rows of one `cluster`, the id of the first of them, belong together, 0 stands alone."""

    rule: str
    cluster: int
    example: int
    message: str


def is_stale(db: sqlite3.Connection) -> bool:
    """Whether rows, facts or the spec have changed since the last check."""
    (found,) = db.execute("SELECT value FROM meta WHERE key = 'findings'").fetchone()
    return bool(found != _stamp(db))


async def refresh(project: Project, reporter: Reporter) -> Changes | None:
    """Check the whole set again where it has changed. Raises `JukuError`, `CancelledError`."""
    if not await project.read(is_stale):
        return None
    return await background_process.run_and_store(project, "core.review.findings", {}, _store, reporter)


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many rows, or things of the whole set, each rule was broken by."""
    sql = (
        "SELECT rule, count(DISTINCT nullif(example, 0)) + sum(example = 0) FROM finding "
        "WHERE example = 0 OR example IN (SELECT id FROM example) GROUP BY 1 ORDER BY 1"
    )
    return dict(db.execute(sql))


def of_set(db: sqlite3.Connection) -> list[Finding]:
    """What concerns no single row: one for each rule, with a line for each thing."""
    messages: dict[str, list[str]] = {}
    for rule, noted in db.execute("SELECT rule, message FROM finding WHERE example = 0 ORDER BY id"):
        messages.setdefault(rule, []).append(format_finding(rule, noted))
    return [Finding(rule, 0, 0, _listed(lines)) for rule, lines in messages.items()]


def _listed(lines: list[str]) -> str:
    more = len(lines) - LINES
    return "\n".join([*lines[:LINES], *([trn("and {n} more", "and {n} more", more)] if more > 0 else [])])


def load(db: sqlite3.Connection, rule: str = "", offset: int = 0, limit: int = -1) -> list[Finding]:
    """The rows of a rule, or of all, cluster by cluster; those that are gone since are left out."""
    found = db.execute(
        "SELECT rule, cluster, example, message FROM finding WHERE ? IN ('', rule) AND example IN (SELECT id FROM example) "
        "ORDER BY rule, cluster, example LIMIT ? OFFSET ?",
        (rule, limit, offset),
    )
    return [Finding(rule, cluster, example, format_finding(rule, noted)) for rule, cluster, example, noted in found]


def of_row(db: sqlite3.Connection, id: int) -> dict[str, str]:
    """What the last check of the whole set found wrong with one row: a sentence for each rule."""
    found = db.execute("SELECT rule, message FROM finding WHERE example = ? ORDER BY id DESC", (id,))
    return {rule: format_finding(rule, noted) for rule, noted in found}


def note_moderated(db: sqlite3.Connection) -> None:
    """Findings for the rows whose very text a server has flagged (core/review/moderation.py); those of an earlier text go."""
    db.execute("DELETE FROM finding WHERE rule = ?", (MODERATED,))
    db.execute(
        "INSERT INTO finding (rule, cluster, example, message) SELECT ?, 0, e.id, group_concat(DISTINCT m.categories) "
        "FROM moderation m JOIN example e ON e.digest = m.digest WHERE m.categories <> '' GROUP BY e.id ORDER BY e.id",
        (MODERATED,),
    )


def format_finding(rule: str, noted: str) -> str:
    """What was noted of a finding as a sentence. It is said when it is read: the language may have changed."""
    say = WORDS.get(rule)
    return say(noted) if say else tr("Found: {words}", words=noted)


def _near(row: str) -> str:
    return tr("Nearly the same question as row {row}.", row=row) if row else tr("Other rows ask nearly the same.")


def _leak(noted: str) -> str:
    if not noted:
        return tr("A question of the exam or the validation asks the same.")
    row, percent = noted.split()
    if percent == "100":
        return tr("Row {row}, which is used for training, asks the same.", row=row)
    return tr("Row {row}, which is used for training, asks nearly the same ({percent} %).", row=row, percent=percent)


def _contradiction(noted: str) -> str:
    row, why = noted.split()
    if why == contradicting_answers.FIGURES:
        return tr("Row {row} answers the same question with different figures.", row=row)
    if why == contradicting_answers.YES_NO:
        return tr("This row and row {row} disagree: one says yes, the other no.", row=row)
    return tr("Row {row} gives another answer to the same question.", row=row)


def _balance(noted: str) -> str:
    fact, count, middle = noted.split()
    return tr("{fact} has {count} rows, where most facts have about {middle}.", fact=fact, count=count, middle=middle)


def _ungrounded(noted: str) -> str:
    return grounding.format_doubt(Doubt(*json.loads(noted)))


WORDS: dict[str, Callable[[str], str]] = {
    "duplicate-row": lambda row: tr("The same as row {row}.", row=row),
    "near-duplicate": _near,
    "split-leakage": _leak,
    "answers-contradict": _contradiction,
    "answer-admits-unknown": lambda words: tr("The answer says: “{words}”.", words=words),
    "ungrounded": _ungrounded,
    "system-prompt-differs": lambda _none: tr("The row has different instructions."),
    "too-few-rows": lambda n: trn(
        "{n} row is used for training; at least 10 are needed.",
        "{n} rows are used for training; at least 10 are needed.",
        int(n),
    ),
    "few-rows": lambda n: trn(
        "{n} row is used for training; 50 to 100 are recommended.",
        "{n} rows are used for training; 50 to 100 are recommended.",
        int(n),
    ),
    "fact-unbalanced": _balance,
    MODERATED: lambda names: tr("The server's moderation flags it: {categories}.", categories=names.replace(",", ", ")),
}


def _stamp(db: sqlite3.Connection) -> str:
    return f"{schema.revision(db)}.{EDITION}"


def _work(request: dict[str, Any], reporter: Reporter) -> str:
    """The child's side: the stamp of what was looked at, with the findings in the file."""
    with closing(open_snapshot(Path(request["project"]))) as db:
        db.execute("BEGIN")  # all as of one moment
        with Path(request["into"]).open("w", encoding="utf-8") as file:
            dataset_check.survey(db, lambda *line: background_process.write_line(file, line), reporter)
        return _stamp(db)


def _store(db: sqlite3.Connection, stamp: str, lines: Iterator[Any]) -> None:
    db.execute("DELETE FROM finding")
    db.executemany("INSERT INTO finding (rule, cluster, example, message) VALUES (?, ?, ?, ?)", lines)
    note_moderated(db)
    db.execute("UPDATE meta SET value = ? WHERE key = 'findings'", (stamp,))


if __name__ == "__main__":
    background_process.serve(_work)
