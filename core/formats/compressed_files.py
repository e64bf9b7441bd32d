"""Compressed files, unpacked as they are read: never more than a block in memory, and no bomb goes off."""

import gzip
import io
import os
import zlib
from typing import Any, BinaryIO

from core.language import tr

GZIP_MAGIC = b"\x1f\x8b\x08"
BLOCK = 1024 * 1024
UNCHECKED_BYTES = 1024 * 1024 * 1024  # up to here any ratio is harmless
MAX_COMPRESSION_RATIO = 200  # text shrinks to a twentieth; a bomb to a thousandth


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip file; damage is an OSError in words."""

    def __init__(self, file: BinaryIO) -> None:
        self.packed = file
        self.size = os.fstat(file.fileno()).st_size
        self._gzip = gzip.GzipFile(fileobj=file, mode="rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._gzip.seek(offset, whence)

    def tell(self) -> int:
        return self._gzip.tell()

    def fileno(self) -> int:
        return self.packed.fileno()

    def readinto(self, buffer: Any) -> int:  # `Buffer` has no name before Python 3.12
        with memoryview(buffer) as view:
            data = self._read(len(view))
            view[: len(data)] = data
            return len(data)

    def _read(self, size: int) -> bytes:
        try:
            data = self._gzip.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise OSError(
                tr("Its compressed data is damaged or truncated. Unpack it yourself, or download it again.")
            ) from error
        if self._gzip.tell() > max(UNCHECKED_BYTES, MAX_COMPRESSION_RATIO * self.size):
            raise OSError(tr("It unpacks to far more than a text would. Unpack it yourself if you trust it."))
        return data


def open_decompressed(file: BinaryIO) -> io.BufferedReader:
    """`file`, or what is in it when it is compressed."""
    assert isinstance(file, io.BufferedReader)
    if file.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] != GZIP_MAGIC:
        return file
    return io.BufferedReader(_Unpacked(file), BLOCK)


def is_compressed(file: io.BufferedReader) -> bool:
    """Whether `file`, as `unpacked` gave it, is compressed."""
    return isinstance(file.raw, _Unpacked)


def read_progress(file: io.BufferedReader) -> tuple[int, int]:
    """How many of the bytes on the disk have been read, and how many there are."""
    raw = file.raw
    if isinstance(raw, _Unpacked):
        return min(raw.packed.tell(), raw.size), raw.size
    return file.tell(), os.fstat(file.fileno()).st_size
