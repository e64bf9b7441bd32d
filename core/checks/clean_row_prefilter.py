"""Checks many lines at once: finds those that are certainly clean, so that only the others are parsed one by one.

Parsing each row costs most of a check's time, though nearly all rows are plain conversations written by a program, with
the same bytes around their texts. Here those bytes are compared for all rows of a block together, with numpy, and the
texts are searched only for what could make them unreadable. A line marked clean is clean; others may be clean too.
"""

from typing import NamedTuple

import numpy as np

from core.checks import unreadable_text
from core.checks.prefilter_layouts import LAYOUTS, Layout, Messages, view_overlapping_words
from core.checks.prefilter_types import WORD, Bytes, Digests, Marks, Places, Words

MAX_BLOCK_BYTES = 4 * 1024 * 1024  # a larger block contains a very long line: its arrays would need too much memory
_QUOTE, _BREAK, _RETURN = b'"\n\r'
_SAMPLES = 16
_GENERATOR = np.random.Generator(np.random.PCG64(1))
_FACTORS = _GENERATOR.integers(0, 2**63, _SAMPLES + 1, np.uint64) * np.uint64(2) + np.uint64(1)


class Scan(NamedTuple):
    """The lines of a block: the offsets of start and end (without the break) of each, and the results.

    `clean` marks lines that are plain conversations without any problem. `digests` are equal for equal lines and rarely
    for others, as they are computed from samples of each line's bytes; none is 0.
    """

    starts: Places
    ends: Places
    clean: Marks
    digests: Digests


class Scanner:
    """Scans blocks one after the other, reusing its memory: fresh pages cost more than the comparison."""

    def __init__(self) -> None:
        self._memory = unreadable_text.Memory()

    def scan(self, data: bytearray, size: int) -> Scan:
        """Scan the first `size` bytes, which are whole lines: the end of a file, or ending with a newline.

        `data` must have at least `WORD` more bytes; those after `size` are overwritten.
        """
        data[size : size + WORD] = b" " * WORD if data[size - 1] == _BREAK else b"\n" + b" " * (WORD - 1)
        array = np.frombuffer(data, np.uint8, size + WORD)
        control = unreadable_text.find_rare(np.less(array, 32, out=self._memory.marks(0, len(array))))
        breaks = control[array[control] == _BREAK]
        starts = np.concatenate((np.zeros(1, np.int64), breaks[:-1] + 1))
        ends = _find_line_ends(array, starts, breaks)
        clean = np.zeros(len(breaks), np.bool_)
        if size <= MAX_BLOCK_BYTES:
            quotes, doubtful = self._find_quotes(data, array)
            doubtful.append(unreadable_text.find_foreign_controls(array, control))
            clean = _find_clean_lines(
                array, quotes, starts, ends, _find_lines_without(np.concatenate(doubtful), breaks)
            )
        return Scan(starts, ends, clean, _compute_digests(array, starts, ends))

    def _find_quotes(self, data: bytearray, array: Bytes) -> tuple[Places, list[Places]]:
        """The quotes that begin or end a text, and the offsets of doubtful bytes."""
        escapes = unreadable_text.find_escapes(array, self._memory)
        doubtful = [escapes.doubtful, unreadable_text.find_special_tokens(data, array, self._memory)]
        doubtful.append(unreadable_text.find_damaged_text(data, array, self._memory))
        doubtful.append(unreadable_text.find_invalid_utf8(data, array, self._memory))
        is_quote = np.equal(array, _QUOTE, out=self._memory.marks(0, len(array)))
        is_quote[escapes.quotes] = False
        return np.flatnonzero(is_quote), doubtful


def _find_line_ends(array: Bytes, starts: Places, breaks: Places) -> Places:
    """The end of each line, without carriage returns."""
    ends: Places = breaks - ((array[breaks - 1] == _RETURN) & (breaks > starts))
    for line in np.flatnonzero((array[ends - 1] == _RETURN) & (ends > starts)):
        start = int(starts[line])
        ends[line] = start + len(array[start : ends[line]].tobytes().rstrip(b"\r"))
    return ends


def _find_lines_without(places: Places, breaks: Places) -> Marks:
    """Which lines contain none of the places."""
    without = np.ones(len(breaks), np.bool_)
    inside = places[places <= breaks[-1]]  # the rest is padding
    without[np.searchsorted(breaks, inside)] = False
    return without


def _find_clean_lines(array: Bytes, quotes: Places, starts: Places, ends: Places, possible: Marks) -> Marks:
    """Which of the possible lines are clean."""
    counts = np.diff(np.searchsorted(quotes, starts), append=len(quotes))
    # Keys and values are 4 strings a message and 1 for the row.
    possible &= (counts >= 10) & (counts % 8 == 2)
    if not possible.any():
        return possible
    kept = quotes if possible.all() else quotes[np.repeat(possible, counts)]
    messages = _build_messages(kept, counts[possible] // 8, starts[possible], ends[possible])
    words = view_overlapping_words(array)
    layout = _choose_layout(words, messages.starts)
    possible[possible] = layout.match(words, messages) & unreadable_text.are_clean(words, messages)
    return possible


def _build_messages(quotes: Places, counts: Places, starts: Places, ends: Places) -> Messages:
    firsts = np.cumsum(counts) - counts
    base = 2 * (np.repeat(np.arange(len(counts)), counts) + 1) + 8 * np.arange(counts.sum())
    return Messages(quotes[base], quotes[base + 6], quotes[base + 7], firsts, starts, ends)


def _choose_layout(words: Words, starts: Places) -> Layout:
    """The layout that most of the first rows have."""
    starts = starts[:64]
    return max(LAYOUTS, key=lambda layout: np.count_nonzero(layout.match_starts(words, starts)))


def _compute_digests(array: Bytes, starts: Places, ends: Places) -> Digests:
    lengths = ends - starts
    last = np.maximum(lengths - WORD, 0)
    places = starts[:, np.newaxis] + (last[:, np.newaxis] * np.arange(_SAMPLES + 1) // _SAMPLES)
    digests: Digests = view_overlapping_words(array)[places] @ _FACTORS + lengths.astype(np.uint64)
    for line in np.flatnonzero(lengths < WORD):
        digests[line] = hash(array[starts[line] : ends[line]].tobytes()) % 2**64
    digests[digests == 0] = 1
    return digests
