"""Reads the lines of a text file in any supported encoding, streamed with bounded memory."""

import codecs
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from core.checks import LINE_LIMIT
from core.formats.encoding_detection import BOMS, Encoding, detect_encoding, is_ascii_compatible
from core.formats.input_files import open_file

_UTF8 = ("utf-8", "utf-8-sig")

KEPT_BYTES = 64 * 1024
BLOCK_BYTES = 1024 * 1024


class FileLine(NamedTuple):
    """A line of a file, without its newline.

    `number` counts from 1; `offset` is its first byte in the file and `length` its bytes there. `raw` is UTF-8, or
    the file's own bytes where those cannot be decoded; of a line over the limit only the beginning.
    """

    number: int
    offset: int
    raw: bytes
    length: int


def read_lines(path: Path, encoding: Encoding | None = None, limit: int = LINE_LIMIT) -> Iterator[FileLine]:
    """Yield the file's lines; of a line over `limit` bytes `raw` is only the first 64 KiB.

    Raises FormatError when the file cannot be read.
    """
    encoding = encoding or detect_encoding(path)
    newline = "\n".encode(_codec(encoding))
    if len(newline) == 1 and not is_ascii_compatible(_codec(encoding)):
        yield from _read_decoded(path, encoding, limit)
        return
    with open_file(path) as file:
        offset = _skip_bom(file, encoding)
        readline = partial(_readline_wide, file, newline) if len(newline) > 1 else file.readline
        number = 0
        while chunk := readline(limit + 4):
            number += 1
            size = len(chunk)
            raw = _strip_break(chunk, newline)
            length = len(raw)
            if length > limit:
                more, end = (0, 0) if chunk.endswith(newline) else _skip_line(readline, newline)
                raw, length, size = raw[:KEPT_BYTES], length + more - end, size + more
            yield FileLine(
                number, offset, raw if encoding in _UTF8 else _convert_to_utf8(raw, encoding, length > limit), length
            )
            offset += size


def _codec(encoding: Encoding) -> str:
    return "utf-8" if encoding in _UTF8 else encoding


def _skip_bom(file: BinaryIO, encoding: Encoding) -> int:
    """Move past a byte order mark; returns its length."""
    bom = BOMS.get("utf-8-sig" if encoding in _UTF8 else encoding, b"")
    length = len(bom) if file.read(len(bom)) == bom else 0
    file.seek(length)
    return length


def _read_decoded(path: Path, encoding: Encoding, limit: int) -> Iterator[FileLine]:
    """As `read_lines`, for a codec whose line breaks are not the byte of ASCII (EBCDIC, UTF-7)."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    number, offset, rest = 0, 0, ""
    with open_file(path) as file:
        while True:
            block = file.read(BLOCK_BYTES)
            *lines, rest = (rest + decoder.decode(block, not block)).split("\n")
            if not block and rest:
                lines.append(rest)
            for line in lines:
                number += 1
                raw = line.rstrip("\r").encode("utf-8", "replace")
                length = len(raw)
                yield FileLine(number, offset, raw if length <= limit else raw[:KEPT_BYTES], length)
                offset += len((line + "\n").encode(encoding, "replace"))
            if not block:
                return


def _readline_wide(file: BinaryIO, newline: bytes, size: int) -> bytes:
    """As `file.readline(size)`, where the newline is 2 or 4 bytes and its byte may be a part of a character."""
    width = len(newline)
    size -= size % width
    line = bytearray()
    while len(line) < size and (piece := file.readline(size - len(line))):
        line += piece
        if missing := -len(line) % width:
            line += file.read(missing)
        if line.endswith(newline):
            break
    return bytes(line)


def _strip_break(chunk: bytes, newline: bytes) -> bytes:
    if len(newline) == 1:
        return chunk.rstrip(b"\r\n")
    breaks = (newline, newline.replace(b"\n", b"\r"))
    end, width = len(chunk), len(newline)
    while chunk[max(end - width, 0) : end] in breaks:
        end -= width
    return chunk[:end]


def _skip_line(readline: Callable[[int], bytes], newline: bytes) -> tuple[int, int]:
    """Read to the end of the line; returns the number of bytes read, and how many of them are the line break."""
    size = 0
    while chunk := readline(BLOCK_BYTES):
        size += len(chunk)
        if chunk.endswith(newline):
            return size, len(chunk) - len(_strip_break(chunk, newline))
    return size, 0


def _convert_to_utf8(raw: bytes, encoding: Encoding, is_truncated: bool) -> bytes:
    """The line in UTF-8, or unchanged when it cannot be decoded."""
    try:
        return raw.decode(encoding, "ignore" if is_truncated else "strict").encode()
    except UnicodeDecodeError:
        return raw
