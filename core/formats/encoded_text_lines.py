"""Reads the lines of a text file in any supported encoding, streamed with bounded memory."""

import errno
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from core.checks import LINE_LIMIT
from core.checks.line_parsing import reads_as_japanese
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.compressed_files import open_decompressed
from core.language import tr

Encoding = Literal["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp932", "cp1252"]

_UTF8 = ("utf-8", "utf-8-sig")

SAMPLE_BYTES = 4 * 1024 * 1024
KEPT_BYTES = 64 * 1024
BLOCK_BYTES = 1024 * 1024

_LATIN = re.compile("[^\x00-\x7f]")
_FOREIGN_WORD = re.compile("[^\x00-\x7f]{4,}")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f]")

BOMS: dict[Encoding, bytes] = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


class FileLine(NamedTuple):
    """A line of a file, without its newline.

    `number` counts from 1; `offset` is its first byte in the file and `length` its bytes there. `raw` is UTF-8, or
    the file's own bytes where those cannot be decoded; of a line over the limit only the beginning.
    """

    number: int
    offset: int
    raw: bytes
    length: int


def detect_encoding(path: Path) -> Encoding:
    """Detect the file's encoding by its first 4 MB. Raises FormatError when it cannot be read."""
    with open_file(path) as file:
        sample = file.read(SAMPLE_BYTES)
    for encoding, bom in BOMS.items():
        if sample.startswith(bom):
            return encoding
    if b"\0" in sample[:2] and (utf16 := _utf16_by_zeros(sample)):
        return utf16
    whole = len(sample) < SAMPLE_BYTES
    return _detect_legacy_encoding(sample.split(b"\n")[: None if whole else -1])


def _utf16_by_zeros(sample: bytes) -> Encoding | None:
    """UTF-16 without a byte order mark: JSON's own characters have a zero byte, always on the same side."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if sample[0] and odd > 10 * even:
        return "utf-16-le"
    return "utf-16-be" if sample[0] == 0 and even > 10 * odd else None


def _detect_legacy_encoding(sample: list[bytes]) -> Encoding:
    """CP932 or CP1252 where no non-ASCII line is valid UTF-8 and all lines fit that encoding, else UTF-8."""
    foreign = [line for line in sample if not line.isascii()]
    if not foreign or any(_decode(line, "utf-8") is not None for line in foreign):
        return "utf-8"
    if _fits(foreign, "cp932", reads_as_japanese):
        return "cp932"
    return "cp1252" if _fits(foreign, "cp1252", _reads_as_latin) else "utf-8"


def _fits(lines: list[bytes], encoding: Encoding, reads_well: Callable[[str], bool]) -> bool:
    """Whether every line can be decoded, and nine in ten pass `reads_well`: a cell may be a single kanji or symbol."""
    texts = [_decode(line, encoding) for line in lines]
    return all(text is not None for text in texts) and 10 * sum(reads_well(text or "") for text in texts) >= 9 * len(
        texts
    )


def _reads_as_latin(text: str) -> bool:
    """Whether text decoded from CP1252 is plausible: accented letters among plain ones, not whole words of them.

    Those are another script: EUC-JP, Cyrillic and Greek can be decoded as CP1252 too, and would be corrupted silently.
    """
    accented, in_words = len(_LATIN.findall(text)), sum(map(len, _FOREIGN_WORD.findall(text)))
    return 3 * accented <= len(text) and 2 * in_words <= accented and not _CONTROLS.search(text)


def _decode(line: bytes, encoding: Encoding) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def read_lines(path: Path, encoding: Encoding | None = None, limit: int = LINE_LIMIT) -> Iterator[FileLine]:
    """Yield the file's lines; of a line over `limit` bytes `raw` is only the first 64 KiB.

    Raises FormatError when the file cannot be read.
    """
    encoding = encoding or detect_encoding(path)
    newline = "\n".encode(_codec(encoding))
    with open_file(path) as file:
        offset = _skip_bom(file, encoding)
        readline = partial(_readline_utf16, file, newline) if len(newline) == 2 else file.readline
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


def _readline_utf16(file: BinaryIO, newline: bytes, size: int) -> bytes:
    """As `file.readline(size)` (`size` even), where the newline is two bytes and its byte may be half a character."""
    line = bytearray()
    while len(line) < size and (piece := file.readline(size - len(line))):
        line += piece
        if len(line) % 2:
            line += file.read(1)
        if line.endswith(newline):
            break
    return bytes(line)


def _strip_break(chunk: bytes, newline: bytes) -> bytes:
    if len(newline) == 1:
        return chunk.rstrip(b"\r\n")
    breaks = (newline, newline.replace(b"\n", b"\r"))
    end = len(chunk)
    while chunk[max(end - 2, 0) : end] in breaks:
        end -= 2
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


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading, decompressed if needed. Raises FormatError when it cannot be read, then or inside `with`."""
    try:
        mode = path.stat().st_mode  # checked first: opening a pipe or a device can block for ever
        if not stat.S_ISREG(mode):
            raise _unreadable_error(path, tr("It is a folder.") if stat.S_ISDIR(mode) else tr("It is not a file."))
        with path.open("rb", buffering=BLOCK_BYTES) as file:
            yield open_decompressed(file)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise _unreadable_error(path, format_os_error(error)) from error


def _unreadable_error(path: Path, reason: str) -> FormatError:
    return FormatError(tr("{name} cannot be read", name=clip(path.name, 80)), reason)


def format_os_error(error: OSError | ValueError) -> str:
    """The reason of an error as a translated sentence; for an unknown one, the error's own text."""
    reasons = {
        errno.ENOENT: tr("There is no such file or folder."),
        errno.EACCES: tr("Permission denied."),
        errno.EPERM: tr("Permission denied."),
        errno.EROFS: tr("The disk is read-only."),
        errno.ENOSPC: tr("The disk is full."),
        errno.EDQUOT: tr("The disk quota is used up."),
        errno.EISDIR: tr("It is a folder."),
    }
    message = reasons.get(error.errno or 0) if isinstance(error, OSError) else None
    return message or str(error)
