"""The sample projects: an invented ball game to try everything on."""

import json
import sqlite3
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.dataset import examples
from core.errors import JukuError
from core.formats import jsonl
from core.language import tr
from core.paths import RESOURCES
from core.spec import facts, spec

FOLDER = RESOURCES / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    id: str
    title: str
    language: str
    description: str
    system_prompt: str
    spec_name: str


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/sample.toml"))


def load(name: str) -> Sample:
    if name not in names():
        raise JukuError(
            tr("There is no sample “{name}”", name=name), tr("Choose one of these: {names}", names=", ".join(names()))
        )
    return Sample(**tomllib.loads((FOLDER / name / "sample.toml").read_text(encoding="utf-8")))


def fill(db: sqlite3.Connection, name: str) -> None:
    """Put the sample's spec, facts, training rows and exam questions into the project."""
    sample, folder = load(name), FOLDER / name
    text = (folder / "spec.md").read_text(encoding="utf-8")
    spec.store(db, spec.Spec(sample.spec_name, sample.language, sample.system_prompt, text))
    for fact in _lines(folder / "facts.jsonl"):
        facts.add(db, fact["text"], fact["quote"], fact["id"])
    examples.add(db, (_example(row, sample, "train") for row in _lines(folder / "examples.jsonl")))
    examples.add(db, (_example(row, sample, "test") for row in _lines(folder / "exam.jsonl")))


def _example(row: dict[str, Any], sample: Sample, split: str) -> examples.Example:
    return examples.read_row(
        jsonl.new_row(sample.system_prompt, row["question"], row["answer"]),
        split=split,
        kind=row["kind"],
        facts=" ".join(row["facts"]),
        tags=" ".join(row.get("tags", ())),
        key_points=row.get("key_points", ""),
        source=sample.id,
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
