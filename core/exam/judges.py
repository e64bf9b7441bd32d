"""Marks beside the run's grader: by a chat model (the judge), and by a person who does not see which model answered."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from functools import partial

from core import prompts, replies
from core.exam import statistics
from core.exam.graders import GRADERS
from core.exam.statistics import KappaAgreement
from core.language import tr
from core.progress import Reporter
from core.providers import Message, Provider, Reply, Sampling
from core.providers.request_runner import PendingRequest, RequestRunner
from core.spec import spec
from core.storage.project import OnChanges, Project
from core.text import tokenizer

JUDGE, PERSON = "judge", "person"
PASS_SHARE = 0.6  # of the score, from which an answer counts as right
REPLY_TOKENS = 300
EXPECTED_TOKENS = 60  # of a mark with its reason in a sentence
TEXT_TOKENS = 50  # of each text that is marked or compared with: about
SEED = 7  # so that a judge says the same again, where the server honours it
UNCLEAR = "unclear"  # the grader of a reply that gave no mark: it is not asked for again


@dataclass(frozen=True, slots=True)
class AnswerMark:
    """A mark as it is stored: `score` from 0 to 1."""

    answer: int
    grader: str
    score: float
    passed: bool
    reason: str

    @classmethod
    def read(cls, answer: int, grader: str, score: float, passed: int, reason: str) -> AnswerMark:
        """Build a mark from its row in the project. A judge's reason that was stored as JSON is returned in words."""
        return cls(answer, grader, score, bool(passed), replies.format_reason(reason) if grader == JUDGE else reason)


def grader_title(by: str, grader: str) -> str:
    """Who marked: JUDGE, PERSON, or '' for the run's own `grader`."""
    return {JUDGE: tr("Judge"), PERSON: tr("Person")}[by] if by else GRADERS[grader].title()


async def run_judge(
    project: Project, provider: Provider, model: str, run: int, reporter: Reporter, on_changes: OnChanges
) -> None:
    """Let a chat model mark the answers of a run that it has not marked; equal answers to a question are sent once.

    Each mark is stored at once. Raises the last `ProviderError` when an answer could not be marked, `ProjectError`, and
    `Cancelled` when the reporter is cancelled.
    """
    language = spec.get_language(await project.read(spec.load))

    async def messages(answer: int) -> list[Message]:
        return await project.read(_build_messages, answer, language)

    sampling = Sampling(max_tokens=REPLY_TOKENS, seed=SEED)
    requests = [
        PendingRequest(str(id), partial(messages, id), sampling) for id in await project.read(load_unmarked, run, JUDGE)
    ]
    runner = RequestRunner(
        project, provider, model, _store_reply, reporter, schema=replies.MARK_SCHEMA, on_changes=on_changes
    )
    await runner.ask(requests)
    if runner.error:
        raise runner.error


def load_unmarked(db: sqlite3.Connection, run: int, grader: str) -> list[int]:
    """Answers without a mark of `grader`, of equal ones to a question the first."""
    sql = (
        "SELECT min(a.id) FROM eval_answer a LEFT JOIN eval_mark m ON m.answer = a.id AND m.grader IN (?, ?) "
        "WHERE a.run = ? AND m.answer IS NULL GROUP BY a.question, a.text ORDER BY 1"
    )
    return [id for (id,) in db.execute(sql, (grader, UNCLEAR if grader == JUDGE else grader, run))]


def estimate_tokens(answers: int) -> tuple[int, int]:
    """About how many tokens are sent and received to mark so many answers, before any of them is there."""
    texts = 4 * TEXT_TOKENS  # question, reference, key points, answer
    return round(answers * (tokenizer.estimate_tokens(prompts.load("mark", "en")) + texts)), answers * EXPECTED_TOKENS


_SELECT_ANSWER = """SELECT q.question, q.reference, q.key_points, a.text FROM eval_answer a
JOIN eval_question q ON q.id = a.question WHERE a.id = ?"""


def _build_messages(db: sqlite3.Connection, answer: int, language: str) -> list[Message]:
    question, reference, points, text = db.execute(_SELECT_ANSWER, (answer,)).fetchone()
    values = {"question": question, "reference": reference, "points": points, "answer": text}
    return [{"role": "user", "content": prompts.fill(prompts.load("mark", language), **values)}]


def _store_reply(db: sqlite3.Connection, key: str, reply: Reply) -> None:
    found = replies.parse_score(reply.texts[0])
    if found is None:
        store_mark(db, int(key), UNCLEAR, 0.0, reply.texts[0][:500])
    else:
        store_mark(db, int(key), JUDGE, found.score / 100, found.reason)


def store_mark(db: sqlite3.Connection, answer: int, grader: str, score: float, reason: str) -> None:
    """Store a mark (0 to 1) of an answer, and of all equal answers to the same question in its run."""
    db.execute(
        "INSERT OR REPLACE INTO eval_mark (answer, grader, score, passed, reason, created_at) "
        "SELECT same.id, ?, ?, ?, ?, ? FROM eval_answer same JOIN eval_answer this "
        "ON same.question = this.question AND same.text = this.text WHERE this.id = ?",
        (grader, score, score >= PASS_SHARE, reason.encode(errors="replace").decode(), time.time(), answer),
    )


def store_person_mark(db: sqlite3.Connection, answer: int, score: int, note: str = "") -> None:
    """Store a person's mark, 0 to 100, of an answer and of the equal ones."""
    assert 0 <= score <= 100
    store_mark(db, answer, PERSON, score / 100, note)


def delete_person_mark(db: sqlite3.Connection, answer: int) -> None:
    """Delete the person's mark of an answer and of the equal ones."""
    db.execute(
        "DELETE FROM eval_mark WHERE grader = ? AND answer IN (SELECT same.id FROM eval_answer same JOIN eval_answer this "
        "ON same.question = this.question AND same.text = this.text WHERE this.id = ?)",
        (PERSON, answer),
    )


def load_marks(db: sqlite3.Connection, run: int) -> dict[int, list[AnswerMark]]:
    """All marks of a run by answer, beside those of its own grader."""
    found: dict[int, list[AnswerMark]] = {}
    sql = (
        "SELECT m.answer, m.grader, m.score, m.passed, m.reason FROM eval_mark m JOIN eval_answer a ON a.id = m.answer "
        "WHERE a.run = ? AND m.grader <> ? ORDER BY m.answer, m.grader"
    )
    for answer, grader, score, passed, reason in db.execute(sql, (run, UNCLEAR)):
        found.setdefault(answer, []).append(AnswerMark.read(answer, grader, score, passed, reason))
    return found


def compute_agreement(db: sqlite3.Connection, run: int) -> KappaAgreement:
    """Cohen's kappa of a run's own grader and its judge on which answers are right. Equal answers to a question count once."""
    sql = (
        "SELECT a.passed, m.passed FROM eval_answer a JOIN eval_mark m ON m.answer = a.id AND m.grader = ? "
        "WHERE a.run = ? AND a.passed IS NOT NULL GROUP BY a.question, a.text"
    )
    pairs = [(bool(own), bool(judged)) for own, judged in db.execute(sql, (JUDGE, run))]
    return statistics.kappa([own for own, _judged in pairs], [judged for _own, judged in pairs])
