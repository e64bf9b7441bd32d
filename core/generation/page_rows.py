"""Rows of a page without a model: the facts with their headings, the rows made from them, and how many of each kind."""

import sqlite3
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from core.exam import fact_coverage, held_out_kinds, point_making
from core.exam.fact_coverage import EXAM, EXTRA_KINDS, FactCoverage
from core.exam.held_out_kinds import FACT_KINDS, PAGE_KINDS
from core.generation import draft_rows
from core.generation.draft_rows import AddedDrafts, DraftProposal, HeldOut, PresentRows
from core.language import tr, trn
from core.lazy_loading import LazyModule, lazy_pattern
from core.progress import Reporter
from core.replies import Pair
from core.spec import facts, spec
from core.spec.facts import Fact
from core.text import statements
from core.text.questions.rows import KEYWORDS, Page, PageFact, QuestionRow
from core.text.questions.rows import SOURCE as SOURCE

if TYPE_CHECKING:
    from core.text.questions import make
else:
    make = LazyModule("core.text.questions.make")  # the analysers of both languages

_BLOCK_START = lazy_pattern(r"\n\s*\n|\n\s*(?:[-*+]\s|[・|#>①-⑳]|\d+[.)．]|[（(]\d+[)）])")  # between two passages
KINDS = (*fact_coverage.KINDS, *EXTRA_KINDS)  # kinds of rows that a page gives
ROWS_PER_FACT, MAX_ROWS_PER_FACT = 25, 100  # new rows of a fact: usual, and at most
# Forms whose questions give their answer away; they go to the exam only where a fact has no other.
VERDICT_FORMS = ("yes_no", "allowed", "must", "own_case", "may_i", "membership", "exception")
CLOSED_FORMS = (*VERDICT_FORMS, KEYWORDS)
MAX_DRAWS = 5  # draws of all rows, one after the other, in which new ones of a fact are looked for
MIN_NEW_SHARE = 0.25  # of a fact's rows in a draw that must be new: with fewer, another draw gives more

T = TypeVar("T")
_DRAWING = threading.Lock()  # the analysers of sentences are not made for several threads


@dataclass(frozen=True, slots=True)
class RowChoice:
    """Which rows to make: of these facts (None: of all) and kinds, at most `per_fact` new ones of each fact.

    With `hold` one wording is kept for the exam of each fact that has none there, and some questions of the other kinds
    over the page (core/exam/held_out_kinds.py). With `more` also facts that lack
    nothing get rows, and with others only facts of which something lacks that a row brings. `seed` is that of the
    first draw.
    """

    names: frozenset[str] | None = None
    kinds: tuple[str, ...] = KINDS
    per_fact: int = ROWS_PER_FACT
    hold: bool = True
    more: bool = False
    seed: int = 1

    def wants(self, entry: FactCoverage) -> bool:
        """Whether rows of this fact are looked for."""
        wanted = self.names is None or entry.fact.name in self.names
        return wanted and not entry.fact.ignored and bool(self.more or entry.lacking)

    def limit(self, entry: FactCoverage) -> int:
        """How many rows a fact gets at most: one that the base model knows only what it lacks."""
        if self.more or fact_coverage.knowledge(entry.fact.known) != "known":
            return self.per_fact
        return min(self.per_fact, sum(entry.lacking.values()))


@dataclass(frozen=True, slots=True)
class PageMaterial:
    """What rows are made from: the page and its language ('en', 'ja'), what each fact has, and the rows that are there."""

    page: Page
    language: str
    entries: dict[str, FactCoverage]
    present: PresentRows

    @property
    def facts(self) -> dict[str, Fact]:
        """The facts by their names."""
        return {name: entry.fact for name, entry in self.entries.items()}


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The rows that will be added, and whether each is for the exam."""

    rows: list[tuple[QuestionRow, bool]]
    is_parsed: bool = True  # whether the language's analyser is installed
    without: int = 0  # facts that lack something, and get no row
    unasked: int = 0  # facts that have no exam question, and get none

    @property
    def facts(self) -> int:
        """Of how many facts there are rows."""
        return len({row.facts[0] for row, _held in self.rows})

    @property
    def counts(self) -> Counter[str]:
        """How many rows of each kind there are, and under `EXAM` those for the exam."""
        return Counter(EXAM if held else row.kind for row, held in self.rows)


def format_missing_analyser() -> str:
    """What to tell the person where `PagePlan.is_parsed` is false."""
    return tr(
        "The extra “teach” is not installed: sentences are not analysed, and there are fewer questions. Install it with: "
        "{command}",
        command='pip install "juku[teach]"',
    )


def format_gaps(plan: PagePlan) -> list[str]:
    """What the plan leaves open, and what a person can do about it, in sentences."""
    lines = []
    if plan.without:
        text = trn("{n} fact gets none: the rules have no other question.",
                   "{n} facts get none: the rules have no other questions.", plan.without)  # fmt: skip
        lines.append(text)
    if plan.unasked:
        text = trn("{n} fact gets no exam question: the rules find none that a person would ask. Write one yourself.",
                   "{n} facts get no exam question: the rules find none that a person would ask. Write them yourself.",
                   plan.unasked)  # fmt: skip
        lines.append(text)
    return lines if plan.is_parsed else [*lines, format_missing_analyser()]


def load_page(db: sqlite3.Connection) -> Page:
    """The facts of the spec that are not ignored, in the order of its text, each with the headings above its passage.

    All that the spec says beside them stands in `Page.elsewhere`.
    """
    state = spec.load(db)
    ordered = facts.sort_by_place(state.text, facts.load(db))
    known = [fact for fact in ordered if not fact.ignored]
    places = facts.find_places(state.text, known)
    parts = statements.split_statements(state.text)

    def find_headings(fact: Fact) -> tuple[str, ...]:
        start = places.get(fact.id, (-1, -1))[0]
        heading = next((part.heading for part in parts if part.start <= start < part.end), "")
        return _split_headings(heading)

    blocks = _number_blocks(state.text, (places.get(fact.id, (-1, -1)) for fact in known))
    found = (
        PageFact(fact.name, fact.text, find_headings(fact), block) for fact, block in zip(known, blocks, strict=True)
    )
    return Page(state.name.strip() or _find_title(parts), tuple(found), tuple(_find_elsewhere(parts, ordered, places)))


def _find_title(parts: Sequence[statements.Statement]) -> str:
    """The heading that all statements stand under, which names a spec without a name; '' where there is none."""
    tops = {_split_headings(part.heading)[:1] for part in parts}
    return "".join(tops.pop()) if len(tops) == 1 else ""


def _split_headings(heading: str) -> tuple[str, ...]:
    return tuple(filter(None, heading.split(statements.SEPARATOR)))


def _find_elsewhere(
    parts: Sequence[statements.Statement], all_facts: Sequence[Fact], places: Mapping[int, tuple[int, int]]
) -> Iterator[PageFact]:
    """The statements of the spec that no fact has word for word, then the ignored facts that are none of them.

    A fact in other words than its passage may say less than it: then the passage is among these, with the fact's name.
    `places` are the spans of the facts that are not ignored.
    """
    stated = {fact.text for fact in all_facts if not fact.ignored}
    spans = sorted((*places[fact.id], fact.name) for fact in all_facts if fact.id in places)
    for part in parts:
        if part.text not in stated:
            before = bisect_left(spans, (part.end,))
            is_passage = before > 0 and spans[before - 1][1] > part.start
            yield PageFact(spans[before - 1][2] if is_passage else "", part.text, _split_headings(part.heading))
    stated.update(part.text for part in parts)
    yield from (PageFact("", fact.text) for fact in all_facts if fact.ignored and fact.text not in stated)


def _number_blocks(text: str, places: Iterable[tuple[int, int]]) -> Iterator[int]:
    """For passages in the order of the text the number of the paragraph or list item that each stands in; 0 for one that isn't found."""
    block, end = 0, -1
    for start, stop in places:
        if start < 0:
            yield 0
            continue
        # What opens an item stands before its passage; the bar of a table's row is a part of it.
        block += end < 0 or _BLOCK_START.search(text, end, max(end, start) + 1) is not None
        yield block
        end = max(end, stop)


def load_page_and_language(db: sqlite3.Connection) -> tuple[Page, str]:
    """The page, as `load_page` gives it, with the language of the spec."""
    return load_page(db), spec.get_language(spec.load(db))


def load_material(db: sqlite3.Connection) -> PageMaterial:
    """What rows of the project's spec are made from."""
    entries = {entry.fact.name: entry for entry in fact_coverage.load(db)}
    return PageMaterial(*load_page_and_language(db), entries, draft_rows.load_present_rows(db))


def draw_rows(page: Page, language: str, seed: int) -> Sequence[QuestionRow]:
    """The rows that a page gives: other ones for another seed. The newest draws are kept. Safe to call from any thread."""
    with _DRAWING:
        return _draw_rows(page, language, seed)


@lru_cache(maxsize=2 * MAX_DRAWS)
def _draw_rows(page: Page, language: str, seed: int) -> tuple[QuestionRow, ...]:
    return tuple(make.make_rows(page, language, seed))


def plan_rows(material: PageMaterial, choice: RowChoice, reporter: Reporter) -> PagePlan:
    """The rows that `add_rows` will add. Takes seconds for a long page, and needs no database.

    A fact whose rows of one draw are there already gets those of the next one. Raises `Cancelled`.
    """
    wanted = lacking = {name for name, entry in material.entries.items() if choice.wants(entry)}
    found: list[QuestionRow] = []
    asked = set(material.present.asked)
    offered: list[QuestionRow] = []
    new: list[tuple[QuestionRow, bool]] = []
    for draw in range(MAX_DRAWS if choice.kinds else 0):
        if not wanted:
            break
        reporter.check()
        drawn = [
            row
            for row in draw_rows(material.page, material.language, choice.seed + draw)
            if row.facts[0] in wanted and row.kind in choice.kinds
        ]
        # The same question with another answer (“the text does not say”, in other words) is no repeat for `find_new_rows`.
        offered = [row for row in drawn if draft_rows.find_key(row.question) not in asked]
        new = find_new_rows(material, offered, choice.hold, reporter)
        ready = _find_ready(drawn, [row for row, _held in new])
        found += [row for row, _held in new if row.facts[0] in ready]
        asked |= {draft_rows.find_key(row.question) for row in found}
        wanted = {row.facts[0] for row in drawn} - ready
    chosen = _choose_rows(found, material, choice)
    if chosen != offered:  # what is for the exam depends on all that is added
        new = find_new_rows(material, chosen, choice.hold, reporter)
    given, asked_of = {row.facts[0] for row, _held in new}, {row.facts[0] for row, held in new if held}
    without = len({name for name in lacking if choice.kinds} - given)
    unasked = {name for name in lacking if choice.hold and EXAM in material.entries[name].lacking} - asked_of
    return PagePlan(new, make.has_analyser(material.language), without, len(unasked))


def add_rows(db: sqlite3.Connection, choice: RowChoice, reporter: Reporter) -> AddedDrafts:
    """Add the chosen rows as drafts; each has the form that made it as a tag. Raises `Cancelled`."""
    material = load_material(db)
    planned = plan_rows(material, choice, reporter).rows
    proposals = [
        replace(one, hold=held, is_planned=held)
        for one, (_row, held) in zip(
            build_proposals([row for row, _held in planned], material.facts, choice.hold), planned, strict=True
        )
    ]
    return draft_rows.add_drafts(db, proposals, SOURCE, reporter)


def add_given_rows(db: sqlite3.Connection, rows: Sequence[QuestionRow], hold: bool, reporter: Reporter) -> AddedDrafts:
    """Add rows that were chosen, or written by a model (core/generation/question_writer.py), as drafts. Raises `Cancelled`."""
    known = {fact.name: fact for fact in facts.load(db)}
    there = [row for row in rows if row.facts[0] in known]
    return draft_rows.add_drafts(db, build_proposals(there, known, hold), SOURCE, reporter)


def find_new_rows(
    material: PageMaterial, rows: Sequence[QuestionRow], hold: bool, reporter: Reporter
) -> list[tuple[QuestionRow, bool]]:
    """The rows that are not there yet, and whether each would be kept for the exam. Raises `Cancelled`."""
    new = draft_rows.find_new(material.present, build_proposals(rows, material.facts, hold), reporter)
    return [(rows[place], new[place]) for place in sorted(new)]


def _find_ready(drawn: Iterable[QuestionRow], new: Iterable[QuestionRow]) -> set[str]:
    """The facts of which a draw has enough new rows."""
    fresh = Counter(row.facts[0] for row in new)
    return {
        name for name, count in Counter(row.facts[0] for row in drawn).items() if fresh[name] >= MIN_NEW_SHARE * count
    }


def _choose_rows(rows: Sequence[QuestionRow], material: PageMaterial, choice: RowChoice) -> list[QuestionRow]:
    """Of each fact as many rows as it may get, and none of a fact to which they bring nothing that it lacks."""
    by_fact: dict[str, list[QuestionRow]] = {}
    for row in rows:
        by_fact.setdefault(row.facts[0], []).append(row)
    chosen: set[QuestionRow] = set()
    for name, own in by_fact.items():
        entry = material.entries[name]
        if choice.more or any(_brings(row, entry, choice.hold) for row in own):
            chosen |= _choose_some(own, choice.limit(entry), entry.lacking)
    return [row for row in rows if row in chosen]


def _brings(row: QuestionRow, entry: FactCoverage, hold: bool) -> bool:
    return row.kind in entry.lacking or (hold and EXAM in entry.lacking and row.kind in FACT_KINDS)


def _choose_some(rows: Sequence[QuestionRow], limit: int, lacking: dict[str, int]) -> set[QuestionRow]:
    """Up to `limit` rows: first what the fact lacks, then one of each form, then of each kind and form the same share."""
    if len(rows) <= limit:
        return {*rows}
    left = Counter(lacking)
    first: list[QuestionRow] = []
    rest: list[QuestionRow] = []
    for row in _take_forms_in_turn(rows):
        (first if left[row.kind] > 0 else rest).append(row)
        left[row.kind] -= 1
    first = held_out_kinds.spread(first, min(limit, len(first)))
    rest.sort(key=lambda row: (row.kind, row.form))
    forms = {row.form for row in first}
    one_each = list({row.form: row for row in rest if row.form not in forms}.values())
    chosen = {*first, *held_out_kinds.spread(one_each, min(limit - len(first), len(one_each)))}
    return chosen | {*held_out_kinds.spread([row for row in rest if row not in chosen], limit - len(chosen))}


def _take_forms_in_turn(rows: Sequence[QuestionRow]) -> list[QuestionRow]:
    """The rows, one of each form before a second one of any."""
    seen: Counter[str] = Counter()
    turns = []
    for row in rows:
        turns.append(seen[row.form])
        seen[row.form] += 1
    return [row for _turn, row in sorted(zip(turns, rows, strict=True), key=lambda pair: pair[0])]


def build_proposals(rows: Sequence[QuestionRow], known: dict[str, Fact], hold: bool) -> list[DraftProposal]:
    """The rows as proposals, in their order; with `hold` those that may be kept for the exam say so.

    Without an open question, one that asks whether the fact is so may be kept. Keywords, and other questions that give
    their answer away, never are: nobody would ask them, and any word of the fact would be a right answer.
    """
    openly = {row.facts[0] for row in rows if hold and _asks_openly(row)}
    proposals = []
    for row in rows:
        name, *others = row.trained_facts
        pair = Pair(row.question, row.trained_answer, row.kind, known[name].quote)
        asks = _asks_openly(row) or (name not in openly and row.form in VERDICT_FORMS) or _asks_of_page(row)
        held = HeldOut(row.answer, row.facts[1:]) if row.recited else None
        proposals.append(DraftProposal(name, [pair], hold and asks, others, row.form, held))
    return proposals


def _asks_openly(row: QuestionRow) -> bool:
    """Whether a row is good for the exam: its question does not give the answer away."""
    is_open = row.kind in FACT_KINDS and row.form not in CLOSED_FORMS
    return is_open and not point_making.gives_answer_away(row.question, row.answer)


def _asks_of_page(row: QuestionRow) -> bool:
    """Whether a row may be one of the few of its kind in the exam."""
    if row.kind == "combined" and point_making.gives_answer_away(row.question, row.answer):
        return False
    return row.kind in PAGE_KINDS and row.form != KEYWORDS
