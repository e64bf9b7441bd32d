"""Finds text in a million rows: their folded texts are stored in one flat file that is searched as bytes.

The file is a cache, written by a process of its own (core/dataset/search_index_builder.py). Rows edited since then are read one
by one; a change of too many rows makes the file stale. Without it every row is read, which is slower but finds the same.
"""

from __future__ import annotations

import mmap
import re
import sqlite3
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.checks.check_line import clean_messages
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter
from core.storage import compressed_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES_PER_CANCEL_CHECK = 2 * 1024 * 1024  # bytes searched between two checks for cancelling
ROWS_PER_CHUNK = 500
MAX_DIRTY_ROWS = 20_000
TEXT_END = "\0"
TEXT_END_BYTE = TEXT_END.encode()

Matches = Callable[[str], bool]


# Characters that NFKC may change. Only these are normalised, since normalising all is slow.
_COMPATIBILITY_CHARACTERS = re.compile("[\u00a0-\u00ff\u02b0-\u02ff\u1d00-\u2fff\u3000\u3200-\u33ff\uf900-\uffef]+")
_COMBINING_MARKS = re.compile("[\u0300-\u036f\u3099\u309a]")


def fold(text: str) -> str:
    """`text` normalised for comparison: NFKC and case-folded."""
    if text.isascii():
        return text.lower()
    if _COMBINING_MARKS.search(text):
        return unicodedata.normalize("NFKC", text).casefold()
    return _COMPATIBILITY_CHARACTERS.sub(_normalise_match, text).casefold()


def _normalise_match(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def build_searchable_text(data: str) -> str:
    """The folded text of a row's messages, without system messages, which are the same in all rows."""
    messages = clean_messages(data.encode())
    if messages is not None:
        texts = [message.content for message in messages if message.role not in ("system", "developer")]
    else:
        texts = jsonl.message_texts(msgspec.json.decode(data))
    return fold("\n".join(texts)).replace(TEXT_END, " ")


def find_text(
    db: sqlite3.Connection, text: str, regex: bool, index: SearchIndex | None, reporter: Reporter
) -> array[int]:
    """The ids, in order, of the rows with `text` in their messages.

    Raises `FormatError` when `text` is not a valid regular expression, and `Cancelled`.
    """
    matches = _make_matcher(text, regex)
    if index is None or not index.ready or index.dirty is None:
        return array("q", _scan(db, None, matches, reporter))
    dirty = set(index.dirty)
    matching_ids = index.find_matching(fold(text), matches if regex else None, reporter)
    return index.replace_dirty(matching_ids, dirty, set(_scan(db, sorted(dirty), matches, reporter)))


def _make_matcher(text: str, regex: bool) -> Matches:
    if not regex:
        folded = fold(text)
        return lambda text_of_row: folded in text_of_row
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise FormatError(
            tr("This is not a regular expression"), tr("{reason}. Nothing was searched or changed.", reason=error)
        ) from error
    return lambda text_of_row: bool(pattern.search(text_of_row))


def _scan(db: sqlite3.Connection, ids: Sequence[int] | None, matches: Matches, reporter: Reporter) -> Iterator[int]:
    """The ids of matching rows, among all rows or `ids`."""
    reader = compressed_texts.PackReader(db)
    for done, (id, pack, slot) in enumerate(_find_places(db, ids)):
        if matches(build_searchable_text(reader.text((pack, slot)))):
            yield id
        if done % ROWS_PER_CHUNK == 0:
            reporter.check()


def _find_places(db: sqlite3.Connection, ids: Sequence[int] | None) -> Iterator[tuple[int, int, int]]:
    if ids is None:
        yield from db.execute("SELECT id, pack, slot FROM example ORDER BY id")
        return
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        chunk = ids[start : start + ROWS_PER_CHUNK]
        marks = ",".join("?" * len(chunk))
        yield from db.execute(f"SELECT id, pack, slot FROM example WHERE id IN ({marks}) ORDER BY id", chunk).fetchall()


class SearchIndex:
    """The folded texts of all rows: `text` (UTF-8, each ended by NUL), `ends` (its offset in bytes), `ids`, all in order.

    Not ready until it is opened on files that `core.dataset.search_index_builder` made.
    """

    def __init__(self) -> None:
        self.ready = False
        self.dirty: set[int] | None = None
        self._text: mmap.mmap | bytes = b""
        self._ends: array[int] = array("q")

    def start_recording(self) -> None:
        """Start to record changed rows, before the files are written."""
        self.ready = False
        self.dirty = set()

    def open(self, folder: Path) -> bool:
        """Use the files in `folder`; False when they are incomplete or too many rows have changed since `start_recording`."""
        import numpy as np

        try:
            ids = np.fromfile(folder / "ids", dtype=np.int64)
            ends = array("q", (folder / "ends").read_bytes())
            size = (folder / "text").stat().st_size
            if self.dirty is None or len(ids) != len(ends) or size != (ends[-1] if ends else 0):
                return False
            with (folder / "text").open("rb") as file:
                self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        except (OSError, ValueError):
            return False
        self._ids, self._ends, self.ready = ids, ends, True
        return True

    def record_changes(self, ids: set[int] | None) -> None:
        """Record changed rows; None means too many to list."""
        if ids is None or self.dirty is None or len(self.dirty) + len(ids) > MAX_DIRTY_ROWS:
            # The memory map stays open: a search in another thread may still use it.
            self.ready, self.dirty = False, None
        else:
            self.dirty = self.dirty | ids

    def find_matching(self, folded: str, matches: Matches | None, reporter: Reporter) -> array[int]:
        """The ids of rows that contain `folded`, or for which `matches` returns True. Raises `Cancelled`."""
        if matches:
            return array("q", self._ids[list(self._find_rows_matching(matches, reporter))].tobytes())
        return array("q", self._ids[self._find_rows_containing(folded.encode(), reporter)].tobytes())

    def _find_rows_containing(self, needle: bytes, reporter: Reporter) -> NDArray[np.int64]:
        import numpy as np

        text, hits = self._text, array("q")
        start = 0  # the first byte of the row after the last hit
        for at in range(0, len(text), BYTES_PER_CANCEL_CHECK):
            reporter.check()
            # A copy, since before Python 3.13 mmap.find compares byte by byte.
            piece = text[at : at + BYTES_PER_CANCEL_CHECK + len(needle) - 1]
            found = piece.find(needle, max(start - at, 0))
            while 0 <= found < BYTES_PER_CANCEL_CHECK:
                hits.append(at + found)
                end = piece.find(TEXT_END_BYTE, found)
                start = at + end + 1 if end >= 0 else self._find_row_end(at + found)
                found = piece.find(needle, start - at)
        ends = np.frombuffer(self._ends, dtype=np.int64) if self._ends else np.zeros(0, np.int64)
        return np.searchsorted(ends, np.frombuffer(hits, dtype=np.int64) if hits else ends[:0], side="right")

    def _find_row_end(self, place: int) -> int:
        """The end of the row that contains the byte `place`."""
        return self._ends[bisect_right(self._ends, place)]

    def _find_rows_matching(self, matches: Matches, reporter: Reporter) -> Iterator[int]:
        start = 0
        for row, end in enumerate(self._ends):
            if matches(self._text[start : end - 1].decode()):
                yield row
            start = end
            if row % ROWS_PER_CHUNK == 0:
                reporter.check()

    def replace_dirty(self, found: array[int], dirty: set[int], matching: set[int]) -> array[int]:
        """`found` without the `dirty` rows, plus those of them that are `matching`."""
        if not dirty:
            return found
        return array("q", sorted({id for id in found if id not in dirty} | matching))
