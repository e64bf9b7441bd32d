"""Rows from templates, as Juku made them before it asked questions about a page: what tools/bench_teach.py compares with."""

import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
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
        drafts = make_drafts(request.fact.text, state.name, state.language, others)
        proposals.append(DraftProposal(request.fact.name, list(_build_pairs(drafts, request))))
    return draft_rows.add_drafts(db, proposals, "templates")


def make_drafts(fact: str, subject: str, language: str, others: Sequence[str]) -> list[TemplateRow]:
    """The statement of a fact, asked for by an opening that none of `others` has, and its gaps."""
    fact, language = fact.strip(), language or row_templates.detect_language(fact)
    gaps = row_templates.make_drafts(fact, subject, language)
    rest, request = [other.strip() for other in others], ""
    for opening in islice(_iterate_openings(fact, language), 20):
        rest = [other for other in rest if other.startswith(opening)]
        if not rest:
            request = _STATE[language].format(about=_ABOUT[language].format(subject), text=opening)
            break
    else:
        hidden = fact
        for gap in gaps:
            hidden = hidden.replace(gap.key_points, row_templates.BLANK[language]) if gap.kind == "direct" else hidden
        if gaps:
            request = _STATE_FIGURES[language].format(about=_ABOUT[language].format(subject), text=hidden)
    return [*([TemplateRow(request, fact, "statement", "")] if request else []), *gaps]


def _iterate_openings(fact: str, language: str) -> Iterator[str]:
    """Yield beginnings of the fact with at least two words or three characters left."""
    if language == "ja":
        ends = (match.end() for match in _JA_CUT.finditer(fact))
        yield from (fact[:end] for end in ends if 3 <= end <= len(fact) - 3)
        return
    words = fact.split()
    for count in range(max(2, len(words) // 3), len(words) - 1):
        yield " ".join(words[:count]).rstrip(",;:–—-")


_ABOUT = {"en": " about {}", "ja": "{}についての"}
_STATE = {
    "en": "State the sentence{about} that begins “{text} …”.",
    "ja": "{about}「{text}」で始まる文を述べてください。",
}
_STATE_FIGURES = {
    "en": "State this sentence{about} with its figures: {text}",
    "ja": "{about}次の文を、数を補って述べてください：{text}",
}
_JA_CUT = re.compile("、|[はがをにでとも](?=[^\u3041-\u3096、。」』）)])")


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
