"""How much a job learns from: its rows and their tokens, as they are now or as they were kept."""

import sqlite3
from dataclasses import dataclass

from core.dataset import filters, token_counts
from core.dataset.filters import Filter


@dataclass(frozen=True, slots=True)
class Amount:
    """`trained` tokens are left of the rows where the server cuts those `over` its limit; `missing` rows are not counted."""

    rows: int = 0
    trained: int = 0
    over: int = 0
    missing: int = 0


def of(db: sqlite3.Connection, chosen: Filter, encoding: str, version: int | None = None) -> Amount:
    """What rows of a kept version, or of now (None), come to, by the counts that `tokens.refresh` has made."""
    condition, values = filters.where(chosen)
    table, given = ("example", []) if version is None else ("version_row", [version])
    sql = (
        f"SELECT slot, counts FROM {table} r LEFT JOIN pack_tokens p ON p.pack = r.pack AND encoding = ? "
        f"WHERE {'1' if version is None else 'version = ?'} AND {condition}"
    )
    rows = trained = over = missing = 0
    for slot, counts in db.execute(sql, [encoding, *given, *values]):
        rows += 1
        if counts is None:
            missing += 1
            continue
        count = token_counts.unpacked(counts)[slot]
        trained += min(count, token_counts.LIMIT)
        over += count > token_counts.LIMIT
    return Amount(rows, trained, over, missing)
