"""Compares two texts line by line, to show them side by side and to accept single changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

from core.lazy_numpy import np
from core.lazy_rapidfuzz import LCSseq, fuzz, process

MAX_COMPARED_CELLS = (
    400_000_000  # lines times lines that are compared (a bit each); above that, all that differs is one change
)
MAX_MATCHED_CELLS = 20_000  # lines times lines of one change in which similar ones are matched; above, by their order
MAX_MATCHED_CHARACTERS = 500_000_000  # characters times characters of one change, likewise
MIN_SIMILARITY = 50.0  # per cent that two lines share, from which on one is an edited version of the other
CARRIAGE_RETURN_MARK = "␍"  # shown for a carriage return where nothing else differs


class Hunk(NamedTuple):
    """One change: the old lines `start` to `end` became the new ones, both counted from 0, the ends not included."""

    start: int
    end: int
    new_start: int
    new_end: int


class LinePair(NamedTuple):
    """One row of the two texts side by side; None is a gap. Numbers count from 1; `hunk` is None where nothing changed."""

    old: str | None
    new: str | None
    old_number: int | None
    new_number: int | None
    hunk: int | None = None


def count_common_prefix(one: str, other: str) -> int:
    """The length of the common prefix, in characters."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def split_lines(text: str) -> list[str]:
    """The lines as an editor counts them: after a last line break there is an empty one; an empty text has none."""
    return text.split("\n") if text else []


def find_hunks(old: str, new: str) -> list[Hunk]:
    """The changes from `old` to `new`, in order, with as few lines as possible."""
    return _find_hunks(split_lines(old), split_lines(new))


def apply_hunks(old: str, new: str, chosen: Collection[int]) -> str:
    """`old` with the `chosen` changes (indices in `find_hunks`): all give exactly `new`, none exactly `old`."""
    before, after = split_lines(old), split_lines(new)
    result: list[str] = []
    done = 0
    for number, hunk in enumerate(_find_hunks(before, after)):
        if number in chosen:
            result += before[done : hunk.start] + after[hunk.new_start : hunk.new_end]
            done = hunk.end
    return "\n".join(result + before[done:])


def pair_lines(old: str, new: str) -> list[LinePair]:
    """Both texts as rows side by side: equal lines together, and within a change similar ones."""
    before, after = split_lines(old), split_lines(new)
    rows: list[LinePair] = []
    line = other = 0
    hunks = _find_hunks(before, after)
    for number, hunk in enumerate([*hunks, Hunk(len(before), len(before), len(after), len(after))]):
        for place, text in enumerate(before[line : hunk.start], start=1):
            shown = _display_line(text)
            rows.append(LinePair(shown, shown, line + place, other + place))
        if number < len(hunks):
            rows += (
                _build_line_pair(before, after, one, two, number)
                for one, two in _iterate_row_pairs(before, after, hunk)
            )
        line, other = hunk.end, hunk.new_end
    return rows


def are_similar(old: str, new: str) -> bool:
    """Whether one line is an edited version of the other, so that comparing their words helps."""
    return len(old) * len(new) <= MAX_MATCHED_CHARACTERS and fuzz.ratio(old, new, score_cutoff=MIN_SIMILARITY) > 0


def _find_hunks(before: Sequence[str], after: Sequence[str]) -> list[Hunk]:
    head = _count_same_lines(before, after)
    tail = _count_same_lines(before[head:][::-1], after[head:][::-1])
    rest, others = before[head : len(before) - tail], after[head : len(after) - tail]
    if not rest and not others:
        return []
    if len(rest) * len(others) > MAX_COMPARED_CELLS:
        return [Hunk(head, head + len(rest), head, head + len(others))]
    return [Hunk(a + head, b + head, c + head, d + head) for a, b, c, d in _iterate_changes(rest, others)]


def _count_same_lines(one: Sequence[str], other: Sequence[str]) -> int:
    """The number of equal lines at the start."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _iterate_changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the ranges between the common lines: start and end in `old`, start and end in `new`."""
    # As numbers: they are their own hashes, by which the library compares.
    numbers: dict[str, int] = {}
    one, other = ([numbers.setdefault(line, len(numbers)) for line in side] for side in (old, new))
    line = other_line = 0
    for start, other_start, size in LCSseq.editops(one, other).as_matching_blocks():
        if start > line or other_start > other_line:
            yield line, start, other_line, other_start
        line, other_line = start + size, other_start + size


def _iterate_row_pairs(
    before: Sequence[str], after: Sequence[str], hunk: Hunk
) -> Iterator[tuple[int | None, int | None]]:
    """Yield the pairs of line numbers of a change that are one row; lines between similar ones are paired in order."""
    old, new = before[hunk.start : hunk.end], after[hunk.new_start : hunk.new_end]
    if len(old) * len(new) < 2:
        yield from zip_longest(range(hunk.start, hunk.end), range(hunk.new_start, hunk.new_end))
        return
    for (row, column), (next_row, next_column) in pairwise(
        [(-1, -1), *_match_similar_lines(old, new), (len(old), len(new))]
    ):
        yield from zip_longest(
            range(hunk.start + row + 1, hunk.start + next_row),
            range(hunk.new_start + column + 1, hunk.new_start + next_column),
        )
        if next_row < len(old):
            yield hunk.start + next_row, hunk.new_start + next_column


def _match_similar_lines(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of similar lines, in order, with the greatest total similarity."""
    letters = sum(map(len, old)) * sum(map(len, new))
    if len(old) * len(new) > MAX_MATCHED_CELLS or letters > MAX_MATCHED_CHARACTERS:
        return []
    similarity = process.cdist(old, new, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY, dtype=np.float32, workers=1)
    best = np.zeros((len(old) + 1, len(new) + 1), np.float32)
    for row, scores in enumerate(similarity, start=1):
        best[row, 1:] = np.maximum.accumulate(np.maximum(best[row - 1, 1:], best[row - 1, :-1] + scores))
    return _trace_path(best)


def _trace_path(best: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[tuple[int, int]]:
    """The matches that add up to the last cell of `best`."""
    matches = []
    row, column = best.shape[0] - 1, best.shape[1] - 1
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1
        elif best[row, column] == best[row - 1, column]:
            row -= 1
        else:
            row, column = row - 1, column - 1
            matches.append((row, column))
    return matches[::-1]


def _build_line_pair(
    before: Sequence[str], after: Sequence[str], old: int | None, new: int | None, hunk: int
) -> LinePair:
    one, other = (None if old is None else before[old]), (None if new is None else after[new])
    is_return = one is not None and other is not None and one.rstrip("\r") == other.rstrip("\r")
    mark = CARRIAGE_RETURN_MARK if is_return else ""
    numbers = None if old is None else old + 1, None if new is None else new + 1
    return LinePair(_display_line(one, mark), _display_line(other, mark), *numbers, hunk)


def _display_line(line: str | None, mark: str = "") -> str | None:
    return line[:-1] + mark if line and line[-1] == "\r" else line
