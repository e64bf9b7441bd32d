"""The facts of the spec: found in its text, kept through its edits, merged, split, ignored; and the rows they make stale."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern
from core.lazy_rapidfuzz import fuzz
from core.spec import asked_facts, quote_tracking, spec
from core.spec.quote_tracking import Span
from core.spec.spec import Spec
from core.text import statements
from core.text.near_duplicates import normalise
from core.text.statements import Statement

MAX_SINGLE_LOOKUPS = 20  # facts that are searched one by one; for more, all rows are read
_MARK = lazy_pattern(r"^(?:#{1,6}|[-*+]|\d+[.)]|>)\s+")
STALE_RULE = "fact-stale"  # the rule of rows whose fact has changed since they were written


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic statement; examples refer to it by `name`, which never changes.

    `quote` is its passage in the spec, verbatim; `was` the passage before the change that made rows stale; `known`
    how many of a base model's answers about it were right, as in "3/5".
    """

    id: int
    name: str
    text: str
    quote: str
    ignored: bool = False
    was: str = ""
    known: str = ""


def load(db: sqlite3.Connection) -> list[Fact]:
    """All facts that are not deleted, in the order in which they were added."""
    return _load_where(db, "NOT deleted")


def _load_where(db: sqlite3.Connection, where: str, values: Sequence[str] = ()) -> list[Fact]:
    rows = db.execute(f"SELECT id, name, text, quote, ignored, was, known FROM fact WHERE {where} ORDER BY id", values)
    return [
        Fact(id, name, text, quote, bool(ignored), was, known) for id, name, text, quote, ignored, was, known in rows
    ]


def load_by_names(db: sqlite3.Connection, names: str) -> list[Fact]:
    """The facts with these names (separated by spaces) that are not deleted."""
    wanted = names.split()
    return _load_where(db, f"NOT deleted AND name IN ({','.join('?' * len(wanted))})", wanted)


def load_deleted(db: sqlite3.Connection) -> list[Fact]:
    """The deleted facts. A fact is not proposed again while its passage is in the spec; its name is not reused."""
    return _load_where(db, "deleted")


def find_places(text: str, facts: Iterable[Fact]) -> dict[int, Span]:
    """The span of each fact's passage in the spec, by id; a fact without a passage is left out."""
    return quote_tracking.find_spans(text, ((fact.id, fact.quote) for fact in facts))


def sort_by_place(text: str, facts: Sequence[Fact]) -> list[Fact]:
    """The facts in the order of their passages in `text`; facts without a passage come last."""
    places = find_places(text, facts)
    nowhere = len(text), len(text)
    return sorted(facts, key=lambda fact: (places.get(fact.id, nowhere), fact.id))


def find_missing(text: str, facts: Iterable[Fact]) -> list[Statement]:
    """The statements of the spec that no fact covers, not even in part."""
    return quote_tracking.remove_overlapping(statements.split_statements(text), find_places(text, facts).values())


def add(db: sqlite3.Connection, text: str, quote: str, name: str = "") -> str:
    """Add a fact and return its name; without a `name` the next free one (f01, f02, …) is given."""
    name = name or next(_iterate_free_names(db))
    db.execute("INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)", (name, text, quote))
    return name


def accept(db: sqlite3.Connection, new_statements: Iterable[Statement]) -> None:
    """Add a fact for each statement."""
    add_all(db, ((one.text, one.quote) for one in new_statements))


def add_all(db: sqlite3.Connection, texts_and_quotes: Iterable[tuple[str, str]]) -> None:
    """Add facts, each given as its text and its quote, with the next free names."""
    names = _iterate_free_names(db)
    sql = "INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)"
    db.executemany(sql, [(next(names), text, quote) for text, quote in texts_and_quotes])


def find_unused_statements(db: sqlite3.Connection) -> list[Statement]:
    """The statements that no fact covers, and no deleted fact whose passage is still in the spec."""
    return find_missing(spec.load(db).text, [*load(db), *load_deleted(db)])


def accept_missing(db: sqlite3.Connection) -> None:
    """Add facts for all statements of the spec that have none yet."""
    accept(db, find_unused_statements(db))


def _iterate_free_names(db: sqlite3.Connection) -> Iterator[str]:
    used_names = {name for (name,) in db.execute("SELECT name FROM fact")}
    # The names of deleted facts that rows still have are not given to others.
    for (names,) in db.execute("SELECT DISTINCT facts FROM example WHERE facts <> ''"):
        used_names.update(names.split())
    number = 0
    while True:
        number += 1
        if (name := f"f{number:02}") not in used_names:
            yield name


def find_closest(text: str, quotes: Sequence[str]) -> str:
    """The quote that shares most words with `text`; '' where there are none."""
    return max(quotes, key=lambda quote: fuzz.token_set_ratio(text, quote, processor=normalise), default="")


def edit(db: sqlite3.Connection, id: int, text: str) -> None:
    """Change the text of a fact; its quote and its rows stay."""
    db.execute("UPDATE fact SET text = ? WHERE id = ?", (text, id))


def ignore(db: sqlite3.Connection, ids: Iterable[int], ignored: bool = True) -> None:
    """Exclude facts from teaching and coverage, or include them again."""
    db.executemany("UPDATE fact SET ignored = ? WHERE id = ?", ((ignored, id) for id in ids))


def delete(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete facts; the rows that name them stay unchanged. `restore_deleted` restores them."""
    db.executemany("UPDATE fact SET deleted = 1 WHERE id = ?", ((id,) for id in ids))


def restore_deleted(db: sqlite3.Connection) -> None:
    """Restore all deleted facts."""
    db.execute("UPDATE fact SET deleted = 0 WHERE deleted")


def merge(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Merge several facts into the first of them in the spec, which gets their texts, quotes and rows."""
    wanted = set(ids)
    merged = [fact for fact in sort_by_place(spec.load(db).text, load(db)) if fact.id in wanted]
    if len(merged) < 2:
        return
    first, others = merged[0], merged[1:]
    text = " ".join(dict.fromkeys(fact.text for fact in merged))
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (text, _join_quotes(db, merged), first.id))
    db.executemany("DELETE FROM fact WHERE id = ?", ((fact.id,) for fact in others))  # the first has their passages
    _rename(db, {fact.name for fact in others}, first.name)


def _join_quotes(db: sqlite3.Connection, merged: Sequence[Fact]) -> str:
    """The text of the spec from the first passage to the end of the last."""
    text = spec.load(db).text
    places = find_places(text, load(db))
    spans = [places[fact.id] for fact in merged if fact.id in places]
    return text[min(spans)[0] : max(end for _start, end in spans)] if spans else merged[0].quote


def _rename(db: sqlite3.Connection, names: set[str], name: str) -> None:
    rows = []
    for id, row_facts, recited in db.execute("SELECT id, facts, recited FROM example WHERE facts <> ''"):
        if names & set(row_facts.split()):
            asked, also = (
                dict.fromkeys(name if one in names else one for one in some)
                for some in asked_facts.split_facts(row_facts, recited)
            )
            rows.append((" ".join(asked | also), " ".join(one for one in also if one not in asked), id))
    db.executemany("UPDATE example SET facts = ?, recited = ? WHERE id = ?", rows)


def split(db: sqlite3.Connection, id: int, parts: Sequence[str]) -> None:
    """Split a fact into one for each text of `parts`. The rows stay with the first.

    The quote of a part is its text where the old quote contains it, else the whole old quote.
    """
    row = db.execute("SELECT quote FROM fact WHERE id = ?", (id,)).fetchone()
    texts = [part.strip() for part in parts if part.strip()]
    if row is None or not texts:
        return
    quotes = [text if text in row[0] else row[0] for text in texts]
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (texts[0], quotes[0], id))
    add_all(db, zip(texts[1:], quotes[1:], strict=True))


def save(db: sqlite3.Connection, new: Spec) -> None:
    """Store the spec. The quotes of its facts follow the edit; the rows of facts whose quote changed become stale."""
    old = spec.load(db)
    spec.store(db, new)
    if old.text == new.text:
        return
    all_facts = load(db)
    moved = quote_tracking.follow_quotes(old.text, new.text, find_places(old.text, all_facts))
    changed: dict[Fact, str] = {}  # with the new quote; '' where the passage was deleted
    for fact in all_facts:
        if fact.id not in moved:
            if _is_restored(fact, new.text):
                changed[fact] = fact.was
        elif (quote := new.text[slice(*place)] if (place := moved[fact.id]) else "") != fact.quote:
            changed[fact] = quote
    if changed:
        _mark_stale_rows(db, changed, all_facts)
        _change_facts(db, changed, old.text, new.text)


def _is_restored(fact: Fact, text: str) -> bool:
    """Whether the deleted passage that rows were written for is in `text` again."""
    return bool(fact.was) and fact.was in text and (fact.was == fact.quote or fact.quote not in text)


def _mark_stale_rows(db: sqlite3.Connection, changed: dict[Fact, str], all_facts: Sequence[Fact]) -> None:
    """Mark the rows of changed facts as stale, and unmark those whose facts were changed back; store the old quotes."""
    rows = _load_rows_of(db, {fact.name for fact in changed})
    others = {fact.name for fact in all_facts if fact.was} - {fact.name for fact in changed}
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


def _change_facts(db: sqlite3.Connection, changed: dict[Fact, str], old: str, new: str) -> None:
    """Store the facts' new quotes, and update their texts; a fact whose passage was deleted keeps both."""
    before, after = _map_statements(old, [fact.quote for fact in changed]), _map_statements(new, changed.values())
    values = []
    for fact, quote in changed.items():
        if quote:
            was, now = before.get(fact.quote, ""), after.get(quote, "")
            if not (was and now and was in fact.text):
                was, now = plain_text(fact.quote), plain_text(quote)
            # The rest of the text, as the user edited it, stays.
            values.append((fact.text.replace(was, now, 1) if was else fact.text, quote, fact.id))
    db.executemany("UPDATE fact SET text = ?, quote = ? WHERE id = ?", values)


def _map_statements(text: str, quotes: Collection[str]) -> dict[str, str]:
    """The texts of a text's statements by their quotes; {} where it is faster to parse each quote alone.

    The row of a table cannot be parsed alone, without the head.
    """
    if len(quotes) <= MAX_SINGLE_LOOKUPS and not any("|" in quote for quote in quotes):
        return {}
    return {one.quote: one.text for one in statements.split_statements(text)}


def read_passage(selected: str) -> tuple[str, str]:
    """The plain text of a selected passage, and the passage without the Markdown marks and headings around it."""
    parts = statements.split_statements(selected)
    quote = selected[parts[0].start : parts[-1].end] if parts else _MARK.sub("", selected)
    return plain_text(quote), quote


def plain_text(quote: str) -> str:
    """A passage as plain text, without Markdown."""
    return " ".join(one.text for one in statements.split_statements(quote)) or " ".join(quote.split())


@dataclass(frozen=True, slots=True)
class _FactRow:
    id: int
    facts: frozenset[str]
    is_stale: bool


def _load_rows_of(db: sqlite3.Connection, names: set[str]) -> dict[str, list[_FactRow]]:
    """The rows of each of these facts, by name."""
    rows: dict[str, list[_FactRow]] = {name: [] for name in names}
    wanted = sorted(names) if len(names) <= MAX_SINGLE_LOOKUPS else []
    named = " OR ".join(["instr(' ' || facts || ' ', ?)"] * len(wanted)) or "facts <> ''"
    sql = f"SELECT id, facts, problems FROM example WHERE {named}"
    for id, fact_names, problems in db.execute(sql, [f" {name} " for name in wanted]):
        row = _FactRow(id, frozenset(fact_names.split()), STALE_RULE in problems.split())
        for name in names & row.facts:
            rows[name].append(row)
    return rows


def confirm(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Mark stale rows as still correct."""
    sql = f"UPDATE example SET problems = trim(replace(' ' || problems || ' ', ' {STALE_RULE} ', ' ')) WHERE id = ?"
    db.executemany(sql, ((id,) for id in ids))


def confirm_rows(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Mark all rows of these facts as still correct."""
    rows = _load_rows_of(db, set(names))
    confirm(db, [row.id for fact_rows in rows.values() for row in fact_rows if row.is_stale])
