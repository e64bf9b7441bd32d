"""How well core/grounding tells rows that do not follow from their text: precision and recall on the hand-made set."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.text.grounding import Doubt, find_doubts  # noqa: E402 - found only now

ROWS = ROOT / "tests/core/text/grounding_rows.jsonl"
SAMPLES = ROOT / "resources" / "samples"
LANGUAGES = {"en": "English", "ja": "Japanese"}
SETS = {"tune": "seen while the rules were written", "held": "held out"}
LABELS = ("clean", "ungrounded", "contradicting")


@dataclass(frozen=True)
class Judged:
    """A row of the set with what was found against it."""

    row: dict[str, Any]
    found: list[Doubt]

    @property
    def is_bad(self) -> bool:
        return bool(self.row["label"] != "clean")


def judged() -> list[Judged]:
    """Every row of the hand-made set. Lines with a `text` are the specs that the rows after them name."""
    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    specs = {line["spec"]: line["text"] for line in lines if "text" in line}
    specs |= {path.parent.name: path.read_text(encoding="utf-8") for path in SAMPLES.glob("*/spec.md")}
    rows = [line for line in lines if "text" not in line]
    return [Judged(row, _doubts(row, row["basis"], specs[row["spec"]], row["quote"])) for row in rows]


def _doubts(row: dict[str, Any], basis: Sequence[str], spec: str, quote: str) -> list[Doubt]:
    return find_doubts(row["question"], row["answer"], basis, spec, quote, row["kind"])


def precision(rows: Sequence[Judged]) -> float:
    flagged = [one.is_bad for one in rows if one.found]
    return sum(flagged) / len(flagged) if flagged else 1.0


def recall(rows: Sequence[Judged]) -> float:
    bad = [bool(one.found) for one in rows if one.is_bad]
    return sum(bad) / len(bad) if bad else 1.0


def samples(language: str) -> Iterator[tuple[dict[str, Any], list[Doubt]]]:
    """Every row of a sample, all of which are right, with what was found against it."""
    folder = SAMPLES / f"hobannu-{language}"
    spec = (folder / "spec.md").read_text(encoding="utf-8")
    facts = {fact["id"]: fact for fact in _lines(folder / "facts.jsonl")}
    for name in ("examples", "exam"):
        for row in _lines(folder / f"{name}.jsonl"):
            taught = [facts[id] for id in row["facts"]]
            basis = [text for fact in taught for text in (fact["text"], fact["quote"])]
            quotes = [fact["quote"] for fact in taught] or [""]
            yield row, [doubt for quote in quotes for doubt in _doubts(row, basis, spec, quote)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table() -> list[str]:
    lines = [
        "| rows | language | clean, ungrounded, contradicting | precision | recall | of ungrounded | of contradicting |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    rows = judged()
    for part, words in SETS.items():
        for language, name in LANGUAGES.items():
            chosen = [one for one in rows if (one.row["set"], one.row["language"]) == (part, language)]
            labels = {label: [one for one in chosen if one.row["label"] == label] for label in LABELS}
            counts = ", ".join(str(len(labels[label])) for label in LABELS)
            figures = (precision(chosen), recall(chosen), recall(labels["ungrounded"]), recall(labels["contradicting"]))
            lines.append(f"| {words} | {name} | {counts} | {' | '.join(f'{figure:.0%}' for figure in figures)} |")
    lines += ["", "| rows of the samples, all right | falsely doubted |", "|---|---|"]
    for language, name in LANGUAGES.items():
        found = [bool(doubted) for _row, doubted in samples(language)]
        lines.append(f"| {len(found)} {name} | {sum(found)} ({sum(found) / len(found):.1%}) |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
