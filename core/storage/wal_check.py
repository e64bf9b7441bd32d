"""Checks whether the write-ahead log beside a project's file belongs to it: users may copy one of them alone.

SQLite would accept any complete log as the file's own and write it into the file. So the file stores a mark of the log
before it is written (`schema.mark_log`), and the first change in the log has the same mark. Both are read here without
opening the file as a database that could be written.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.storage import schema
from core.storage.connection import log_path, missing_log_error, open_frozen, rename_log

LOG_HEADER_BYTES = 32  # SQLite's file format, section 4
FRAME_HEADER_BYTES = 24  # of each page in the log
LEAF_INDEX_PAGE = 0x0A  # type of a leaf page of an index, as of a small table WITHOUT ROWID
INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of an integer, by its serial type
CONSTANT_TYPES = {8: 0, 9: 1}  # serial types without bytes, and their values


@dataclass(frozen=True, slots=True)
class LogMarks:
    """The marks in the file and in its log: negative once the log has confirmed it; 0 and None where there are none."""

    file: int
    log: int | None
    size: int | None  # of the log in bytes; None where there is no log
    is_same: bool = True  # whether both are of the same project and revision

    @property
    def belongs(self) -> bool:
        """Whether the log was started on this file."""
        # A log with a later, unconfirmed mark contains only the mark: otherwise its content is that of its file.
        return self.log is None or abs(self.log) == abs(self.file) or (self.log > abs(self.file) and self.is_same)

    @property
    def unnamed(self) -> bool:
        """Whether the file has no mark of this log, as when a reader prevented it."""
        return self.log is not None and self.file <= 0 and self.log == self.file

    @property
    def missing(self) -> bool:
        """Whether the file's newest changes are in a log that is not here."""
        return self.file > 0 and self.size is None


def require_log(path: Path, without: bool, origin: Path | None = None) -> bool:
    """Whether the file's log is missing; a log of another file is renamed, never deleted.

    `without`: the user wants to open the file without it. `origin`: the file that `path` is a copy of. Raises
    `MissingLogError` for a missing or wrong log, unless `without`.
    """
    marks = read_log_marks(path)
    if marks.belongs and not marks.missing:
        return False
    if not without:
        raise missing_log_error(origin or path, marks.file, marks.belongs)
    if marks.size:
        rename_log(path)
    return True


def read_log_marks(path: Path) -> LogMarks:
    """Read the marks of a project's file and log, which nobody may write meanwhile; a new file has no marks."""
    log = log_path(path)
    size = log.stat().st_size if log.exists() else None
    if not path.exists() or not path.stat().st_size:
        return LogMarks(0, None, size)
    db = open_frozen(path)
    try:
        row = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'meta'").fetchone()
        if not row:
            return LogMarks(0, None, size)
        mark = schema.log_mark(db)
        meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('id', 'revision')").fetchall())
    except sqlite3.DatabaseError:  # no project, or one that is incomplete without its log: reported elsewhere
        return LogMarks(0, None, size)
    finally:
        db.close()
    page = _read_page(log, row[0]) if size else b""
    is_same = str(meta.get("id")).encode() in page and _read_value(page, b"revision") == meta.get("revision")
    return LogMarks(mark, _read_value(page, b"log"), size, is_same)


def _read_page(log: Path, root: int) -> bytes:
    """The bytes of the page `root` as last committed in the log; empty where the log does not have it."""
    with log.open("rb") as file:
        head = file.read(LOG_HEADER_BYTES)
        size = int.from_bytes(head[8:12], "big")
        if len(head) < LOG_HEADER_BYTES or not size:
            return b""
        start = _newest_frame(file, root, size, head[16:24])
        if start is None:
            return b""
        file.seek(start + FRAME_HEADER_BYTES)
        return file.read(size)


def _newest_frame(file: BinaryIO, root: int, size: int, salts: bytes) -> int | None:
    """The offset of the frame with the newest committed state of a page, None where there is none."""
    newest = candidate = None
    for start, frame in _iter_frames(file, FRAME_HEADER_BYTES + size):
        if frame[8:16] != salts:  # left over from an older log
            break
        if int.from_bytes(frame[:4], "big") == root:
            candidate = start
        if frame[4:8] != b"\0\0\0\0":  # a commit
            newest = candidate
    return newest


def _iter_frames(file: BinaryIO, step: int) -> Iterator[tuple[int, bytes]]:
    start = LOG_HEADER_BYTES
    while True:
        file.seek(start)
        frame = file.read(FRAME_HEADER_BYTES)
        if len(frame) < FRAME_HEADER_BYTES:
            return
        yield start, frame
        start += step


def _read_value(page: bytes, key: bytes) -> int | None:
    """The integer of `key` in a page of the table `meta`; None in an incomplete page, which SQLite does not read either."""
    try:
        return _search_page(page, key) if page[:1] == bytes([LEAF_INDEX_PAGE]) else None
    except IndexError:
        return None


def _search_page(page: bytes, key: bytes) -> int | None:
    for index in range(int.from_bytes(page[3:5], "big")):
        place = int.from_bytes(page[8 + 2 * index : 10 + 2 * index], "big")
        _payload, place = _read_varint(page, place)
        start = place
        size, place = _read_varint(page, place)
        key_type, place = _read_varint(page, place)
        value_type, _place = _read_varint(page, place)
        body = start + size
        length = (key_type - 13) // 2
        if key_type >= 13 and page[body : body + length] == key:
            if value_type in CONSTANT_TYPES:
                return CONSTANT_TYPES[value_type]
            width = INTEGER_BYTES.get(value_type)
            value = page[body + length : body + length + width] if width else b""
            return int.from_bytes(value, "big", signed=True) if width else None
    return None


def _read_varint(page: bytes, place: int) -> tuple[int, int]:
    value = 0
    for number in range(9):
        byte = page[place]
        place += 1
        if number == 8:
            return value << 8 | byte, place
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, place
