"""Rows of a page without a model: the facts with their headings, the rows made from them, and how many of each kind."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from core.generation import draft_rows
from core.generation.draft_rows import AddedDrafts, DraftProposal
from core.progress import Reporter
from core.replies import Pair
from core.spec import facts, spec
from core.spec.facts import Fact
from core.text import statements
from core.text.questions import make
from core.text.questions.rows import Page, PageFact, QuestionRow

SOURCE = "offline"  # the source of rows made without a model
HEADING_SEPARATOR = " › "  # between the headings of a statement


def load_page(db: sqlite3.Connection) -> Page:
    """The facts of the spec that are not ignored, in the order of its text, each with the headings above its passage."""
    state = spec.load(db)
    known = [fact for fact in facts.sort_by_place(state.text, facts.load(db)) if not fact.ignored]
    places = facts.find_places(state.text, known)
    parts = statements.split_statements(state.text)

    def find_headings(fact: Fact) -> tuple[str, ...]:
        start = places.get(fact.id, (-1, -1))[0]
        heading = next((part.heading for part in parts if part.start <= start < part.end), "")
        return tuple(filter(None, heading.split(HEADING_SEPARATOR)))

    return Page(state.name, [PageFact(fact.name, fact.text, find_headings(fact)) for fact in known])


def make_rows(db: sqlite3.Connection, kinds: Collection[str] = (), seed: int = 1) -> list[QuestionRow]:
    """The rows that the page gives, of these kinds ((): all)."""
    made = make.make_rows(load_page(db), spec.get_language(spec.load(db)), seed)
    return [row for row in made if not kinds or row.kind in kinds]


def count_kinds(rows: Iterable[QuestionRow]) -> Counter[str]:
    """How many rows there are of each kind."""
    return Counter(row.kind for row in rows)


def add_rows(
    db: sqlite3.Connection, names: Collection[str] | None, kinds: Collection[str], reporter: Reporter, seed: int = 1
) -> AddedDrafts:
    """Add the rows of these facts (None: of all) as drafts; each has the form that made it as a tag.

    Raises `Cancelled` when the reporter is cancelled.
    """
    rows = [row for row in make_rows(db, kinds, seed) if names is None or row.facts[0] in names]
    reporter.update(0, len(rows))
    quotes = {fact.name: fact.quote for fact in facts.load(db)}
    return draft_rows.add_drafts(db, _build_proposals(rows, quotes), SOURCE)


def _build_proposals(rows: Sequence[QuestionRow], quotes: dict[str, str]) -> Iterator[DraftProposal]:
    for row in rows:
        name, *others = row.facts
        pair = Pair(row.question, row.answer, row.kind, quotes.get(name, ""))
        yield DraftProposal(name, [pair], others=others, tags=row.form)
