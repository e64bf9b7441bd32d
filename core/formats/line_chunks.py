"""Reads a file as blocks of whole lines, in one reused buffer."""

from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from core.checks import LINE_LIMIT
from core.checks.prefilter_layouts import WORD

BLOCK = 1024 * 1024
_ROOM = 2 * BLOCK
_MARGIN = 4  # bytes that a line's break may take


class Chunk(NamedTuple):
    """Whole lines: the first `size` bytes of `data`, which has room for a word more and is valid until the next chunk.

    `offset` is their place in the file. A line over the limit comes alone, without its bytes: `length` is how many it
    has, and 0 otherwise.
    """

    data: bytearray
    size: int
    offset: int
    length: int = 0


def chunks(file: BufferedReader, limit: int = LINE_LIMIT) -> Iterator[Chunk]:
    """The file from its current position. Lines up to `limit` bytes stay whole; memory is bounded by that."""
    offset = file.tell()
    data, kept = bytearray(), b""
    while True:
        data, size = _fill(file, data, kept, limit)
        end = data.rfind(b"\n", 0, size) + 1
        if not end and size > limit + _MARGIN:
            length, whole, kept = _skip_line(file, bytes(memoryview(data)[:size]))
            yield Chunk(data, 0, offset, length)
            offset += whole
        elif size:
            end = end or size  # the last line may have no break
            kept = bytes(memoryview(data)[end:size])
            yield Chunk(data, end, offset)
            offset += end
        else:
            return


def _fill(file: BufferedReader, data: bytearray, kept: bytes, limit: int) -> tuple[bytearray, int]:
    """The kept bytes and what follows them, at least up to the end of a line, the file, or what a line may hold."""
    size = len(kept)
    if len(data) != _ROOM or size + BLOCK + WORD > _ROOM:
        data = bytearray(max(_ROOM, size + BLOCK + WORD))
    data[:size] = kept
    while True:
        with memoryview(data) as view:
            read = file.readinto(view[size : size + BLOCK])
        size += read
        if not read or data.find(b"\n", size - read, size) >= 0 or size > limit + _MARGIN:
            return data, size
        if size + BLOCK + WORD > len(data):
            larger = bytearray(2 * size + BLOCK + WORD)
            larger[:size] = memoryview(data)[:size]
            data = larger


def _skip_line(file: BufferedReader, start: bytes) -> tuple[int, int, bytes]:
    """Reads to the end of a line: its length without its break, with it, and what was read of the next ones."""
    size, last = len(start), start[-1:]
    while block := file.read(BLOCK):
        if (end := block.find(b"\n")) >= 0:
            returned = (block[end - 1 : end] if end else last) == b"\r"
            return size + end - returned, size + end + 1, block[end + 1 :]
        size, last = size + len(block), block[-1:]
    return size, size, b""
