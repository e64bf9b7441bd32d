"""Reads a file in blocks of whole lines, in one reused buffer."""

from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from core.checks import LINE_LIMIT
from core.checks.prefilter_types import WORD

BLOCK_BYTES = 1536 * 1024  # larger ones no longer fit into a processor's cache, smaller ones cost more calls
_BUFFER_BYTES = 2 * BLOCK_BYTES
_MAX_BREAK_BYTES = 4  # of a line's break


class Chunk(NamedTuple):
    """Whole lines: the first `size` bytes of `data`, which has room for a word more and is valid until the next chunk.

    `offset` is their place in the file in bytes. A line over the limit comes alone, without its bytes: `length` is its
    size, and 0 for all other chunks.
    """

    data: bytearray
    size: int
    offset: int
    length: int = 0


def read_chunks(file: BufferedReader, limit: int = LINE_LIMIT) -> Iterator[Chunk]:
    """Yield the file from its current position. Lines up to `limit` bytes stay whole; that bounds the memory.

    Raises OSError when the file cannot be read.
    """
    offset = file.tell()
    data, rest = bytearray(), b""
    while True:
        data, size = _fill(file, data, rest, limit)
        end = data.rfind(b"\n", 0, size) + 1
        if not end and size > limit + _MAX_BREAK_BYTES:
            length, whole, rest = _skip_line(file, bytes(memoryview(data)[:size]))
            yield Chunk(data, 0, offset, length)
            offset += whole
        elif size:
            end = end or size  # the last line may have no break
            rest = bytes(memoryview(data)[end:size])
            yield Chunk(data, end, offset)
            offset += end
        else:
            return


def _fill(file: BufferedReader, data: bytearray, rest: bytes, limit: int) -> tuple[bytearray, int]:
    """The `rest` of the last chunk and what follows, at least to the end of a line, of the file, or to the limit."""
    size = len(rest)
    if len(data) != _BUFFER_BYTES or size + BLOCK_BYTES + WORD > _BUFFER_BYTES:
        data = bytearray(max(_BUFFER_BYTES, size + BLOCK_BYTES + WORD))
    data[:size] = rest
    while True:
        with memoryview(data) as view:
            read = file.readinto(view[size : size + BLOCK_BYTES])
        size += read
        if not read or data.find(b"\n", size - read, size) >= 0 or size > limit + _MAX_BREAK_BYTES:
            return data, size
        if size + BLOCK_BYTES + WORD > len(data):
            larger = bytearray(2 * size + BLOCK_BYTES + WORD)
            larger[:size] = memoryview(data)[:size]
            data = larger


def _skip_line(file: BufferedReader, start: bytes) -> tuple[int, int, bytes]:
    """Read to the end of a line; returns its length without its break and with it, and the bytes read after it."""
    size, last = len(start), start[-1:]
    while block := file.read(BLOCK_BYTES):
        if (end := block.find(b"\n")) >= 0:
            returned = (block[end - 1 : end] if end else last) == b"\r"
            return size + end - returned, size + end + 1, block[end + 1 :]
        size, last = size + len(block), block[-1:]
    return size, size, b""
