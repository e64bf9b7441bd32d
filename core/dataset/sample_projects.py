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

SAMPLES_FOLDER = RESOURCES / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample project, as its `sample.toml` describes it."""

    id: str
    title: str
    language: str
    description: str
    system_prompt: str
    spec_name: str


def list_names() -> list[str]:
    """The names of all sample projects, sorted."""
    return sorted(path.parent.name for path in SAMPLES_FOLDER.glob("*/sample.toml"))


def load(name: str) -> Sample:
    """The sample project of this name. Raises `JukuError` when there is none."""
    if name not in list_names():
        raise JukuError(
            tr("There is no sample “{name}”", name=name),
            tr("Choose one of these: {names}", names=", ".join(list_names())),
        )
    return Sample(**tomllib.loads((SAMPLES_FOLDER / name / "sample.toml").read_text(encoding="utf-8")))


def fill(db: sqlite3.Connection, name: str) -> None:
    """Add the sample's spec, facts, training rows and exam questions to the project. Raises `JukuError` as `load` does."""
    sample, folder = load(name), SAMPLES_FOLDER / name
    text = (folder / "spec.md").read_text(encoding="utf-8")
    spec.store(db, spec.Spec(sample.spec_name, sample.language, sample.system_prompt, text))
    for fact in _read_lines(folder / "facts.jsonl"):
        facts.add(db, fact["text"], fact["quote"], fact["id"])
    examples.add(db, (_build_example(row, sample, "train") for row in _read_lines(folder / "examples.jsonl")))
    examples.add(db, (_build_example(row, sample, "test") for row in _read_lines(folder / "exam.jsonl")))


def _build_example(row: dict[str, Any], sample: Sample, split: str) -> examples.Example:
    return examples.read_row(
        jsonl.new_row(sample.system_prompt, row["question"], row["answer"]),
        split=split,
        kind=row["kind"],
        facts=" ".join(row["facts"]),
        tags=" ".join(row.get("tags", ())),
        key_points=row.get("key_points", ""),
        source=sample.id,
    )


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
