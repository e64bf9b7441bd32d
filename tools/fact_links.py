"""How well core/fact_links finds the facts that rows teach: precision and recall on the hand-made set."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.generation.fact_links import AUTO_LINK_CONFIDENCE, MIN_CONFIDENCE, FactLink, Linker  # noqa: E402 - found only now
from core.spec.facts import Fact  # noqa: E402

ROWS = ROOT / "tests/core/generation/fact_link_rows.jsonl"
LANGUAGES = {"en": "English", "ja": "Japanese"}
SETS = {"tune": "seen while the weights were fitted", "held": "held out"}


@dataclass(frozen=True)
class Linked:
    """A row of the set, the facts it teaches, and the link that was found."""

    row: dict[str, Any]
    set: str
    language: str
    link: FactLink

    def found(self, least: float) -> set[str]:
        return set(self.link.facts.split()) if self.link.confidence >= least else set()

    @property
    def wanted(self) -> set[str]:
        return set(self.row["facts"])


def linked() -> list[Linked]:
    """Every row of the hand-made set. Lines with a `set` are the specs, as facts, that the rows after them name."""
    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    return [one for spec in lines if "set" in spec for one in _linked(spec, lines)]


def _linked(spec: dict[str, Any], lines: Sequence[dict[str, Any]]) -> Iterator[Linked]:
    facts = [Fact(at, name, text, text) for at, (name, text) in enumerate(spec["facts"].items(), 1)]
    rows = [line for line in lines if line["spec"] == spec["spec"] and "question" in line]
    linker = Linker(facts)
    for at, row in enumerate(rows):
        yield Linked(row, spec["set"], spec["language"], linker.link(at, row["question"], row["answer"]))


def precision(rows: Sequence[Linked], least: float) -> float:
    """Of the links that were found, the share that is right."""
    found = sum(len(one.found(least)) for one in rows)
    return sum(len(one.found(least) & one.wanted) for one in rows) / found if found else 1.0


def recall(rows: Sequence[Linked], least: float) -> float:
    """Of the links that there are, the share that was found."""
    return sum(len(one.found(least) & one.wanted) for one in rows) / sum(len(one.wanted) for one in rows)


def table() -> list[str]:
    lines = ["| rows | language | rows, links | linked unasked: precision | recall | proposed: precision | recall |"]
    lines.append("|---|---|---|---|---|---|---|")
    every = linked()
    for part, words in SETS.items():
        for language, name in LANGUAGES.items():
            rows = [one for one in every if (one.set, one.language) == (part, language)]
            count = f"{len(rows)}, {sum(len(one.wanted) for one in rows)}"
            figures = [
                measure(rows, least)
                for least in (AUTO_LINK_CONFIDENCE, MIN_CONFIDENCE)
                for measure in (precision, recall)
            ]
            lines.append(f"| {words} | {name} | {count} | {' | '.join(f'{figure:.0%}' for figure in figures)} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
