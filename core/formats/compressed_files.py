"""Decompresses gzip files as they are read: a block in memory at a time, with a limit against compression bombs."""

import gzip
import io
import os
import zlib
from typing import Any, BinaryIO

from core.language import tr

GZIP_MAGIC = b"\x1f\x8b\x08"
BLOCK_BYTES = 1024 * 1024
ALWAYS_ALLOWED_BYTES = 1024 * 1024 * 1024  # up to here any ratio is harmless
MAX_COMPRESSION_RATIO = 200  # text shrinks to a twentieth; a bomb to a thousandth


class _DecompressedFile(io.RawIOBase):
    """The decompressed bytes of a gzip file. Reading raises OSError with a translated text when it is damaged or a bomb."""

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
        if self._gzip.tell() > max(ALWAYS_ALLOWED_BYTES, MAX_COMPRESSION_RATIO * self.size):
            raise OSError(tr("It unpacks to far more than a text would. Unpack it yourself if you trust it."))
        return data


def open_decompressed(file: BinaryIO) -> io.BufferedReader:
    """`file` itself, or a stream that decompresses it when it is gzip. Reading that may raise OSError."""
    assert isinstance(file, io.BufferedReader)
    if file.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] != GZIP_MAGIC:
        return file
    return io.BufferedReader(_DecompressedFile(file), BLOCK_BYTES)


def is_compressed(file: io.BufferedReader) -> bool:
    """Whether `file`, as returned by `open_decompressed`, is compressed."""
    return isinstance(file.raw, _DecompressedFile)


def read_progress(file: io.BufferedReader) -> tuple[int, int]:
    """How many bytes of the file on disk have been read, and its size."""
    raw = file.raw
    if isinstance(raw, _DecompressedFile):
        return min(raw.packed.tell(), raw.size), raw.size
    return file.tell(), os.fstat(file.fileno()).st_size
