"""Degenerate answers: no text, text that repeats itself until the token limit, and characters that were never whole.

A model that was trained too hard or too long writes them. They are counted beside the marks and change none.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from core.language import tr, trn

BROKEN_CHARACTER = "\ufffd"  # what a decoder writes for bytes that are no character
BLANKS = "".join(char for char in map(chr, range(0x3001)) if char.isspace())  # what `str.strip` takes away
REPEATS = 4  # of the same piece of text at the end, at least
REPEATED_LENGTH = 24  # characters that the repeats have together, at least: "10000" is no loop
LONGEST_PIECE = 200  # characters


class Flaw(StrEnum):
    """What is degenerate about an answer."""

    EMPTY = "empty"
    REPETITION = "repetition"
    BROKEN = "broken_characters"


def find_flaw(text: str, received: int, limit: int) -> Flaw | None:
    """What is degenerate about an answer of `received` tokens (0 where the server did not count) of at most `limit`."""
    if not text.strip():
        return Flaw.EMPTY
    if BROKEN_CHARACTER in text:
        return Flaw.BROKEN
    return Flaw.REPETITION if (not received or received >= limit) and _ends_in_a_loop(text.rstrip()) else None


def _ends_in_a_loop(text: str) -> bool:
    """Whether the end is one piece again and again; it may be cut off within a piece."""
    for length in range(1, min(LONGEST_PIECE, len(text) // REPEATS) + 1):
        times = max(REPEATS, -(-REPEATED_LENGTH // length))
        if text.endswith(text[-length:] * times):
            return True
    return False


def count_flaws(db: sqlite3.Connection, run: int, limit: int) -> dict[int, dict[Flaw, int]]:
    """How many answers of each subject of a run have which flaw, by the subject's id. Those without a flaw are not there."""
    counts: dict[int, dict[Flaw, int]] = {}
    rows = db.execute(
        "SELECT subject, text, received FROM eval_answer WHERE run = ? "
        "AND (received = 0 OR received >= ? OR instr(text, ?) OR trim(text, ?) = '')",
        (run, limit, BROKEN_CHARACTER, BLANKS),
    )
    for subject, text, received in rows:
        if flaw := find_flaw(text, received, limit):
            found = counts.setdefault(subject, {})
            found[flaw] = found.get(flaw, 0) + 1
    return counts


def describe_flaw(flaw: Flaw) -> str:
    """A flaw of one answer in words."""
    if flaw == Flaw.EMPTY:
        return tr("Empty")
    if flaw == Flaw.BROKEN:
        return tr("Broken characters")
    return tr("Repeats itself until the token limit")


def describe_count(flaw: Flaw, model: str, count: int) -> str:
    """A sentence about how many answers of a model have a flaw."""
    if flaw == Flaw.EMPTY:
        return trn(
            "{n} answer of {model} is empty. Models that think first may need a larger token limit.",
            "{n} answers of {model} are empty. Models that think first may need a larger token limit.",
            count,
            model=model,
        )
    if flaw == Flaw.BROKEN:
        return trn(
            "{n} answer of {model} has broken characters.",
            "{n} answers of {model} have broken characters.",
            count,
            model=model,
        )
    return trn(
        "{n} answer of {model} repeats itself until the token limit.",
        "{n} answers of {model} repeat themselves until the token limit.",
        count,
        model=model,
    )
