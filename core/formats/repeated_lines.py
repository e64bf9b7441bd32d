"""Finds lines of a file that are the same as an earlier one, with sixteen bytes in a temporary file for each line."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from core.checks import LINE_LIMIT
from core.checks.prefilter_types import Digests, Places
from core.formats.input_files import open_file
from core.lazy_numpy import np
from core.spilled_columns import NumberColumn, iterate_parts

_PART = 1 << 16  # digests that are looked up at once
_READ_BUFFER_BYTES = 16 * 1024  # small: most of the file is skipped


class Repeats:
    """Collects the digests of lines; lines with equal digests are read again and compared by their bytes."""

    def __init__(self) -> None:
        self._digests, self._offsets = NumberColumn("Q"), NumberColumn("q")

    def add(self, digests: Digests, offsets: Places) -> None:
        """Add the next lines, with their offsets in the file in bytes; the digest 0 means a line without a row."""
        self._digests.extend(digests)
        self._offsets.extend(offsets)

    def find(self, path: Path, exact: bool) -> Iterator[tuple[int, int]]:
        """Yield each line that is the same as an earlier one, and the first such; numbers from 1, in order.

        `exact`: equal digests already mean equal lines, and the file is not read again. Raises FormatError when it
        must be read again and cannot be.
        """
        digests = self._digests.load()
        lines = _find_repeated(digests)
        if len(lines):
            keys = digests[lines] if exact else _read_digests(path, self._offsets.load()[lines])
            firsts = _first_equal(keys)
            for index in np.flatnonzero(firsts != np.arange(len(lines))):
                yield int(lines[index]) + 1, int(lines[firsts[index]]) + 1


def find_equal(digests: Digests) -> Iterator[tuple[int, int]]:
    """Yield the index of each digest that is equal to an earlier one, and that of the first such; 0 is equal to none."""
    places = _find_repeated(digests)
    firsts = _first_equal(digests[places]) if len(places) else places
    for index in np.flatnonzero(firsts != np.arange(len(places))):
        yield int(places[index]), int(places[firsts[index]])


def _find_repeated(digests: Digests) -> Places:
    """The indices of lines whose digest, other than 0, occurs more than once."""
    if len(digests) < 2:
        return np.zeros(0, np.int64)
    ordered = np.sort(digests)
    shared = np.unique(ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)])
    del ordered
    if not len(shared):
        return np.zeros(0, np.int64)
    parts = [_find_members(shared, digests[start:end]) + start for start, end in iterate_parts(len(digests), _PART)]
    return np.concatenate(parts)


def _find_members(shared: Digests, digests: Digests) -> Places:
    """The indices of digests that are among the sorted `shared` ones."""
    nearest = np.searchsorted(shared, digests)
    nearest[nearest == len(shared)] = 0
    return np.flatnonzero(shared[nearest] == digests)


def _first_equal(keys: Digests) -> Places:
    """For each key the index of the first equal one."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.append(True, ordered[1:] != ordered[:-1])
    firsts = np.empty_like(order)
    firsts[order] = order[new][np.cumsum(new) - 1]
    return firsts


def _read_digests(path: Path, offsets: Places) -> Digests:
    """Digests of all the bytes of the lines at these ascending offsets."""
    digests = np.empty(len(offsets), np.uint64)
    with open_file(path) as file:
        near = BufferedReader(file.raw, _READ_BUFFER_BYTES)
        for index, offset in enumerate(offsets.tolist()):
            near.seek(offset)
            digests[index] = hash(near.readline(LINE_LIMIT + 4).rstrip(b"\r\n")) % 2**64
        near.detach()
    return digests
