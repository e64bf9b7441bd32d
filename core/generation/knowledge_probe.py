"""Whether a base model knows a fact already: its questions are asked several times, and the answers marked."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from core.exam import fact_coverage, fact_points, graders
from core.exam.graders import PlainQuestion
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.providers import Message, Sampling, chat_messages
from core.review import similar_rows
from core.spec import facts, spec
from core.text import row_templates

ANSWERS_PER_QUESTION = 5  # answers to each question
QUESTIONS_PER_FACT = 2  # questions asked for one fact
ANSWER_TOKENS = 120
EXPECTED_TOKENS = 60  # of an answer
KINDS = ("direct", "reworded", "")  # rows whose question asks for the fact itself, the best first


def build_subjects(db: sqlite3.Connection, names: Collection[str] | None = None) -> list[dict[str, Any]]:
    """The questions for each fact, or for those of the names: those its rows ask, else a gap in the fact; a fact
    without either is left out."""
    state, of_rows = spec.load(db), _load_row_questions(db)
    found: list[dict[str, Any]] = []
    for fact in facts.load(db):
        if not fact.ignored and (names is None or fact.name in names):
            questions = of_rows.get(fact.name) or _build_template_questions(fact.text, state.name, state.language)
            found += [
                {"fact": fact.name, "question": question, "points": points, "reference": answer}
                for question, points, answer in questions
            ]
    return found


def _load_row_questions(db: sqlite3.Connection) -> dict[str, list[tuple[str, str, str]]]:
    """Questions that can be marked, their key points and answers, for each fact that rows ask for alone."""
    rows: dict[str, list[tuple[bool, int, int, str]]] = {}
    sql = "SELECT facts, kind, id, key_points FROM example WHERE facts <> '' AND status <> 'rejected' AND kind IN (?, ?, ?)"
    for name, kind, id, points in db.execute(sql, KINDS):
        if " " not in name:
            rows.setdefault(name, []).append((not points, KINDS.index(kind), id, points))
    best = {name: sorted(found)[:QUESTIONS_PER_FACT] for name, found in rows.items()}
    texts = similar_rows.load_row_texts(db, [id for found in best.values() for _none, _rank, id, _points in found])
    questions: dict[str, list[tuple[str, str, str]]] = {}
    made = fact_points.load(db)
    for name, found in best.items():
        for _none, rank, id, given in found:
            question, answer = texts[id].question, texts[id].answer
            if question and (points := given or made.suggest(answer, [name], question, KINDS[rank])):
                questions.setdefault(name, []).append((question, points, answer))
    return questions


def _build_template_questions(fact: str, subject: str, language: str) -> list[tuple[str, str, str]]:
    drafts = row_templates.make_drafts(fact, subject, language)
    return [(draft.question, draft.key_points, fact) for draft in drafts if draft.key_points][:QUESTIONS_PER_FACT]


def _read_question(subject: dict[str, Any]) -> PlainQuestion:
    # Runs that began in an older version have no reference.
    return PlainQuestion(subject["question"], subject.get("reference", ""), subject["points"])


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    return chat_messages(spec.load(db).system_prompt, request.subject["question"])


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    """Note on each fact how many of the answers were right."""
    right: dict[str, list[int]] = {}
    for request in answered:
        # A server that gives one answer where five are wanted has not failed four times.
        given = [reply for reply in request.replies if reply.strip()]
        question = _read_question(request.subject)
        marks = [bool(graders.by_key_points(reply, question).passed) for reply in given]
        tally = right.setdefault(request.subject["fact"], [0, 0])
        tally[0] += sum(marks)
        tally[1] += len(marks)
    known = {name: f"{good}/{asked}" for name, (good, asked) in right.items()}
    db.executemany("UPDATE fact SET known = ? WHERE name = ?", ((value, name) for name, value in known.items()))
    words = [fact_coverage.knowledge(value) for value in known.values()]
    return trn(
        "{n} fact was tested: {known} known, {some} sometimes, {unknown} unknown.",
        "{n} facts were tested: {known} known, {some} sometimes, {unknown} unknown.",
        len(known),
        known=words.count("known"),
        some=words.count("sometimes"),
        unknown=words.count("unknown"),
    )


TASK = LlmTask(
    lambda: tr("Ask the base model"),
    _build_messages,
    _apply_replies,
    lambda _request: Sampling(temperature=0.7, max_tokens=ANSWER_TOKENS, n=ANSWERS_PER_QUESTION),
    lambda _request: EXPECTED_TOKENS * ANSWERS_PER_QUESTION,
    role="student",
)
