"""Pairwise comparison of two subjects: a judge sees both answers, in both orders, because judges prefer the first one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial

from core import prompts, replies
from core.progress import Reporter
from core.providers import Message, Provider, Reply, Sampling
from core.providers.request_runner import PendingRequest, RequestRunner
from core.spec import spec
from core.storage.project import OnChanges, Project

REPLY_TOKENS = 300
SEED = 7
UNCLEAR = "unclear"
REVERSED = {"first": "second", "second": "first", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class PairwiseScore:
    """How many of `pairs` each subject has won. `swayed` pairs were decided by the order alone, and count for none."""

    pairs: int
    first: int
    second: int
    ties: int
    swayed: int


async def compare_subjects(
    project: Project,
    provider: Provider,
    model: str,
    subjects: tuple[int, int],
    reporter: Reporter,
    on_changes: OnChanges,
) -> None:
    """Let a judge compare the first answers of two subjects to each question, in both orders, where it has not.

    Each verdict is stored at once. Raises the last `ProviderError` when a pair could not be compared, `ProjectError`,
    and `Cancelled` when the reporter is cancelled.
    """
    language = spec.get_language(await project.read(spec.load))

    async def messages(first: int, second: int) -> list[Message]:
        return await project.read(_build_messages, first, second, language)

    sampling = Sampling(max_tokens=REPLY_TOKENS, seed=SEED)
    open_ones = [pair for pair in await project.read(_load_undecided, *subjects)]
    requests = [PendingRequest(f"{one} {other}", partial(messages, one, other), sampling) for one, other in open_ones]
    runner = RequestRunner(
        project, provider, model, _store_reply, reporter, schema=replies.BETTER_SCHEMA, on_changes=on_changes
    )
    await runner.ask(requests)
    if runner.error:
        raise runner.error


_SELECT_PAIRS = """SELECT a.id, b.id FROM eval_answer a JOIN eval_answer b ON b.question = a.question AND b.sample = 0
WHERE a.subject = ? AND b.subject = ? AND a.sample = 0 AND a.text <> b.text"""


def _load_pairs(db: sqlite3.Connection, one: int, other: int) -> list[tuple[int, int]]:
    return [(first, second) for first, second in db.execute(_SELECT_PAIRS, (one, other))]


def _load_undecided(db: sqlite3.Connection, one: int, other: int) -> list[tuple[int, int]]:
    """Each pair in both orders."""
    known = {(first, second) for first, second in db.execute("SELECT first, second FROM eval_duel")}
    both = [order for pair in _load_pairs(db, one, other) for order in (pair, pair[::-1])]
    return [order for order in both if order not in known]


def _build_messages(db: sqlite3.Connection, first: int, second: int, language: str) -> list[Message]:
    sql = "SELECT q.question, q.reference, a.text FROM eval_answer a JOIN eval_question q ON q.id = a.question WHERE a.id = ?"
    question, reference, text = db.execute(sql, (first,)).fetchone()
    (other,) = db.execute("SELECT text FROM eval_answer WHERE id = ?", (second,)).fetchone()
    values = {"question": question, "reference": reference, "first": text, "second": other}
    return [{"role": "user", "content": prompts.fill(prompts.load("compare", language), **values)}]


def _store_reply(db: sqlite3.Connection, key: str, reply: Reply) -> None:
    first, second = map(int, key.split())
    found = replies.parse_preference(reply.texts[0])
    better, reason = (found.better, found.reason) if found else (UNCLEAR, reply.texts[0][:500])
    sql = "INSERT OR REPLACE INTO eval_duel (first, second, better, reason) VALUES (?, ?, ?, ?)"
    db.execute(sql, (first, second, better, reason.encode(errors="replace").decode()))


def load_score(db: sqlite3.Connection, one: int, other: int) -> PairwiseScore:
    """How many pairs each of two subjects has won, over the pairs that were compared in both orders."""
    preferences = {
        (first, second): better for first, second, better in db.execute("SELECT first, second, better FROM eval_duel")
    }
    counts = dict.fromkeys(("first", "second", "tie", "swayed"), 0)
    for pair in _load_pairs(db, one, other):
        straight, turned = preferences.get(pair), preferences.get(pair[::-1])
        if straight in REVERSED and turned in REVERSED:
            counts[straight if REVERSED[turned] == straight else "swayed"] += 1
    return PairwiseScore(sum(counts.values()), counts["first"], counts["second"], counts["tie"], counts["swayed"])
