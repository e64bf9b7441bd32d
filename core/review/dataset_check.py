"""Looks at all rows together: what repeats, contradicts, leaks or leans, and what should not be taught at all."""

import json
import re
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
from core.text import contradicting_answers, grounding, near_duplicates, personal_data
from core.text.near_duplicates import DuplicateGroups, IntArray

MINIMUM, ADVISED = 10, 50  # training rows: fewer are refused, fewer do little
LEAN = 3  # times fewer or more rows than the middle fact has
NEIGHBOURS = 200  # training rows of one group that an exam question is compared with
BATCH = 10_000  # rows that are read at once
REMEMBERED = 1000  # system prompts that are searched once for all their rows
READ = 4000  # characters of an answer that are searched for an admission

Emit = Callable[[str, int, int, str], None]  # rule, cluster, example (0: the whole set), detail

# An answer of these words says that the text does not give the answer.
_UNKNOWN = re.compile(
    r"\b(?:does|did|do)(?: not|n['’]t) (?:explicitly |clearly |directly |actually )?(?:say|state|mention|specify)\b"
    r"|\b(?:text|document|passage|context|source|spec|rules?)\b (?:does|did|do)(?: not|n['’]t) (?:\w+ )?"
    r"(?:contain|provide|give|include|describe|cover|indicate)\b"
    r"|\b(?:is|are|was|were)(?: not|n['’]t) (?:\w+ly )?(?:mentioned|stated|specified|described|provided|given) (?:in|by|here)\b"
    r"|\bno information (?:is|was|about|on|in)\b|\bas an ai\b"
    r"|\b(?:I|we) (?:do not|don['’]t|cannot|can['’]t) (?:know|find|tell|answer|determine)\b"
    r"|(?:記載|記述|言及|明記|説明|定め|規定|情報)(?:され|が|は|も|て|い)*(?:ませ(?:ん|んでした)|ない|ありません|なし|ございません)"
    r"|(?:書かれて|述べられて)い(?:ません|ない)|(?:分か|わか)り(?:ません|かねます)|お答えできません|不明です",
    re.IGNORECASE,
)
_HINTS = (
    "n't",
    "n’t",
    " not ",
    "no info",
    "No info",
    "I can",
    "an AI",
    "an ai",
    "ません",
    "ない",
    "なし",
    "かねます",
    "不明",
)
_CODES = {split: code for code, split in enumerate(SPLITS)}
_TRAIN = _CODES["train"]


@dataclass(slots=True)
class _Rows:
    """What is kept of each row, a few bytes, in the order of ids."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    splits: "array[int]" = field(default_factory=lambda: array("b"))
    digests: "array[int]" = field(default_factory=lambda: array("q"))
    answers: "array[int]" = field(default_factory=lambda: array("q"))
    prompts: "array[int]" = field(default_factory=lambda: array("q"))
    asked: "array[int]" = field(default_factory=lambda: array("b"))  # whether it asks anything at all
    repeated: "array[int]" = field(default_factory=lambda: array("b"))  # whether it repeats a training row on purpose
    facts: Counter[str] = field(default_factory=Counter)
    approved: int = 0  # rows to be trained on


def survey(db: sqlite3.Connection, emit: Emit, reporter: Reporter) -> None:
    """Tell `emit` everything that is found among the rows that are not rejected. Raises `Cancelled`."""
    rows = _Rows()
    known = {fact.name: fact for fact in facts.load(db)}
    read = _grounded(_read(db, reporter), known, spec.load(db).text, emit)
    groups = near_duplicates.find(_questions(read, rows, emit), reporter)
    ids = np.array(rows.ids, np.int64)
    copies = _copies(rows, ids, emit)
    _near(db, rows, ids, groups, copies, emit)
    _leaks(db, rows, ids, groups, emit)
    _contradictions(db, rows, ids, groups, emit)
    _prompts(db, rows, ids, emit)
    _amounts(db, rows, emit)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    data: str
    said: RowTexts
    is_approved: bool
    split: str
    kind: str
    facts: str
    quote: str


def _read(db: sqlite3.Connection, reporter: Reporter) -> Iterator[_Row]:
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    reader = compressed_texts.PackReader(db)
    found = db.execute("SELECT status, id, pack, slot, split, kind, facts, quote FROM example ORDER BY id")
    for done, (status, id, pack, slot, *own) in enumerate(found):
        if done % 1000 == 0:
            reporter.update(done, total)
        if status != "rejected":
            data = reader.text((pack, slot))
            yield _Row(id, data, read_texts(data), status == "approved", *own)


def _grounded(read: Iterable[_Row], known: dict[str, Fact], text: str, emit: Emit) -> Iterator[_Row]:
    """The rows, with those told of that do not follow from the facts they teach, or from the passage they stand on."""
    for row in read:
        taught = [known[name] for name in row.facts.split() if name in known]
        said, is_bound = row.said, bool(taught or row.quote)
        if is_bound and (noted := doubt(said.question, said.answer, taught, text, row.quote, row.kind)):
            emit("ungrounded", 0, row.id, noted)
        yield row


def _questions(read: Iterable[_Row], rows: _Rows, emit: Emit) -> Iterator[str]:
    """What each row asks, with the rest noted in `rows` on the way; what concerns one row alone is told at once."""
    prompts: dict[str, dict[str, str]] = {}
    for row in read:
        said = row.said
        rows.ids.append(row.id)
        rows.splits.append(_CODES.get(row.split, _TRAIN))
        rows.digests.append(compressed_texts.digest(row.data.encode()))
        rows.answers.append(hash(said.answer))
        rows.prompts.append(hash(said.system_prompt))
        rows.asked.append(bool(said.question))
        rows.repeated.append(row.kind == MEMORISED)
        if row.split == "train" and row.is_approved:
            rows.approved += 1
            rows.facts.update(row.facts.split())
        if row.split != "test" and row.kind != "not_stated" and (words := admission(said.answer)):
            emit("answer-admits-unknown", 0, row.id, words)
        for rule, text in _personal(said, prompts).items():
            emit(rule, 0, row.id, text)
        yield said.key


def _personal(said: RowTexts, prompts: dict[str, dict[str, str]]) -> dict[str, str]:
    """The first of each kind of personal data in a row, masked. What was found in `prompts` is remembered."""
    if (found := prompts.get(said.system_prompt)) is None:
        if len(prompts) >= REMEMBERED:
            prompts.clear()
        found = prompts[said.system_prompt] = _firsts(said.system_prompt)
    return found | _firsts(said.question) | _firsts(said.answer)


def _firsts(text: str) -> dict[str, str]:
    return {one.rule: personal_data.mask(text[one.start : one.end]) for one in reversed(personal_data.find(text))}


def doubt(question: str, answer: str, taught: Sequence[Fact], text: str, quote: str, kind: str) -> str:
    """The first doubt whether a row follows from the facts it teaches, as it is noted (JSON); '' where there is none."""
    basis = [words for fact in taught for words in (fact.text, fact.quote)]
    found = grounding.find_doubts(question, answer, [*basis, quote] if quote else basis, text, quote, kind)
    return json.dumps([found[0].why, found[0].words], ensure_ascii=False) if found else ""


def admission(answer: str) -> str:
    """The words by which an answer says that it does not know; '' where it does."""
    start = answer[:READ]
    found = _UNKNOWN.search(start) if any(hint in start for hint in _HINTS) else None
    return found[0] if found else ""


def _runs(keys: IntArray) -> Iterator[IntArray]:
    """Groups of places with equal keys, of two and more, each in order."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order], prepend=keys[order[:1]] - 1, append=keys[order[-1:]] + 1))
    for start, end in pairwise(edges.tolist()):
        if end - start > 1:
            yield order[start:end]


def _copies(rows: _Rows, ids: IntArray, emit: Emit) -> set[int]:
    """Tell of rows that are the same as an earlier one of their split, to the letter; the places of the later ones."""
    found = set()
    for places in _runs(np.array(rows.digests, np.int64) ^ np.array(rows.splits, np.int64)):
        first, *later = places.tolist()
        for place in later:
            emit("duplicate-row", int(ids[first]), int(ids[place]), str(ids[first]))
        found.update(later)
    return found


def _near(
    db: sqlite3.Connection, rows: _Rows, ids: IntArray, groups: DuplicateGroups, copies: set[int], emit: Emit
) -> None:
    """Tell of rows of one split that nearly say the same; exact copies have been told of."""
    alike = (
        [place for place in places.tolist() if place not in copies]
        for places in _runs(groups.near * len(SPLITS) + np.array(rows.splits, np.int64))
    )
    for batch in _batches(ids[places].tolist() for places in alike if len(places) > 1):
        said = similar_rows.load_row_texts(db, [id for members in batch for id in members])
        for members in batch:
            for first, *others in similar_rows.clusters({id: said[id] for id in members}):
                emit("near-duplicate", first, first, "")
                for id in others:
                    emit("near-duplicate", first, id, str(first))


def _batches(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Groups of ids, so many together that their rows are read at once; one larger than that is looked at in parts."""
    batch: list[list[int]] = []
    size = 0
    for group in groups:
        for start in range(0, len(group), BATCH):
            batch.append(group[start : start + BATCH])
            size += len(batch[-1])
            if size >= BATCH:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _leaks(db: sqlite3.Connection, rows: _Rows, ids: IntArray, groups: DuplicateGroups, emit: Emit) -> None:
    """Tell of rows of the exam or the validation whose question is trained on too, and of those training rows."""
    splits = np.array(rows.splits, np.int64)
    for places in _runs(groups.near):
        trained = places[splits[places] == _TRAIN]
        held = [place for place in places[splits[places] != _TRAIN].tolist() if not rows.repeated[place]]
        if not held or not len(trained):
            continue
        twins = {place: twin for place in held if (twin := _twin(db, ids, groups, place, trained))}
        first = int(ids[places[0]])
        for place, (row, likeness) in twins.items():
            emit("split-leakage", first, int(ids[place]), f"{row} {likeness:.0f}")
        for row in sorted({row for row, _likeness in twins.values()}):
            emit("split-leakage", first, row, "")


def _twin(
    db: sqlite3.Connection, ids: IntArray, groups: DuplicateGroups, place: int, trained: IntArray
) -> tuple[int, float] | None:
    """The training row of one group whose question is most like that of a row, and how much it is; a group has chains."""
    same = trained[groups.same[trained] == groups.same[place]]
    if len(same):
        return int(ids[same[0]]), 100.0
    said = similar_rows.load_row_texts(db, ids[[place, *trained[:NEIGHBOURS]]].tolist())
    asked = said.pop(int(ids[place]))
    return max(
        ((id, likeness) for id, other in said.items() if (likeness := similar_rows.likeness(asked, other))),
        key=lambda twin: twin[1],
        default=None,
    )


def _contradictions(db: sqlite3.Connection, rows: _Rows, ids: IntArray, groups: DuplicateGroups, emit: Emit) -> None:
    """Tell of rows that ask the same and answer otherwise."""
    for batch in _batches(_answered_otherwise(rows, ids, groups)):
        said = similar_rows.load_row_texts(db, [id for members in batch for id in members])
        for members in batch:
            for id, other, why in contradicting_answers.find_contradictions({id: said[id].answer for id in members}):
                emit("answers-contradict", members[0], id, f"{other} {why}")


def _answered_otherwise(rows: _Rows, ids: IntArray, groups: DuplicateGroups) -> Iterator[list[int]]:
    """Of the rows that ask the same, one for each answer: the first of them, and not too many."""
    answers = np.array(rows.answers, np.int64)
    for places in _runs(groups.same):
        _each, firsts = np.unique(answers[places], return_index=True)
        if rows.asked[places[0]] and len(firsts) > 1:
            yield ids[places[np.sort(firsts)][: contradicting_answers.MAX_COMPARED_ANSWERS]].tolist()


def _prompts(db: sqlite3.Connection, rows: _Rows, ids: IntArray, emit: Emit) -> None:
    """Tell of training rows with another system prompt than the spec has or, where it has none, than most rows have."""
    splits, prompts = np.array(rows.splits, np.int64), np.array(rows.prompts, np.int64)
    held = np.flatnonzero(splits != _CODES["test"])
    if not len(held):
        return
    wanted = spec.load(db).system_prompt
    usual, example = hash(wanted), 0
    if not wanted.strip():
        each, firsts, counts = np.unique(prompts[held], return_index=True, return_counts=True)
        most = int(np.argmax(counts))
        if counts[most] * 2 < len(held):
            return  # there is no usual one
        usual, example = int(each[most]), int(ids[held[firsts[most]]])
    for place in held[prompts[held] != usual].tolist():
        emit("system-prompt-differs", 0, int(ids[place]), str(example))


def _amounts(db: sqlite3.Connection, rows: _Rows, emit: Emit) -> None:
    """Tell of too few rows, and of facts that have far fewer or far more than the middle one."""
    if not rows.ids:
        return
    if rows.approved < ADVISED:
        emit("too-few-rows" if rows.approved < MINIMUM else "few-rows", 0, 0, str(rows.approved))
    if not rows.facts:
        return
    counts = {fact.name: rows.facts[fact.name] for fact in facts.load(db)} | rows.facts
    middle = statistics.median(counts.values())
    for name, count in sorted(counts.items()):
        if count * LEAN < middle or not count or count > max(MINIMUM, middle * LEAN):
            emit("fact-unbalanced", 0, 0, f"{name} {count} {middle:g}")
