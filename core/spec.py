"""What a person knows, as Markdown text, and the facts it consists of."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    name: str = ""
    language: str = ""
    system_prompt: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One atomic statement; examples refer to it by `name`. `quote` is the passage of the spec it stands on."""

    id: int
    name: str
    text: str
    quote: str
    trained: int = 0  # rows that teach it
    examined: int = 0  # questions that ask for it


def load(db: sqlite3.Connection) -> Spec:
    row = db.execute("SELECT name, language, system_prompt, text FROM spec WHERE id = 1").fetchone()
    return Spec(*row) if row else Spec()


def save(db: sqlite3.Connection, spec: Spec) -> None:
    db.execute(
        "INSERT INTO spec (id, name, language, system_prompt, text) VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
        "SET name = excluded.name, language = excluded.language, system_prompt = excluded.system_prompt, text = excluded.text",
        (spec.name, spec.language, spec.system_prompt, spec.text),
    )


def facts(db: sqlite3.Connection) -> list[Fact]:
    """All facts in their order, with the number of rows that teach and that examine each."""
    counts: dict[tuple[str, bool], int] = {}
    for names, test, n in db.execute(
        "SELECT facts, split = 'test', count(*) FROM example WHERE facts <> '' GROUP BY facts, split = 'test'"
    ):
        for name in names.split():
            counts[name, bool(test)] = counts.get((name, bool(test)), 0) + n
    rows = db.execute("SELECT id, name, text, quote FROM fact ORDER BY id")
    return [
        Fact(id, name, text, quote, counts.get((name, False), 0), counts.get((name, True), 0))
        for id, name, text, quote in rows
    ]


def add_fact(db: sqlite3.Connection, text: str, quote: str, name: str = "") -> None:
    """Add a fact; without a `name` the next free one (f01, f02, …) is given."""
    db.execute("INSERT INTO fact (name, text, quote) VALUES (?, ?, ?)", (name or _next_name(db), text, quote))


def edit_fact(db: sqlite3.Connection, id: int, text: str) -> None:
    db.execute("UPDATE fact SET text = ? WHERE id = ?", (text, id))


def delete_fact(db: sqlite3.Connection, id: int) -> None:
    """Delete a fact; the rows that name it stay as they are."""
    db.execute("DELETE FROM fact WHERE id = ?", (id,))


def _next_name(db: sqlite3.Connection) -> str:
    taken = {name for (name,) in db.execute("SELECT name FROM fact")}
    return next(name for number in range(1, len(taken) + 2) if (name := f"f{number:02}") not in taken)
