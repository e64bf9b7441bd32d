"""Drafts in groups of one kind and form, each with some samples, so that a whole group can be approved or deleted."""

import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from core.dataset import examples
from core.dataset.examples import KINDS, Example

SAMPLES = 3  # rows of a group that are shown


@dataclass(frozen=True, slots=True)
class DraftGroup:
    """The drafts of one kind and one form; those for the exam are groups of their own.

    `form` are their tags as they are stored: rows made without a model have the name of what made them. `doubted` are
    those of the rows that have a problem.
    """

    kind: str
    form: str
    for_exam: bool
    ids: tuple[int, ...]
    doubted: frozenset[int]

    @property
    def key(self) -> tuple[bool, str, str]:
        """What tells it from other groups."""
        return self.for_exam, self.kind, self.form

    def choose(self, without_doubted: bool) -> list[int]:
        """The ids of its rows, or of those without a problem."""
        return [id for id in self.ids if not (without_doubted and id in self.doubted)]


def load_groups(db: sqlite3.Connection) -> list[DraftGroup]:
    """All drafts, by kind and then by form; those for the exam first: they decide what an exam proves."""
    found: dict[tuple[bool, str, str], list[int]] = {}
    doubted: set[int] = set()
    for id, split, kind, tags, problem in db.execute(_DRAFTS):
        found.setdefault((split == "test", kind, tags), []).append(id)
        if problem:
            doubted.add(id)
    order = {kind: place for place, kind in enumerate(KINDS)}
    keys = sorted(found, key=lambda key: (not key[0], order.get(key[1], len(order)), key[1:]))
    return [
        DraftGroup(kind, form, for_exam, tuple(ids), frozenset(doubted.intersection(ids)))
        for for_exam, kind, form in keys
        for ids in (found[for_exam, kind, form],)
    ]


_DRAFTS = """SELECT id, split, kind, tags, problems <> '' OR id IN (SELECT example FROM finding) FROM example
WHERE status = 'draft' ORDER BY id"""


def load_samples(db: sqlite3.Connection, groups: Iterable[DraftGroup], seed: int) -> list[list[Example]]:
    """Up to `SAMPLES` rows of each group, other ones for another seed."""
    dice = random.Random(seed)  # noqa: S311 - samples, no secrets
    chosen = [sorted(dice.sample(group.ids, min(SAMPLES, len(group.ids)))) for group in groups]
    rows = examples.fetch(db, [id for ids in chosen for id in ids])
    return [[rows[id] for id in ids if id in rows] for ids in chosen]
