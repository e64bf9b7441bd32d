"""Checks all rows together: duplicates, contradictions, leaks between splits, imbalance, and what must not be trained on."""

import json
import sqlite3
import statistics
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from core.dataset.examples import MEMORISED, SPLITS
from core.dataset.row_json import RowTexts, read_texts
from core.progress import Reporter
from core.review import similar_rows
from core.spec import facts, spec
from core.spec.facts import Fact
from core.storage import compressed_texts
from core.text import contradicting_answers, grounding, near_duplicates, negation, personal_data
from core.text.near_duplicates import DuplicateGroups, IntArray

UNKNOWING_KINDS = ("not_stated", "false_premise")  # kinds whose answers may say that something is not in the text
MIN_TRAINING_ROWS, RECOMMENDED_TRAINING_ROWS = 10, 50  # training rows: fewer are refused, fewer do little
MAX_FACT_IMBALANCE = 3  # times fewer or more rows than the median fact has
MAX_COMPARED_NEIGHBOURS = 200  # training rows of one group that an exam question is compared with
ROWS_PER_BATCH = 10_000  # rows that are read at once
MAX_CACHED_PROMPTS = 1000  # system prompts that are searched once for all their rows

Emit = Callable[[str, int, int, str], None]  # rule, cluster, example (0: the whole dataset), detail

_SPLIT_CODES = {split: code for code, split in enumerate(SPLITS)}
_TRAIN_CODE = _SPLIT_CODES["train"]


@dataclass(slots=True)
class _RowColumns:
    """A few bytes of each row, as columns in the order of ids."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    splits: "array[int]" = field(default_factory=lambda: array("b"))
    digests: "array[int]" = field(default_factory=lambda: array("q"))
    answers: "array[int]" = field(default_factory=lambda: array("q"))
    prompts: "array[int]" = field(default_factory=lambda: array("q"))
    has_question: "array[int]" = field(default_factory=lambda: array("b"))
    is_memorised: "array[int]" = field(
        default_factory=lambda: array("b")
    )  # whether it repeats a training row on purpose
    facts: Counter[str] = field(default_factory=Counter)
    approved: int = 0  # rows to be trained on


def check_dataset(db: sqlite3.Connection, emit: Emit, reporter: Reporter) -> None:
    """Call `emit` for each problem of the rows that are not rejected. Raises `Cancelled` when the reporter is cancelled."""
    rows = _RowColumns()
    facts_by_name = {fact.name: fact for fact in facts.load(db)}
    checked = _check_grounding(_iterate_rows(db, reporter), facts_by_name, spec.load(db).text, emit)
    groups = near_duplicates.find_duplicates(_collect_questions(checked, rows, emit), reporter)
    ids = np.array(rows.ids, np.int64)
    copies = _check_copies(rows, ids, emit)
    _check_near_duplicates(db, rows, ids, groups, copies, emit)
    _check_leaks(db, rows, ids, groups, emit)
    _check_contradictions(db, rows, ids, groups, emit)
    _check_system_prompts(db, rows, ids, emit)
    _check_row_counts(db, rows, emit)


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


def _iterate_rows(db: sqlite3.Connection, reporter: Reporter) -> Iterator[_CheckedRow]:
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    reader = compressed_texts.PackReader(db)
    columns = db.execute("SELECT status, id, pack, slot, split, kind, facts, quote FROM example ORDER BY id")
    for done, (status, id, pack, slot, *own) in enumerate(columns):
        if done % 1000 == 0:
            reporter.update(done, total)
        if status != "rejected":
            data = reader.text((pack, slot))
            yield _CheckedRow(id, data, read_texts(data), status == "approved", *own)


def _check_grounding(
    rows: Iterable[_CheckedRow], facts_by_name: dict[str, Fact], text: str, emit: Emit
) -> Iterator[_CheckedRow]:
    """Yield the rows; emit those that do not follow from the facts they teach, or from the passage they quote."""
    for row in rows:
        taught = [facts_by_name[name] for name in row.facts.split() if name in facts_by_name]
        texts, is_bound = row.texts, bool(taught or row.quote or row.kind == "not_stated")
        if is_bound and (doubt := find_doubt(texts.question, texts.answer, taught, text, row.quote, row.kind)):
            emit("ungrounded", 0, row.id, doubt)
        yield row


def _collect_questions(checked: Iterable[_CheckedRow], rows: _RowColumns, emit: Emit) -> Iterator[str]:
    """Yield the question of each row, fill `rows` with its other columns, and emit problems of single rows."""
    prompts: dict[str, dict[str, str]] = {}
    for row in checked:
        texts = row.texts
        rows.ids.append(row.id)
        rows.splits.append(_SPLIT_CODES.get(row.split, _TRAIN_CODE))
        rows.digests.append(compressed_texts.digest(row.data.encode()))
        rows.answers.append(hash(texts.answer))
        rows.prompts.append(hash(texts.system_prompt))
        rows.has_question.append(bool(texts.question))
        rows.is_memorised.append(row.kind == MEMORISED)
        if row.split == "train" and row.is_approved:
            rows.approved += 1
            rows.facts.update(row.facts.split())
        if (
            row.split != "test"
            and row.kind not in UNKNOWING_KINDS
            and (phrase := negation.find_unknown_phrase(texts.answer))
        ):
            emit("answer-admits-unknown", 0, row.id, phrase)
        for rule, text in _find_personal_data(texts, prompts).items():
            emit(rule, 0, row.id, text)
        yield texts.key


def _find_personal_data(texts: RowTexts, prompts: dict[str, dict[str, str]]) -> dict[str, str]:
    """The first match of each personal-data rule in a row, masked. `prompts` caches those of system prompts."""
    if (in_prompt := prompts.get(texts.system_prompt)) is None:
        if len(prompts) >= MAX_CACHED_PROMPTS:
            prompts.clear()
        in_prompt = prompts[texts.system_prompt] = _find_first_of_each_rule(texts.system_prompt)
    return in_prompt | _find_first_of_each_rule(texts.question) | _find_first_of_each_rule(texts.answer)


def _find_first_of_each_rule(text: str) -> dict[str, str]:
    return {
        one.rule: personal_data.mask(text[one.start : one.end])
        for one in reversed(personal_data.find_personal_data(text))
    }


def find_doubt(question: str, answer: str, taught: Sequence[Fact], text: str, quote: str, kind: str) -> str:
    """The first doubt whether a row follows from the facts it teaches, as JSON for `finding.message`; '' if none."""
    basis = [words for fact in taught for words in (fact.text, fact.quote)]
    doubts = grounding.find_doubts(question, answer, [*basis, quote] if quote else basis, text, quote, kind)
    return json.dumps([doubts[0].why, doubts[0].words], ensure_ascii=False) if doubts else ""


def _iterate_equal_groups(keys: IntArray) -> Iterator[IntArray]:
    """Groups of indices with equal keys, of two or more, each in ascending order."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order], prepend=keys[order[:1]] - 1, append=keys[order[-1:]] + 1))
    for start, end in pairwise(edges.tolist()):
        if end - start > 1:
            yield order[start:end]


def _check_copies(rows: _RowColumns, ids: IntArray, emit: Emit) -> set[int]:
    """Emit rows that are identical to an earlier one of their split; returns the indices of the later ones."""
    copies = set()
    for places in _iterate_equal_groups(np.array(rows.digests, np.int64) ^ np.array(rows.splits, np.int64)):
        first, *later = places.tolist()
        for place in later:
            emit("duplicate-row", int(ids[first]), int(ids[place]), str(ids[first]))
        copies.update(later)
    return copies


def _check_near_duplicates(
    db: sqlite3.Connection, rows: _RowColumns, ids: IntArray, groups: DuplicateGroups, copies: set[int], emit: Emit
) -> None:
    """Emit near duplicates within one split; exact `copies` were emitted before."""
    alike = (
        [place for place in places.tolist() if place not in copies]
        for places in _iterate_equal_groups(groups.near * len(SPLITS) + np.array(rows.splits, np.int64))
    )
    for batch in _batch_groups(ids[places].tolist() for places in alike if len(places) > 1):
        texts = similar_rows.load_row_texts(db, [id for members in batch for id in members])
        for members in batch:
            for first, *others in similar_rows.cluster_rows({id: texts[id] for id in members}):
                emit("near-duplicate", first, first, "")
                for id in others:
                    emit("near-duplicate", first, id, str(first))


def _batch_groups(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Batches of groups of ids, about `ROWS_PER_BATCH` ids each; a larger group is split."""
    batch: list[list[int]] = []
    size = 0
    for group in groups:
        for start in range(0, len(group), ROWS_PER_BATCH):
            batch.append(group[start : start + ROWS_PER_BATCH])
            size += len(batch[-1])
            if size >= ROWS_PER_BATCH:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _check_leaks(db: sqlite3.Connection, rows: _RowColumns, ids: IntArray, groups: DuplicateGroups, emit: Emit) -> None:
    """Emit test and validation rows whose question is trained on too, and those training rows."""
    splits = np.array(rows.splits, np.int64)
    for places in _iterate_equal_groups(groups.near):
        trained = places[splits[places] == _TRAIN_CODE]
        untrained = [place for place in places[splits[places] != _TRAIN_CODE].tolist() if not rows.is_memorised[place]]
        if not untrained or not len(trained):
            continue
        matches = {place: twin for place in untrained if (twin := _find_most_similar(db, ids, groups, place, trained))}
        first = int(ids[places[0]])
        for place, (row, similarity) in matches.items():
            emit("split-leakage", first, int(ids[place]), f"{row} {similarity:.0f}")
        for row in sorted({row for row, _similarity in matches.values()}):
            emit("split-leakage", first, row, "")


def _find_most_similar(
    db: sqlite3.Connection, ids: IntArray, groups: DuplicateGroups, place: int, trained: IntArray
) -> tuple[int, float] | None:
    """The id of the training row whose question is most similar to a row's, and the per cent; None where none is similar.

    A group has chains: not each of its rows is similar to each other one.
    """
    same = trained[groups.same[trained] == groups.same[place]]
    if len(same):
        return int(ids[same[0]]), 100.0
    texts = similar_rows.load_row_texts(db, ids[[place, *trained[:MAX_COMPARED_NEIGHBOURS]]].tolist())
    own = texts.pop(int(ids[place]))
    return max(
        (
            (id, similarity)
            for id, other in texts.items()
            if (similarity := similar_rows.compute_similarity(own, other))
        ),
        key=lambda match: match[1],
        default=None,
    )


def _check_contradictions(
    db: sqlite3.Connection, rows: _RowColumns, ids: IntArray, groups: DuplicateGroups, emit: Emit
) -> None:
    """Emit rows that ask the same and answer differently."""
    for batch in _batch_groups(_group_different_answers(rows, ids, groups)):
        texts = similar_rows.load_row_texts(db, [id for members in batch for id in members])
        for members in batch:
            answers = {id: texts[id].answer for id in members}
            for id, other, why in contradicting_answers.find_contradictions(answers, texts[members[0]].question):
                emit("answers-contradict", members[0], id, f"{other} {why}")


def _group_different_answers(rows: _RowColumns, ids: IntArray, groups: DuplicateGroups) -> Iterator[list[int]]:
    """For each question, the ids of the first row of each different answer, at most `MAX_COMPARED_ANSWERS`."""
    answers = np.array(rows.answers, np.int64)
    for places in _iterate_equal_groups(groups.same):
        _each, firsts = np.unique(answers[places], return_index=True)
        if rows.has_question[places[0]] and len(firsts) > 1:
            yield ids[places[np.sort(firsts)][: contradicting_answers.MAX_COMPARED_ANSWERS]].tolist()


def _check_system_prompts(db: sqlite3.Connection, rows: _RowColumns, ids: IntArray, emit: Emit) -> None:
    """Emit training rows with another system prompt than the spec's or, where it has none, than most rows have."""
    splits, prompts = np.array(rows.splits, np.int64), np.array(rows.prompts, np.int64)
    places = np.flatnonzero(splits != _SPLIT_CODES["test"])
    if not len(places):
        return
    wanted = spec.load(db).system_prompt
    usual, example = hash(wanted), 0
    if not wanted.strip():
        each, firsts, counts = np.unique(prompts[places], return_index=True, return_counts=True)
        most = int(np.argmax(counts))
        if counts[most] * 2 < len(places):
            return  # no prompt is the usual one
        usual, example = int(each[most]), int(ids[places[firsts[most]]])
    for place in places[prompts[places] != usual].tolist():
        emit("system-prompt-differs", 0, int(ids[place]), str(example))


def _check_row_counts(db: sqlite3.Connection, rows: _RowColumns, emit: Emit) -> None:
    """Emit too few rows, and facts that have far fewer or far more rows than the median fact."""
    if not rows.ids:
        return
    if rows.approved < RECOMMENDED_TRAINING_ROWS:
        emit("too-few-rows" if rows.approved < MIN_TRAINING_ROWS else "few-rows", 0, 0, str(rows.approved))
    if not rows.facts:
        return
    counts = {fact.name: rows.facts[fact.name] for fact in facts.load(db)} | rows.facts
    median = statistics.median(counts.values())
    for name, count in sorted(counts.items()):
        if (
            count * MAX_FACT_IMBALANCE < median
            or not count
            or count > max(MIN_TRAINING_ROWS, median * MAX_FACT_IMBALANCE)
        ):
            emit("fact-unbalanced", 0, 0, f"{name} {count} {median:g}")
