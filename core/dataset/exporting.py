"""Writes the rows of a project to files in any format. A file is replaced only when it is complete."""

import gzip
import hashlib
import io
import sqlite3
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from core.dataset import examples as dataset_examples
from core.dataset import filters
from core.dataset.examples import METADATA_FIELDS, Choice, Example, Filter
from core.errors import FormatError
from core.formats import dataset_card
from core.formats.conversion_losses import UnsupportedRow
from core.formats.output_files import replace_file, replace_folder
from core.formats.row_writers import WRITERS, Writer, canonicalise, format_line
from core.language import tr
from core.progress import Reporter

HUGGINGFACE_FOLDER, HUGGINGFACE_PARQUET = "huggingface", "huggingface-parquet"
FOLDERS = {HUGGINGFACE_FOLDER: "jsonl", HUGGINGFACE_PARQUET: "parquet"}  # the format of the files in each
FORMATS = (*WRITERS, *FOLDERS)
Output = io.RawIOBase | gzip.GzipFile

ALL_ROWS = Filter()
ROWS_PER_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of an export. `bom` None: the format's default (a byte order mark in CSV only; Azure wants one in JSONL).

    `canonical`: keys in the usual order, uniform spacing. `full`: tables get a column with the row's whole JSON.
    `card`: a dataset card beside the file; `title` and `date` appear in it, and in the card of a folder.
    """

    bom: bool | None = None
    canonical: bool = False
    full: bool = False
    card: bool = False
    title: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """How many rows were written, and how many were left out, by reason (a key of `formats.format_loss_reason`).

    `unwritten` counts the rows that have something in one of their own columns which the format has no place for.
    """

    rows: int
    left_out: dict[str, int] = field(default_factory=dict)
    unwritten: dict[str, int] = field(default_factory=dict)


def describe_unwritten(result: ExportResult) -> list[str]:
    """What of the rows is not in the file, as translated sentences: none or one."""
    titles = {"split": tr("split"), "kind": tr("kind"), "status": tr("status"), "facts": tr("facts"), "tags": tr("tags"),
              "notes": tr("notes"), "key_points": tr("key points"), "quote": tr("passage")}  # fmt: skip
    counts = ", ".join(f"{titles[name]} ({count:,})" for name, count in result.unwritten.items())
    return [tr("Not in the file, for the format has no place for it: {columns}.", columns=counts)] if counts else []


# Names that belong to other programs: a file of rows under them could not be opened.
OTHER_SUFFIXES = (".arrow", ".docx", ".feather", ".html", ".ods", ".pdf", ".xls", ".zip")


def detect_format(path: Path) -> str:
    """The format by the file's suffix; a name without a suffix means a Hugging Face folder.

    Raises `FormatError` for a suffix of another kind of file: it would be JSON Lines under a name that says otherwise.
    """
    name = path.name.lower().removesuffix(".gz")
    formats_by_suffix = {writer.suffix: format for format, writer in reversed(WRITERS.items())} | {".ndjson": "jsonl"}
    suffix = Path(name).suffix
    if suffix in OTHER_SUFFIXES:
        raise FormatError(
            tr("Rows cannot be written as {suffix}", suffix=suffix),
            tr(
                "Nothing was written. Choose a name that ends in one of: {suffixes}.",
                suffixes=", ".join(formats_by_suffix),
            ),
        )
    return HUGGINGFACE_FOLDER if "." not in name else formats_by_suffix.get(suffix, "jsonl")


def export(
    db: sqlite3.Connection,
    path: Path,
    choice: Choice = ALL_ROWS,
    format: str = "",
    options: ExportOptions | None = None,
    reporter: Reporter | None = None,
) -> ExportResult:
    """Write the chosen rows to `path`; format '' is that of `detect_format`, a name ending in .gz is compressed.

    Raises `FormatError` for an unknown format or when the file cannot be written, and `Cancelled`; an existing file stays
    unchanged then.
    """
    format, options, reporter = format or detect_format(path), options or ExportOptions(), reporter or Reporter()
    if format not in FORMATS:
        raise FormatError(tr("There is no format {name}", name=format), tr("Nothing was written."))
    if format in FOLDERS:
        return _export_folder(db, path, choice, FOLDERS[format], options, reporter)
    file = _write_file(db, path, choice, format, options, reporter)
    if options.card:
        title = options.title or path.name
        text = dataset_card.format_card(
            title, options.date, [replace(file.described, name=path.name)], _count_by_rule(db, choice)
        )
        with replace_file(path.with_name(f"{path.name}.card.md")) as out:
            out.write(text.encode())
    return file.exported


def preview(
    db: sqlite3.Connection,
    choice: Choice,
    format: str,
    options: ExportOptions | None = None,
    reporter: Reporter | None = None,
) -> ExportResult:
    """The result that `export` would have, without writing a file. Raises `Cancelled`."""
    left_out: Counter[str] = Counter()
    tallies = (left_out, Counter[str]())
    examples = _report_progress(
        dataset_examples.iterate(db, choice), _count_by_split(db, choice).total(), reporter or Reporter()
    )
    rows = _write_rows(examples, lambda _row: None, WRITERS[format], options or ExportOptions(), tallies)
    return ExportResult(rows, dict(left_out), count_unwritten(db, choice, format))


@dataclass(frozen=True, slots=True)
class _WrittenFile:
    exported: ExportResult
    described: dataset_card.CardFile


def _write_file(
    db: sqlite3.Connection, path: Path, choice: Choice, format: str, options: ExportOptions, reporter: Reporter
) -> _WrittenFile:
    left_out: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    with replace_file(path) as file:
        hashed = _HashingWriter(file, options.card)
        if format == "jsonl":
            with _compress(hashed, path) as out:
                out.write(BOM_UTF8 if _has_bom(WRITERS[format], options) else b"")
                rows = _write_lines(db, out, choice, options, reporter)
            splits = _count_by_split(db, choice) if options.card else splits
        else:
            examples = _report_progress(
                dataset_examples.iterate(db, choice), _count_by_split(db, choice).total(), reporter
            )
            with _open_rows(hashed, path, WRITERS[format], options) as add:
                rows = _write_rows(examples, add, WRITERS[format], options, (left_out, splits))
    counts = {split: splits[split] for split in dataset_examples.SPLITS if splits[split]}
    result = ExportResult(rows, dict(left_out), count_unwritten(db, choice, format))
    return _WrittenFile(result, dataset_card.CardFile(path.name, rows, counts, hashed.digest()))


@contextmanager
def _open_rows(
    file: "_HashingWriter", path: Path, writer: Writer, options: ExportOptions
) -> Iterator[Callable[[Any], object]]:
    """Yield what adds a formatted row to the file."""
    is_full = options.full and writer.full is not None
    if writer.open:
        names = [*writer.columns, "data"] if is_full else writer.columns
        with writer.open(cast(BinaryIO, file), names) as add:
            yield add
        return
    with _compress(file, path) as out:
        out.write(BOM_UTF8 if _has_bom(writer, options) else b"")
        out.write((writer.full_head if is_full else writer.head).encode())
        yield lambda text: out.write(text.encode())


def count_unwritten(db: sqlite3.Connection, choice: Choice, format: str) -> dict[str, int]:
    """How many of the chosen rows have something in each of their own columns that a format has no place for."""
    kept = tuple(METADATA_FIELDS) if format in WRITERS and WRITERS[format].has_own_columns else ()
    kept = ("split",) if FOLDERS.get(format) == "jsonl" else tuple(METADATA_FIELDS) if format in FOLDERS else kept
    names = [name for name in METADATA_FIELDS if name not in kept]
    if not names:
        return {}
    usual = {"split": "train", "status": "approved"}  # what an import gives to rows without such a column
    filled = (f"({name} NOT IN ('', '{usual.get(name, '')}')) * {1 << place}" for place, name in enumerate(names))
    counts: Counter[str] = Counter()
    for bits, count in _count_by_column(db, choice, " + ".join(filled)).items():
        counts.update({name: count for place, name in enumerate(names) if int(bits) >> place & 1})
    return {name: counts[name] for name in names if counts[name]}


def _has_bom(writer: Writer, options: ExportOptions) -> bool:
    return writer.bom if options.bom is None else options.bom


def _write_lines(
    db: sqlite3.Connection, out: Output, choice: Choice, options: ExportOptions, reporter: Reporter
) -> int:
    rows, total = 0, _count_by_split(db, choice).total()
    for count, lines in _iterate_lines(db, choice, options):
        out.write(lines)
        rows += count
        reporter.update(rows, total)
    return rows


def _iterate_lines(db: sqlite3.Connection, choice: Choice, options: ExportOptions) -> Iterator[tuple[int, bytes]]:
    if not options.canonical:
        yield from dataset_examples.iterate_text_blocks(db, choice)
        return
    texts = dataset_examples.iterate_texts(db, choice)
    while chunk := list(islice(texts, ROWS_PER_CHUNK)):
        yield len(chunk), "".join(format_line(canonicalise(text)) for text in chunk).encode()


def _report_progress(examples: Iterable[Example], total: int, reporter: Reporter) -> Iterator[Example]:
    for done, example in enumerate(examples):
        if done % ROWS_PER_CHUNK == 0:
            reporter.update(done, total)
        yield example
    reporter.update(total, total)


def _write_rows(
    examples: Iterable[Example],
    add: Callable[[Any], object],
    writer: Writer,
    options: ExportOptions,
    tallies: tuple[Counter[str], Counter[str]],
) -> int:
    """Add the rows that the format can hold; returns how many, and adds to `tallies`: left out by reason, written by split."""
    left_out, splits = tallies
    format_row = writer.full if options.full and writer.full else writer.row
    for example in examples:
        try:
            add(format_row(example.data, {name: getattr(example, name) for name in METADATA_FIELDS}))
            splits[example.split] += 1
        except UnsupportedRow as reason:
            left_out[reason.reason] += 1
    return splits.total()


def _export_folder(
    db: sqlite3.Connection, path: Path, choice: Choice, format: str, options: ExportOptions, reporter: Reporter
) -> ExportResult:
    """Write a dataset in the layout of the Hugging Face Hub: a card, and a file for each split that has rows."""
    dataset_card.require_replaceable(path)
    present = [split for split in dataset_examples.SPLITS if _count_by_split(db, choice)[split]]
    if not present:
        raise FormatError(tr("There are no rows to write"), tr("No row is selected. Nothing was written."))
    plain = replace(options, card=True, bom=options.bom or False)
    with replace_folder(path) as folder:
        (folder / "data").mkdir()
        files = []
        left_out: Counter[str] = Counter()
        for split in present:
            split_choice, name = (
                _restrict_to_split(db, choice, split),
                dataset_card.DATA_FILES[format].format(split=split),
            )
            file = _write_file(db, folder / name, split_choice, format, plain, reporter)
            files.append(replace(file.described, name=name, splits={split: file.exported.rows}))
            left_out.update(file.exported.left_out)
        readme = dataset_card.format_hub_card(
            options.title or path.name, options.date, files, _count_by_rule(db, choice)
        )
        with replace_file(folder / dataset_card.README) as out:
            out.write(readme.encode())
    folders = {inner: name for name, inner in FOLDERS.items()}
    unwritten = count_unwritten(db, choice, folders[format])
    return ExportResult(sum(file.rows for file in files), dict(left_out), unwritten)


def _restrict_to_split(db: sqlite3.Connection, choice: Choice, split: str) -> Choice:
    """The chosen rows of one split, in their order."""
    if isinstance(choice, Filter):
        return replace(choice, split=split)
    ids_in_split: set[int] = set()
    for ids in _split_into_chunks(choice):
        sql = f"SELECT id FROM example WHERE split = ? AND id IN ({', '.join('?' * len(ids))})"
        ids_in_split.update(id for (id,) in db.execute(sql, (split, *ids)))
    return [id for id in choice if id in ids_in_split]


def _count_by_split(db: sqlite3.Connection, choice: Choice) -> Counter[str]:
    return _count_by_column(db, choice, "split")


def _count_by_rule(db: sqlite3.Connection, choice: Choice) -> Counter[str]:
    """How many of the chosen rows have a problem of each rule."""
    counts: Counter[str] = Counter()
    for rules, count in _count_by_column(db, choice, "problems").items():
        counts.update(dict.fromkeys(rules.split(), count))
    return counts


def _count_by_column(db: sqlite3.Connection, choice: Choice, column: str) -> Counter[str]:
    if isinstance(choice, Filter) and not choice.text:
        condition, values = filters.to_sql(choice)
        return Counter(dict(db.execute(f"SELECT {column}, count(*) FROM example WHERE {condition} GROUP BY 1", values)))
    counts: Counter[str] = Counter()
    for ids in _split_into_chunks(dataset_examples.find_ids(db, choice)):
        sql = f"SELECT {column}, count(*) FROM example WHERE id IN ({', '.join('?' * len(ids))}) GROUP BY 1"
        counts.update(dict(db.execute(sql, ids)))
    return counts


def _split_into_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, ROWS_PER_CHUNK)):
        yield chunk


class _HashingWriter(io.RawIOBase):
    """A file that computes the SHA-256 of what is written to it."""

    def __init__(self, file: BinaryIO, hashed: bool) -> None:
        self._file = file
        self._hash = hashlib.sha256() if hashed else None
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        if self._hash:
            self._hash.update(data)
        self._size += len(data)
        return self._file.write(data)

    def digest(self) -> str:
        return self._hash.hexdigest() if self._hash else ""


def _compress(file: _HashingWriter, path: Path) -> AbstractContextManager[Output]:
    """`file` itself, or a compressor before it; the same rows always give the same bytes."""
    if path.name.lower().endswith(".gz"):
        return gzip.GzipFile("", "wb", 6, file, mtime=0)
    return nullcontext(file)
