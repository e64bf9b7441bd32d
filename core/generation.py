"""Examples for facts: what is still to be made, asked of a chat model or made offline, and what it will cost."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import alikes, coverage, facts, prompts, proposals, replies, spec, templates
from core.coverage import EXAM, Entry
from core.facts import Fact
from core.inquiries import Request, Task
from core.language import tr, trn
from core.progress import Reporter
from core.proposals import Landed, Proposal
from core.providers import Message, Sampling
from core.replies import Pair
from core.templates import Draft

EXISTING = 40  # questions that a model is told not to repeat
REPLY_TOKENS = 4000  # the longest reply, for some ten examples with their quotes
EXAMPLE_TOKENS = 90  # what one example with its quote is about
LETTERS, SIGNS = 4.0, 1.2  # characters of a token, English and Japanese, to estimate with
OFFLINE = "offline"  # the source of rows made without a model
CLAIMED = "reworded"  # what is asked for where a wording for the exam lacks


@dataclass(frozen=True, slots=True)
class Wish:
    """So many examples of these kinds for one fact."""

    fact: Fact
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Tokens are reckoned from characters; `dollars` is None for a model without a known price."""

    requests: int
    examples: int
    sent: int
    received: int


def wishes(entries: Iterable[Entry], kinds: Sequence[str] = coverage.KINDS) -> list[Wish]:
    """What the study plan still lacks, of these kinds; a wording for the exam is one more `reworded`."""
    found = []
    for entry in entries:
        lacking = entry.lacking
        counts = {kind: lacking[kind] for kind in kinds if kind in lacking}
        if lacking.get(EXAM):
            counts[CLAIMED] = counts.get(CLAIMED, 0) + lacking[EXAM]
        if counts:
            found.append(Wish(entry.fact, counts))
    return found


def abouts(wished: Iterable[Wish]) -> Iterator[dict[str, Any]]:
    """What an inquiry asks about, one request a fact."""
    return ({"fact": wish.fact.name, "counts": wish.counts} for wish in wished)


def estimate(db: sqlite3.Connection, wished: Sequence[Wish]) -> Estimate:
    """How much will be sent and received, before anything is."""
    sent = 0
    for wish in wished:
        text = "".join(message["content"] for message in _question(db, wish.fact, wish.counts))
        wide = sum(not sign.isascii() for sign in text)
        sent += round((len(text) - wide) / LETTERS + wide / SIGNS)
    examples = sum(sum(wish.counts.values()) for wish in wished)
    return Estimate(len(wished), examples, sent, examples * EXAMPLE_TOKENS)


def _messages(db: sqlite3.Connection, request: Request) -> list[Message]:
    name = request.about["fact"]
    fact = next((fact for fact in facts.load(db) if fact.name == name), Fact(0, name, "", ""))
    return _question(db, fact, request.about["counts"])


def _question(db: sqlite3.Connection, fact: Fact, counts: dict[str, int]) -> list[Message]:
    state = spec.load(db)
    existing = list(_questions(db, fact.name))[:EXISTING]
    text = prompts.fill(
        prompts.load("examples", spec.language(state)),
        spec=state.name,
        fact=fact.text,
        quote=fact.quote or fact.text,
        wanted=prompts.wanted(counts),
        existing="\n".join(f"- {question}" for question in existing) or "–",
        system_prompt=state.system_prompt or "–",
    )
    return [{"role": "user", "content": text}]


def _questions(db: sqlite3.Connection, fact: str) -> Iterator[str]:
    rows = db.execute("SELECT id FROM example WHERE instr(' ' || facts || ' ', ?)", (f" {fact} ",))
    return (one.asked for one in alikes.said(db, [id for (id,) in rows]).values() if one.asked)


def _land(db: sqlite3.Connection, answered: Sequence[Request]) -> str:
    refused, found = 0, []
    for request in answered:
        parsed = [replies.pairs(reply) for reply in request.replies]
        refused += sum(len(one.refused) for one in parsed)
        found.append(Proposal(request.about["fact"], [pair for one in parsed for pair in one.pairs]))
    landed = str(proposals.land(db, found, tr("chat model")))
    if not refused:
        return landed
    return landed + " " + trn("{n} piece could not be read.", "{n} pieces could not be read.", refused)


TASK = Task(
    lambda: tr("Make examples"),
    _messages,
    _land,
    Sampling(temperature=0.7, max_tokens=REPLY_TOKENS),
    replies.PAIRS_SCHEMA,
)


def make_offline(db: sqlite3.Connection, wished: Sequence[Wish], reporter: Reporter, done: list[Landed]) -> None:
    """Rows from templates, without any model: statements and gaps. What came is appended to `done`."""
    state = spec.load(db)
    others = [fact.text for fact in facts.load(db)]
    made = []
    for number, wish in enumerate(wished):
        drafts = templates.drafts(wish.fact.text, state.name, state.language, others)
        made.append(Proposal(wish.fact.name, list(_wished(drafts, wish))))
        reporter.update(number, len(wished))
    done.append(proposals.land(db, made, OFFLINE))


def _wished(drafts: Iterable[Draft], wish: Wish) -> Iterator[Pair]:
    """As many of each kind as the fact lacks."""
    left = Counter(wish.counts)
    for draft in drafts:
        if left[draft.kind] > 0:
            left[draft.kind] -= 1
            yield Pair(draft.question, draft.answer, draft.kind, wish.fact.quote)
