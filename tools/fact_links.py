"""How well rows are linked to the facts they teach: on the hand-made set, and on right and wrong answers of invented pages.

The second table has the sample answers of tools/teaching_domains/development, as if they were imported: how many rows are
linked without asking, how often to a fact that the question is about, and how many are then doubted.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.review.dataset_check import find_doubt  # noqa: E402
from core.review.fact_matching import AUTO_LINK_CONFIDENCE, MIN_CONFIDENCE, FactLink, Linker  # noqa: E402 - found only now
from core.spec.facts import Fact  # noqa: E402
from core.spec.spec import Spec  # noqa: E402
from core.text.statements import split_statements  # noqa: E402
from tools.bench_teach import DOMAINS  # noqa: E402
from tools.measure_marking import load_questions  # noqa: E402

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


@dataclass(frozen=True)
class Sample:
    """A sample answer as an imported row: whether its author calls it right, and what is found."""

    language: str
    is_right: bool
    wanted: frozenset[str]
    found: frozenset[str]
    is_guess: bool
    is_doubted: bool


def sampled(folders: Iterable[Path], contradicted: bool = True) -> Iterator[Sample]:
    """Every sample answer of some pages; without `contradicted`, no fact is looked for that an answer contradicts."""
    for domain, asked in groupby(load_questions(folders), key=lambda one: one.domain):
        parts = enumerate(split_statements(domain.page), 1)
        facts = {f"f{at:03}": Fact(at, f"f{at:03}", one.text, one.quote) for at, one in parts}
        linker = Linker(list(facts.values()), domain.page)
        state = Spec(name=domain.title, text=domain.page)
        for one in asked:
            quotes = {fact.quote for fact in one.facts} if one.line["kind"] != "not_stated" else set()
            wanted = frozenset(name for name, fact in facts.items() if fact.quote in quotes)
            for answer, is_right in one.answers:
                link = linker.link(0, one.line["question"], answer)
                is_linked = link.is_sure and (contradicted or not link.by_question)
                found = frozenset(link.facts.split()) if is_linked else frozenset()
                taught = [facts[name] for name in sorted(found)]
                doubt = found and find_doubt(one.line["question"], answer, taught, state, "", "")
                yield Sample(domain.language, is_right, wanted, found, is_linked and link.by_question, bool(doubt))


def samples_table() -> list[str]:
    lines = ["| answers | n | linked | to a right fact | by a guess | of these right | doubted | before |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    pages = sorted((DOMAINS / "development").iterdir())
    now, before = list(sampled(pages)), list(sampled(pages, contradicted=False))
    for code, name in LANGUAGES.items():
        for is_right, words in ((True, "right"), (False, "wrong")):
            rows, old = (
                [one for one in part if (one.language, one.is_right) == (code, is_right)] for part in (now, before)
            )
            found, guesses = [one for one in rows if one.found], [one for one in rows if one.is_guess]
            right = sum(bool(one.found & one.wanted) for one in found)
            good = sum(bool(one.found & one.wanted) for one in guesses)
            doubted, once = (sum(one.is_doubted for one in part) / len(part) for part in (rows, old))
            lines.append(
                f"| {name}, {words} | {len(rows)} | {len(found)} | {right} ({right / len(found):.0%}) | {len(guesses)} "
                f"| {good} | {doubted:.1%} | {once:.1%} |"
            )
    return lines


if __name__ == "__main__":
    print("\n".join([*table(), "", *samples_table()]))
