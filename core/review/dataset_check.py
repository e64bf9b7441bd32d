"""Checks all rows together: duplicates, contradictions, leaks between splits, imbalance, and what must not be trained on."""

import json
import sqlite3
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from core.dataset.row_json import RowTexts, read_texts
from core.progress import Reporter
from core.review import judged_support, row_comparisons, similar_rows
from core.review.fact_matching import KINDS_WITHOUT_FACT, Linker
from core.review.row_comparisons import MIN_TRAINING_ROWS as MIN_TRAINING_ROWS
from core.review.row_comparisons import RECOMMENDED_TRAINING_ROWS as RECOMMENDED_TRAINING_ROWS
from core.review.row_comparisons import UNKNOWING_KINDS as UNKNOWING_KINDS
from core.review.row_comparisons import Emit, RowColumns
from core.spec import asked_facts, facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.storage import compressed_texts
from core.text import grounding, near_duplicates, recited_headings, stated_figures

MAX_FACT_IMBALANCE = 3  # times fewer or more rows than the median fact has
MAX_GUESSED_ROWS = 50_000  # rows without a fact for which the fact that they contradict is looked for
ROWS_PER_BATCH = 10_000  # rows whose texts are read at once


def check_dataset(db: sqlite3.Connection, emit: Emit, reporter: Reporter) -> None:
    """Call `emit` for each problem of the rows that are not rejected. Raises `Cancelled` when the reporter is cancelled."""
    rows, approved = RowColumns(), _ApprovedRows()
    facts_by_name = {fact.name: fact for fact in facts.load(db)}
    state = spec.load(db)
    linker = Linker(list(facts_by_name.values()), state.text)
    checked = _check_grounding(_iterate_rows(db, reporter), facts_by_name, state, linker, emit)
    groups = near_duplicates.find_duplicates(_collect_questions(checked, rows, approved, emit), reporter)
    load = partial(similar_rows.load_row_texts, db)
    row_comparisons.compare_rows(rows, groups, load, state.system_prompt, emit, ROWS_PER_BATCH)
    if len(rows.ids):
        _check_row_counts(db, approved, emit)


@dataclass(slots=True)
class _ApprovedRows:
    """What is known of the rows to be trained on: their number, and how many ask for each fact."""

    count: int = 0
    facts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _CheckedRow:
    id: int
    data: str
    texts: RowTexts
    is_approved: bool
    split: str
    kind: str
    facts: str
    quote: str
    linked: str
    supported: int
    recited: str


def _iterate_rows(db: sqlite3.Connection, reporter: Reporter) -> Iterator[_CheckedRow]:
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    reader = compressed_texts.PackReader(db)
    columns = "status, id, pack, slot, split, kind, facts, quote, linked, supported, recited"
    for done, (status, id, pack, slot, *own) in enumerate(db.execute(f"SELECT {columns} FROM example ORDER BY id")):
        if done % 1000 == 0:
            reporter.update(done, total)
        if status != "rejected":
            data = reader.text((pack, slot))
            yield _CheckedRow(id, data, read_texts(data), status == "approved", *own)


def _check_grounding(
    rows: Iterable[_CheckedRow], facts_by_name: dict[str, Fact], state: Spec, linker: Linker, emit: Emit
) -> Iterator[_CheckedRow]:
    """Yield the rows; emit those that do not follow from the facts they teach, or from the passage they quote.

    A row without a fact is compared with the one that it seems to be about, where its answer has another figure.
    """
    guesses = MAX_GUESSED_ROWS
    for row in rows:
        taught = [facts_by_name[name] for name in row.facts.split() if name in facts_by_name]
        texts, is_bound = row.texts, bool(taught or row.quote or row.kind == "not_stated")
        if is_bound:
            doubt = find_doubt(texts.question, texts.answer, taught, state, row.quote, row.kind, row.supported)
            if doubt:
                emit("ungrounded", 0, row.id, doubt)
        elif not (is_bound or row.facts or row.linked or row.kind in KINDS_WITHOUT_FACT) and guesses:
            guesses -= 1
            if doubt := _find_guessed_doubt(row.texts, linker, facts_by_name, state):
                emit("ungrounded", 0, row.id, doubt)
        yield row


def _find_guessed_doubt(texts: RowTexts, linker: Linker, facts_by_name: dict[str, Fact], state: Spec) -> str:
    """The doubt about a row without a fact, whose answer contradicts the fact it seems to be about; '' if none."""
    link = linker.find_contradicted(texts.question, texts.answer)
    if not link:
        return ""
    fact = facts_by_name[link.facts]
    return find_doubt(texts.question, texts.answer, [fact], state, "", "", guess=link.confidence)


def _collect_questions(
    checked: Iterable[_CheckedRow], rows: RowColumns, approved: _ApprovedRows, emit: Emit
) -> Iterator[str]:
    """Yield the question of each row, fill `rows` and `approved`, and emit problems of single rows."""
    for row in checked:
        rows.add(row.id, row.data, row.texts, row.split, row.kind, emit)
        if row.split == "train" and row.is_approved:
            approved.count += 1
            approved.facts.update(asked_facts.split_facts(row.facts, row.recited)[0])
        yield row.texts.key


def find_doubt(
    question: str,
    answer: str,
    taught: Sequence[Fact],
    state: Spec,
    quote: str,
    kind: str,
    supported: int = judged_support.NOT_SUPPORTED,
    guess: float = 0.0,
) -> str:
    """The first doubt whether a row follows from the facts it teaches, as JSON for `finding.message`; '' if none.

    `supported` is what a judge has found supported (core/review/judged_support.py): of a row that is still the same, only
    the quotation is doubted, which no judge is shown. `guess` is how surely the row is about these facts, which it is not
    linked to.
    """
    basis = [words for fact in taught for words in (fact.text, fact.quote)]
    own = recited_headings.strip_heading(answer, state.text)
    basis_and_quote = [*basis, quote] if quote else basis
    doubts = grounding.find_doubts(question, own, basis_and_quote, state.text, quote, kind, state.name)
    if doubts and judged_support.is_same(supported, question, answer, kind, taught, state):
        doubts = [doubt for doubt in doubts if doubt.why == grounding.QUOTE_MISSING]
    if not doubts:
        return ""
    doubt, passage = doubts[0], basis[0] if guess else ""
    stated = ""
    if doubt.why == grounding.WRONG_FIGURE:
        said, stated, found = stated_figures.find_stated_figure(doubt.words, answer, [fact.text for fact in taught])
        doubt, passage = replace(doubt, words=said or doubt.words), found or passage
    parts = [doubt.why, doubt.words, stated, passage, round(guess, 2)]
    return json.dumps(parts if passage else parts[:2], ensure_ascii=False)


def _check_row_counts(db: sqlite3.Connection, approved: _ApprovedRows, emit: Emit) -> None:
    """Emit too few rows, and facts that have far fewer or far more rows than the median fact."""
    if approved.count < RECOMMENDED_TRAINING_ROWS:
        emit("too-few-rows" if approved.count < MIN_TRAINING_ROWS else "few-rows", 0, 0, str(approved.count))
    if not approved.facts:
        return
    counts = {fact.name: approved.facts[fact.name] for fact in facts.load(db)} | approved.facts
    median = statistics.median(counts.values())
    for name, count in sorted(counts.items()):
        if (
            count * MAX_FACT_IMBALANCE < median
            or not count
            or count > max(MIN_TRAINING_ROWS, median * MAX_FACT_IMBALANCE)
        ):
            emit("fact-unbalanced", 0, 0, f"{name} {count} {median:g}")
