"""What differs between two texts, line by line: to show it side by side, and to take over single changes."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq

MAX_COMPARED_CELLS = (
    400_000_000  # lines times lines that are compared (a bit each); beyond, all that differs is one change
)
COMPARED = 20_000  # lines times lines of one change in which similar ones are looked for; beyond, they go in order
LETTERS = 500_000_000  # characters times characters of one change, likewise
MIN_SIMILARITY = 50.0  # per cent that two lines have in common, from which one is the other, changed
RETURN = "␍"  # shown for a carriage return where nothing else differs


class Hunk(NamedTuple):
    """One change: the old lines `start` to `end` became the new ones, both counted from 0, the ends not included."""

    start: int
    end: int
    new_start: int
    new_end: int


class LinePair(NamedTuple):
    """What stands side by side in one row; None is a gap. Numbers count from 1; `hunk` is None where nothing changed."""

    old: str | None
    new: str | None
    old_number: int | None
    new_number: int | None
    hunk: int | None = None


def common(one: str, other: str) -> int:
    """How many characters at the start are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def lines(text: str) -> list[str]:
    """The lines as an editor counts them: behind a last line break there is an empty one; no text has no lines."""
    return text.split("\n") if text else []


def hunks(old: str, new: str) -> list[Hunk]:
    """The changes that make `new` of `old`, in order; as few lines as possible are in them."""
    return _hunks(lines(old), lines(new))


def apply_hunks(old: str, new: str, chosen: Collection[int]) -> str:
    """`old` with those changes made whose places in `hunks` are `chosen`: all give `new`, none give `old`, exactly."""
    before, after = lines(old), lines(new)
    made: list[str] = []
    done = 0
    for number, hunk in enumerate(_hunks(before, after)):
        if number in chosen:
            made += before[done : hunk.start] + after[hunk.new_start : hunk.new_end]
            done = hunk.end
    return "\n".join(made + before[done:])


def pair_lines(old: str, new: str) -> list[LinePair]:
    """Both texts as rows side by side: equal lines together, and in a change those together that are alike."""
    before, after = lines(old), lines(new)
    rows: list[LinePair] = []
    line = other = 0
    found = _hunks(before, after)
    for number, hunk in enumerate([*found, Hunk(len(before), len(before), len(after), len(after))]):
        for place, text in enumerate(before[line : hunk.start], start=1):
            shown = _display_line(text)
            rows.append(LinePair(shown, shown, line + place, other + place))
        if number < len(found):
            rows += (_pair(before, after, one, two, number) for one, two in _beside(before, after, hunk))
        line, other = hunk.end, hunk.new_end
    return rows


def are_similar(old: str, new: str) -> bool:
    """Whether one line is the other, changed, so that it helps to compare their words."""
    return len(old) * len(new) <= LETTERS and fuzz.ratio(old, new, score_cutoff=MIN_SIMILARITY) > 0


def _hunks(before: Sequence[str], after: Sequence[str]) -> list[Hunk]:
    head = _same(before, after)
    tail = _same(before[head:][::-1], after[head:][::-1])
    rest, others = before[head : len(before) - tail], after[head : len(after) - tail]
    if not rest and not others:
        return []
    if len(rest) * len(others) > MAX_COMPARED_CELLS:
        return [Hunk(head, head + len(rest), head, head + len(others))]
    return [Hunk(a + head, b + head, c + head, d + head) for a, b, c, d in _changes(rest, others)]


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines at the start are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """What stands between the lines that both have, as places in both."""
    # As numbers: they are their own hashes, by which the library compares.
    numbers: dict[str, int] = {}
    one, other = ([numbers.setdefault(line, len(numbers)) for line in side] for side in (old, new))
    line = other_line = 0
    for start, other_start, size in LCSseq.editops(one, other).as_matching_blocks():
        if start > line or other_start > other_line:
            yield line, start, other_line, other_start
        line, other_line = start + size, other_start + size


def _beside(before: Sequence[str], after: Sequence[str], hunk: Hunk) -> Iterator[tuple[int | None, int | None]]:
    """The lines of a change that go in one row; those between two that are alike go in order."""
    old, new = before[hunk.start : hunk.end], after[hunk.new_start : hunk.new_end]
    if len(old) * len(new) < 2:
        yield from zip_longest(range(hunk.start, hunk.end), range(hunk.new_start, hunk.new_end))
        return
    for (row, column), (next_row, next_column) in pairwise([(-1, -1), *_matches(old, new), (len(old), len(new))]):
        yield from zip_longest(
            range(hunk.start + row + 1, hunk.start + next_row),
            range(hunk.new_start + column + 1, hunk.new_start + next_column),
        )
        if next_row < len(old):
            yield hunk.start + next_row, hunk.new_start + next_column


def _matches(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Which lines are alike, in order, so that together they have most in common."""
    letters = sum(map(len, old)) * sum(map(len, new))
    if len(old) * len(new) > COMPARED or letters > LETTERS:
        return []
    likeness = process.cdist(old, new, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY, dtype=np.float32, workers=1)
    best = np.zeros((len(old) + 1, len(new) + 1), np.float32)
    for row, scores in enumerate(likeness, start=1):
        best[row, 1:] = np.maximum.accumulate(np.maximum(best[row - 1, 1:], best[row - 1, :-1] + scores))
    return _path(best)


def _path(best: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> list[tuple[int, int]]:
    """The matches that add up to the last cell of `best`."""
    found = []
    row, column = best.shape[0] - 1, best.shape[1] - 1
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            found.append((row, column))
    return found[::-1]


def _pair(before: Sequence[str], after: Sequence[str], old: int | None, new: int | None, hunk: int) -> LinePair:
    one, other = (None if old is None else before[old]), (None if new is None else after[new])
    is_return = one is not None and other is not None and one.rstrip("\r") == other.rstrip("\r")
    mark = RETURN if is_return else ""
    numbers = None if old is None else old + 1, None if new is None else new + 1
    return LinePair(_display_line(one, mark), _display_line(other, mark), *numbers, hunk)


def _display_line(line: str | None, mark: str = "") -> str | None:
    return line[:-1] + mark if line and line[-1] == "\r" else line
