"""Decompresses gzip, xz, bzip2 and Zstandard files as they are read: a block in memory at a time, with a limit against bombs."""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from core.formats import zstandard_frames
from core.language import tr

GZIP_MAGIC = b"\x1f\x8b\x08"
BLOCK_BYTES = 1024 * 1024
ALWAYS_ALLOWED_BYTES = 1024 * 1024 * 1024  # up to here any ratio is harmless
MAX_COMPRESSION_RATIO = 200  # text shrinks to a twentieth; a bomb to a thousandth
MAX_WINDOW_BYTES = 256 * 1024 * 1024  # of memory for the dictionary of one stream
_PACKED_BLOCK_BYTES = 64 * 1024


Decompressor = lzma.LZMADecompressor | bz2.BZ2Decompressor


class _Unpacked:
    """A stream of one or several compressed parts, one after the other. Raises EOFError when the last one is cut off."""

    def __init__(self, file: BinaryIO, begin: Callable[[], Decompressor]) -> None:
        self._file, self._begin = file, begin
        self._decompressor = begin()
        self._rest = b""

    def read(self, size: int) -> bytes:
        while True:
            if self._decompressor.eof:
                self._rest = self._decompressor.unused_data.lstrip(b"\0") or self._file.read(_PACKED_BLOCK_BYTES)
                if not self._rest:
                    return b""
                self._decompressor = self._begin()
            elif self._decompressor.needs_input and not self._rest:
                self._rest = self._file.read(_PACKED_BLOCK_BYTES)
                if not self._rest:
                    raise EOFError
            data = self._decompressor.decompress(self._rest, size)
            self._rest = b""
            if data:
                return data


def _open_zstandard(file: BinaryIO) -> Any:
    import zstandard

    zstandard_frames.require_whole(file)
    return zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES // 2).stream_reader(
        file, read_across_frames=True, closefd=False
    )


# How each kind is opened, by its first bytes.
_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    GZIP_MAGIC: lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    b"\xfd7zXZ\0": lambda file: _Unpacked(file, lambda: lzma.LZMADecompressor(memlimit=MAX_WINDOW_BYTES)),
    b"BZh": lambda file: _Unpacked(file, bz2.BZ2Decompressor),
    zstandard_frames.MAGIC: _open_zstandard,
}
SUFFIXES = (".gz", ".xz", ".bz2", ".zst")


class DecompressedFile(io.RawIOBase):
    """The decompressed bytes of a stream that `begin` opens; `size` and `start` are its compressed place in `packed`.

    Reading raises OSError with a translated text when it is damaged or a bomb.
    """

    def __init__(self, packed: BinaryIO, begin: Callable[[], Any], size: int, start: int = 0) -> None:
        self.packed, self.size, self.start = packed, size, start
        self._begin = begin
        self._stream: Any = None
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        assert whence != os.SEEK_END
        target = offset + (self._at if whence == os.SEEK_CUR else 0)
        if target < self._at:
            self._stream, self._at = None, 0
        while self._at < target and self._read(min(BLOCK_BYTES, target - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        return self._at

    def fileno(self) -> int:
        return self.packed.fileno()

    def readinto(self, buffer: Any) -> int:  # `Buffer` has no name before Python 3.12
        with memoryview(buffer) as view:
            data = self._read(len(view))
            view[: len(data)] = data
            return len(data)

    def _read(self, size: int) -> bytes:
        import zstandard

        damaged = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError)
        try:
            if self._stream is None:
                self._stream = self._begin()
            data: bytes = self._stream.read(size)
        except MemoryError as error:
            raise OSError(_bomb_text()) from error
        except (*damaged, OSError) as error:
            if isinstance(error, OSError) and (error.errno is not None or error.args == (damaged_text(),)):
                raise  # of the disk, or said already
            raise OSError(damaged_text()) from error
        self._at += len(data)
        if self._at > max(ALWAYS_ALLOWED_BYTES, MAX_COMPRESSION_RATIO * self.size):
            raise OSError(_bomb_text())
        return data


def damaged_text() -> str:
    """What is said of compressed data that cannot be unpacked."""
    return tr("Its compressed data is damaged or truncated. Unpack it yourself, or download it again.")


def _bomb_text() -> str:
    return tr("It unpacks to far more than a text would. Unpack it yourself if you trust it.")


def open_decompressed(file: BinaryIO) -> io.BufferedReader:
    """`file` itself, or a stream that decompresses it where it is compressed. Reading that may raise OSError."""
    assert isinstance(file, io.BufferedReader)
    open_stream = find_opener(file)
    if open_stream is None:
        return file

    def begin() -> Any:
        file.seek(0)
        return open_stream(file)

    return io.BufferedReader(DecompressedFile(file, begin, os.fstat(file.fileno()).st_size), BLOCK_BYTES)


def find_opener(file: io.BufferedReader) -> Callable[[BinaryIO], Any] | None:
    """What opens a compressed file, by its next bytes; None where it is not compressed."""
    start = file.peek(8)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)


def is_compressed(file: io.BufferedReader) -> bool:
    """Whether `file`, as returned by `open_decompressed`, is compressed."""
    return isinstance(file.raw, DecompressedFile)


def read_progress(file: io.BufferedReader) -> tuple[int, int]:
    """How many bytes of the file on disk have been read, and its size."""
    raw = file.raw
    if isinstance(raw, DecompressedFile):
        return max(0, min(raw.packed.tell() - raw.start, raw.size)), raw.size
    return file.tell(), os.fstat(file.fileno()).st_size


def remove_suffix(name: str) -> str:
    """A file's name in lower case, without the suffix of its compression."""
    lower = name.lower()
    return next((lower.removesuffix(suffix) for suffix in SUFFIXES if lower.endswith(suffix)), lower)
