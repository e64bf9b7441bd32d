"""Columns of numbers and texts that grow row by row and move to a temporary file where they are many."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any

from core.errors import JukuError
from core.language import tr
from core.lazy_numpy import np, npt

MAX_BYTES_IN_MEMORY = 128 * 1024  # of one column of numbers
MAX_TEXT_BYTES_IN_MEMORY = 2 * 1024 * 1024  # of one column of texts, or one table


class NumberColumn:
    """Numbers of one type (a code of `array`) that are appended one by one, and read back all at once."""

    def __init__(self, typecode: str) -> None:
        self._last = array(typecode)
        self._file = _File()
        self._count = 0  # of numbers in the file

    def __len__(self) -> int:
        return self._count + len(self._last)

    def append(self, number: int) -> None:
        """Add a number. Raises `JukuError` where the temporary file cannot be written."""
        self._last.append(number)
        if len(self._last) * self._last.itemsize >= MAX_BYTES_IN_MEMORY:
            self._spill()

    def extend(self, numbers: npt.NDArray[Any]) -> None:
        """Add numbers of the column's type. Raises `JukuError` where the temporary file cannot be written."""
        self._last.frombytes(numbers.tobytes())
        if len(self._last) * self._last.itemsize >= MAX_BYTES_IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        self._file.write(self._last.tobytes(), self._count * self._last.itemsize)
        self._count += len(self._last)
        del self._last[:]

    def load(self) -> npt.NDArray[Any]:
        """All numbers in order, in a new array. Raises `JukuError` where the temporary file cannot be read."""
        numbers = np.empty(len(self), self._last.typecode)
        if self._count:
            self._file.read_into(numbers[: self._count].data.cast("B"))
        numbers[self._count :] = self._last
        return numbers


class TextColumn:
    """Texts that are appended one by one, and read back by their numbers."""

    def __init__(self) -> None:
        self._last = bytearray()  # of UTF-8, not yet in the file
        self._file = _File()
        self._written = 0
        self._ends = NumberColumn("q")
        self._bounds: npt.NDArray[np.int64] = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def append(self, text: str) -> None:
        """Add a text. Raises `JukuError` where the temporary file cannot be written."""
        self._last += text.encode("utf-8", "surrogatepass")
        self._ends.append(self._written + len(self._last))
        if len(self._last) >= MAX_TEXT_BYTES_IN_MEMORY:
            self._file.write(self._last, self._written)
            self._written += len(self._last)
            self._last = bytearray()

    def read(self, numbers: Sequence[int]) -> list[str]:
        """These texts in that order. Raises `JukuError` where the temporary file cannot be read."""
        if len(self._bounds) != len(self) + 1:
            self._bounds = np.append(np.zeros(1, np.int64), self._ends.load())
        return [
            self._get(int(self._bounds[number]), int(self._bounds[number + 1])).decode("utf-8", "surrogatepass")
            for number in numbers
        ]

    def _get(self, start: int, end: int) -> bytes:
        if start >= self._written:
            return bytes(self._last[start - self._written : end - self._written])
        return self._file.read(start, end - start)


class NumberTable:
    """Rows of numbers of one type and length, each written in parts and read whole: in memory where they are few."""

    def __init__(self, rows: int, length: int, dtype: npt.DTypeLike) -> None:
        self._dtype, self._length = np.dtype(dtype), length
        self._file = _File()
        is_small = rows * length * self._dtype.itemsize <= MAX_TEXT_BYTES_IN_MEMORY
        self._array = np.zeros((rows, length), self._dtype) if is_small else None

    def write(self, row: int, start: int, numbers: npt.NDArray[Any]) -> None:
        """Write a part of a row, from column `start`. Raises `JukuError` where the temporary file cannot be written."""
        if self._array is not None:
            self._array[row, start : start + len(numbers)] = numbers
        else:
            place = (row * self._length + start) * self._dtype.itemsize
            self._file.write(np.ascontiguousarray(numbers, self._dtype).tobytes(), place)

    def load(self, row: int) -> npt.NDArray[Any]:
        """A row, in an array that must not be changed. Raises `JukuError` where the temporary file cannot be read."""
        if self._array is not None:
            whole: npt.NDArray[Any] = self._array[row]
            return whole
        size = self._length * self._dtype.itemsize
        return np.frombuffer(self._file.read(row * size, size), self._dtype)


def iterate_parts(count: int, size: int) -> Iterator[tuple[int, int]]:
    """The start and end of each part of `size` of `count` things; the last may be smaller."""
    return ((start, min(start + size, count)) for start in range(0, count, size))


class _File:
    """A temporary file without a name, closed with its column. Raises `JukuError` where it cannot be used."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        if self._file:
            self._file.close()

    def write(self, data: bytes | bytearray, place: int) -> None:
        """Write at a place."""
        try:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - closed with its column
            self._file.seek(place)
            self._file.write(data)
        except OSError as error:
            raise _build_error(error) from error

    def read(self, place: int, length: int) -> bytes:
        """Bytes that were written."""
        assert self._file
        try:
            self._file.seek(place)
            return self._file.read(length)
        except OSError as error:
            raise _build_error(error) from error

    def read_into(self, view: memoryview) -> None:
        """Read the beginning, as much as `view` holds."""
        assert self._file
        try:
            self._file.seek(0)
            self._file.readinto(view)  # type: ignore[attr-defined]
        except OSError as error:
            raise _build_error(error) from error


def _build_error(error: OSError) -> JukuError:
    words = tr("{reason} Set TMPDIR to a folder on a disk with room.", reason=error.strerror or str(error))
    return JukuError(tr("The folder for temporary files cannot be used"), words)
