"""Reads JSON that is not one row per line: arrays of rows, and indented rows one after the other."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from core.checks import LINE_LIMIT, decode, problem
from core.formats.encoded_text_lines import KEPT_BYTES, FileLine
from core.formats.encoded_text_stream import check_file_line, count_encoded_bytes, find_text_start, read_blocks
from core.formats.encoding_detection import Encoding
from core.formats.jsonl import FileRow
from core.language import tr
from core.progress import Reporter

MAX_KEY_BYTES = 100
OVERLAP_BYTES = 1024  # scanned again where two blocks meet

# A string ends at a line break too, which JSON forbids inside: so a lost quote spoils no more than its line.
_BETWEEN = re.compile(rb"[\s,]*+")
_CLOSING = re.compile(rb"[\s,\]]*+")
_PLAIN = rb'(?:[^"\[\]{}]++|"(?:[^"\\\n]++|\\[\s\S])*+["\n])'
_FLAT = rb"\{%b*+\}" % _PLAIN
_OUTSIDE_STRINGS = re.compile(rb"(?:%b|%b)*+" % (_PLAIN, _FLAT))  # flat objects, as messages are, in one go
_ROW = re.compile(rb"\{(?:%b|%b|\[(?:%b|%b)*+\])*+\}" % (_PLAIN, _FLAT, _PLAIN, _FLAT))  # so are the usual rows
_RUN = re.compile(rb"[\[{]++|[\]}]++")
_STRING_REST = re.compile(rb'(?:[^"\\\n]++|\\[\s\S])*+')
_SCALAR = re.compile(rb'(?:[^"\[{,\n]++|"(?:[^"\\\n]++|\\[^\n])*+"?)++')
_FIRST_KEY = re.compile(rb'\{\s*+"((?:[^"\\\n]++|\\[^\n])*+)"\s*+:')


class ScanState(NamedTuple):
    """How far an element has been scanned: its bytes so far, open brackets, and whether it is in a string or ended."""

    size: int = 0
    depth: int = 0
    in_string: bool = False
    ended: bool = False


def read(path: Path, encoding: Encoding, reporter: Reporter, start: int = 0) -> Iterator[FileRow]:
    """Yield every row of the file with its problems; its text is the unchanged JSON of the file.

    `start`: where the list of rows begins inside another object, in bytes of the text as UTF-8.

    Raises FormatError when the file cannot be read, and `Cancelled`.
    """
    scan = Elements(read_blocks(path, encoding, reporter), encoding, start=start)
    scan.offset = find_text_start(path, encoding)
    for line in scan:
        text, problems = check_file_line(line)
        yield FileRow(line, text, problems)
    if scan.is_truncated:
        message = tr("The list of rows is not closed: the file may have been cut off.")
        yield FileRow(FileLine(scan.number, scan.offset, b"", 0), None, [problem("json-broken", "", message)])


class Elements:
    """Iterates over the elements of a JSON array, or over objects one after the other, from blocks of UTF-8.

    Each is a `FileLine` whose number is that of its first line. A broken element ends where the next row begins,
    which is recognised by the first key of the rows: unescaped, it can be in no string.
    """

    def __init__(
        self, stream: Iterable[bytes], encoding: Encoding = "utf-8", limit: int = LINE_LIMIT, start: int = 0
    ) -> None:
        self.number = 1
        self.offset = 0
        self.is_truncated = False
        self._stream = iter(stream)
        self._encoding: Encoding = encoding
        self._limit = limit
        self._start = start
        self._buffer = b""
        self._at = 0
        self._row_start: re.Pattern[bytes] | None = None

    def __iter__(self) -> Iterator[FileLine]:
        while len(self._buffer) < self._start and self._read_block():
            pass
        self._advance(min(self._start, len(self._buffer)))
        self._skip_blanks()
        if self._buffer.startswith(b"[", self._at):
            self.is_truncated = True
            self._advance(self._at + 1)
        while self._skip_blanks():
            char = self._buffer[self._at : self._at + 1]
            if char == b"]":
                self._advance(_match_end(_CLOSING, self._buffer, self._at))
                self.is_truncated = False
                if self._start:  # what follows belongs to the object around the list
                    return
            elif char in (b"{", b"["):
                yield from self._read_bracketed()
            else:
                yield self._read_scalar()

    def _read_block(self) -> bool:
        """Read the next block and drop the bytes before the current position; False at the end of the file."""
        block = next(self._stream, b"")
        if block:
            self._buffer = self._buffer[self._at :] + block
            self._at = 0
        return bool(block)

    def _advance(self, to: int) -> None:
        self.number += self._buffer.count(b"\n", self._at, to)
        self.offset += count_encoded_bytes(self._buffer[self._at : to], self._encoding)
        self._at = to

    def _skip_blanks(self) -> bool:
        """Move to the next element; False at the end of the file."""
        while True:
            blanks = _BETWEEN.match(self._buffer, self._at)
            self._advance(blanks.end() if blanks else self._at)
            if self._at < len(self._buffer):
                return True
            if not self._read_block():
                return False

    def _take(self, to: int) -> FileLine:
        """The bytes from the current position to `to` as one element; moves there."""
        number, offset = self.number, self.offset
        raw = self._buffer[self._at : to].rstrip(b" \t\r\n,")
        self._advance(to)
        return FileLine(
            number,
            offset,
            raw if len(raw) <= self._limit else raw[:KEPT_BYTES],
            count_encoded_bytes(raw, self._encoding),
        )

    def _read_scalar(self) -> FileLine:
        while True:
            end = max(_match_end(_SCALAR, self._buffer, self._at), self._at + 1)
            if end < len(self._buffer) or end - self._at > self._limit or not self._read_block():
                return self._take(next(iter(self._rows_before(end)), end))

    def _read_bracketed(self) -> Iterator[FileLine]:
        row = _ROW.match(self._buffer, self._at)
        state = ScanState(row.end() - self._at, ended=True) if row else self._scan_to_end(ScanState(size=1, depth=1))
        self._learn_key()
        end = self._at + state.size
        rows = self._rows_before(end)
        if rows and not (state.ended and self._is_row(end)):
            yield from (self._take(row) for row in rows)
        elif state.ended:
            yield self._take(end)
        else:
            yield self._take_unfinished(state)

    def _scan_to_end(self, state: ScanState) -> ScanState:
        """Scan the element that begins here to its end, to the limit or to the end of the file."""
        while True:
            state = _scan(self._buffer, self._at, state)
            if state.ended or state.size > self._limit or not self._read_block():
                return state

    def _learn_key(self) -> None:
        if (
            self._row_start is None
            and (key := _FIRST_KEY.match(self._buffer, self._at))
            and len(key[1]) <= MAX_KEY_BYTES
        ):
            self._row_start = re.compile(rb'\{\s*+"' + re.escape(key[1]) + rb'"\s*+:')

    def _rows_before(self, end: int) -> list[int]:
        """Where other rows seem to begin inside the element that begins here."""
        if self._row_start is None:
            return []
        return [match.start() for match in self._row_start.finditer(self._buffer, self._at + 1, end)]

    def _is_row(self, end: int) -> bool:
        """Whether the element is one valid row: objects inside it may begin with the same key."""
        if self._buffer.startswith(b"[", self._at):
            return False
        decoded = decode(self._buffer[self._at : end])
        return decoded.text is not None or decoded.problems[0].rule != "json-broken"

    def _take_unfinished(self, state: ScanState) -> FileLine:
        """An element truncated by the end of the file; or one that is too long, up to its end or to the next row."""
        if state.size <= self._limit:
            self.is_truncated = False  # the element says so
            return self._take(len(self._buffer))
        number, offset, raw = self.number, self.offset, self._buffer[self._at : self._at + KEPT_BYTES]
        while not state.ended and not (rows := self._rows_before(self._at + state.size)):
            scanned = max(state.size - OVERLAP_BYTES, 0)
            self._advance(self._at + scanned)
            if not self._read_block():
                self._advance(len(self._buffer))
                return FileLine(number, offset, raw, self.offset - offset)
            state = _scan(self._buffer, self._at, state._replace(size=state.size - scanned))
        self._advance(self._at + state.size if state.ended else rows[0])
        return FileLine(number, offset, raw, self.offset - offset)


def _scan(buffer: bytes, start: int, state: ScanState) -> ScanState:
    """Scan the element that begins at `start` further, to its end or to the end of the buffer."""
    _size, depth, in_string, _ended = state
    at = start + state.size
    while at < len(buffer):
        at = _match_end(_STRING_REST if in_string else _OUTSIDE_STRINGS, buffer, at)
        char = buffer[at : at + 1]
        if not char or char == b"\\":  # the buffer ends here, maybe within an escape
            break
        if in_string or char == b'"':
            in_string = not in_string
            at += 1
        else:
            run = _match_end(_RUN, buffer, at) - at
            run = run if char in b"[{" else -min(run, depth)
            depth, at = depth + run, at + abs(run)
        if depth <= 0 and not in_string:
            return ScanState(at - start, ended=True)
    return ScanState(at - start, depth, in_string)


def _match_end(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    match = pattern.match(buffer, at)
    return match.end() if match else at
