"""Facts and remarks from a chat model: statements made atomic, and contradictions and gaps in the spec."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from core import prompts, replies
from core.generation.llm_runs import LlmRequest, LlmTask
from core.language import tr, trn
from core.providers import Message, Sampling
from core.spec import facts, spec
from core.text import tokenizer
from core.text.statements import Statement

STATEMENTS_PER_REQUEST = 20  # that are refined in one request
REPLY_TOKENS = 3000


def build_subjects(found: Sequence[Statement]) -> Iterable[dict[str, Any]]:
    """Requests to refine statements, some at a time."""
    for start in range(0, len(found), STATEMENTS_PER_REQUEST):
        yield {"statements": [[one.text, one.quote] for one in found[start : start + STATEMENTS_PER_REQUEST]]}


def _build_messages(db: sqlite3.Connection, request: LlmRequest) -> list[Message]:
    state = spec.load(db)
    listed = "\n".join(f"- {text}" for text, _quote in request.subject["statements"])
    prompt = prompts.load("facts", spec.get_language(state))
    return [{"role": "user", "content": prompts.fill(prompt, spec=state.text, statements=listed)}]


def _apply_replies(db: sqlite3.Connection, answered: Sequence[LlmRequest]) -> str:
    """Add each refined statement that is no fact yet, on the passage that it shares most with."""
    there = {fact.text for fact in facts.load(db)}
    found: dict[str, str] = {}  # statements and their passages
    for request in answered:
        quotes = [quote for _text, quote in request.subject["statements"]]
        for text in replies.parse_statements(request.replies[0]):
            if text not in there and text not in found:
                found[text] = facts.find_closest(text, quotes)
    facts.add_all(db, found.items())
    return trn("{n} fact was added.", "{n} facts were added.", len(found))


TASK = LlmTask(
    lambda: tr("Refine facts"),
    _build_messages,
    _apply_replies,
    lambda _request: Sampling(max_tokens=REPLY_TOKENS),
    lambda request: round(sum(tokenizer.estimate_tokens(text) for text, _quote in request.subject["statements"])),
    replies.STATEMENTS_SCHEMA,
    makes="fact",
)


def build_remarks_messages(state: spec.Spec) -> list[Message]:
    """Ask for contradictions and gaps in the spec."""
    return [
        {"role": "user", "content": prompts.fill(prompts.load("remarks", spec.get_language(state)), spec=state.text)}
    ]


def parse_remarks(reply: str) -> list[str]:
    """What the model found, in its own words."""
    return replies.parse_statements(reply)
