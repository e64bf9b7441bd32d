"""Reads a file into blocks of rows as the project stores them: checked, without known rows, texts compressed."""

from __future__ import annotations

import os
import pickle
import sqlite3
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from core import checks, formats, language
from core.checks.check_line import CleanMessage, clean_messages
from core.dataset import examples
from core.dataset.examples import METADATA_FIELDS, PREVIEW_LENGTH, Values
from core.errors import JukuError
from core.formats import jsonl
from core.formats.compressed_files import read_progress
from core.formats.encoded_text_lines import KEPT_BYTES, FileLine
from core.formats.encoded_text_stream import get_bom_length
from core.formats.input_files import open_file
from core.formats.line_chunks import Chunk, read_chunks
from core.formats.reading_options import DETECTED, ReadingOptions
from core.lazy_numpy import np, npt
from core.progress import Reporter
from core.storage import background_process, compressed_texts

UnreadValues = tuple[str, int, int, int, bytes, str, str]  # source, line, start, length, raw, rule, message


@dataclass(frozen=True)
class ImportOptions:
    """How to read a file, and what its rows get: `split`, `status` and `tags` where the file has none."""

    reading: ReadingOptions = DETECTED
    split: str = "train"
    status: str = "approved"
    tags: str = ""
    skip_known: bool = True
    source: str = ""  # shown as the origin of the rows; '' is the file's name


class Block(NamedTuple):
    """Rows that share a pack. `known` rows were left out; `unread` lines go to the quarantine.

    `lost` counts what conversions left out of the rows, by reason.

    `values` holds the values of all `rows` in one flat list, row by row in the order of `examples.COLUMNS`, with room for
    the pack's id. One list, since many small objects would start Python's garbage collector, which stops the window.
    """

    blob: bytes
    rows: int
    values: list[object]
    unread: list[UnreadValues]
    known: int
    lost: Counter[str]


KnownTexts = tuple[list[str], set[int]]  # digests of rows (many in one string) and of unread lines
DIGESTS_PER_QUERY = 50_000  # ids


def load_known_texts(db: sqlite3.Connection) -> KnownTexts:
    """The digests for `KnownRows.from_texts`, in a form that is cheap to send to another process."""
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM example").fetchone()
    sql = "SELECT group_concat(digest, ' ') FROM example WHERE id > ? AND id <= ?"
    digests = (
        db.execute(sql, (first, first + DIGESTS_PER_QUERY)).fetchone()[0] for first in range(0, last, DIGESTS_PER_QUERY)
    )
    return [part for part in digests if part], {
        compressed_texts.digest(raw) for (raw,) in db.execute("SELECT raw FROM unread")
    }


@dataclass
class KnownRows:
    """The digests of the rows and unread lines that a project has, so that an import leaves them out."""

    digests: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    unread: set[int] = field(default_factory=set)

    @classmethod
    def from_texts(cls, texts: KnownTexts) -> KnownRows:
        """Build it from the result of `load_known_texts`."""
        digests, unread = texts
        parts = [np.fromstring(part, np.int64, sep=" ") for part in digests]
        return cls(np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64), unread)

    def find_known(self, values: list[Values]) -> list[bool]:
        """For each of these rows, whether the project already has it."""
        if not len(self.digests):
            return [False] * len(values)
        row_digests = np.fromiter((row[-1] for row in values), np.int64, len(values))
        places = np.searchsorted(self.digests, row_digests)
        places[places == len(self.digests)] = 0
        known: list[bool] = (self.digests[places] == row_digests).tolist()
        return known


class BlockBuilder:
    """Collects rows until they fill a pack."""

    def __init__(self, source: str, options: ImportOptions, known: KnownRows) -> None:
        self._known = known
        self._own = {"split": options.split, "status": options.status, "tags": options.tags}
        self._common = (*(self._own.get(name, "") for name in METADATA_FIELDS), source)
        self._source = source
        self._reset()

    def _reset(self) -> None:
        self._texts: list[bytes] = []
        self._values: list[Values] = []
        self._unread: list[UnreadValues] = []
        self._size = 0
        self._known_lines = 0
        self._lost: Counter[str] = Counter()

    def is_full(self) -> bool:
        """Whether the collected rows or unread lines fill a pack."""
        return (
            self._size > compressed_texts.PACK_SIZE
            or len(self._values) == compressed_texts.TEXTS_PER_PACK
            or len(self._unread) == compressed_texts.TEXTS_PER_PACK
        )

    def add_clean(self, raw: bytes, messages: list[CleanMessage], line: int) -> None:
        """Add a plain conversation without problems, the common case."""
        answer = messages[-1].content
        last_question = messages[-2] if len(messages) > 1 and messages[-2].role == "user" else None
        question = (
            last_question.content
            if last_question
            else next((m.content for m in reversed(messages) if m.role == "user"), "")
        )
        self._add_row(question, answer, self._common, line, "", raw)

    def add_line(self, line: FileLine) -> None:
        """Add a line, checked first; an unreadable one goes to the quarantine."""
        messages = clean_messages(line.raw) if line.length <= checks.LINE_LIMIT else None
        if messages is not None:
            self.add_clean(line.raw, messages, line.number)
        else:
            row = jsonl.FileRow(line, *jsonl.check_file_line(line))
            for one in formats.convert_line(row) if row.text is not None else [row]:
                self.add(one)

    def add(self, row: jsonl.FileRow) -> None:
        """Add a checked row; an unreadable one goes to the quarantine, unless it is blank."""
        self._lost.update(row.lost)
        if row.text is None:
            if row.problems[0].rule != "blank":
                self._quarantine_line(row.line, row.problems[0])
            return
        question, answer = examples.read_previews(row.text)
        rules = " ".join(dict.fromkeys(problem.rule for problem in row.problems))
        common = self._common if not row.fields else self._merge_fields(row.fields)
        self._add_row(question, answer, common, row.line.number, rules, row.text.encode())

    def _quarantine_line(self, line: jsonl.FileLine, reason: checks.Problem) -> None:
        if compressed_texts.digest(line.raw) in self._known.unread:
            self._known_lines += 1
            return
        at = (line.number, line.offset, line.length)
        self._unread.append((self._source, *at, line.raw, reason.rule, reason.message))

    def _merge_fields(self, fields: dict[str, str]) -> tuple[str, ...]:
        own = {**self._own, **{name: value for name, value in fields.items() if value}}
        return (*(own.get(name, "") for name in METADATA_FIELDS), self._source)

    def _add_row(self, question: str, answer: str, common: tuple[str, ...], line: int, rules: str, raw: bytes) -> None:
        length = len(question) + len(answer)
        self._texts.append(raw)
        self._values.append(
            (
                question[:PREVIEW_LENGTH],
                answer[:PREVIEW_LENGTH],
                length,
                *common,
                line,
                rules,
                compressed_texts.digest(raw),
            )
        )
        self._size += len(raw)

    def take_block(self) -> Block:
        """The collected rows as a block; the next rows start a new one."""
        flags = self._known.find_known(self._values)
        known = sum(flags) + self._known_lines
        texts, values = self._texts, self._values
        if any(flags):
            texts = [text for text, flag in zip(texts, flags, strict=True) if not flag]
            values = [row for row, flag in zip(values, flags, strict=True) if not flag]
        flat = _flatten_values(values)
        new_block = Block(compressed_texts.compress(texts), len(values), flat, self._unread, known, self._lost)
        self._reset()
        return new_block


def read_blocks(path: Path, options: ImportOptions, known: KnownRows, reporter: Reporter) -> Iterator[Block]:
    """Yield the rows of a file, block by block. Raises `FormatError` when the file cannot be read, and `Cancelled`."""
    path = formats.resolve(path)
    builder = BlockBuilder(options.source or formats.format_name(path), options, known)
    detected = formats.detect(path, options.reading)
    formats.require_sure(detected, options.reading.columns)
    if formats.is_plain(detected) and options.reading.columns is None:
        fillings = _fill_plain(builder, path, detected.encoding, reporter)
    else:
        fillings = _fill_converted(builder, path, options.reading, reporter)
    for filled in fillings:
        if filled:
            yield builder.take_block()
    yield builder.take_block()


def _fill_plain(builder: BlockBuilder, path: Path, encoding: str, reporter: Reporter) -> Iterator[bool]:
    """Read a file whose lines are rows already; yields whether a block is full."""
    if not encoding.startswith("utf-8"):
        for line in jsonl.read_lines_with_progress(path, encoding, reporter):
            builder.add_line(line)
            yield builder.is_full()
        return
    number = 0
    with open_file(path) as file:
        file.seek(get_bom_length(file.read(4), encoding))
        for chunk in read_chunks(file):
            reporter.update(*read_progress(file))
            if chunk.length:
                builder.add_line(FileLine(number + 1, chunk.offset, _read_line_start(path, chunk.offset), chunk.length))
            number += yield from _fill_from_chunk(builder, chunk, number)


def _fill_from_chunk(builder: BlockBuilder, chunk: Chunk, number: int) -> Generator[bool, None, int]:
    """Add the lines of one chunk; returns how many. An import spends most of its time in this loop."""
    offset = chunk.offset
    lines = bytes(memoryview(chunk.data)[: chunk.size]).split(b"\n")
    if chunk.size and not lines[-1]:
        lines.pop()
    for index, whole in enumerate(lines, start=number + 1):
        raw = whole[:-1] if whole.endswith(b"\r") else whole
        messages = clean_messages(raw)
        if messages is not None:
            builder.add_clean(raw, messages, index)
        else:
            raw = raw.rstrip(b"\r")
            builder.add_line(FileLine(index, offset, raw, len(raw)))
        offset += len(whole) + 1
        if builder.is_full():
            yield True
    return 1 if chunk.length else len(lines)


def _read_line_start(path: Path, offset: int) -> bytes:
    """The first bytes of a line that is too long to be stored."""
    with open_file(path) as file:
        file.seek(offset)
        return file.read(KEPT_BYTES)


def _fill_converted(builder: BlockBuilder, path: Path, reading: ReadingOptions, reporter: Reporter) -> Iterator[bool]:
    for row in formats.read(path, reporter, reading):
        builder.add(row)
        yield builder.is_full()


class StoredCounts(NamedTuple):
    """The numbers of new rows, known rows and unread lines, and what conversions left out, by reason."""

    rows: int
    known: int
    unread: int
    lost: dict[str, int]


def store_blocks(db: sqlite3.Connection, blocks: Iterable[Block]) -> StoredCounts:
    """Add the blocks to the project; returns what was added and left out."""
    rows = known = unread = 0
    lost: Counter[str] = Counter()
    for block in blocks:
        if block.rows:
            block.values[:: len(examples.COLUMNS)] = [compressed_texts.store_pack(db, block.blob)] * block.rows
            db.execute(_build_insert(block.rows), block.values)
        db.executemany(_INSERT_UNREAD, block.unread)
        rows, known, unread = rows + block.rows, known + block.known, unread + len(block.unread)
        lost.update(block.lost)
    return StoredCounts(rows, known, unread, dict(lost))


@cache
def _build_insert(rows: int) -> str:
    """One INSERT for all rows of a pack: while SQLite executes it, other threads can run."""
    head, values = examples.INSERT.split("VALUES")
    return f"{head}VALUES {', '.join([values] * rows)}"


def _flatten_values(values: list[Values]) -> list[object]:
    flat: list[object] = []
    for slot, row in enumerate(values):
        flat += (0, slot, *row)
    return flat


_INSERT_UNREAD = "INSERT INTO unread (source, line, start, length, raw, rule, message) VALUES (?, ?, ?, ?, ?, ?, ?)"


def serve() -> None:
    """The child of core/dataset/importing.py: reads a file, writes pickled blocks to stdout, then None or the error."""
    background_process.ignore_interrupts()
    path, options, known, language_code = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    language.set_language(language_code)
    try:
        with open(sys.stdout.fileno(), "wb", buffering=background_process.PIPE_BYTES, closefd=False) as out:
            _send_blocks(path, options, known, out)
    except BrokenPipeError:  # the parent has ended
        os._exit(1)


def _send_blocks(path: Path, options: ImportOptions, texts: KnownTexts | None, out: BinaryIO) -> None:
    try:
        known = KnownRows.from_texts(texts) if texts else KnownRows()
        for block in read_blocks(path, options, known, Reporter(lambda progress: pickle.dump(progress, out))):
            pickle.dump(block, out, pickle.HIGHEST_PROTOCOL)
        pickle.dump(None, out)
    except JukuError as error:
        pickle.dump((error.title, error.message), out)
    out.flush()


if __name__ == "__main__":
    # Imported by name: pickle stores the module of a block, and `__main__` would be wrong in the parent.
    from core.dataset import import_reader_process

    import_reader_process.serve()
