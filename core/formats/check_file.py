"""Finds all problems of a file: of lines that are rows (fast where they are clean), and of converted rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from core.checks import Problem, check_line, problem, too_long
from core.checks.prefilter_types import Digests, Places
from core.formats.compressed_files import read_progress
from core.formats.encoded_text_lines import FileLine, read_lines
from core.formats.encoded_text_stream import check_file_line, get_bom_length
from core.formats.encoding_detection import Encoding, detect_encoding
from core.formats.input_files import open_file
from core.formats.jsonl import FileRow
from core.formats.line_chunks import Chunk, read_chunks
from core.formats.repeated_lines import Repeats, find_equal
from core.language import tr, trn
from core.lazy_numpy import np
from core.progress import Reporter
from core.spilled_columns import NumberColumn

if TYPE_CHECKING:
    from core.checks.clean_row_prefilter import Scanner

MIN_ROWS = 10
_LINES_PER_BATCH = 1024  # lines of a file in another encoding, from one report to the next

Problems = Iterator[tuple[int, Problem]]
CountedProblems = Generator[tuple[int, Problem], None, int]  # returns the number of readable rows


def check_lines(path: Path, reporter: Reporter, encoding: Encoding = "") -> CountedProblems:
    """Yield the file's problems with their line numbers; line 0 is the whole file. `encoding` "" is detected.

    Repeated rows come last, when the whole file has been read. Raises `FormatError` when it cannot be read, and
    `Cancelled`.
    """
    encoding = encoding or detect_encoding(path)
    if note := encoding_note(encoding):
        yield 0, note
    check = _FileCheck(path, encoding, reporter)
    yield from check.check_utf8() if encoding.startswith("utf-8") else check.check_decoded()
    yield from check.check_whole_file()
    return check.rows


class _FileCheck:
    """The state of one check of a file: the numbers of lines and rows so far, and their digests."""

    def __init__(self, path: Path, encoding: Encoding, reporter: Reporter) -> None:
        self._path, self._encoding, self._reporter = path, encoding, reporter
        self._repeats = Repeats()
        self._lines = 0
        self.rows = 0

    def check_utf8(self) -> Problems:
        """Yield the problems of the lines of a UTF-8 file, read block by block. Raises as `check_lines` does."""
        from core.checks.clean_row_prefilter import Scanner  # needs numpy

        scanner = Scanner()
        with open_file(self._path) as file:
            self._reporter.update(*read_progress(file))
            file.seek(get_bom_length(file.read(4), self._encoding))
            for chunk in read_chunks(file):
                self._reporter.update(*read_progress(file))
                yield from self._check_long_line(chunk) if chunk.length else self._check_chunk(scanner, chunk)

    def _check_long_line(self, chunk: Chunk) -> Problems:
        self._add_digests(np.zeros(1, np.uint64), np.zeros(1, np.int64))
        yield self._lines, too_long(chunk.length)

    def _check_chunk(self, scanner: Scanner, chunk: Chunk) -> Problems:
        starts, ends, clean, digests = scanner.scan(chunk.data, chunk.size)
        before = self._lines
        with memoryview(chunk.data) as view:
            for index in np.flatnonzero(~clean).tolist():
                raw = bytes(view[starts[index] : ends[index]])
                text, problems = check_line(raw)
                yield from ((before + index + 1, found) for found in problems)
                if text is None:
                    digests[index] = 0
        self._add_digests(digests, starts + chunk.offset)

    def check_decoded(self) -> Problems:
        """Yield the problems of lines that must be converted to UTF-8 first. Raises as `check_lines` does."""
        with open_file(self._path) as file:
            _done, total = read_progress(file)
        for together in _batches(read_lines(self._path, self._encoding), _LINES_PER_BATCH):
            self._reporter.update(min(together[0].offset, total), total)
            digests = np.zeros(len(together), np.uint64)
            for index, line in enumerate(together):
                text, problems = check_file_line(line)
                yield from ((line.number, found) for found in problems)
                if text is not None:
                    digests[index] = int.from_bytes(blake2b(line.raw, digest_size=8).digest())
            self._add_digests(digests, np.zeros(len(together), np.int64))
        self._reporter.update(total, total)

    def _add_digests(self, digests: Digests, offsets: Places) -> None:
        self._repeats.add(digests, offsets)
        self._lines += len(digests)
        self.rows += int(np.count_nonzero(digests))

    def check_whole_file(self) -> Problems:
        """Yield the problems that are known when all lines have been read: repeated rows, too few rows."""
        for number, original in self._repeats.find(self._path, exact=not self._encoding.startswith("utf-8")):
            message = tr("The row is the same as line {number}.", number=original)
            yield number, problem("duplicate-row", "", message)
        if self.rows < MIN_ROWS:
            yield 0, _too_few_rows(self.rows)


def check_rows(
    rows: Iterable[FileRow], encoding: Encoding, check_row: Callable[[str], Iterable[Problem]] = lambda _text: ()
) -> CountedProblems:
    """Yield the problems of rows with the line on which each begins; line 0 is the whole file.

    `check_row` finds further problems of a readable row. Repeated rows come last.
    """
    if note := encoding_note(encoding):
        yield 0, note
    digests, lines, count = NumberColumn("Q"), NumberColumn("q"), 0
    for row in rows:
        yield from ((row.line.number, one) for one in row.problems)
        if row.text is None:
            continue
        yield from ((row.line.number, one) for one in check_row(row.text))
        count += 1
        digests.append(int.from_bytes(blake2b(row.text.encode(), digest_size=8).digest()))
        lines.append(row.line.number)
    numbers = lines.load()
    for index, first in find_equal(digests.load()):
        message = tr("The row is the same as line {number}.", number=int(numbers[first]))
        yield int(numbers[index]), problem("duplicate-row", "", message)
    if count < MIN_ROWS:
        yield 0, _too_few_rows(count)
    return count


def _too_few_rows(count: int) -> Problem:
    message = trn(
        "The file has {n} row; training needs at least 10.",
        "The file has {n} rows; training needs at least 10.",
        count,
    )
    return problem("too-few-rows", "", message)


def _batches(items: Iterator[FileLine], size: int) -> Iterator[list[FileLine]]:
    while batch := list(islice(items, size)):
        yield batch


def encoding_note(encoding: Encoding) -> Problem | None:
    """The note on an encoding other than plain UTF-8; None for UTF-8."""
    if encoding == "utf-8-sig":
        return problem("encoding-bom", "", tr("The file starts with a byte order mark."))
    if encoding == "cp932":
        return problem("encoding-cp932", "", tr("The file is CP932 (Shift_JIS), not UTF-8."))
    if encoding == "cp1252":
        return problem("encoding-cp1252", "", tr("The file is CP1252 (Latin-1), not UTF-8."))
    if encoding.startswith("utf-16"):
        return problem("encoding-utf-16", "", tr("The file is UTF-16, not UTF-8."))
    if encoding == "utf-8":
        return None
    return problem("encoding-other", "", tr("The file is {encoding}, not UTF-8.", encoding=encoding))
