"""Which rows a job trains on: the only place that defines it, for the rows as they are now and for a job's frozen copy."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from core.dataset import examples, filters, versions
from core.dataset.filters import Filter
from core.errors import JukuError
from core.language import tr, trn

MINIMUM_ROWS = 10


def row_filter(tag: str, split: str = "train") -> Filter:
    """The approved rows of a split that have `tag` ('' for all): what a job on `tag` trains on, or is validated on."""
    return Filter(split=split, status="approved", tag=tag)


def count_rows(db: sqlite3.Connection, tag: str, split: str = "train") -> int:
    """How many rows a job on `tag` has now."""
    return filters.count(db, row_filter(tag, split))


def load_rows(db: sqlite3.Connection, tag: str, split: str = "train", version: int | None = None) -> list[str]:
    """The JSON texts of a job's rows, in the project's order: as they are now (None), or of a kept version."""
    chosen = row_filter(tag, split)
    return list(examples.iterate_texts(db, chosen) if version is None else versions.iterate_texts(db, version, chosen))


def iterate_linked_rows(
    db: sqlite3.Connection, tag: str, split: str = "train", version: int | None = None
) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of `load_rows`, each with the names of its facts and its quote."""
    source, (condition, values) = "example", filters.to_sql(row_filter(tag, split))
    if version is not None:
        source, condition, values = "version_row", f"version = ? AND {condition}", [version, *values]
    links = db.execute(f"SELECT facts, quote FROM {source} WHERE {condition} ORDER BY id", values)
    for text, (names, quote) in zip(load_rows(db, tag, split, version), links, strict=True):
        yield text, names, quote


def load_trainable_rows(
    db: sqlite3.Connection, tag: str, method: str = "supervised", version: int | None = None
) -> list[str]:
    """The JSON texts that a job on `tag` can be trained on.

    Raises `JukuError` for too few rows, rows with errors (only the rows as they are now are checked for these), or rows
    for another method.
    """
    rows = load_rows(db, tag, version=version)
    require_enough_rows(rows)
    if version is None:
        _require_no_errors(db, tag)
    require_method(rows, method)
    return rows


def require_enough_rows(rows: Sequence[str]) -> None:
    """Raises `JukuError` for fewer rows than any server accepts."""
    if len(rows) < MINIMUM_ROWS:
        raise JukuError(
            trn("There is {n} row to train on", "There are {n} rows to train on", len(rows)),
            tr(
                "At least {minimum} rows are needed; 50 to 100 are recommended. Nothing was sent.", minimum=MINIMUM_ROWS
            ),
        )


def _require_no_errors(db: sqlite3.Connection, tag: str) -> None:
    wrong = examples.count_errors(db, row_filter(tag))
    if wrong:
        raise JukuError(
            trn("{n} of the rows has an error", "{n} of the rows have errors", wrong),
            tr("Nothing was sent. Fix the rows in the examples tab: choose “With problems” there."),
        )


class _PreferencePair(msgspec.Struct):
    preferred_output: msgspec.Raw = msgspec.Raw(b"")


def require_method(rows: Sequence[str], method: str) -> None:
    """Raises `JukuError` where rows are for another method: the server would fail the job after a while."""
    decode = msgspec.json.Decoder(_PreferencePair).decode
    wrong = sum(bool(bytes(decode(row).preferred_output)) is not (method == "dpo") for row in rows)
    if wrong and method == "dpo":
        raise JukuError(
            trn("{n} of the rows does not compare two answers", "{n} of the rows do not compare two answers", wrong),
            tr(
                "Nothing was sent. DPO needs rows with a preferred and a rejected answer: choose other rows or "
                "“supervised”."
            ),
        )
    if wrong:
        raise JukuError(
            trn("{n} of the rows compares two answers", "{n} of the rows compare two answers", wrong),
            tr("Nothing was sent. Such rows are for the method DPO: choose it, or other rows."),
        )


def to_jsonl(rows: Sequence[str]) -> bytes:
    """The rows as the JSONL file that is uploaded, in UTF-8."""
    return "".join(f"{row}\n" for row in rows).encode()
