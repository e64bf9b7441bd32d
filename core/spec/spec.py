"""The spec: the body of knowledge as Markdown text, with a name and the system prompt of every question."""

import sqlite3
from dataclasses import dataclass

from core.lazy_loading import lazy_pattern

_KANA = lazy_pattern(r"[\u3041-\u30ff]")


@dataclass(frozen=True, slots=True)
class Spec:
    """The spec of a project; `language` is '' where it is detected, `text` is Markdown."""

    name: str = ""
    language: str = ""
    system_prompt: str = ""
    text: str = ""
    description: str = ""


def load(db: sqlite3.Connection) -> Spec:
    """The stored spec; an empty one where none is stored."""
    row = db.execute("SELECT name, language, system_prompt, text, description FROM spec WHERE id = 1").fetchone()
    return Spec(*row) if row else Spec()


def store(db: sqlite3.Connection, spec: Spec) -> None:
    """Store the spec alone; `facts.save` also updates the quotes of the facts."""
    db.execute(
        "INSERT INTO spec (id, name, language, system_prompt, text, description) VALUES (1, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language, "
        "system_prompt = excluded.system_prompt, text = excluded.text, description = excluded.description",
        (spec.name, spec.language, spec.system_prompt, spec.text, spec.description),
    )


def get_language(spec: Spec) -> str:
    """The language of the spec: the chosen one, else 'ja' where the text has kana, else 'en'."""
    return detect_language(spec.text, spec.language)


def load_language(db: sqlite3.Connection) -> str:
    """The language of the stored spec; '' where none is chosen and nothing is written from which to detect it."""
    spec = load(db)
    return get_language(spec) if spec.text.strip() else spec.language


def detect_language(text: str, chosen: str = "") -> str:
    """The language of a text: `chosen` unless it is '', else 'ja' where it has kana, else 'en'."""
    return chosen or ("ja" if _KANA.search(text) else "en")
