"""The facts of the spec: found in its text, kept through its edits, merged, split, ignored; and which rows they make stale."""

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from core.spec import quote_tracking, spec
from core.spec.quote_tracking import Span
from core.spec.spec import Spec
from core.text import statements
from core.text.near_duplicates import normalise
from core.text.statements import Statement

MAX_SINGLE_LOOKUPS = 20  # facts that are looked for one by one; for more, all is read
_MARK = re.compile(r"^(?:#{1,6}|[-*+]|\d+[.)]|>)\s+")
STALE_RULE = "fact-stale"  # the rule of rows whose fact has changed since they were written


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic statement; examples refer to it by `name`, which never changes.

    `quote` is its passage in the spec, unchanged; `was` the passage before the change that made rows
    stale; `known` what a base model knew of it: right answers and answers, as in "3/5".
    """

    id: int
    name: str
    text: str
    quote: str
    ignored: bool = False
    was: str = ""
    known: str = ""


def load(db: sqlite3.Connection) -> list[Fact]:
    """All facts in the order in which they were found."""
    return _facts(db, "NOT deleted")


def _facts(db: sqlite3.Connection, where: str, values: Sequence[str] = ()) -> list[Fact]:
    rows = db.execute(f"SELECT id, name, text, quote, ignored, was, known FROM fact WHERE {where} ORDER BY id", values)
    return [
        Fact(id, name, text, quote, bool(ignored), was, known) for id, name, text, quote, ignored, was, known in rows
    ]


def load_named(db: sqlite3.Connection, names: str) -> list[Fact]:
    """The existing facts of these names (separated by spaces)."""
    wanted = names.split()
    return _facts(db, f"NOT deleted AND name IN ({','.join('?' * len(wanted))})", wanted)


def load_deleted(db: sqlite3.Connection) -> list[Fact]:
    """The deleted facts. A fact is not proposed again while its passage is in the spec; its name is not reused."""
    return _facts(db, "deleted")


def find_places(text: str, facts: Iterable[Fact]) -> dict[int, Span]:
    """The span of each fact's passage in the spec, by id; a fact without a passage is left out."""
    return quote_tracking.find_spans(text, ((fact.id, fact.quote) for fact in facts))


def sort_by_place(text: str, facts: Sequence[Fact]) -> list[Fact]:
    """The facts in the order of their passages; facts without a passage come last."""
    found = find_places(text, facts)
    nowhere = len(text), len(text)
    return sorted(facts, key=lambda fact: (found.get(fact.id, nowhere), fact.id))


def find_missing(text: str, facts: Iterable[Fact]) -> list[Statement]:
    """The statements of the spec that no fact covers, not even in part."""
    return quote_tracking.without_overlaps(statements.split(text), find_places(text, facts).values())


def add(db: sqlite3.Connection, text: str, quote: str, name: str = "") -> str:
    """Add a fact and return its name; without a `name` the next free one (f01, f02, …) is given."""
    name = name or next(_free_names(db))
    db.execute("INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)", (name, text, quote))
    return name


def accept(db: sqlite3.Connection, found: Iterable[Statement]) -> None:
    """Make facts of statements."""
    add_all(db, ((one.text, one.quote) for one in found))


def add_all(db: sqlite3.Connection, found: Iterable[tuple[str, str]]) -> None:
    """Add facts, each of its text and its passage, under the next free names."""
    names = _free_names(db)
    sql = "INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)"
    db.executemany(sql, [(next(names), text, quote) for text, quote in found])


def find_unused_statements(db: sqlite3.Connection) -> list[Statement]:
    """The statements that no fact covers, and no deleted fact whose passage is still in the spec."""
    return find_missing(spec.load(db).text, [*load(db), *load_deleted(db)])


def accept_missing(db: sqlite3.Connection) -> None:
    """Make facts of all statements that have none yet."""
    accept(db, find_unused_statements(db))


def _free_names(db: sqlite3.Connection) -> Iterator[str]:
    taken = {name for (name,) in db.execute("SELECT name FROM fact")}
    # The names of deleted facts that rows still have are not given to others.
    for (names,) in db.execute("SELECT DISTINCT facts FROM example WHERE facts <> ''"):
        taken.update(names.split())
    number = 0
    while True:
        number += 1
        if (name := f"f{number:02}") not in taken:
            yield name


def find_closest(text: str, quotes: Sequence[str]) -> str:
    """The passage that shares most words with `text`."""
    return max(quotes, key=lambda quote: fuzz.token_set_ratio(text, quote, processor=normalise), default="")


def edit(db: sqlite3.Connection, id: int, text: str) -> None:
    """Change the text of a fact; its passage and its rows stay."""
    db.execute("UPDATE fact SET text = ? WHERE id = ?", (text, id))


def ignore(db: sqlite3.Connection, ids: Iterable[int], ignored: bool = True) -> None:
    """Exclude facts from teaching and coverage, or include them again."""
    db.executemany("UPDATE fact SET ignored = ? WHERE id = ?", ((ignored, id) for id in ids))


def delete(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete facts; the rows that name them stay as they are. They can be taken back."""
    db.executemany("UPDATE fact SET deleted = 1 WHERE id = ?", ((id,) for id in ids))


def restore_deleted(db: sqlite3.Connection) -> None:
    """Restore all deleted facts."""
    db.execute("UPDATE fact SET deleted = 0 WHERE deleted")


def merge(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Make one fact of several: the first takes over what the others say, their passages, and their rows."""
    wanted = set(ids)
    chosen = [fact for fact in sort_by_place(spec.load(db).text, load(db)) if fact.id in wanted]
    if len(chosen) < 2:
        return
    first, others = chosen[0], chosen[1:]
    text = " ".join(dict.fromkeys(fact.text for fact in chosen))
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (text, _joint_quote(db, chosen), first.id))
    db.executemany("DELETE FROM fact WHERE id = ?", ((fact.id,) for fact in others))  # the first has their passages
    _rename(db, {fact.name for fact in others}, first.name)


def _joint_quote(db: sqlite3.Connection, chosen: Sequence[Fact]) -> str:
    """All that stands from the first passage to the last."""
    text = spec.load(db).text
    found = find_places(text, load(db))
    spans = [found[fact.id] for fact in chosen if fact.id in found]
    return text[min(spans)[0] : max(end for _start, end in spans)] if spans else chosen[0].quote


def _rename(db: sqlite3.Connection, names: set[str], name: str) -> None:
    rows = []
    for id, given in db.execute("SELECT id, facts FROM example WHERE facts <> ''"):
        if names & set(given.split()):
            rows.append((" ".join(dict.fromkeys(name if one in names else one for one in given.split())), id))
    db.executemany("UPDATE example SET facts = ? WHERE id = ?", rows)


def split(db: sqlite3.Connection, id: int, parts: Sequence[str]) -> None:
    """Make several facts of one, a text each. The rows stay with the first; each part gets its own quote, if the
    passage has them, else on the whole passage."""
    row = db.execute("SELECT quote FROM fact WHERE id = ?", (id,)).fetchone()
    texts = [part.strip() for part in parts if part.strip()]
    if row is None or not texts:
        return
    quotes = [text if text in row[0] else row[0] for text in texts]
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (texts[0], quotes[0], id))
    add_all(db, zip(texts[1:], quotes[1:], strict=True))


def save(db: sqlite3.Connection, new: Spec) -> None:
    """Write the spec. Its facts keep their passages through the edit; the rows of those that changed become stale."""
    old = spec.load(db)
    spec.store(db, new)
    if old.text == new.text:
        return
    found = load(db)
    moved = quote_tracking.follow_quotes(old.text, new.text, find_places(old.text, found))
    changed: dict[Fact, str] = {}  # with the new passages; '' is one that is gone
    for fact in found:
        if fact.id not in moved:
            if _is_back(fact, new.text):
                changed[fact] = fact.was
        elif (quote := new.text[slice(*place)] if (place := moved[fact.id]) else "") != fact.quote:
            changed[fact] = quote
    if changed:
        _mark(db, changed, found)
        _change(db, changed, old.text, new.text)


def _is_back(fact: Fact, text: str) -> bool:
    """Whether the lost passage that rows were written for is there again."""
    return bool(fact.was) and fact.was in text and (fact.was == fact.quote or fact.quote not in text)


def _mark(db: sqlite3.Connection, changed: dict[Fact, str], found: Sequence[Fact]) -> None:
    """Make the rows of changed facts stale, and those right again whose facts were changed back; note what facts were."""
    rows = _load_rows_of(db, {fact.name for fact in changed})
    others = {fact.name for fact in found if fact.was} - {fact.name for fact in changed}
    now: set[str] = set()
    was = []
    for fact, quote in changed.items():
        taught = rows[fact.name]
        before = fact.was if fact.was and any(row.is_stale for row in taught) else fact.quote
        if taught and quote != before:
            now.add(fact.name)
        was.append((before if fact.name in now else "", fact.id))
    db.executemany("UPDATE fact SET was = ? WHERE id = ?", was)
    touched = {row.id: row for taught in rows.values() for row in taught}.values()
    sql = f"UPDATE example SET problems = trim(problems || ' {STALE_RULE}') WHERE id = ?"
    db.executemany(sql, [(row.id,) for row in touched if not row.is_stale and row.facts & now])
    confirm(db, [row.id for row in touched if row.is_stale and not row.facts & (now | others)])


def _change(db: sqlite3.Connection, changed: dict[Fact, str], old: str, new: str) -> None:
    """Give facts their new passages, and the words of these; one whose passage is gone keeps both."""
    before, after = _map_statements(old, [fact.quote for fact in changed]), _map_statements(new, changed.values())
    values = []
    for fact, quote in changed.items():
        if quote:
            was, now = before.get(fact.quote, ""), after.get(quote, "")
            if not (was and now and was in fact.text):
                was, now = plain_text(fact.quote), plain_text(quote)
            # Words that a person gave it stay.
            values.append((fact.text.replace(was, now, 1) if was else fact.text, quote, fact.id))
    db.executemany("UPDATE fact SET text = ?, quote = ? WHERE id = ?", values)


def _map_statements(text: str, quotes: Collection[str]) -> dict[str, str]:
    """What the statements of a text say, by their passages; none where it is quicker to take each passage by itself.

    The row of a table says nothing by itself, without the head.
    """
    if len(quotes) <= MAX_SINGLE_LOOKUPS and not any("|" in quote for quote in quotes):
        return {}
    return {one.quote: one.text for one in statements.split(text)}


def read_passage(selected: str) -> tuple[str, str]:
    """The plain text of a selected passage, and the passage without the marks and headings around it."""
    found = statements.split(selected)
    quote = selected[found[0].start : found[-1].end] if found else _MARK.sub("", selected)
    return plain_text(quote), quote


def plain_text(quote: str) -> str:
    """A passage in plain words."""
    return " ".join(one.text for one in statements.split(quote)) or " ".join(quote.split())


@dataclass(frozen=True, slots=True)
class _FactRow:
    id: int
    facts: frozenset[str]
    is_stale: bool


def _load_rows_of(db: sqlite3.Connection, names: set[str]) -> dict[str, list[_FactRow]]:
    """The rows of each of these facts."""
    found: dict[str, list[_FactRow]] = {name: [] for name in names}
    wanted = sorted(names) if len(names) <= MAX_SINGLE_LOOKUPS else []
    named = " OR ".join(["instr(' ' || facts || ' ', ?)"] * len(wanted)) or "facts <> ''"
    sql = f"SELECT id, facts, problems FROM example WHERE {named}"
    for id, given, problems in db.execute(sql, [f" {name} " for name in wanted]):
        row = _FactRow(id, frozenset(given.split()), STALE_RULE in problems.split())
        for name in names & row.facts:
            found[name].append(row)
    return found


def confirm(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Mark stale rows as still correct."""
    sql = f"UPDATE example SET problems = trim(replace(' ' || problems || ' ', ' {STALE_RULE} ', ' ')) WHERE id = ?"
    db.executemany(sql, ((id,) for id in ids))


def confirm_rows(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Mark all rows of these facts as still correct."""
    rows = _load_rows_of(db, set(names))
    confirm(db, [row.id for found in rows.values() for row in found if row.is_stale])
