"""JSON that is not one row a line: arrays of rows, and rows laid out over several lines, one after the other."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from core.checks import LINE_LIMIT, decode, problem
from core.formats.jsonl import FileRow
from core.formats.text_lines import KEPT_BYTES, Encoding, FileLine
from core.formats.text_stream import blocks, check_file_line, size_in, start
from core.language import tr
from core.progress import Reporter

KEY_LENGTH = 100
OVERLAP = 1024  # as much is looked at again where two blocks meet

# A string ends at a line break too, which JSON forbids inside: so a lost quote spoils no more than its line.
_BETWEEN = re.compile(rb"[\s,]*+")
_CLOSING = re.compile(rb"[\s,\]]*+")
_PLAIN = rb'(?:[^"\[\]{}]++|"(?:[^"\\\n]++|\\[\s\S])*+["\n])'
_FLAT = rb"\{%b*+\}" % _PLAIN
_OUTSIDE = re.compile(rb"(?:%b|%b)*+" % (_PLAIN, _FLAT))  # flat objects, as messages are, in one go
_ROW = re.compile(rb"\{(?:%b|%b|\[(?:%b|%b)*+\])*+\}" % (_PLAIN, _FLAT, _PLAIN, _FLAT))  # so are the usual rows
_RUN = re.compile(rb"[\[{]++|[\]}]++")
_INSIDE = re.compile(rb'(?:[^"\\\n]++|\\[\s\S])*+')
_SCALAR = re.compile(rb'(?:[^"\[{,\n]++|"(?:[^"\\\n]++|\\[^\n])*+"?)++')
_FIRST_KEY = re.compile(rb'\{\s*+"((?:[^"\\\n]++|\\[^\n])*+)"\s*+:')


class State(NamedTuple):
    """How far an element has been read: so many bytes of it, so many brackets open, in a string or not."""

    size: int = 0
    depth: int = 0
    inside: bool = False
    ended: bool = False


def read(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileRow]:
    """Every row of the file with its problems; its text is the unchanged JSON of the file."""
    scan = Elements(blocks(path, encoding, reporter), encoding)
    scan.offset = start(path, encoding)
    for line in scan:
        text, problems = check_file_line(line)
        yield FileRow(line, text, problems)
    if scan.is_cut_off:
        message = tr("The list of rows is not closed: the file may have been cut off.")
        yield FileRow(FileLine(scan.number, scan.offset, b"", 0), None, [problem("json-broken", "", message)])


class Elements:
    """The elements of a JSON array, or of objects that merely follow each other, from UTF-8 in blocks.

    Each comes as a `Line` whose number is that of its first line. A broken one is left as soon as the next one
    begins, which is told by the key that the rows begin with: unescaped, it can stand in no string.
    """

    def __init__(self, stream: Iterable[bytes], encoding: Encoding = "utf-8", limit: int = LINE_LIMIT) -> None:
        self.number = 1
        self.offset = 0
        self.is_cut_off = False
        self._stream = iter(stream)
        self._encoding: Encoding = encoding
        self._limit = limit
        self._buffer = b""
        self._at = 0
        self._row_start: re.Pattern[bytes] | None = None

    def __iter__(self) -> Iterator[FileLine]:
        self._skip_blanks()
        if self._buffer.startswith(b"[", self._at):
            self.is_cut_off = True
            self._advance(self._at + 1)
        while self._skip_blanks():
            char = self._buffer[self._at : self._at + 1]
            if char == b"]":
                self._advance(_end(_CLOSING, self._buffer, self._at))
                self.is_cut_off = False
            elif char in (b"{", b"["):
                yield from self._bracketed()
            else:
                yield self._scalar()

    def _more(self) -> bool:
        """Read on; what lies behind is forgotten."""
        block = next(self._stream, b"")
        if block:
            self._buffer = self._buffer[self._at :] + block
            self._at = 0
        return bool(block)

    def _advance(self, to: int) -> None:
        self.number += self._buffer.count(b"\n", self._at, to)
        self.offset += size_in(self._buffer[self._at : to], self._encoding)
        self._at = to

    def _skip_blanks(self) -> bool:
        """Go to the next element; False at the end of the file."""
        while True:
            blanks = _BETWEEN.match(self._buffer, self._at)
            self._advance(blanks.end() if blanks else self._at)
            if self._at < len(self._buffer):
                return True
            if not self._more():
                return False

    def _taken(self, to: int) -> FileLine:
        """What stands before `to` as one element."""
        number, offset = self.number, self.offset
        raw = self._buffer[self._at : to].rstrip(b" \t\r\n,")
        self._advance(to)
        return FileLine(
            number, offset, raw if len(raw) <= self._limit else raw[:KEPT_BYTES], size_in(raw, self._encoding)
        )

    def _scalar(self) -> FileLine:
        while True:
            end = max(_end(_SCALAR, self._buffer, self._at), self._at + 1)
            if end < len(self._buffer) or end - self._at > self._limit or not self._more():
                return self._taken(next(iter(self._rows_before(end)), end))

    def _bracketed(self) -> Iterator[FileLine]:
        row = _ROW.match(self._buffer, self._at)
        state = State(row.end() - self._at, ended=True) if row else self._read_on(State(size=1, depth=1))
        self._learn_key()
        end = self._at + state.size
        rows = self._rows_before(end)
        if rows and not (state.ended and self._is_row(end)):
            yield from (self._taken(row) for row in rows)
        elif state.ended:
            yield self._taken(end)
        else:
            yield self._unended(state)

    def _read_on(self, state: State) -> State:
        """Read the element that begins here to its end, if the limit or the file's end does not come first."""
        while True:
            state = _step(self._buffer, self._at, state)
            if state.ended or state.size > self._limit or not self._more():
                return state

    def _learn_key(self) -> None:
        if self._row_start is None and (key := _FIRST_KEY.match(self._buffer, self._at)) and len(key[1]) <= KEY_LENGTH:
            self._row_start = re.compile(rb'\{\s*+"' + re.escape(key[1]) + rb'"\s*+:')

    def _rows_before(self, end: int) -> list[int]:
        """Where other rows seem to begin inside the element that begins here."""
        if self._row_start is None:
            return []
        return [match.start() for match in self._row_start.finditer(self._buffer, self._at + 1, end)]

    def _is_row(self, end: int) -> bool:
        """Whether the element is one row after all: its own objects may begin with the same key."""
        if self._buffer.startswith(b"[", self._at):
            return False
        decoded = decode(self._buffer[self._at : end])
        return decoded.text is not None or decoded.problems[0].rule != "json-broken"

    def _unended(self, state: State) -> FileLine:
        """What the end of the file cuts off; or what is too long, up to its own end or to the next row."""
        if state.size <= self._limit:
            self.is_cut_off = False  # the element says so
            return self._taken(len(self._buffer))
        number, offset, raw = self.number, self.offset, self._buffer[self._at : self._at + KEPT_BYTES]
        while not state.ended and not (rows := self._rows_before(self._at + state.size)):
            seen = max(state.size - OVERLAP, 0)
            self._advance(self._at + seen)
            if not self._more():
                self._advance(len(self._buffer))
                return FileLine(number, offset, raw, self.offset - offset)
            state = _step(self._buffer, self._at, state._replace(size=state.size - seen))
        self._advance(self._at + state.size if state.ended else rows[0])
        return FileLine(number, offset, raw, self.offset - offset)


def _step(buffer: bytes, start: int, state: State) -> State:
    """Read the element that begins at `start` on to its end or to the buffer's."""
    _size, depth, inside, _ended = state
    at = start + state.size
    while at < len(buffer):
        at = _end(_INSIDE if inside else _OUTSIDE, buffer, at)
        char = buffer[at : at + 1]
        if not char or char == b"\\":  # the buffer ends here, maybe within an escape
            break
        if inside or char == b'"':
            inside = not inside
            at += 1
        else:
            run = _end(_RUN, buffer, at) - at
            run = run if char in b"[{" else -min(run, depth)
            depth, at = depth + run, at + abs(run)
        if depth <= 0 and not inside:
            return State(at - start, ended=True)
    return State(at - start, depth, inside)


def _end(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    match = pattern.match(buffer, at)
    return match.end() if match else at
