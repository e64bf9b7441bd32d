"""From questions and answers about facts to draft rows: repeats dropped, doubts noted, one wording kept for the exam."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core import alikes, clauses, dataset, duplicates, facts, grading, spec, survey, templates
from core.dataset import Example
from core.facts import Fact
from core.formats import jsonl
from core.language import trn
from core.progress import Reporter
from core.replies import Pair
from core.said import Said
from core.spec import Spec

POINTS = 3  # figures and terms that an exam answer must have, at most
HELD_KINDS = ("reworded", "direct", "applied", "reverse")  # what is kept for the exam, the best first


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to become rows of one fact. With `hold`, one wording is kept for the exam if the fact has none there."""

    fact: str  # its name
    pairs: Sequence[Pair]
    hold: bool = True


@dataclass(slots=True)
class Landed:
    """How many rows came, were kept for the exam, have doubts, and were dropped since they repeat others."""

    rows: int = 0
    held: int = 0
    doubtful: int = 0
    repeated: int = 0
    ids: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [trn("{n} row was added as a draft.", "{n} rows were added as drafts.", self.rows)]
        if self.held:
            parts.append(trn("{n} is kept for the exam.", "{n} are kept for the exam.", self.held))
        if self.doubtful:
            parts.append(
                trn("{n} may not follow from its fact.", "{n} may not follow from their facts.", self.doubtful)
            )
        if self.repeated:
            parts.append(
                trn("{n} repeated another and was dropped.", "{n} repeated others and were dropped.", self.repeated)
            )
        return " ".join(parts)


def land(db: sqlite3.Connection, proposals: Iterable[Proposal], source: str) -> Landed:
    """Add the rows as drafts: nothing made is trained on before somebody approved it."""
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    offered = [(known[one.fact], pair, one.hold) for one in proposals if one.fact in known for pair in one.pairs]
    fresh = _without_repeats(db, offered)
    held = _held(db, fresh)
    landed = Landed(len(fresh), len(held), 0, len(offered) - len(fresh))
    rows = [_row(state, fact, pair, source, number in held) for number, (fact, pair, _hold) in enumerate(fresh)]
    landed.ids = list(dataset.add(db, rows))
    for id, row, (fact, pair, _hold) in zip(landed.ids, rows, fresh, strict=True):
        landed.doubtful += _note_doubts(db, id, row, state, fact, pair)
    return landed


_Offered = list[tuple[Fact, Pair, bool]]


def _without_repeats(db: sqlite3.Connection, offered: _Offered) -> _Offered:
    """Those that nearly say what no row of any fact says yet, nor one of them before."""
    there = list(alikes.said(db, [id for (id,) in db.execute("SELECT id FROM example WHERE facts <> ''")]).values())
    new = [Said("", pair.question, pair.answer) for _fact, pair, _hold in offered]
    whole = there + new
    members: dict[int, list[Said]] = {}
    fresh: _Offered = []
    near = duplicates.find((one.key for one in whole), Reporter()).near.tolist()
    for number, (group, one) in enumerate(zip(near, whole, strict=True)):
        others = members.setdefault(group, [])
        if number < len(there) or not any(alikes.repeats(one, other) for other in others):
            others.append(one)
            if number >= len(there):
                fresh.append(offered[number - len(there)])
    return fresh


def _held(db: sqlite3.Connection, fresh: _Offered) -> set[int]:
    """The places of those that are kept for the exam: one of each fact that has none there and other wordings left."""
    examined = Counter[str]()
    for (names,) in db.execute("SELECT facts FROM example WHERE split = 'test' AND status <> 'rejected'"):
        examined.update(names.split())
    trained = Counter(fact.name for fact, _pair, _hold in fresh)
    found: dict[str, tuple[int, int]] = {}  # fact: rank of the kind, place
    for place, (fact, pair, hold) in enumerate(fresh):
        if hold and not examined[fact.name] and trained[fact.name] > 1 and pair.kind in HELD_KINDS:
            rank = HELD_KINDS.index(pair.kind), place
            found[fact.name] = min(found.get(fact.name, rank), rank)
    return {place for _rank, place in found.values()}


def _row(state: Spec, fact: Fact, pair: Pair, source: str, held: bool) -> Example:
    return dataset.read_row(
        jsonl.new_row(state.system_prompt, pair.question, pair.answer),
        split="test" if held else "train",
        kind=pair.kind,
        status="draft",
        facts=fact.name,
        quote=pair.quote or fact.quote,
        key_points=key_points(pair.answer, fact.text) if held else "",
        source=source,
    )


def key_points(answer: str, fact: str) -> str:
    """What an exam answer must say (see `grading`): the figures and terms of `answer` that are the fact's."""
    gaps = dict.fromkeys(draft.key_points for draft in templates.drafts(answer, "") if draft.key_points)
    shared = [points for points in gaps if grading.grade(fact, points).passed]
    if not shared:
        told = clauses.content(grading.normalise(fact))
        words = (word for word in clauses.spoken(grading.normalise(answer)) if clauses.stem(word) in told)
        shared = sorted(dict.fromkeys(words), key=lambda word: -len(word))
    return " ; ".join(shared[:POINTS])


def _note_doubts(db: sqlite3.Connection, id: int, row: Example, state: Spec, fact: Fact, pair: Pair) -> bool:
    """Note at once what the check of the whole set would say of a row later."""
    noted = [("ungrounded", survey.doubt(row.question, row.answer, [fact], state.text, row.quote, row.kind))]
    noted.append(("answer-admits-unknown", survey.admission(pair.answer) if pair.kind != "not_stated" else ""))
    noted = [(rule, message) for rule, message in noted if message]
    sql = "INSERT INTO finding (rule, cluster, example, message) VALUES (?, 0, ?, ?)"
    db.executemany(sql, ((rule, id, message) for rule, message in noted))
    return bool(noted)
