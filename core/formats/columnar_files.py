"""Reads rows from Parquet and Arrow (Feather) files, a batch at a time, as the JSON rows that they stand for."""

import datetime
import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from core.checks import LINE_LIMIT, check_line, too_long
from core.checks.json_positions import dumps
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats import column_mapping, compressed_files
from core.formats.encoded_text_lines import KEPT_BYTES, FileLine
from core.formats.input_files import open_file
from core.formats.jsonl import FileRow
from core.language import tr
from core.progress import Reporter

# The kinds by their first bytes; the last one is how Hugging Face's `save_to_disk` writes.
KINDS = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
ROWS_PER_BATCH = 256
MAX_BATCH_BYTES = 1024 * 1024 * 1024
MAX_ROW_NESTING = 64
_TURN_KEYS = ({"role", "content"}, {"from", "value"})


class Batch(NamedTuple):
    """Rows as Python values, and how far the file has been read."""

    rows: list[dict[str, Any]]
    done: int
    total: int


def detect_kind(path: Path) -> str:
    """The kind of a file, one of the values of `KINDS`; '' for another file. Raises FormatError when it cannot be read."""
    with open_file(path) as file:
        start = file.peek(8)[:8]
    return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), "") if path.is_file() else ""


def read_sample(path: Path, kind: str, count: int) -> list[dict[str, Any]]:
    """The first rows. Raises FormatError when the file cannot be read, or the library for it is missing."""
    batches = _iterate(path, kind)
    rows = list(islice((row for batch in batches for row in batch.rows), count))
    batches.close()
    return [_clean(row)[0] for row in rows]


def read(path: Path, kind: str, reporter: Reporter) -> Iterator[FileRow]:
    """Yield every row with its problems; its number counts from 1. Raises as `read_sample` does, and `Cancelled`."""
    number = 0
    for batch in _iterate(path, kind):
        reporter.update(batch.done, batch.total)
        for row in batch.rows:
            number += 1
            yield _build_row(number, row)


def import_library(name: str) -> ModuleType:
    """Import a part of the library for these files. Raises FormatError when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        title = tr("Parquet and Arrow files need an additional package that is not installed")
        words = tr("Nothing was read or written. Install it with “{command}” and start Juku again, or use JSONL or CSV.",
                   command='pip install "juku[parquet]"')  # fmt: skip
        raise FormatError(title, words) from error


def _iterate(path: Path, kind: str) -> Any:
    """A generator of `Batch`."""
    arrow = import_library("pyarrow")
    opened = _read_parquet(path) if kind == "parquet" else _read_arrow(path, kind)
    with _damaged_as_error(path, arrow):
        limit = max(compressed_files.ALWAYS_ALLOWED_BYTES, compressed_files.MAX_COMPRESSION_RATIO * path.stat().st_size)
        size = 0
        for batch, done, total in opened:
            size += batch.nbytes
            if size > limit or batch.nbytes > MAX_BATCH_BYTES:
                raise _too_large_error(path)
            batch.validate(full=True)  # values of a hostile file may point anywhere
            for start in range(0, batch.num_rows, ROWS_PER_BATCH):
                yield Batch(_list_rows(arrow, batch.slice(start, ROWS_PER_BATCH)), done, total)


def _list_rows(arrow: ModuleType, batch: Any) -> list[dict[str, Any]]:
    """The rows of a batch as Python values. Columns with the same name get names of their own, as those of a table do."""
    names = batch.schema.names
    if len(set(names)) < len(names):
        names = column_mapping.unique_names(names)
    columns = [_list_values(arrow, column) for column in batch.columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _list_values(arrow: ModuleType, column: Any) -> list[Any]:
    """The values of a column; times that Python's types cannot hold, such as nanoseconds, as text or as a number."""
    try:
        values: list[Any] = column.to_pylist()
    except (arrow.ArrowException, ValueError, OverflowError):
        try:
            return list(column.cast(_replace_times(arrow, column.type, arrow.string())).to_pylist())
        except (arrow.ArrowException, ValueError, OverflowError):  # no such date, or a time zone that is not known
            return list(column.cast(_replace_times(arrow, column.type, arrow.int64())).to_pylist())
    return values


def _replace_times(arrow: ModuleType, type: Any, by: Any) -> Any:
    """An Arrow type with `by` in place of all its dates, times and durations."""
    kinds = arrow.types
    if kinds.is_temporal(type):
        # Arrow casts a 32-bit date to a 32-bit number only, and a time of day to no 64-bit one of another unit.
        return arrow.int32() if by == arrow.int64() and type.bit_width == 32 else by
    if kinds.is_dictionary(type):
        return _replace_times(arrow, type.value_type, by)
    if kinds.is_struct(type):
        return arrow.struct([field.with_type(_replace_times(arrow, field.type, by)) for field in type])
    if kinds.is_large_list(type):
        return arrow.large_list(_replace_times(arrow, type.value_type, by))
    if kinds.is_fixed_size_list(type):
        return arrow.list_(_replace_times(arrow, type.value_type, by), type.list_size)
    if kinds.is_list(type):
        return arrow.list_(_replace_times(arrow, type.value_type, by))
    if kinds.is_map(type):
        return arrow.map_(type.key_type, _replace_times(arrow, type.item_type, by))
    return type


def _read_parquet(path: Path) -> Iterator[tuple[Any, int, int]]:
    parquet = import_library("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        limit = compressed_files.MAX_COMPRESSION_RATIO * path.stat().st_size
        if unpacked > max(compressed_files.ALWAYS_ALLOWED_BYTES, limit):
            raise _too_large_error(path)
        total, done = file.metadata.num_rows, 0
        for batch in file.iter_batches(batch_size=ROWS_PER_BATCH):
            done += batch.num_rows
            yield batch, done, total


def _read_arrow(path: Path, kind: str) -> Iterator[tuple[Any, int, int]]:
    arrow, ipc = import_library("pyarrow"), import_library("pyarrow.ipc")
    with arrow.OSFile(str(path), "rb") as source:  # a memory map would end the program where a place in it is wrong
        total = source.size()
        if kind == "arrow":
            reader = ipc.open_file(source)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number), number + 1, reader.num_record_batches
            return
        for batch in ipc.open_stream(source):
            yield batch, source.tell(), total


@contextmanager
def _damaged_as_error(path: Path, arrow: ModuleType) -> Iterator[None]:
    title = tr("{name} cannot be read", name=clip(path.name, 80))
    try:
        yield
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise FormatError(
            title, tr("It is damaged, or of a kind that is not known: {reason}", reason=clip(str(error), 200))
        ) from error


def _too_large_error(path: Path) -> FormatError:
    title = tr("{name} cannot be read", name=clip(path.name, 80))
    return FormatError(title, tr("It unpacks to far more than a text would. Unpack it yourself if you trust it."))


def _build_row(number: int, value: dict[str, Any]) -> FileRow:
    row, lost = _clean(value)
    metadata = {
        name: row.pop(name) for name in column_mapping.METADATA if isinstance(row.get(name), str) and len(row) > 1
    }
    own = row.get("data")
    if isinstance(own, str) and own.lstrip().startswith("{"):  # a row as Juku's own exports have it
        raw = own.encode("utf-8", "replace")
    else:
        raw = dumps(row).encode("utf-8", "replace")
    line = FileLine(number, 0, raw if len(raw) <= LINE_LIMIT else raw[:KEPT_BYTES], len(raw))
    if len(raw) > LINE_LIMIT:
        return FileRow(line, None, [too_long(len(raw))])
    text, problems = check_line(raw)
    return FileRow(line, text, problems, column_mapping.build_metadata(metadata), ("parts",) if lost else ())


def _clean(row: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A row with values of JSON alone; and whether bytes, such as images, were left out."""
    lost: list[str] = []
    cleaned = {key: _clean_value(entry, lost) for key, entry in row.items()}
    kept = {key: entry for key, entry in cleaned.items() if entry is not None}
    for key in ("messages", "conversations", "conversation", "prompt", "completion", "chosen", "rejected", "tools"):
        if key in kept:
            kept[key] = _restore(kept[key])
    return kept, bool(lost)


def _clean_value(value: Any, lost: list[str], depth: int = 0) -> Any:
    if depth > MAX_ROW_NESTING:
        return None
    if isinstance(value, dict):  # columns have no absent keys: those are null
        entries = {str(key): _clean_value(entry, lost, depth + 1) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_clean_value(entry, lost, depth + 1) for entry in value]
    if isinstance(value, bytes):
        lost.append("bytes")
        return None
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _restore(value: Any) -> Any:
    """Messages from how columns can hold them: as JSON text, or as an object of lists."""
    if isinstance(value, str) and value.lstrip().startswith(("[{", "[ {")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if isinstance(value, dict) and any(keys <= value.keys() for keys in _TURN_KEYS):
        lists = list(value.values())
        if all(isinstance(one, list) and len(one) == len(lists[0]) for one in lists):
            return [dict(zip(value, entries, strict=True)) for entries in zip(*lists, strict=True)]
    return value
