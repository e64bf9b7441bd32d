"""Asks a chat model which fact a row teaches, where terms and figures leave that open."""

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from core import prompts, replies
from core.dataset import examples
from core.generation import fact_links
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.lazy_loading import lazy_pattern
from core.providers import Message, Sampling
from core.review import similar_rows
from core.review.fact_matching import Linker
from core.spec import facts, spec

REPLY_TOKENS = 200
EXPECTED_TOKENS = 15  # of the names of facts
MAX_FACTS_LISTED = 40  # facts that are all offered to choose from
_NAME = lazy_pattern(r"(?<![A-Za-z0-9])f\d{2,6}(?!\d)")
_NONE = lazy_pattern(r"\bnone\b|なし|該当.{0,6}(?:ない|ありません)", re.IGNORECASE)


def build_subjects(db: sqlite3.Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    """One request for each of these rows, with all facts to choose from, or of many those that come nearest."""
    texts = similar_rows.load_row_texts(db, ids)
    linker = Linker(facts.load(db))
    few = linker.names if len(linker.names) <= MAX_FACTS_LISTED else None
    return [{"row": id, "facts": few or linker.candidates(one.question, one.answer)} for id, one in texts.items()]


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    row = examples.fetch(db, [request.subject["row"]]).get(request.subject["row"])
    listed = facts.load_by_names(db, " ".join(request.subject["facts"]))
    prompt = prompts.load("links", spec.get_language(spec.load(db)))
    text = prompts.fill(
        prompt,
        facts="\n".join(f"{fact.name}: {fact.text}" for fact in listed),
        question=row.question if row else "",
        answer=row.answer if row else "",
    )
    return [{"role": "user", "content": text}]


def parse_choice(reply: str, offered: Sequence[str]) -> str | None:
    """The names of the facts that a reply chooses among those offered, '' for none; None where that is not clear."""
    text = replies.strip_thoughts(reply)
    named = [name for name in dict.fromkeys(_NAME.findall(text)) if name in offered]
    if named:
        return " ".join(named[:2]) if len(named) <= 2 else None
    return "" if _NONE.search(text) or re.search(r'"facts"\s*:\s*\[\s*\]', text) else None


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    linked = without = unclear = 0
    for request in answered:
        names = parse_choice(request.replies[0], request.subject["facts"])
        if names is None:
            unclear += 1
            continue
        fact_links.decide_by_model(db, request.subject["row"], names)
        linked += bool(names)
        without += not names
    linked_text = trn("{n} row was linked by the model", "{n} rows were linked by the model", linked)
    return tr(
        "{linked}, {without} teach no fact, {unclear} unclear.", linked=linked_text, without=without, unclear=unclear
    )


TASK = LlmTask(
    lambda: tr("Link rows to facts"),
    _build_messages,
    _apply_replies,
    lambda _request: Sampling(max_tokens=REPLY_TOKENS),
    lambda _request: EXPECTED_TOKENS,
    replies.LINKS_SCHEMA,
    role="judge",
)
