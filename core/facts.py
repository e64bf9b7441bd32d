"""The facts of the spec: found in its text, kept through its edits, merged, split, ignored; and which rows they make stale."""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from core import passages, spec, statements
from core.duplicates import normalise
from core.passages import Span
from core.spec import Spec
from core.statements import Statement

NEAR = 50  # passages before a place that are looked at: one that holds it begins not far before it
STALE = "fact-stale"  # the rule that rows break whose fact has changed since they were written


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic statement; examples refer to it by `name`, which never changes.

    `quote` is the passage of the spec it stands on, to the letter; `was` the passage before the change that made rows
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
    rows = db.execute("SELECT id, name, text, quote, ignored, was, known FROM fact ORDER BY id")
    return [
        Fact(id, name, text, quote, bool(ignored), was, known) for id, name, text, quote, ignored, was, known in rows
    ]


def named(db: sqlite3.Connection, names: str) -> list[Fact]:
    """The facts of these names (parted by spaces) that there are."""
    wanted = set(names.split())
    return [fact for fact in load(db) if fact.name in wanted] if wanted else []


def places(text: str, facts: Iterable[Fact]) -> dict[int, Span]:
    """Where in the spec's text the passage of each fact is, by id; one that has lost its passage is left out."""
    return passages.spans(text, ((fact.id, fact.quote) for fact in facts))


def ordered(text: str, facts: Sequence[Fact]) -> list[Fact]:
    """The facts in the order of their passages; those that have lost theirs come last."""
    found = places(text, facts)
    nowhere = len(text), len(text)
    return sorted(facts, key=lambda fact: (found.get(fact.id, nowhere), fact.id))


def missing(text: str, facts: Iterable[Fact]) -> list[Statement]:
    """The statements of the spec's text that no fact stands on yet, not even in part."""
    taken = sorted(places(text, facts).values())
    return [one for one in statements.split(text) if not _overlaps(taken, (one.start, one.end))]


def _overlaps(taken: list[Span], place: Span) -> bool:
    """Whether one of the spans, sorted, shares a character with `place`; those before it end before it, or near it."""
    at = bisect_left(taken, (place[1], 0))
    return any(end > place[0] for _start, end in taken[max(0, at - NEAR) : at])


def add(db: sqlite3.Connection, text: str, quote: str, name: str = "") -> str:
    """Add a fact and return its name; without a `name` the next free one (f01, f02, …) is given."""
    name = name or next(_free_names(db))
    db.execute("INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)", (name, text, quote))
    return name


def accept(db: sqlite3.Connection, found: Iterable[Statement]) -> None:
    """Make facts of statements."""
    names = _free_names(db)
    db.executemany(
        "INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)", ((next(names), one.text, one.quote) for one in found)
    )


def accept_missing(db: sqlite3.Connection) -> None:
    """Make facts of all statements that have none yet."""
    accept(db, missing(spec.load(db).text, load(db)))


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


def closest(text: str, quotes: Sequence[str]) -> str:
    """The passage that shares most words with `text`."""
    return max(quotes, key=lambda quote: fuzz.token_set_ratio(text, quote, processor=normalise), default="")


def edit(db: sqlite3.Connection, id: int, text: str) -> None:
    """Say a fact in other words; its passage, and the rows that teach it, stay."""
    db.execute("UPDATE fact SET text = ? WHERE id = ?", (text, id))


def ignore(db: sqlite3.Connection, ids: Iterable[int], ignored: bool = True) -> None:
    """Leave facts out of what is taught and counted, or take them in again."""
    db.executemany("UPDATE fact SET ignored = ? WHERE id = ?", ((ignored, id) for id in ids))


def delete(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete facts; the rows that name them stay as they are."""
    db.executemany("DELETE FROM fact WHERE id = ?", ((id,) for id in ids))


def merge(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Make one fact of several: the first takes over what the others say, their passages, and their rows."""
    chosen = [fact for fact in ordered(spec.load(db).text, load(db)) if fact.id in set(ids)]
    if len(chosen) < 2:
        return
    first, others = chosen[0], chosen[1:]
    text = " ".join(dict.fromkeys(fact.text for fact in chosen))
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (text, _joint_quote(db, chosen), first.id))
    delete(db, [fact.id for fact in others])
    _rename(db, {fact.name for fact in others}, first.name)


def _joint_quote(db: sqlite3.Connection, chosen: Sequence[Fact]) -> str:
    """All that stands from the first passage to the last."""
    text = spec.load(db).text
    found = places(text, load(db))
    spans = [found[fact.id] for fact in chosen if fact.id in found]
    return text[min(spans)[0] : max(end for _start, end in spans)] if spans else chosen[0].quote


def _rename(db: sqlite3.Connection, names: set[str], name: str) -> None:
    rows = []
    for id, given in db.execute("SELECT id, facts FROM example WHERE facts <> ''"):
        if names & set(given.split()):
            rows.append((" ".join(dict.fromkeys(name if one in names else one for one in given.split())), id))
    db.executemany("UPDATE example SET facts = ? WHERE id = ?", rows)


def split(db: sqlite3.Connection, id: int, parts: Sequence[str]) -> None:
    """Make several facts of one, a text each. The rows stay with the first; each part stands on its own words, if the
    passage has them, else on the whole passage."""
    (quote,) = db.execute("SELECT quote FROM fact WHERE id = ?", (id,)).fetchone()
    quotes = [part if part in quote else quote for part in parts]
    db.execute("UPDATE fact SET text = ?, quote = ? WHERE id = ?", (parts[0], quotes[0], id))
    for part, own in zip(parts[1:], quotes[1:], strict=True):
        add(db, part, own)


def save(db: sqlite3.Connection, new: Spec) -> None:
    """Write the spec. Its facts keep their passages through the edit; the rows of those that changed become stale."""
    old = spec.load(db)
    spec.store(db, new)
    if old.text == new.text:
        return
    found = load(db)
    moved = passages.carried(old.text, new.text, places(old.text, found))
    changed = {fact: new.text[slice(*place)] if place else "" for fact in found if (place := moved.get(fact.id, ()))}
    lost = [fact for fact in found if moved.get(fact.id, fact) is None]
    back = [fact for fact in found if fact.id not in moved and fact.was and fact.quote in new.text]
    changed |= dict.fromkeys(lost, "") | {fact: fact.quote for fact in back}
    _change(db, {fact: quote for fact, quote in changed.items() if quote != fact.quote or fact in back})


def _change(db: sqlite3.Connection, changed: dict[Fact, str]) -> None:
    """Give facts their new passages; '' is a passage that is gone: then the fact keeps the words it had."""
    rows = _rows_of(db, {fact.name for fact in changed})
    for fact, quote in changed.items():
        stale = any(is_stale for _id, is_stale in rows[fact.name])
        was = fact.was if stale else fact.quote
        if quote == was:  # changed back: the rows are right again
            _mark(db, rows[fact.name], False)
            was = ""
        elif rows[fact.name]:
            _mark(db, rows[fact.name], True)
        else:
            was = ""
        text = _reworded(fact, quote) if quote else fact.text
        values = text, quote or fact.quote, was, fact.id
        db.execute("UPDATE fact SET text = ?, quote = ?, was = ? WHERE id = ?", values)


def _reworded(fact: Fact, quote: str) -> str:
    """What the fact says after its passage was edited; words that a person gave it stay."""
    old, new = plain(fact.quote), plain(quote)
    return fact.text.replace(old, new) if old and old in fact.text else fact.text


def plain(quote: str) -> str:
    """A passage in plain words."""
    return " ".join(one.text for one in statements.split(quote)) or " ".join(quote.split())


_Rows = list[tuple[int, bool]]  # id, and whether it is stale


def _rows_of(db: sqlite3.Connection, names: set[str]) -> dict[str, _Rows]:
    """The rows of each of these facts."""
    found: dict[str, _Rows] = {name: [] for name in names}
    if names:
        for id, given, problems in db.execute("SELECT id, facts, problems FROM example WHERE facts <> ''"):
            for name in names.intersection(given.split()):
                found[name].append((id, STALE in problems.split()))
    return found


def _mark(db: sqlite3.Connection, rows: _Rows, stale: bool) -> None:
    if stale:
        sql = f"UPDATE example SET problems = trim(problems || ' {STALE}') WHERE id = ?"
        db.executemany(sql, ((id,) for id, is_stale in rows if not is_stale))
    else:
        confirm(db, [id for id, is_stale in rows if is_stale])


def confirm(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Say of stale rows that they are still right."""
    sql = f"UPDATE example SET problems = trim(replace(' ' || problems || ' ', ' {STALE} ', ' ')) WHERE id = ?"
    db.executemany(sql, ((id,) for id in ids))


def confirm_rows(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Say of all rows of these facts that they are still right."""
    rows = _rows_of(db, set(names))
    confirm(db, [id for found in rows.values() for id, is_stale in found if is_stale])
