"""Finds text in a million rows at once: all they say, folded, lies in one flat file that is searched byte by byte.

The file is a cache, made in a process of its own (core/dataset/search_index.py). Rows edited since then are looked at one by one;
a step that touches more rows than can be named makes the file stale. Without one every row is read, which takes longer
but finds the same.
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

PIECE = 2 * 1024 * 1024  # bytes searched between two looks at whether to stop, and at whether the window wants to move
CHUNK = 500
DIRTY_LIMIT = 20_000
END = "\0"
ENDED = END.encode()

Matches = Callable[[str], bool]


# Signs that have another form of the same sign; all others are what they are, and normalising them takes long.
_FORMS = re.compile("[\u00a0-\u00ff\u02b0-\u02ff\u1d00-\u2fff\u3000\u3200-\u33ff\uf900-\uffef]+")
_MARKS = re.compile("[\u0300-\u036f\u3099\u309a]")


def fold(text: str) -> str:
    """`text` as it is compared: full and half width, upper and lower case are the same."""
    if text.isascii():
        return text.lower()
    if _MARKS.search(text):
        return unicodedata.normalize("NFKC", text).casefold()
    return _FORMS.sub(_normal, text).casefold()


def _normal(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def searchable(data: str) -> str:
    """What a row's messages say, folded; instructions to the model are left out, since all rows share them."""
    messages = clean_messages(data.encode())
    if messages is not None:
        said = [message.content for message in messages if message.role not in ("system", "developer")]
    else:
        said = jsonl.said(msgspec.json.decode(data))
    return fold("\n".join(said)).replace(END, " ")


def find(db: sqlite3.Connection, text: str, regex: bool, index: Index | None, reporter: Reporter) -> array[int]:
    """Ids, in order, of the rows whose messages say `text`. Raises `FormatError` for a bad regular expression."""
    matches = _matcher(text, regex)
    if index is None or not index.ready or index.dirty is None:
        return array("q", _scanned(db, None, matches, reporter))
    dirty = set(index.dirty)
    found = index.matching(fold(text), matches if regex else None, reporter)
    return index.corrected(found, dirty, set(_scanned(db, sorted(dirty), matches, reporter)))


def _matcher(text: str, regex: bool) -> Matches:
    if not regex:
        folded = fold(text)
        return lambda said: folded in said
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise FormatError(
            tr("This is not a regular expression"), tr("{reason}. Nothing was searched or changed.", reason=error)
        ) from error
    return lambda said: bool(pattern.search(said))


def _scanned(db: sqlite3.Connection, ids: Sequence[int] | None, matches: Matches, reporter: Reporter) -> Iterator[int]:
    """Of all rows, or of `ids`, those that match."""
    reader = compressed_texts.PackReader(db)
    for done, (id, pack, slot) in enumerate(_places(db, ids)):
        if matches(searchable(reader.text((pack, slot)))):
            yield id
        if done % CHUNK == 0:
            reporter.check()


def _places(db: sqlite3.Connection, ids: Sequence[int] | None) -> Iterator[tuple[int, int, int]]:
    if ids is None:
        yield from db.execute("SELECT id, pack, slot FROM example ORDER BY id")
        return
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        yield from db.execute(f"SELECT id, pack, slot FROM example WHERE id IN ({marks}) ORDER BY id", chunk).fetchall()


class Index:
    """The folded texts of all rows: `text` (UTF-8, each ended by NUL), `ends` (its offset in bytes), `ids`, all in order.

    Not ready until it is opened on files that `core.dataset.search_index` made.
    """

    def __init__(self) -> None:
        self.ready = False
        self.dirty: set[int] | None = None
        self._text: mmap.mmap | bytes = b""
        self._ends: array[int] = array("q")

    def expect(self) -> None:
        """Files are about to be made: remember what changes from now on."""
        self.ready = False
        self.dirty = set()

    def open(self, folder: Path) -> bool:
        """Use the files in `folder`; False when they are not whole or too much has changed since they were begun."""
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

    def note(self, ids: set[int] | None) -> None:
        """Rows have changed; None stands for more than can be named."""
        if ids is None or self.dirty is None or len(self.dirty) + len(ids) > DIRTY_LIMIT:
            # The map itself is left to those who still search it.
            self.ready, self.dirty = False, None
        else:
            self.dirty = self.dirty | ids

    def matching(self, folded: str, matches: Matches | None, reporter: Reporter) -> array[int]:
        """Ids whose text holds `folded`, or for which `matches` says so."""
        if matches:
            return array("q", self._ids[list(self._rows_where(matches, reporter))].tobytes())
        return array("q", self._ids[self._rows_with(folded.encode(), reporter)].tobytes())

    def _rows_with(self, needle: bytes, reporter: Reporter) -> NDArray[np.int64]:
        import numpy as np

        text, hits = self._text, array("q")
        start = 0  # the byte where the row behind the last hit begins
        for at in range(0, len(text), PIECE):
            reporter.check()
            # A copied piece, since a map's own search compares byte by byte before Python 3.13.
            piece = text[at : at + PIECE + len(needle) - 1]
            found = piece.find(needle, max(start - at, 0))
            while 0 <= found < PIECE:
                hits.append(at + found)
                end = piece.find(ENDED, found)
                start = at + end + 1 if end >= 0 else self._end(at + found)
                found = piece.find(needle, start - at)
        ends = np.frombuffer(self._ends, dtype=np.int64) if self._ends else np.zeros(0, np.int64)
        return np.searchsorted(ends, np.frombuffer(hits, dtype=np.int64) if hits else ends[:0], side="right")

    def _end(self, place: int) -> int:
        """Where the row that holds the byte at `place` ends."""
        return self._ends[bisect_right(self._ends, place)]

    def _rows_where(self, matches: Matches, reporter: Reporter) -> Iterator[int]:
        start = 0
        for row, end in enumerate(self._ends):
            if matches(self._text[start : end - 1].decode()):
                yield row
            start = end
            if row % CHUNK == 0:
                reporter.check()

    def corrected(self, found: array[int], dirty: set[int], matching: set[int]) -> array[int]:
        """`found` with what has changed since the index was made: of the `dirty` rows only those `matching`."""
        if not dirty:
            return found
        return array("q", sorted({id for id in found if id not in dirty} | matching))
