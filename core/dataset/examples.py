"""Reads and changes the examples (rows) of a project: fetch, add, edit, fix, delete."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec

from core import checks
from core.dataset import filters, row_edits
from core.dataset.filters import Choice as Choice
from core.dataset.filters import Filter as Filter
from core.dataset.row_edits import RowEdit, SetColumn
from core.errors import FormatError, JukuError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter
from core.storage import compressed_texts

SPLITS = ("train", "validation", "test")
KINDS = (
    "direct",
    "reworded",
    "reverse",
    "applied",
    "combined",
    "statement",
    "not_stated",
    "false_premise",
    "general",
    "memorised",
)
MEMORISED = "memorised"  # exam questions that repeat a training row on purpose
STATUSES = ("draft", "approved", "rejected")  # only approved rows are trained on
TEXT_FIELDS = ("question", "answer")  # read from the row's JSON and written into it
METADATA_FIELDS = (
    "split",
    "kind",
    "status",
    "facts",
    "tags",
    "notes",
    "key_points",
    "quote",
)  # kept beside the JSON
FIELDS = (*TEXT_FIELDS, *METADATA_FIELDS)
COLUMNS = ("pack", "slot", "question", "answer", "length", *METADATA_FIELDS, "source", "line", "problems", "digest")
DUPLICATE_ROW = "duplicate-row"
ROWS_PER_CHUNK = 1000
PREVIEW_LENGTH = 32  # characters of question and answer that are stored in columns, to sort by

Values = tuple[str | int | None, ...]  # of COLUMNS without pack and slot
INSERT = f"INSERT INTO example ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `data` is its JSON text as imported; `question` and `answer` are read from it; `id` 0 is not stored yet."""

    data: str
    question: str = ""
    answer: str = ""
    split: str = "train"
    kind: str = ""
    status: str = "approved"
    facts: str = ""
    tags: str = ""
    notes: str = ""
    key_points: str = ""
    quote: str = ""
    source: str = ""
    line: int | None = None
    problems: str = ""
    id: int = 0


def fetch(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Example]:
    """The rows by id, without deleted ones. Their `problems` include the findings of the check of the whole dataset."""
    rows_by_id: dict[int, Example] = {}
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        chunk = list(ids[start : start + ROWS_PER_CHUNK])
        marks = ",".join("?" * len(chunk))
        rows = list(_load_rows(db, f"id IN ({marks})", chunk))
        sql = f"SELECT example, group_concat(DISTINCT rule) FROM finding WHERE example IN ({marks}) GROUP BY 1"
        rules = {id: rules.replace(",", " ") for id, rules in db.execute(sql, chunk)}
        rows_by_id |= {row.id: _add_rules(row, rules.get(row.id, "")) for row in rows}
    return rows_by_id


def _add_rules(row: Example, rules: str) -> Example:
    return replace(row, problems=f"{row.problems} {rules}".strip()) if rules else row


def _load_rows(db: sqlite3.Connection, condition: str, values: Sequence[Any]) -> Iterator[Example]:
    reader = compressed_texts.PackReader(db)
    sql = f"SELECT id, pack, slot, {', '.join(METADATA_FIELDS)}, source, line, problems FROM example WHERE {condition} ORDER BY pack, slot"
    for id, pack, slot, *rest in db.execute(sql, values):
        data = reader.text((pack, slot))
        yield Example(data, *read_previews(data), *rest, id)  # type: ignore[call-arg]


def find_ids(db: sqlite3.Connection, choice: Choice) -> Sequence[int]:
    """The ids of the chosen rows, in order. Raises `FormatError` as `filters.find` does."""
    return filters.find(db, choice) if isinstance(choice, Filter) else choice


def iterate(db: sqlite3.Connection, choice: Choice = Filter()) -> Iterator[Example]:
    """Yield the chosen rows, in order; a million need no more memory than a thousand. Raises `FormatError` as `find_ids`."""
    ids = find_ids(db, choice)
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        chunk = ids[start : start + ROWS_PER_CHUNK]
        rows_by_id = fetch(db, chunk)
        yield from (rows_by_id[id] for id in chunk if id in rows_by_id)


def iterate_texts(db: sqlite3.Connection, choice: Choice = Filter()) -> Iterator[str]:
    """Yield the JSON texts of the chosen rows, in order. Raises `FormatError` as `find_ids` does."""
    reader = compressed_texts.PackReader(db)
    for place in _find_places(db, choice):
        yield reader.text(place)


def iterate_text_blocks(db: sqlite3.Connection, choice: Choice = Filter()) -> Iterator[tuple[int, bytes]]:
    """Yield the JSON texts of the chosen rows, many at a time: the number of rows, and their lines in UTF-8.

    Raises `FormatError` as `find_ids` does.
    """
    reader = compressed_texts.PackReader(db)
    for pack, places in groupby(_find_places(db, choice), key=itemgetter(0)):
        slots = list(map(itemgetter(1), places))
        yield len(slots), reader.lines(pack, slots)


def _find_places(db: sqlite3.Connection, choice: Choice) -> Iterator[compressed_texts.TextPlace]:
    if isinstance(choice, Filter) and not choice.text:
        condition, values = filters.to_sql(choice)
        return db.execute(f"SELECT pack, slot FROM example WHERE {condition} ORDER BY id", values)
    return _find_places_of(db, find_ids(db, choice))


def _find_places_of(db: sqlite3.Connection, wanted_ids: Sequence[int]) -> Iterator[compressed_texts.TextPlace]:
    ids = iter(wanted_ids)
    while chunk := list(islice(ids, ROWS_PER_CHUNK)):
        marks = ",".join("?" * len(chunk))
        rows = db.execute(f"SELECT id, pack, slot FROM example WHERE id IN ({marks})", chunk)
        places = {id: (pack, slot) for id, pack, slot in rows}
        yield from (places[id] for id in chunk if id in places)


def count_values(db: sqlite3.Connection, column: str, split: str = "", status: str = "") -> dict[str, int]:
    """How many rows (of `split`, of `status`) have each value of `column` (split, kind, status), or each word of it (tags, problems)."""
    assert column in ("split", "kind", "status", "tags", "problems", "facts", "source"), column
    counts: dict[str, int] = {}
    sql = f"SELECT {column}, count(*) FROM example WHERE ? IN ('', split) AND ? IN ('', status) GROUP BY 1 ORDER BY min(id)"
    for value, count in db.execute(sql, (split, status)):
        for name in [value] if column == "source" else value.split():
            counts[name] = counts.get(name, 0) + count
    if column == "problems":
        for rule, count in db.execute(_COUNT_FINDINGS):
            counts[rule] = counts.get(rule, 0) + count
    return counts


_COUNT_FINDINGS = """SELECT rule, count(DISTINCT example) FROM finding JOIN example ON example.id = finding.example
GROUP BY 1 ORDER BY 1"""


def count_rules(db: sqlite3.Connection, filter: Filter) -> dict[str, int]:
    """How many of the matching rows have each problem, with the findings of the check of the whole dataset."""
    where, values = filters.to_sql(filter)
    counts: dict[str, int] = {}
    for rules, count in db.execute(
        f"SELECT problems, count(*) FROM example WHERE {where} AND problems <> '' GROUP BY 1", values
    ):
        for rule in rules.split():
            counts[rule] = counts.get(rule, 0) + count
    sql = "SELECT rule, count(DISTINCT example) FROM finding WHERE example IN (SELECT id FROM example WHERE {}) GROUP BY 1"
    for rule, count in db.execute(sql.format(where), values):
        counts[rule] = counts.get(rule, 0) + count
    return counts


def count_errors(db: sqlite3.Connection, filter: Filter) -> int:
    """How many of the matching rows have an error: a server refuses such a row."""
    where, values = filters.to_sql(filter)
    rows = db.execute(f"SELECT problems, count(*) FROM example WHERE {where} AND problems <> '' GROUP BY 1", values)
    return sum(count for rules, count in rows if any(checks.RULES[rule].severity == "error" for rule in rules.split()))


@dataclass(frozen=True, slots=True)
class ProblemCounts:
    """The rows with an error, the other rows with a warning, and the rows by rule."""

    errors: int = 0
    warnings: int = 0
    rules: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.errors or self.warnings)

    def __add__(self, other: ProblemCounts) -> ProblemCounts:
        rules = {rule: self.rules.get(rule, 0) + other.rules.get(rule, 0) for rule in (*self.rules, *other.rules)}
        return ProblemCounts(self.errors + other.errors, self.warnings + other.warnings, rules)


def count_problems_since(db: sqlite3.Connection, first: int) -> ProblemCounts:
    """Count the problems of the rows from the id `first` on, without findings of the check of the whole dataset."""
    counts = ProblemCounts()
    rows = db.execute("SELECT problems, count(*) FROM example WHERE id >= ? AND problems <> '' GROUP BY 1", (first,))
    for problems, count in rows:
        rules = problems.split()
        error = any(checks.RULES[rule].severity == "error" for rule in rules)
        counts += ProblemCounts(count if error else 0, 0 if error else count, dict.fromkeys(rules, count))
    return counts


def read_previews(data: str) -> tuple[str, str]:
    """The question and the answer in a row's JSON text. Raises `msgspec.DecodeError` when it is no JSON."""
    value = msgspec.json.decode(data)
    return jsonl.question(value), jsonl.answer(value)


def read_row(data: str, **fields: object) -> Example:
    """Build an example from its JSON text, with its question, answer and problems."""
    decoded = checks.decode(data.encode())
    problems = decoded.problems + checks.check(decoded.value)
    return Example(
        data=data,
        question=jsonl.question(decoded.value),
        answer=jsonl.answer(decoded.value),
        problems=" ".join(dict.fromkeys(problem.rule for problem in problems)),
        **fields,  # type: ignore[arg-type]
    )


def build_column_values(example: Example) -> Values:
    """A row's values for `COLUMNS` after pack and slot."""
    own = (getattr(example, name) for name in METADATA_FIELDS)
    heads = (
        example.question[:PREVIEW_LENGTH],
        example.answer[:PREVIEW_LENGTH],
        len(example.question) + len(example.answer),
    )
    return (
        *heads,
        *own,
        example.source,
        example.line,
        example.problems,
        compressed_texts.digest(example.data.encode()),
    )


def add(db: sqlite3.Connection, examples: Iterable[Example]) -> range:
    """Add rows after the existing ones; returns their ids."""
    first = get_next_id(db)
    rows = iter(examples)
    while group := list(islice(rows, compressed_texts.TEXTS_PER_PACK)):
        places = compressed_texts.store_texts(db, [row.data for row in group])
        db.executemany(INSERT, ((*place, *build_column_values(row)) for place, row in zip(places, group, strict=True)))
    return range(first, get_next_id(db))


def get_next_id(db: sqlite3.Connection) -> int:
    """The id that the next new row gets."""
    id: int = db.execute("SELECT coalesce(max(id), 0) + 1 FROM example").fetchone()[0]
    return id


def load_data(db: sqlite3.Connection, id: int) -> str:
    """The JSON text of one row. Raises `JukuError` when the row was deleted."""
    place = db.execute("SELECT pack, slot FROM example WHERE id = ?", (id,)).fetchone()
    if place is None:
        raise JukuError(
            tr("The row is no longer there"), tr("It was deleted in the meantime, so nothing was changed in it.")
        )
    return compressed_texts.PackReader(db).text(place)


def edit(db: sqlite3.Connection, id: int, edit: RowEdit) -> None:
    """Apply one edit to one row.

    Raises `FormatError` when the edit does not fit the row, `JukuError` when the row was deleted.
    """
    if isinstance(edit, SetColumn):
        set_field(db, id, edit.column, edit.value)
    else:
        replace_data(db, id, row_edits.apply(load_data(db, id), edit))


def preview_edit(example: Example, edit: RowEdit) -> Example:
    """The example as it will be after `edit`, without writing it. Raises `FormatError` as `row_edits.apply` does."""
    if not isinstance(edit, SetColumn):
        return replace(example, data=row_edits.apply(example.data, edit))
    column, value = edit.column, edit.value
    data = example.data if column in METADATA_FIELDS else _set_text(example.data, column, value)
    return replace(example, **{"data": data, column: value})  # type: ignore[arg-type]


def set_field(db: sqlite3.Connection, id: int, field: str, value: str) -> None:
    """Set one of `FIELDS` in one row; question and answer are written into the row's JSON, all else there is kept.

    Raises `JukuError` when question or answer is set and the row was deleted, `FormatError` when the row has no place
    for it.
    """
    if field in METADATA_FIELDS:
        db.execute(f"UPDATE example SET {field} = ? WHERE id = ?", (value, id))
        return
    replace_data(db, id, _set_text(load_data(db, id), field, value))


def _set_text(data: str, field: str, text: str) -> str:
    """The row's JSON text with its question or answer set."""
    assert field in TEXT_FIELDS, field
    return row_edits.set_last_message(data, "user" if field == "question" else "assistant", text)


def replace_data(db: sqlite3.Connection, id: int, data: str) -> None:
    """Replace a row's JSON text. Raises `FormatError` when it is not a JSON object; the row stays as it was."""
    replace_texts(db, [(id, data)])


def replace_texts(db: sqlite3.Connection, edits: Iterable[tuple[int, str]]) -> int:
    """Replace the JSON texts of many rows; returns how many. Raises `FormatError` as `replace_data` does."""
    done = 0
    rows = iter(edits)
    while group := list(islice(rows, compressed_texts.TEXTS_PER_PACK)):
        for _id, text in group:
            require_readable(text)
        places = compressed_texts.store_texts(db, [text for _id, text in group])
        db.executemany(
            _UPDATE, (_build_update_values(id, text, place) for (id, text), place in zip(group, places, strict=True))
        )
        done += len(group)
    return done


_UPDATE = """UPDATE example SET pack = ?, slot = ?, question = ?, answer = ?, length = ?, problems = ?, digest = ?
WHERE id = ?"""


def _build_update_values(id: int, text: str, place: compressed_texts.TextPlace) -> tuple[Any, ...]:
    row = read_row(text)
    question, answer, length, *_rest = build_column_values(row)
    return (*place, question, answer, length, row.problems, compressed_texts.digest(text.encode()), id)


def require_readable(data: str) -> None:
    """Raises `FormatError` when `data` is not a JSON object."""
    decoded = checks.decode(data.encode("utf-8", "surrogatepass"))
    if decoded.value is None:
        raise FormatError(tr("This is not a valid row yet"), decoded.problems[0].message)


def delete(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Delete the rows."""
    db.executemany("DELETE FROM example WHERE id = ?", ((id,) for id in ids))


def fix_all(db: sqlite3.Connection, rule: str, reporter: Reporter) -> None:
    """Fix the problem `rule` in every row where that is safe; other rows stay unchanged.

    Raises `JukuError` where no row can be fixed safely, and `Cancelled`.
    """
    if rule == DUPLICATE_ROW:
        db.execute("DELETE FROM example WHERE id NOT IN (SELECT min(id) FROM example GROUP BY digest, split)")
        return
    ids = filters.find(db, Filter(rule=rule))
    if not replace_texts(db, _fix_rows(db, rule, ids, reporter)) and ids:
        raise JukuError(
            tr("These rows cannot be fixed automatically"),
            tr("Nothing was changed. Correct them by hand: the problem says what is expected."),
        )


def fix_since(db: sqlite3.Connection, rules: Sequence[str], first: int, reporter: Reporter) -> None:
    """Fix the problems `rules` in the rows from the id `first` on, where that is safe. Raises `Cancelled`."""
    for rule in rules:
        ids = [id for id in filters.find(db, Filter(rule=rule)) if id >= first]
        replace_texts(db, _fix_rows(db, rule, ids, reporter))


def _fix_rows(db: sqlite3.Connection, rule: str, ids: Sequence[int], reporter: Reporter) -> Iterator[tuple[int, str]]:
    for done, row in enumerate(iterate(db, ids), start=1):
        if (fixed := checks.fix(rule, row.data)) is not None:
            yield row.id, fixed
        if done % ROWS_PER_CHUNK == 0:
            reporter.update(done, len(ids))
