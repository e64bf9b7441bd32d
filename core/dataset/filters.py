"""Finds the ids of the rows that match a filter, which the user chose or typed."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.progress import Reporter

if TYPE_CHECKING:
    from core.dataset.text_search import SearchIndex

NUMPY_FROM_LENGTH = 10_000  # characters of a list of ids, from which loading numpy pays off
MAX_ID_DIGITS = 18  # a longer number is no id
NAMED_FIELDS = ("split", "kind", "status", "tag", "fact", "rule", "source")

# What a column of the grid sorts by.
SORT_COLUMNS = {
    "id": "id",
    "question": "question",
    "answer": "answer",
    "length": "length",
    "split": "split",
    "kind": "kind",
    "status": "status",
    "facts": "facts",
    "tags": "tags",
    "notes": "notes",
    "key_points": "key_points",
    "quote": "quote",
    "problems": "problems",
    "source": "source",
    "line": "line",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for rows; empty fields match all. `rule` may be '*' for any problem.

    Lengths are characters of question and answer together. `row` is the id of one row.
    """

    text: str = ""
    regex: bool = False
    split: str = ""
    kind: str = ""
    status: str = ""
    tag: str = ""
    fact: str = ""
    rule: str = ""
    source: str = ""
    min_length: int | None = None
    max_length: int | None = None
    row: int | None = None
    order: str = "id"
    descending: bool = False


Choice = Filter | Sequence[int]  # a filter, or ids


def parse(words: str) -> Filter:
    """Parse a filter as it is typed: `split:test kind:reverse tag:study status:draft row:37 length:>500 /colou?r/`.

    All other words are the text to find.
    """
    fields: dict[str, Any] = {}
    text: list[str] = []
    for word in words.split():
        name, _colon, value = word.partition(":")
        if value and name in NAMED_FIELDS:
            fields[name] = value
        elif name == "row" and value.isdecimal() and len(value) < MAX_ID_DIGITS:
            fields["row"] = int(value)
        elif name == "length" and value[:1] in "<>" and value[1:].isdecimal():
            fields["min_length" if value[0] == ">" else "max_length"] = int(value[1:])
        else:
            text.append(word)
    typed = " ".join(text)
    if len(typed) > 2 and typed[0] == typed[-1] == "/":
        return Filter(text=typed[1:-1], regex=True, **fields)
    return Filter(text=typed, **fields)


def format_filter(filter: Filter) -> str:
    """The filter as it would be typed, without the sort order; the inverse of `parse`."""
    parts = [f"{name}:{value}" for name in NAMED_FIELDS if (value := getattr(filter, name))]
    if filter.row is not None:
        parts.append(f"row:{filter.row}")
    if filter.min_length is not None:
        parts.append(f"length:>{filter.min_length}")
    if filter.max_length is not None:
        parts.append(f"length:<{filter.max_length}")
    if filter.text:
        parts.append(f"/{filter.text}/" if filter.regex else filter.text)
    return " ".join(parts)


def find(
    db: sqlite3.Connection,
    filter: Filter = Filter(),
    index: SearchIndex | None = None,
    reporter: Reporter | None = None,
) -> array[int]:
    """The ids of the matching rows, in order, 8 bytes each.

    Raises `FormatError` when the text is not a valid regular expression, and `Cancelled`.
    """
    if not filter.text:
        return _select_ids(db, filter)
    from core.dataset import text_search

    matching = text_search.find_text(db, filter.text, filter.regex, index, reporter or Reporter())
    if filter == Filter(text=filter.text, regex=filter.regex):
        return matching
    return _intersect(_select_ids(db, filter), matching)


def find_first(db: sqlite3.Connection, filter: Filter, limit: int) -> array[int]:
    """The first `limit` ids of the matching rows; the filter's text is ignored. Shown while `find` is running."""
    return _select_ids(db, filter, f"LIMIT {limit}")


def to_sql(filter: Filter) -> tuple[str, list[Any]]:
    """The filter without its text, as an SQL condition and its parameters."""
    conditions: list[str] = ["1"]
    values: list[Any] = []
    for condition, parameters in _sql_conditions(filter):
        conditions.append(condition)
        values += parameters
    return " AND ".join(conditions), values


def _sql_conditions(filter: Filter) -> Iterator[tuple[str, list[Any]]]:
    for column in ("split", "kind", "status", "source"):
        if value := getattr(filter, column):
            yield f"{column} = ?", [value]
    for column, name in (("tags", filter.tag), ("facts", filter.fact)):
        if name:
            yield f"instr(' ' || {column} || ' ', ?)", [f" {name} "]
    if filter.rule == "*":
        yield "(problems <> '' OR id IN (SELECT example FROM finding))", []
    elif filter.rule:
        found = "id IN (SELECT example FROM finding WHERE rule = ?)"
        yield f"(instr(' ' || problems || ' ', ?) OR {found})", [f" {filter.rule} ", filter.rule]
    if filter.row is not None:
        yield "id = ?", [filter.row]
    if filter.min_length is not None:
        yield "length >= ?", [filter.min_length]
    if filter.max_length is not None:
        yield "length <= ?", [filter.max_length]


def _select_ids(db: sqlite3.Connection, filter: Filter, limit: str = "") -> array[int]:
    condition, values = to_sql(filter)
    direction = "DESC" if filter.descending else "ASC"
    order = SORT_COLUMNS[filter.order]
    by = f"id {direction}" if order == "id" else f"{order} {direction}, id {direction}"
    # SQLite returns all ids as one text: fetched row by row they would take longer than the sorting.
    sql = f"SELECT group_concat(id, ' ') FROM (SELECT id FROM example WHERE {condition} ORDER BY {by} {limit})"
    return _parse_ids(db.execute(sql, values).fetchone()[0] or "")


def _parse_ids(text: str) -> array[int]:
    if len(text) < NUMPY_FROM_LENGTH:
        return array("q", map(int, text.split()))
    import numpy as np

    return array("q", np.fromstring(text, dtype=np.int64, sep=" ").tobytes())


def _intersect(ids: array[int], matching: array[int]) -> array[int]:
    """Those of `ids` that are also in `matching`, in the order of `ids`."""
    import numpy as np

    own_ids = np.frombuffer(ids, dtype=np.int64)
    return array("q", own_ids[np.isin(own_ids, np.frombuffer(matching, dtype=np.int64))].tobytes())


def load_saved_filters(db: sqlite3.Connection) -> dict[str, str]:
    """The saved filters: name -> filter as it is typed."""
    return dict(db.execute("SELECT name, words FROM saved_filter ORDER BY name"))


def save_filter(db: sqlite3.Connection, name: str, words: str) -> None:
    """Save a filter under a name, in place of one that has this name."""
    sql = "INSERT INTO saved_filter (name, words) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET words = excluded.words"
    db.execute(sql, (name, words))


def delete_saved_filter(db: sqlite3.Connection, name: str) -> None:
    """Delete a saved filter."""
    db.execute("DELETE FROM saved_filter WHERE name = ?", (name,))
