"""Finds the ids of the rows that match a filter, which the user chose or typed."""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.progress import Reporter

if TYPE_CHECKING:
    from core.dataset.text_search import SearchIndex

NUMPY_FROM_LENGTH = 10_000  # characters of a list of ids, from which loading numpy pays off
MAX_DIGITS = 18  # a longer number is no id and no length; SQLite has none of 20
NAMED_FIELDS = ("split", "kind", "status", "tag", "fact", "rule", "source")
OTHER_FIELDS = ("text", "regex", "min_length", "max_length", "row", "order", "descending")
ANY = "*"  # the value of a field that has some value
# A value with spaces, such as the name of a file, is put in quotation marks; one in it is doubled.
QUOTED = r'"((?:[^"]|"")+)"(?!\S)'
FIELD_WORD = re.compile(rf"""(-?)({"|".join(NAMED_FIELDS)}):(?:{QUOTED}|(\S+))""")
# A regular expression is one word: its spaces are its own, and what looks like a field in it is none.
WORD = re.compile(rf"""-?(?:{"|".join(NAMED_FIELDS)}):{QUOTED}|/.+/(?!\S)|\S+""")

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
class Term:
    """One more condition on one of `NAMED_FIELDS`: that it has this value, too, or that it does not have it."""

    field: str
    value: str
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for rows; empty fields match all, and all others must hold. A value of '*' is any value.

    Lengths are characters of question and answer together. `row` is the id of one row. `terms` are what a field of
    its own cannot say: a second tag, or a value that is excluded.
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
    terms: tuple[Term, ...] = ()

    def uses_rules(self) -> bool:
        """Whether it depends on the problems of the rows."""
        return bool(self.rule) or any(term.field == "rule" for term in self.terms)


Choice = Filter | Sequence[int]  # a filter, or ids


def parse(words: str) -> Filter:
    """Parse a filter as it is typed: `split:test kind:reverse tag:study -tag:old row:37 length:>500 /colou?r/`.

    A minus before a field excludes its value. All other words are the text to find.
    """
    fields: dict[str, Any] = {}
    terms: list[Term] = []
    text: list[str] = []
    for word in (found.group() for found in WORD.finditer(words)):
        name, _colon, value = word.partition(":")
        if named := FIELD_WORD.fullmatch(word):
            minus, name, quoted, plain = named.groups()
            term = Term(name, quoted.replace('""', '"') if quoted else plain, bool(minus))
            if term.excluded or fields.setdefault(name, term.value) != term.value:
                terms.append(term)
        elif name == "row" and value.isdecimal() and len(value) < MAX_DIGITS:
            fields["row"] = int(value)
        elif name == "length" and value[:1] in "<>" and value[1:].isdecimal() and len(value) <= MAX_DIGITS:
            fields["min_length" if value[0] == ">" else "max_length"] = int(value[1:])
        else:
            text.append(word)
    fields["terms"] = tuple(dict.fromkeys(terms))
    typed = " ".join(text)
    if len(typed) > 2 and typed[0] == typed[-1] == "/":
        return Filter(text=typed[1:-1], regex=True, **fields)
    return Filter(text=typed, **fields)


def format_filter(filter: Filter) -> str:
    """The filter as it would be typed, without the sort order; the inverse of `parse`."""
    parts = [_format_field(name, value) for name in NAMED_FIELDS if (value := getattr(filter, name))]
    parts += ["-" * term.excluded + _format_field(term.field, term.value) for term in filter.terms]
    if filter.row is not None:
        parts.append(f"row:{filter.row}")
    if filter.min_length is not None:
        parts.append(f"length:>{filter.min_length}")
    if filter.max_length is not None:
        parts.append(f"length:<{filter.max_length}")
    if filter.text:
        parts.append(f"/{filter.text}/" if filter.regex else filter.text)
    return " ".join(parts)


def _format_field(name: str, value: str) -> str:
    if not re.search(r'[\s"]', value):
        return f"{name}:{value}"
    doubled = value.replace('"', '""')
    return f'{name}:"{doubled}"'


def narrow(filter: Filter, terms: Sequence[Term]) -> Filter:
    """The filter with more conditions. What says the opposite of one of them is dropped: no row would match both."""
    opposite = {replace(term, excluded=not term.excluded) for term in terms}
    own = [Term(name, value) for name in NAMED_FIELDS if (value := getattr(filter, name))]
    kept = [term for term in (*own, *filter.terms) if term not in opposite]
    others = {name: getattr(filter, name) for name in OTHER_FIELDS}
    return replace(parse(format_filter(Filter(terms=(*kept, *terms)))), **others)


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


def count(db: sqlite3.Connection, filter: Filter = Filter()) -> int:
    """How many rows match; the filter's text is ignored."""
    condition, values = to_sql(filter)
    found: int = db.execute(f"SELECT count(*) FROM example WHERE {condition}", values).fetchone()[0]
    return found


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
    for name in NAMED_FIELDS:
        if value := getattr(filter, name):
            yield _field_condition(name, value)
    for term in filter.terms:
        condition, values = _field_condition(term.field, term.value)
        yield f"({condition}) IS NOT TRUE" if term.excluded else condition, values
    if filter.row is not None:
        yield "id = ?", [filter.row]
    if filter.min_length is not None:
        yield "length >= ?", [filter.min_length]
    if filter.max_length is not None:
        yield "length <= ?", [filter.max_length]


def _field_condition(name: str, value: str) -> tuple[str, list[Any]]:
    if name == "rule":
        if value == ANY:
            return "(problems <> '' OR id IN (SELECT example FROM finding))", []
        found = "id IN (SELECT example FROM finding WHERE rule = ?)"
        return f"(instr(' ' || problems || ' ', ?) OR {found})", [f" {value} ", value]
    column = {"tag": "tags", "fact": "facts"}.get(name, name)
    if value == ANY:
        return f"{column} <> ''", []
    if column != name:
        return f"instr(' ' || {column} || ' ', ?)", [f" {value} "]
    return f"{column} = ?", [value]


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
