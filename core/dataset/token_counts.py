"""Counts the tokens of the rows, exactly; the counts are stored with the packs of the project."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from core.dataset import filters
from core.dataset.filters import Filter
from core.lazy_numpy import np, npt
from core.progress import Reporter
from core.storage import background_process, compressed_texts
from core.storage.connection import open_snapshot
from core.storage.project import Changes, Project
from core.text.tokenizer import ENCODINGS as ENCODINGS
from core.text.tokenizer import TokenCounter
from core.text.tokenizer import get_encoding as get_encoding

TOKEN_LIMIT = 65_536  # of one row; OpenAI's server truncates it without a message
LONGEST_ROWS_LISTED = 20
ROWS_PER_CHUNK = 5000
BIN_STEPS = (1, 2, 5)

IntArray: TypeAlias = "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class Bin:
    """`rows` rows have at least `low` and less than `high` tokens."""

    low: int
    high: int
    rows: int


@dataclass(frozen=True, slots=True)
class SplitTokens:
    """The tokens of the rows of one split; `trained` counts at most `TOKEN_LIMIT` of each row."""

    rows: int
    tokens: int
    trained: int
    smallest: int
    mean: float
    largest: int
    over: int  # rows over `TOKEN_LIMIT`
    histogram: list[Bin]
    longest: list[tuple[int, int]]  # id and tokens, the longest first


@dataclass(frozen=True, slots=True)
class TokenTotals:
    """The counts by split, without empty splits. `missing` rows are not counted yet (see `count_missing_rows`)."""

    encoding: str
    splits: dict[str, SplitTokens]
    missing: int


async def count_missing_rows(project: Project, encoding: str, reporter: Reporter) -> Changes | None:
    """Count the rows that are not counted yet, in a process of its own; None where nothing was missing.

    Raises `JukuError` when the process fails, `ProjectError` when the project cannot be written.
    """
    return await background_process.run_and_store(
        project, "core.dataset.token_counts", {"encoding": encoding}, _store_counts, reporter
    )


def load_counts(db: sqlite3.Connection, ids: Sequence[int], encoding: str) -> dict[int, int]:
    """The token counts of a few rows by id; rows that are not counted yet are left out."""
    marks = ",".join("?" * len(ids))
    rows = db.execute(
        f"SELECT id, slot, counts FROM example JOIN pack_tokens USING (pack) WHERE encoding = ? AND id IN ({marks})",
        [encoding, *ids],
    )
    return {id: unpack_counts(blob)[slot] for id, slot, blob in rows}


def unpack_counts(blob: bytes) -> array[int]:
    """The counts of a pack, in the order of its slots."""
    return array("I", blob)


def count_missing(db: sqlite3.Connection, encoding: str, reporter: Reporter) -> Iterator[tuple[int, list[int]]]:
    """Yield the token counts of each pack with rows that is not counted yet: pack id, counts by slot. Raises `Cancelled`."""
    wanted = "SELECT DISTINCT pack FROM example EXCEPT SELECT pack FROM pack_tokens WHERE encoding = ?"
    missing = [pack for (pack,) in db.execute(wanted, (encoding,))]
    count = TokenCounter(encoding).row if missing else None
    reader = compressed_texts.PackReader(db, kept=1)
    for done, pack in enumerate(missing):
        assert count
        yield pack, [count(text) for text in reader.pack(pack)]
        reporter.update(done + 1, len(missing))


def _count_in_child(request: dict[str, Any], reporter: Reporter) -> str | None:
    """The child process: writes the counts to a file; returns the encoding, or None where nothing was missing."""
    encoding: str = request["encoding"]
    has_counts = False
    with closing(open_snapshot(Path(request["project"]))) as db, Path(request["into"]).open("w") as file:
        for line in count_missing(db, encoding, reporter):
            background_process.write_line(file, line)
            has_counts = True
    return encoding if has_counts else None


def _store_counts(db: sqlite3.Connection, encoding: str, lines: Iterator[tuple[int, list[int]]]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO pack_tokens (pack, encoding, counts) VALUES (?, ?, ?)",
        ((pack, encoding, array("I", counts).tobytes()) for pack, counts in lines),
    )


def summarize(db: sqlite3.Connection, encoding: str, reporter: Reporter, status: str = "approved") -> TokenTotals:
    """The stored counts of the rows with a status ('' is any), summarized by split. Raises `Cancelled`."""
    counts = _Counts(db, encoding)
    parts_by_split: dict[str, list[IntArray]] = {}
    sql = "SELECT id, pack, slot FROM example WHERE split = ? AND ? IN ('', status)"
    for (split,) in db.execute("SELECT DISTINCT split FROM example").fetchall():
        rows = db.execute(sql, (split, status))
        while chunk := rows.fetchmany(ROWS_PER_CHUNK):
            reporter.check()
            parts_by_split.setdefault(split, []).append(counts.look_up(np.array(chunk, np.int64)))
    whole = {split: np.concatenate(parts, axis=1) for split, parts in parts_by_split.items()}
    counted = {split: rows[:, rows[1] >= 0] for split, rows in whole.items()}
    missing = sum(rows.shape[1] for rows in whole.values()) - sum(rows.shape[1] for rows in counted.values())
    return TokenTotals(
        encoding, {split: _summarize_split(rows) for split, rows in counted.items() if rows.size}, missing
    )


class _Counts:
    """All counts of an encoding, found by pack and slot."""

    def __init__(self, db: sqlite3.Connection, encoding: str) -> None:
        rows = db.execute(
            "SELECT pack, counts FROM pack_tokens WHERE encoding = ? ORDER BY pack", (encoding,)
        ).fetchall()
        sizes = np.array([len(blob) // 4 for _pack, blob in rows], np.int64)
        self._counts = np.frombuffer(b"".join(blob for _pack, blob in rows), np.uint32)
        self._starts = np.full(rows[-1][0] + 1 if rows else 0, -1, np.int64)
        self._starts[[pack for pack, _blob in rows]] = np.cumsum(sizes) - sizes

    def look_up(self, places: IntArray) -> IntArray:
        """Ids and tokens (2 × n; -1 where not counted) of rows given as id, pack and slot (n × 3)."""
        ids, packs, slots = places.T
        tokens = np.full(len(ids), -1, np.int64)
        within = np.flatnonzero(packs < len(self._starts))
        within = within[self._starts[packs[within]] >= 0]
        tokens[within] = self._counts[self._starts[packs[within]] + slots[within]]
        return np.stack([ids, tokens])


def _summarize_split(rows: IntArray) -> SplitTokens:
    ids, tokens = rows
    most = np.argsort(-tokens, kind="stable")[:LONGEST_ROWS_LISTED]
    return SplitTokens(
        rows=len(tokens),
        tokens=int(tokens.sum()),
        trained=int(np.minimum(tokens, TOKEN_LIMIT).sum()),
        smallest=int(tokens.min()),
        mean=float(tokens.mean()),
        largest=int(tokens.max()),
        over=int((tokens > TOKEN_LIMIT).sum()),
        histogram=_build_histogram(tokens),
        longest=[(int(ids[at]), int(tokens[at])) for at in most],
    )


def _build_histogram(tokens: IntArray) -> list[Bin]:
    """Bins with the edges 10, 20, 50, 100, …, from the first to the last that has rows."""
    edges = [0, *(step * 10**power for power in range(1, 10) for step in BIN_STEPS)]
    rows, _edges = np.histogram(tokens, edges)
    filled = np.flatnonzero(rows)
    return [Bin(edges[at], edges[at + 1], int(rows[at])) for at in range(filled[0], filled[-1] + 1)]


@dataclass(frozen=True, slots=True)
class TrainingAmount:
    """The rows and tokens of a training job; `trained` are its tokens without those that the server truncates.

    `over` rows have more than `TOKEN_LIMIT` tokens; `missing` rows are not counted yet (see `count_missing_rows`).
    """

    rows: int = 0
    trained: int = 0
    over: int = 0
    missing: int = 0


def compute_training_amount(
    db: sqlite3.Connection, row_filter: Filter, encoding: str, version: int | None = None
) -> TrainingAmount:
    """The rows that match and their tokens, in a version of the dataset or as it is now (None), by the stored counts."""
    condition, values = filters.to_sql(row_filter)
    table, version_parameter = ("example", []) if version is None else ("version_row", [version])
    sql = (
        f"SELECT slot, counts FROM {table} r LEFT JOIN pack_tokens p ON p.pack = r.pack AND encoding = ? "
        f"WHERE {'1' if version is None else 'version = ?'} AND {condition}"
    )
    rows = trained = over = missing = 0
    for slot, counts in db.execute(sql, [encoding, *version_parameter, *values]):
        rows += 1
        if counts is None:
            missing += 1
            continue
        count = unpack_counts(counts)[slot]
        trained += min(count, TOKEN_LIMIT)
        over += count > TOKEN_LIMIT
    return TrainingAmount(rows, trained, over, missing)


if __name__ == "__main__":
    background_process.serve(_count_in_child)
