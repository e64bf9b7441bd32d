"""The rows of a file, one after the other, and the texts of some of them again, with little memory for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import msgspec

from core import formats
from core.checks import LINE_LIMIT
from core.dataset.row_json import RowTexts, read_texts
from core.formats import jsonl
from core.formats.format_detection import DetectedFormat
from core.formats.input_files import open_file
from core.formats.reading_options import DETECTED, ReadingOptions
from core.lazy_numpy import np
from core.progress import Reporter
from core.spilled_columns import NumberColumn, TextColumn

_READ_BUFFER_BYTES = 16 * 1024  # small: most of the file is skipped


def parse_texts(data: str) -> RowTexts | None:
    """The texts of a row, from its JSON text; None where it is no row with a question or an answer."""
    try:
        texts = read_texts(data) if data.lstrip()[:1] == "{" else None
    except (msgspec.MsgspecError, RecursionError):
        return None
    return texts if texts and (texts.question or texts.answer) else None


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""


class FileRows:
    """The rows of a file. `iterate` must have ended before `load`.

    Of JSON Lines the places in the file are kept; rows of other forms are kept as their JSON text, in a temporary file
    where they are many.
    """

    def __init__(self, path: Path, detected: DetectedFormat, reading: ReadingOptions = DETECTED) -> None:
        """`path` and `detected` as `formats.resolve` and `formats.detect` have them."""
        self._path, self._detected, self._reading = path, detected, reading
        self._is_plain = (
            formats.is_plain(detected)
            and reading.columns is None
            and reading.requests is None
            and detected.encoding.startswith("utf-8")
            and not detected.compressed
        )
        self._lines, self._offsets, self._converted = NumberColumn("i"), NumberColumn("q"), TextColumn()

    def iterate(self, reporter: Reporter) -> Iterator[tuple[int, str, RowTexts]]:
        """Yield the line, the JSON text and the texts of each row. Raises FormatError and `Cancelled`."""
        for line, offset, data in self._iterate_data(reporter):
            if texts := parse_texts(data):
                self._lines.append(line)
                if self._is_plain:
                    self._offsets.append(offset)
                else:
                    self._converted.append(data)
                yield line, data, texts

    def _iterate_data(self, reporter: Reporter) -> Iterator[tuple[int, int, str]]:
        if not self._is_plain:
            for row in formats.read_detected(self._path, self._detected, reporter, self._reading):
                if row.text is not None:
                    yield row.line.number, 0, row.text
            return
        for line in jsonl.read_lines_with_progress(self._path, self._detected.encoding, reporter):
            if line.length <= LINE_LIMIT and (data := _decode(line.raw)):
                yield line.number, line.offset, data

    def load_lines(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """The line of each row."""
        return self._lines.load()

    def load(self, numbers: Sequence[int]) -> list[RowTexts]:
        """The texts of these rows, counted from 0, in that order. Raises FormatError when the file has changed."""
        data = self._read_lines(numbers) if self._is_plain else self._converted.read(numbers)
        return [parse_texts(text) or RowTexts("", "", "") for text in data]

    def _read_lines(self, numbers: Sequence[int]) -> list[str]:
        offsets = self._offsets.load()[np.asarray(numbers, np.int64)].tolist() if numbers else []
        found = dict.fromkeys(offsets, "")
        with open_file(self._path) as file:
            near = BufferedReader(file.raw, _READ_BUFFER_BYTES)
            for offset in sorted(found):
                near.seek(offset)
                found[offset] = _decode(near.readline(LINE_LIMIT + 4))
            near.detach()
        return [found[offset] for offset in offsets]
