"""The JSON texts of rows, compressed together in packs; a pack is never changed after it is written.

A row has the id of its pack and its slot there. So an old state of a row takes two numbers (undo, versions), and a
project is about a third of the size of the files that were imported.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import xxhash
import zstandard

from core.storage import schema

TEXTS_PER_PACK = 64
ZSTD_LEVEL = 1  # on chat rows both smaller and faster than the negative levels
PACK_SIZE = 1024 * 1024  # a pack is complete with `TEXTS_PER_PACK` texts, or this many characters (import: bytes)
MAX_PACK_BYTES = 256 * 1024 * 1024  # Juku's packs are far smaller: a larger one is damaged or hostile
_SEPARATOR = b"\0"  # occurs in no JSON text

TextPlace = tuple[int, int]  # pack and slot


def group_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Split `texts` into groups, each for one pack."""
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if len(group) == TEXTS_PER_PACK or size > PACK_SIZE:
            yield group
            group, size = [], 0
    if group:
        yield group


def compress(texts: Sequence[bytes]) -> bytes:
    """UTF-8 texts as the compressed bytes of one pack."""
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(_SEPARATOR.join(texts))


def digest(text: bytes) -> int:
    """A 64-bit hash of a text (XXH3), signed as SQLite stores integers."""
    number: int = xxhash.xxh3_64_intdigest(text)
    return number - 2**64 if number >= 2**63 else number


def decompress(blob: bytes) -> list[str]:
    """The texts of a pack, by slot. Raises `sqlite3.DatabaseError` when Juku did not write it."""
    try:
        return _decompress_bytes(blob).decode().split(_SEPARATOR.decode())
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError(f"database disk image is malformed: {error}") from error


def _decompress_bytes(blob: bytes) -> bytes:
    try:
        if not 0 <= zstandard.frame_content_size(blob) <= MAX_PACK_BYTES:
            raise sqlite3.DatabaseError("database disk image is malformed: size of a pack")
        return zstandard.ZstdDecompressor().decompress(blob)
    except zstandard.ZstdError as error:
        raise sqlite3.DatabaseError(f"database disk image is malformed: {error}") from error


def store_texts(db: sqlite3.Connection, texts: Iterable[str]) -> Iterator[TextPlace]:
    """Store `texts` in new packs; yields (pack, slot) of each."""
    for group in group_texts(texts):
        pack = store_pack(db, compress([text.encode() for text in group]))
        yield from ((pack, slot) for slot in range(len(group)))


def store_pack(db: sqlite3.Connection, blob: bytes) -> int:
    """Store the result of `compress`. Returns the id of the pack."""
    pack: int = db.execute("INSERT INTO pack (data) VALUES (?) RETURNING id", (blob,)).fetchone()[0]
    return pack


class PackReader:
    """Reads texts by (pack, slot), with a cache of `kept` packs."""

    def __init__(self, db: sqlite3.Connection, kept: int = 8) -> None:
        self._db = db
        self._kept = kept
        self._packs: dict[int, list[str]] = {}

    def text(self, place: TextPlace) -> str:
        """The text at (pack, slot). Raises `sqlite3.DatabaseError` for a damaged pack."""
        return self.pack(place[0])[place[1]]

    def pack(self, id: int) -> list[str]:
        """All texts of one pack, by slot. Raises `sqlite3.DatabaseError` for a damaged pack."""
        if id not in self._packs:
            if len(self._packs) >= self._kept:
                del self._packs[next(iter(self._packs))]
            self._packs[id] = decompress(self._blob(id))
        return self._packs[id]

    def lines(self, id: int, slots: list[int]) -> bytes:
        """The texts in `slots` of a pack as lines of UTF-8; where these are all slots, the texts are not split."""
        block = _decompress_bytes(self._blob(id)) if id not in self._packs else None
        if block is None or slots != list(range(block.count(_SEPARATOR) + 1)):
            texts = self.pack(id)
            block = _SEPARATOR.join(texts[slot].encode() for slot in slots)
        # A line break in JSON text is only whitespace (in strings it is escaped), but here it would split the row.
        return block.replace(b"\n", b" ").replace(_SEPARATOR, b"\n") + b"\n"

    def _blob(self, id: int) -> bytes:
        blob: bytes = self._db.execute("SELECT data FROM pack WHERE id = ?", (id,)).fetchone()[0]
        return blob


def delete_unused_packs(db: sqlite3.Connection) -> None:
    """Delete the packs that no row, saved version or saved undo step refers to any more."""
    users = [name for name in ("example", "version_row", "kept_before_example") if name in schema.table_names(db)]
    used = " UNION ".join(f"SELECT pack FROM {table} WHERE pack IS NOT NULL" for table in users)
    db.execute(f"DELETE FROM pack WHERE id NOT IN ({used})")
    db.execute("DELETE FROM pack_tokens WHERE pack NOT IN (SELECT id FROM pack)")
