"""Looks at all rows together: what repeats, contradicts, leaks or leans, and what should not be taught at all."""

import re
import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from core import dataset, duplicates, personal
from core.dataset import SPLITS, Example
from core.duplicates import Groups, Numbers
from core.formats import jsonl
from core.progress import Reporter

MINIMUM, ADVISED = 10, 50  # training rows: fewer are refused, fewer do little
LEAN = 3  # times fewer or more rows than the middle fact has
UNLIKE = 50.0  # per cent of the words that two answers to one question share, below which they are another
COMPARED = 20  # answers to one question that are compared with each other
NEIGHBOURS = 200  # training rows of one group that an exam question is compared with
READ = 4000  # characters of an answer that are compared

Emit = Callable[[str, int, int, str], None]  # rule, cluster, example (0: the whole set), detail

# An answer of these words says that the text does not give the answer.
_UNKNOWN = re.compile(
    r"\b(?:does|did|do|is|are|was|were|has|have)(?: not|n['’]t) (?:\w+ ){0,2}?"
    r"(?:say|state|mention|specify|specified|mentioned|stated|provided|given|contain|describe|indicate)\b"
    r"|\bno information (?:is|was|about|on|in)\b|\b(?:I|we) (?:do not|don['’]t|cannot|can['’]t) (?:know|find|tell|answer|determine)\b"
    r"|\bnot (?:mentioned|stated|specified|described|provided|given) (?:in|by)\b|\bas an ai\b"
    r"|(?:記載|記述|言及|明記|説明|定め|規定|情報)(?:され|が|は|も|て|い)*(?:い?ませ(?:ん|んでした)|(?:い)?ない|ありません|なし|ございません)"
    r"|書かれてい(?:ません|ない)|述べられてい(?:ません|ない)|(?:分か|わか)り(?:ません|かねます)|お答えできません|不明です",
    re.IGNORECASE,
)
_YES, _NO = re.compile(r"(?:yes|はい|ええ)(?![a-z])"), re.compile(r"(?:no|いいえ|いや)(?![a-z])")
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
    groups = duplicates.find(_questions(_read(db, reporter), rows, emit), reporter)
    ids = np.array(rows.ids, np.int64)
    copies = _copies(rows, ids, emit)
    _near(rows, ids, groups, copies, emit)
    _leaks(db, rows, ids, groups, emit)
    _contradictions(db, rows, ids, groups, emit)
    _prompts(db, rows, emit)
    _amounts(db, rows, emit)


def _read(db: sqlite3.Connection, reporter: Reporter) -> Iterator[Example]:
    (total,) = db.execute("SELECT count(*) FROM example").fetchone()
    for done, row in enumerate(dataset.examples(db)):
        if done % 1000 == 0:
            reporter.update(done, total)
        if row.status != "rejected":
            yield row


def _questions(examples: Iterable[Example], rows: _Rows, emit: Emit) -> Iterator[str]:
    """What each row asks, with the rest noted in `rows` on the way; what concerns one row alone is told at once."""
    for row in examples:
        prompt, asked = opening(row.data)
        rows.ids.append(row.id)
        rows.splits.append(_CODES.get(row.split, _TRAIN))
        rows.digests.append(dataset.digest(row.data))
        rows.answers.append(hash(duplicates.normalise(row.answer)))
        rows.prompts.append(hash(prompt))
        rows.asked.append(bool(asked))
        rows.repeated.append(row.kind == "memorised")
        if row.split == "train" and row.status == "approved":
            rows.approved += 1
            rows.facts.update(row.facts.split())
        _alone(row, emit)
        # A statement asks nothing: two of them are compared by what they say.
        yield asked or f"\n{row.answer}"


def _alone(row: Example, emit: Emit) -> None:
    if row.split != "test" and row.kind != "not_stated" and (said := admission(row.answer)):
        emit("answer-admits-unknown", 0, row.id, said)
    told = set()
    for text in (row.question, row.answer):
        for found in personal.find(text):
            if found.rule not in told:
                told.add(found.rule)
                emit(found.rule, 0, row.id, personal.masked(text[found.start : found.end]))


def admission(answer: str) -> str:
    """The words by which an answer says that it does not know; '' where it does."""
    found = _UNKNOWN.search(answer[:READ])
    return found[0] if found else ""


def opening(data: str) -> tuple[str, str]:
    """The system prompt of a row's JSON text, and all that is said from there to the last answer."""
    value = msgspec.json.decode(data)
    prompt: list[str] = []
    asked: list[str] = []
    messages = _messages(value)
    last = max((at for at, message in enumerate(messages) if _role(message) == "assistant"), default=len(messages))
    for message in messages[:last]:
        (prompt if _role(message) in ("system", "developer") else asked).append(jsonl.message_text(message))
    return "\n".join(prompt), "\n".join(asked)


def _messages(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return []
    row = value["input"] if isinstance(value.get("input"), dict) else value
    messages = row.get("messages")
    return messages if isinstance(messages, list) else []


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None


def _runs(keys: Numbers) -> Iterator[Numbers]:
    """Groups of places with equal keys, of two and more, each in order."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order], prepend=keys[order[:1]] - 1, append=keys[order[-1:]] + 1))
    for start, end in pairwise(edges.tolist()):
        if end - start > 1:
            yield order[start:end]


def _copies(rows: _Rows, ids: Numbers, emit: Emit) -> set[int]:
    """Tell of rows that are the same as an earlier one of their split, to the letter; the places of the later ones."""
    found = set()
    for places in _runs(np.array(rows.digests, np.int64) ^ np.array(rows.splits, np.int64)):
        first, *later = places.tolist()
        for place in later:
            emit("duplicate-row", int(ids[first]), int(ids[place]), str(ids[first]))
        found.update(later)
    return found


def _near(rows: _Rows, ids: Numbers, groups: Groups, copies: set[int], emit: Emit) -> None:
    """Tell of questions that are nearly the same within one split; exact copies of rows have been told of."""
    for places in _runs(groups.near * len(SPLITS) + np.array(rows.splits, np.int64)):
        first, *others = [place for place in places.tolist() if place not in copies]
        if others:
            emit("near-duplicate", int(ids[first]), int(ids[first]), "")
        for place in others:
            emit("near-duplicate", int(ids[first]), int(ids[place]), str(ids[first]))
