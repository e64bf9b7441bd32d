"""Judges generated rows: a chat model is asked whether the answer contradicts its fact, or says more than it."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from core import prompts, replies
from core.dataset import bulk_edits, examples
from core.dataset.examples import Example
from core.generation import spec_excerpt
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.providers import Message, Sampling
from core.replies.judge_verdicts import SUPPORTED
from core.review import judged_support
from core.spec import facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec

VERDICT_RULES = dict(
    zip(("contradicts", "not_in_text"), bulk_edits.JUDGE_RULES, strict=True)
)  # the problem of each verdict but "supported"
REPLY_TOKENS = 400
EXPECTED_TOKENS = 60  # of a verdict with its reason in a sentence


def build_subjects(
    db: sqlite3.Connection, ids: Iterable[int], names: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """One request for each of these rows that teaches a fact of the spec, or one of the names.

    `digest` is of what is judged: a row that changes before the verdict is applied is another one.
    """
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    wanted = known.keys() if names is None else known.keys() & set(names)
    rows = examples.fetch(db, list(ids)).values()
    return [
        {"row": row.id, "fact": row.facts, "digest": _compute_digest(row, known, state)}
        for row in rows
        if wanted & set(row.facts.split())
    ]


def _compute_digest(row: Example, known: Mapping[str, Fact], state: Spec) -> int:
    taught = [known[name] for name in row.facts.split() if name in known]
    return judged_support.compute_digest(row.question, row.answer, row.kind, taught, state)


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
    """Mark the rows that were found wrong, and note why; of others an older mark and the doubt are taken."""
    found = Counter[str]()
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    rows = examples.fetch(db, [request.subject["row"] for request in answered])
    for request in answered:
        verdict = replies.parse_verdict(request.replies[0])
        if verdict is None:
            found["unclear"] += 1
            continue
        _delete_marks(db, request.subject["row"])
        found[verdict.verdict] += 1
        if rule := VERDICT_RULES.get(verdict.verdict):
            _add_mark(db, request.subject["row"], rule, verdict.reason)
        row = rows.get(request.subject["row"])
        is_same = row is not None and request.subject.get("digest") == _compute_digest(row, known, state)
        found["cleared"] += _store_support(db, request.subject, is_same and verdict.verdict == SUPPORTED)
    judged = trn("{n} row was judged", "{n} rows were judged", len(answered))
    against = trn("{n} contradicts its fact", "{n} contradict their facts", found["contradicts"])
    beside = trn("{n} says what its fact does not say", "{n} say what their facts do not say", found["not_in_text"])
    said = tr("{judged}: {against}, {beside}, {unclear} unclear.", judged=judged, against=against, beside=beside,
              unclear=found["unclear"])  # fmt: skip
    if not found["cleared"]:
        return said
    return f"{said} {trn('{n} row is no longer doubted.', '{n} rows are no longer doubted.', found['cleared'])}"


def _store_support(db: sqlite3.Connection, subject: Mapping[str, Any], is_supported: bool) -> bool:
    """Store whether a judge has found a row supported, as it is now; returns whether it is no longer doubted."""
    judged_support.store(db, subject["row"], subject["digest"] if is_supported else judged_support.NOT_SUPPORTED)
    return is_supported and judged_support.delete_doubt(db, subject["row"])


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
    lambda _request: EXPECTED_TOKENS,
    replies.VERDICT_SCHEMA,
    role="judge",
)
