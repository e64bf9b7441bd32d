"""Which rows to show: what a person chose or typed, as ids in order."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.progress import Reporter

if TYPE_CHECKING:
    from core.dataset.text_search import Index

MANY = 10_000  # ids from which numpy reads them faster than it takes to load numpy
LONGEST_ID = 18  # digits; a larger number is no id
NAMES = ("split", "kind", "status", "tag", "fact", "rule", "source")

# What a column of the grid sorts by.
ORDERS = {
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
    """Empty fields do not restrict. `rule` may be '*' for any problem; lengths are characters of question and answer.

    `row` is the id of one row, as messages name it.
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


Choice = Filter | Sequence[int]  # rows by what they are, or by their ids


def parse(words: str) -> Filter:
    """A filter as it is typed: `split:test kind:reverse tag:study status:draft row:37 length:>500 /colou?r/`, the rest is text."""
    found: dict[str, Any] = {}
    text: list[str] = []
    for word in words.split():
        name, _colon, value = word.partition(":")
        if value and name in NAMES:
            found[name] = value
        elif name == "row" and value.isdecimal() and len(value) < LONGEST_ID:
            found["row"] = int(value)
        elif name == "length" and value[:1] in "<>" and value[1:].isdecimal():
            found["min_length" if value[0] == ">" else "max_length"] = int(value[1:])
        else:
            text.append(word)
    typed = " ".join(text)
    if len(typed) > 2 and typed[0] == typed[-1] == "/":
        return Filter(text=typed[1:-1], regex=True, **found)
    return Filter(text=typed, **found)


def words(filter: Filter) -> str:
    """The filter as it would be typed; what sorts it is left out."""
    parts = [f"{name}:{value}" for name in NAMES if (value := getattr(filter, name))]
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
    db: sqlite3.Connection, filter: Filter = Filter(), index: Index | None = None, reporter: Reporter | None = None
) -> array[int]:
    """Ids of the rows that match, in order. Only ids: a million of them are eight megabytes.

    Raises `FormatError` for a text that is no regular expression, `Cancelled`.
    """
    if not filter.text:
        return _ids(db, filter)
    from core.dataset import text_search

    matching = text_search.find(db, filter.text, filter.regex, index, reporter or Reporter())
    if filter == Filter(text=filter.text, regex=filter.regex):
        return matching
    return _kept(_ids(db, filter), matching)


def head(db: sqlite3.Connection, filter: Filter, limit: int) -> array[int]:
    """The first ids of those that match, to paint before all are known; text is not looked at."""
    return _ids(db, filter, f"LIMIT {limit}")


def where(filter: Filter) -> tuple[str, list[Any]]:
    """The filter without its text, as SQL."""
    conditions: list[str] = ["1"]
    values: list[Any] = []
    for condition, given in _conditions(filter):
        conditions.append(condition)
        values += given
    return " AND ".join(conditions), values


def _conditions(filter: Filter) -> Iterator[tuple[str, list[Any]]]:
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


def _ids(db: sqlite3.Connection, filter: Filter, limit: str = "") -> array[int]:
    condition, values = where(filter)
    direction = "DESC" if filter.descending else "ASC"
    order = ORDERS[filter.order]
    by = f"id {direction}" if order == "id" else f"{order} {direction}, id {direction}"
    # One text of all ids leaves SQLite at once: row by row, Python would take longer than the sorting.
    sql = f"SELECT group_concat(id, ' ') FROM (SELECT id FROM example WHERE {condition} ORDER BY {by} {limit})"
    return _parsed(db.execute(sql, values).fetchone()[0] or "")


def _parsed(text: str) -> array[int]:
    if len(text) < MANY:
        return array("q", map(int, text.split()))
    import numpy as np

    return array("q", np.fromstring(text, dtype=np.int64, sep=" ").tobytes())


def _kept(ids: array[int], matching: array[int]) -> array[int]:
    """Those of `ids` that are also in `matching`, in their order."""
    import numpy as np

    mine = np.frombuffer(ids, dtype=np.int64)
    return array("q", mine[np.isin(mine, np.frombuffer(matching, dtype=np.int64))].tobytes())


def saved(db: sqlite3.Connection) -> dict[str, str]:
    """The kept filters: name -> words."""
    return dict(db.execute("SELECT name, words FROM saved_filter ORDER BY name"))


def save(db: sqlite3.Connection, name: str, words: str) -> None:
    """Keep a filter under a name; one that has it already is replaced."""
    sql = "INSERT INTO saved_filter (name, words) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET words = excluded.words"
    db.execute(sql, (name, words))


def forget(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM saved_filter WHERE name = ?", (name,))
