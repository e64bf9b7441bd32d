"""Rows from templates, as Juku made them before it asked questions about a page: what tools/bench_teach.py compares with."""

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.exam import fact_coverage
from core.generation import draft_rows, row_generation
from core.generation.draft_rows import AddedDrafts, DraftProposal
from core.generation.row_generation import RowRequest
from core.replies import Pair
from core.spec import facts, spec
from core.spec.facts import Fact
from core.text import row_templates
from core.text.row_templates import TemplateRow


def add_rows(db: sqlite3.Connection) -> AddedDrafts:
    """Add what every fact lacks of statements and of sentences with a gap, as drafts."""
    state = spec.load(db)
    neighbours = _find_neighbours(facts.load(db))
    proposals = []
    for request in row_generation.build_requests(fact_coverage.load(db)):
        others = neighbours.get(request.fact.name, ())
        drafts = row_templates.make_drafts(request.fact.text, state.name, state.language, others)
        proposals.append(DraftProposal(request.fact.name, list(_build_pairs(drafts, request))))
    return draft_rows.add_drafts(db, proposals, "templates")


def _find_neighbours(known: Iterable[Fact]) -> dict[str, list[str]]:
    """For each fact those before and behind it by the alphabet: no others begin as it does for longer."""
    ordered = sorted((fact.text.strip(), fact.name) for fact in known)
    texts = [text for text, _name in ordered]
    return {name: texts[max(0, at - 1) : at] + texts[at + 1 : at + 2] for at, (_text, name) in enumerate(ordered)}


def _build_pairs(drafts: Iterable[TemplateRow], request: RowRequest) -> Iterator[Pair]:
    """As many of each kind as the fact lacks."""
    left = Counter(request.counts)
    for draft in drafts:
        if left[draft.kind] > 0:
            left[draft.kind] -= 1
            yield Pair(draft.question, draft.answer, draft.kind, request.fact.quote)
