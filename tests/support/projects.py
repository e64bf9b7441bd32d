"""What tests put into a project and its files: rows of their own, and the step that writes them."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from core.dataset import examples
from core.dataset.examples import Example
from core.formats import jsonl
from core.storage.project import Changes, Project


def write(project: Project, change: Callable[..., object], *args: object, label: str = "Change") -> Changes:
    """What `change(db, *args)` has changed, as one step with the name `label`."""
    return asyncio.run(project.write(label, change, *args))


def new_example(question: str, answer: str = "a", system: str = "", **fields: object) -> Example:
    """A row with one question and one answer; `fields` are its columns, such as `split`."""
    return examples.read_row(jsonl.new_row(system, question, answer), **fields)


def new_examples(count: int, size: int = 1) -> list[Example]:
    """`count` rows: “question 0” with “answer 0”, and so on; `size` repeats the answer's text."""
    return [new_example(f"question {n}", " ".join([f"answer {n}"] * size)) for n in range(count)]


def read_texts(project: Project, ids: Sequence[int]) -> list[tuple[str, str]]:
    """The question and the answer of each of these rows."""
    found = examples.fetch(project.rows, ids)
    return [(found[id].question, found[id].answer) for id in ids]


def write_file(folder: Path, text: str, name: str = "rows.txt", encoding: str = "utf-8") -> Path:
    """The path of a file with this text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def store_job(db: sqlite3.Connection, provider: str, model: str) -> None:
    """A job of this project that has made `model` at a server."""
    sql = (
        "INSERT INTO job (provider, token, model, rows, row_count, settings, created_at, status, error, fine_tuned_model) "
        "VALUES (?, ?, 'm', '', 1, '{}', 1, 'succeeded', '', ?)"
    )
    db.execute(sql, (provider, model, model))
