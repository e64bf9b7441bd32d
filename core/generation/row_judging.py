"""Judges generated rows: a chat model is asked whether the answer contradicts its fact, or says more than it."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from core import prompts, replies
from core.dataset import bulk_edits, examples
from core.generation import spec_excerpt
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.providers import Message, Sampling
from core.spec import facts, spec

VERDICT_RULES = dict(
    zip(("contradicts", "not_in_text"), bulk_edits.JUDGE_RULES, strict=True)
)  # the problem of each verdict but "supported"
REPLY_TOKENS = 400


def build_subjects(
    db: sqlite3.Connection, ids: Iterable[int], names: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """One request for each of these rows that teaches a fact of the spec, or one of the names."""
    known = {fact.name for fact in facts.load(db) if names is None or fact.name in names}
    rows = examples.fetch(db, list(ids)).values()
    return [{"row": row.id, "fact": row.facts} for row in rows if known & set(row.facts.split())]


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    row = examples.fetch(db, [request.subject["row"]]).get(request.subject["row"])
    state = spec.load(db)
    texts = [fact.text for fact in facts.load_by_names(db, row.facts)] if row else []
    if row and row.kind == "not_stated":  # only the whole text shows that nothing in it answers the question
        texts = [spec_excerpt.build_excerpt(state.text, row.question)]
    text = prompts.fill(
        prompts.load("judge", spec.get_language(state)),
        fact="\n".join(texts),
        question=row.question if row else "",
        answer=row.answer if row else "",
    )
    return [{"role": "user", "content": text}]


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    """Mark the rows that were found wrong, and note why; of others an older mark is taken."""
    found = Counter[str]()
    for request in answered:
        verdict = replies.parse_verdict(request.replies[0])
        if verdict is None:
            found["unclear"] += 1
            continue
        _delete_marks(db, request.subject["row"])
        found[verdict.verdict] += 1
        if rule := VERDICT_RULES.get(verdict.verdict):
            _add_mark(db, request.subject["row"], rule, verdict.reason)
    judged = trn("{n} row was judged", "{n} rows were judged", len(answered))
    against = trn("{n} contradicts its fact", "{n} contradict their facts", found["contradicts"])
    beside = trn("{n} says what its fact does not say", "{n} say what their facts do not say", found["not_in_text"])
    return tr("{judged}: {against}, {beside}, {unclear} unclear.", judged=judged, against=against, beside=beside,
              unclear=found["unclear"])  # fmt: skip


def _delete_marks(db: sqlite3.Connection, id: int) -> None:
    sql = "UPDATE example SET problems = trim(replace(' ' || problems || ' ', ?, ' ')) WHERE id = ? AND problems <> ''"
    db.executemany(sql, [(f" {rule} ", id) for rule in VERDICT_RULES.values()])


def _add_mark(db: sqlite3.Connection, id: int, rule: str, reason: str) -> None:
    note = tr("Judge: {reason}", reason=" ".join(reason.split())) if reason else ""
    sql = "UPDATE example SET problems = trim(problems || ' ' || ?), notes = trim(notes || char(10) || ?, char(10)) WHERE id = ?"
    db.execute(sql, (rule, note, id))


TASK = LlmTask(
    lambda: tr("Judge rows"),
    _build_messages,
    _apply_replies,
    lambda _request: Sampling(max_tokens=REPLY_TOKENS),
    replies.VERDICT_SCHEMA,
    role="judge",
)
