"""What a person knows, as Markdown text, with a name and the system prompt that goes with every question."""

import re
import sqlite3
from dataclasses import dataclass

_KANA = re.compile(r"[\u3041-\u30ff]")


@dataclass(frozen=True, slots=True)
class Spec:
    name: str = ""
    language: str = ""
    system_prompt: str = ""
    text: str = ""
    description: str = ""


def load(db: sqlite3.Connection) -> Spec:
    row = db.execute("SELECT name, language, system_prompt, text, description FROM spec WHERE id = 1").fetchone()
    return Spec(*row) if row else Spec()


def store(db: sqlite3.Connection, spec: Spec) -> None:
    """Write the spec alone; `facts.save` also lets the facts follow their passages."""
    db.execute(
        "INSERT INTO spec (id, name, language, system_prompt, text, description) VALUES (1, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language, "
        "system_prompt = excluded.system_prompt, text = excluded.text, description = excluded.description",
        (spec.name, spec.language, spec.system_prompt, spec.text, spec.description),
    )


def language(spec: Spec) -> str:
    """The language that is taught: the chosen one, else 'ja' where the text has kana, else 'en'."""
    return language_of(spec.text, spec.language)


def language_of(text: str, chosen: str = "") -> str:
    """The language of a text: the one that was chosen, else 'ja' where it has kana, else 'en'."""
    return chosen or ("ja" if _KANA.search(text) else "en")
