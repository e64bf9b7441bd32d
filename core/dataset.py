"""The examples of a project: find, fetch, add, edit, repair, delete."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import checks, formats
from core.errors import FormatError
from core.formats import jsonl
from core.language import tr
from core.progress import Reporter

SPLITS = ("train", "validation", "test")
KINDS = ("direct", "reworded", "reverse", "applied", "statement", "not_stated", "general", "memorised")
FIELDS = ("question", "answer", "split", "kind", "facts", "tags", "key_points")
COLUMNS = ("data", *FIELDS, "source", "line", "problems", "digest")
ORDERS = ("id", *FIELDS, "problems", "source", "length(question)", "length(answer)")
DUPLICATE = "duplicate-row"
CHUNK = 1000

# The first of several equal rows is the original, the others are its duplicates.
IS_DUPLICATE = (
    "EXISTS (SELECT 1 FROM example o WHERE o.digest = example.digest AND o.id < example.id AND o.split = example.split)"
)


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `data` is its JSON text as imported; `question` and `answer` are read from it."""

    data: str
    question: str = ""
    answer: str = ""
    split: str = "train"
    kind: str = ""
    facts: str = ""
    tags: str = ""
    key_points: str = ""
    source: str = ""
    line: int | None = None
    problems: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show; empty fields do not restrict. `rule` may be '*' for any problem."""

    text: str = ""
    split: str = ""
    kind: str = ""
    tag: str = ""
    fact: str = ""
    rule: str = ""
    order: str = "id"
    descending: bool = False


def parse_filter(words: str) -> Filter:
    """A filter as it is typed: `split:test kind:reverse tag:study fact:f03 rule:role-unknown`, the rest is text."""
    fields: dict[str, Any] = {}
    text: list[str] = []
    for word in words.split():
        name, colon, value = word.partition(":")
        if colon and value and name in ("split", "kind", "tag", "fact", "rule"):
            fields[name] = value
        else:
            text.append(word)
    return Filter(text=" ".join(text), **fields)


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that could not be read: where it stood, its bytes, and why."""

    id: int
    source: str
    line: int
    start: int
    length: int
    raw: bytes
    rule: str
    message: str


def digest(text: str) -> int:
    """64 bits of BLAKE2b, signed, as SQLite stores integers."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)


def find(db: sqlite3.Connection, filter: Filter = Filter()) -> array[int]:
    """Ids of the rows that match, in order. Only ids: a million of them are eight megabytes."""
    assert filter.order in ORDERS, filter.order
    where, values = _where(filter)
    direction = "DESC" if filter.descending else "ASC"
    sql = f"SELECT id FROM example WHERE {where} ORDER BY {filter.order} {direction}, id {direction}"
    return array("q", (id for (id,) in db.execute(sql, values)))


def _where(filter: Filter) -> tuple[str, list[str]]:
    conditions, values = ["1"], []
    if filter.text:
        # instr on folded text and not LIKE: no wildcards to escape, and words of one character are found.
        conditions.append("(instr(lower(question), ?) OR instr(lower(answer), ?))")
        values += [filter.text.lower()] * 2
    for column in ("split", "kind"):
        if value := getattr(filter, column):
            conditions.append(f"{column} = ?")
            values.append(value)
    for column, name in (("tags", filter.tag), ("facts", filter.fact)):
        if name:
            conditions.append(f"instr(' ' || {column} || ' ', ?)")
            values.append(f" {name} ")
    if filter.rule == "*":
        conditions.append(f"(problems <> '' OR {IS_DUPLICATE})")
    elif filter.rule == DUPLICATE:
        conditions.append(IS_DUPLICATE)
    elif filter.rule:
        conditions.append("instr(' ' || problems || ' ', ?)")
        values.append(f" {filter.rule} ")
    return " AND ".join(conditions), values


def fetch(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Example]:
    """The rows of `ids`; one that no longer exists is left out. Duplicates carry their rule like any other problem."""
    marks = ",".join("?" * len(ids))
    rows = db.execute(
        f"SELECT id, {', '.join(COLUMNS[:-1])}, {IS_DUPLICATE} FROM example WHERE id IN ({marks})", list(ids)
    )
    found = {}
    for id, *values, duplicate in rows:
        example = replace(Example(*values), id=id)
        found[id] = replace(example, problems=f"{example.problems} {DUPLICATE}".strip()) if duplicate else example
    return found


def texts(db: sqlite3.Connection, filter: Filter) -> Iterator[str]:
    """The JSON texts of the rows that match, in order, to be exported or trained on."""
    where, values = _where(filter)
    for (data,) in db.execute(f"SELECT data FROM example WHERE {where} ORDER BY id", values):
        yield data


def counts(db: sqlite3.Connection, column: str, split: str = "") -> dict[str, int]:
    """How many rows (of `split`) have each value of `column` (split, kind), or each word of it (tags, problems)."""
    assert column in ("split", "kind", "tags", "problems", "facts"), column
    found: dict[str, int] = {}
    sql = f"SELECT {column}, count(*) FROM example WHERE ? IN ('', split) GROUP BY 1 ORDER BY min(id)"
    for value, count in db.execute(sql, (split,)):
        for name in value.split():
            found[name] = found.get(name, 0) + count
    if column == "problems":
        (duplicates,) = db.execute(f"SELECT count(*) FROM example WHERE {IS_DUPLICATE}").fetchone()
        found |= {DUPLICATE: duplicates} if duplicates else {}
    return found


def count_errors(db: sqlite3.Connection, filter: Filter) -> int:
    """How many of the rows that match have a problem that a server would refuse."""
    where, values = _where(filter)
    rows = db.execute(f"SELECT problems, count(*) FROM example WHERE {where} AND problems <> '' GROUP BY 1", values)
    return sum(count for rules, count in rows if any(checks.RULES[rule].severity == "error" for rule in rules.split()))


def read_row(data: str, **fields: object) -> Example:
    """An example from its JSON text, with the previews and problems that follow from it."""
    decoded = checks.decode(data.encode())
    return _example(data, decoded.value, decoded.problems + checks.check(decoded.value), **fields)


def _example(data: str, value: object, problems: list[checks.Problem], **fields: object) -> Example:
    return Example(
        data=data,
        question=jsonl.question(value),
        answer=jsonl.answer(value),
        problems=" ".join(dict.fromkeys(problem.rule for problem in problems)),
        **fields,  # type: ignore[arg-type]
    )


def add(db: sqlite3.Connection, examples: Iterable[Example]) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    db.executemany(
        f"INSERT INTO example ({', '.join(COLUMNS)}) VALUES ({marks})",
        ((*(getattr(example, name) for name in COLUMNS[:-1]), digest(example.data)) for example in examples),
    )


def import_file(db: sqlite3.Connection, path: Path, reporter: Reporter) -> None:
    """Add every readable row of `path`; lines that cannot be read are kept aside, with the reason."""
    batch: list[Example] = []
    for row in formats.read(path, reporter):
        if row.text is None and row.problems[0].rule == "blank":
            continue
        if row.text is None:
            keep_unread(db, path.name, row.line, row.problems[0])
            continue
        # The line has been checked already; it is only read once more for its previews.
        value = json.loads(row.text)
        batch.append(_example(row.text, value, row.problems, source=path.name, line=row.line.number))
        if len(batch) == CHUNK:
            add(db, batch)
            batch.clear()
    add(db, batch)


def keep_unread(db: sqlite3.Connection, source: str, line: jsonl.Line, problem: checks.Problem) -> None:
    db.execute(
        "INSERT INTO unread (source, line, start, length, raw, rule, message) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (source, line.number, line.offset, line.length, line.raw, problem.rule, problem.message),
    )


def edit(db: sqlite3.Connection, id: int, field: str, value: str) -> None:
    """Set one field of one row; question and answer are written into the row's JSON, all else there is kept."""
    assert field in FIELDS, field
    if field not in ("question", "answer"):
        db.execute(f"UPDATE example SET {field} = ? WHERE id = ?", (value, id))
        return
    (data,) = db.execute("SELECT data FROM example WHERE id = ?", (id,)).fetchone()
    edit_data(db, id, jsonl.set_content(data, "user" if field == "question" else "assistant", value))


def edit_data(db: sqlite3.Connection, id: int, data: str) -> None:
    """Replace a row's JSON text. Raises `FormatError` when it is not a JSON object; the row stays as it was."""
    require_readable(data)
    row = read_row(data)
    db.execute(
        "UPDATE example SET data = ?, question = ?, answer = ?, problems = ?, digest = ? WHERE id = ?",
        (row.data, row.question, row.answer, row.problems, digest(data), id),
    )


def require_readable(data: str) -> None:
    decoded = checks.decode(data.encode("utf-8", "surrogatepass"))
    if decoded.value is None:
        raise FormatError(tr("This is not a readable row yet"), decoded.problems[0].message)


def delete(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    db.executemany("DELETE FROM example WHERE id = ?", ((id,) for id in ids))


def fix_all(db: sqlite3.Connection, rule: str, reporter: Reporter) -> None:
    """Mend every row that has the problem `rule`, where that is safe; the others are left as they are."""
    if rule == DUPLICATE:
        db.execute(f"DELETE FROM example WHERE {IS_DUPLICATE}")
        return
    ids = find(db, Filter(rule=rule))
    for done, id in enumerate(ids, start=1):
        (data,) = db.execute("SELECT data FROM example WHERE id = ?", (id,)).fetchone()
        if (mended := checks.fix(rule, data)) is not None:
            edit_data(db, id, mended)
        if done % CHUNK == 0:
            reporter.update(done, len(ids))


def unread(db: sqlite3.Connection) -> list[Unread]:
    rows = db.execute("SELECT id, source, line, start, length, raw, rule, message FROM unread ORDER BY id")
    return [Unread(*row) for row in rows]


def repair_unread(db: sqlite3.Connection, id: int, data: str) -> None:
    """Make an example of a line that a person has put right. Raises `FormatError`; the line then stays aside."""
    require_readable(data)
    source, line = db.execute("SELECT source, line FROM unread WHERE id = ?", (id,)).fetchone()
    add(db, [read_row(data, source=source, line=line)])
    delete_unread(db, [id])


def repair_all_unread(db: sqlite3.Connection) -> None:
    """Put right every line whose defect can be mended safely."""
    for entry in unread(db):
        if (data := repaired(entry)) is not None:
            repair_unread(db, entry.id, data)


def repaired(entry: Unread) -> str | None:
    """The line as it probably was meant, or None where that would be a guess."""
    whole = entry.length == len(entry.raw)
    mended = checks.repair(entry.raw) if whole else None
    return mended.decode() if mended is not None else None


def delete_unread(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    db.executemany("DELETE FROM unread WHERE id = ?", ((id,) for id in ids))


def export_file(db: sqlite3.Connection, path: Path, filter: Filter = Filter()) -> int:
    """Write the rows that match to `path`, atomically; returns how many."""
    return formats.write(path, texts(db, filter))
