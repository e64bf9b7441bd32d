"""The answers of an exam: those to some questions, and one at a time for a person who marks without seeing which model answered."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.exam import graders, judges, prompt_conditions
from core.exam.judges import PERSON, UNCLEAR, AnswerMark
from core.exam.retrieval import FoundPassage

_DISTINCT_ANSWERS = "SELECT min(id) FROM eval_answer WHERE run = ? GROUP BY question, text ORDER BY 1"


@dataclass(frozen=True, slots=True)
class ExamAnswer:
    """One answer with its mark. `score` (0 to 1) and `passed` are None where the run's grader could not mark.

    `passages` were in the prompt; `sent` and `received` are tokens.
    """

    id: int
    question: int
    subject: int
    sample: int
    text: str
    score: float | None
    passed: bool | None
    reason: str
    reported: str
    fingerprint: str
    seconds: float
    sent: int
    received: int
    passages: list[FoundPassage]


@dataclass(frozen=True, slots=True)
class BlindAnswer:
    """An answer without its author. `score` (0 to 100) and `note` are the person's, None and '' before it is marked."""

    answer: int
    question: str
    reference: str
    wanted: str  # by its key points, in words
    text: str
    score: int | None
    note: str


def load_answers(db: sqlite3.Connection, run: int, questions: Sequence[int]) -> list[ExamAnswer]:
    """The answers to some questions, all repeats, ordered by question, subject and repeat."""
    rows = db.execute(
        "SELECT id, question, subject, sample, text, score, passed, reason, reported, fingerprint, seconds, sent, "
        f"received, passages FROM eval_answer WHERE run = ? AND question IN ({_places(questions)}) "
        "ORDER BY question, subject, sample",
        (run, *questions),
    )
    return [_read_answer(row) for row in rows]


def _read_answer(row: tuple[Any, ...]) -> ExamAnswer:
    passed = None if row[6] is None else bool(row[6])
    values: tuple[Any, ...] = (*row[:6], passed, *row[7:13], prompt_conditions.parse_passages(row[13]))
    return ExamAnswer(*values)


def load_marks(db: sqlite3.Connection, run: int, questions: Sequence[int]) -> dict[int, list[AnswerMark]]:
    """The marks by judge and person of the answers to some questions, by the answer's id."""
    found: dict[int, list[AnswerMark]] = {}
    rows = db.execute(
        "SELECT m.answer, m.grader, m.score, m.passed, m.reason FROM eval_answer a JOIN eval_mark m ON m.answer = a.id "
        f"WHERE a.run = ? AND a.question IN ({_places(questions)}) AND m.grader <> ? ORDER BY m.answer, m.grader",
        (run, *questions, UNCLEAR),
    )
    for answer, grader, score, passed, reason in rows:
        found.setdefault(answer, []).append(AnswerMark.read(answer, grader, score, passed, reason))
    return found


def _places(values: Sequence[int]) -> str:
    return ", ".join("?" * len(values))


def count_by_run(db: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """By run: how many answers there are, and how many there should be."""
    rows = db.execute(
        "SELECT id, (SELECT count(*) FROM eval_answer WHERE run = r.id), repeats"
        " * (SELECT count(*) FROM eval_question WHERE run = r.id)"
        " * (SELECT count(*) FROM eval_subject WHERE run = r.id) FROM eval_run r"
    )
    return {run: (done, wanted) for run, done, wanted in rows}


def count_by_subject(db: sqlite3.Connection, run: int) -> dict[int, int]:
    """How many answers each subject of a run has given, by the subject's id."""
    return dict(db.execute("SELECT subject, count(*) FROM eval_answer WHERE run = ? GROUP BY subject", (run,)))


def count_marked(db: sqlite3.Connection, run: int) -> dict[str, int]:
    """How many answers of a run have a mark, by grader (judge, person). Each of equal answers counts."""
    sql = "SELECT m.grader, count(*) FROM eval_mark m JOIN eval_answer a ON a.id = m.answer WHERE a.run = ? GROUP BY m.grader"
    return {grader: count for grader, count in db.execute(sql, (run,)) if grader != UNCLEAR}


def shuffle_ids(db: sqlite3.Connection, run: int) -> list[int]:
    """The ids of a run's answers for a person to mark, equal ones to a question once, in a random order that stays the same."""
    ids = [id for (id,) in db.execute(_DISTINCT_ANSWERS, (run,))]
    random.Random(run).shuffle(ids)  # noqa: S311 - the same each time, so that a person finds the place again
    return ids


def load_blind_answer(db: sqlite3.Connection, answer: int) -> BlindAnswer:
    """One answer as a person marks it, without any hint of who gave it."""
    question, reference, grader, points, text, score, note = db.execute(
        "SELECT q.question, q.reference, r.grader, q.key_points, a.text, m.score, m.reason FROM eval_answer a "
        "JOIN eval_question q ON q.id = a.question JOIN eval_run r ON r.id = a.run "
        "LEFT JOIN eval_mark m ON m.answer = a.id AND m.grader = ? WHERE a.id = ?",
        (PERSON, answer),
    ).fetchone()
    wanted = graders.format_key_points(grader, points)
    return BlindAnswer(
        answer, question, reference, wanted, text, None if score is None else round(100 * score), note or ""
    )


def count_unjudged(db: sqlite3.Connection, run: int) -> int:
    """How many answers the judge of a run has not seen, equal ones to a question once."""
    return len(judges.load_unmarked(db, run, judges.JUDGE))
