"""The questions of an exam: the project's own, and shipped ones about general knowledge, which measure forgetting."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from core import paths
from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.filters import Filter
from core.errors import JukuError
from core.language import tr
from core.spec import spec

EXAM_ROWS = Filter(split="test", status="approved")
GENERAL = "general"


def load_exam_rows(db: sqlite3.Connection, with_general: bool) -> Iterator[Example]:
    """The project's exam questions and, with `with_general`, the shipped general ones that are not among them.

    Without them the project's own general questions are left out, too.
    """
    known: set[str] = set()
    for row in examples.iterate(db, EXAM_ROWS):
        if row.question and (with_general or row.kind != GENERAL):
            known.add(row.question)
            yield row
    if with_general:
        yield from (row for row in load_general(spec.get_language(spec.load(db))) if row.question not in known)


def load_general(language: str) -> list[Example]:
    """The shipped questions of general knowledge in a language: they measure what is forgotten."""
    lines = (paths.RESOURCES / "general_questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Example("", one["question"], one["reference"], kind=GENERAL, key_points=" ; ".join(one["key_points"]))
        for one in map(json.loads, lines)
        if one["language"] == language
    ]


def has_exam_rows(db: sqlite3.Connection) -> bool:
    """Whether the project has exam questions of its own."""
    return any(True for _row in load_exam_rows(db, False))


def store_copy(db: sqlite3.Connection, run: int, rows: Iterable[Example], taught: Mapping[int, str]) -> None:
    """Store the questions of a run.

    `taught` maps the ids of rows that its models are known to have been taught to the row and the similarity in per
    cent ("17 96"). Raises `JukuError` when there is no question.
    """
    leaks = dict(db.execute("SELECT example, message FROM finding WHERE rule = 'split-leakage'")) | dict(taught)
    sql = "INSERT INTO eval_question (run, question, reference, key_points, kind, facts, leak) VALUES (?, ?, ?, ?, ?, ?, ?)"
    values = [
        (run, row.question, row.answer, row.key_points, row.kind, row.facts, leaks.get(row.id, "") if row.id else "")
        for row in rows
    ]
    if not values:
        raise JukuError(
            tr("There are no exam questions"),
            tr("Set the split of some rows to “test” in the examples tab; they are never used for training."),
        )
    db.executemany(sql, values)


def mark_leaks(db: sqlite3.Connection, run: int, taught: Mapping[int, str]) -> None:
    """Mark questions of a stored run that one of its models is known to have been taught; `taught` as in `store_copy`."""
    rows = examples.fetch(db, list(taught))  # the column `question` has only how a question begins
    sql = "UPDATE eval_question SET leak = ? WHERE run = ? AND leak = '' AND question = ?"
    db.executemany(sql, [(leak, run, rows[id].question) for id, leak in taught.items() if id in rows])
