"""How often the exam's 95 % intervals hold the true rate: simulated exams, with the questions drawn anew for each.

Prints the tables of docs/exam-statistics.md; --write puts them there.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.exam import statistics  # noqa: E402 - found only now

PAGE = ROOT / "docs" / "exam-statistics.md"
EXAMS = 4000  # of each kind
SEED = 7
QUESTIONS, REPEATS = (8, 20, 42), (1, 5, 40)

Numbers = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Numbers]

# How the chances of the questions that could be asked are spread, and their mean.
WORLDS: dict[str, tuple[float, Draw]] = {
    "each 50 %": (0.5, lambda _dice, size: np.full(size, 0.5)),
    "each 10 %": (0.1, lambda _dice, size: np.full(size, 0.1)),
    "around 50 %": (0.5, lambda dice, size: dice.beta(2, 2, size)),
    "near 0 and 100 %": (0.5, lambda dice, size: dice.beta(0.5, 0.5, size)),
    "mostly near 0 %": (0.2, lambda dice, size: dice.beta(0.2, 0.8, size)),
    "mostly near 100 %": (8 / 9, lambda dice, size: dice.beta(8, 1, size)),
    "known or not, 50 %": (0.5, lambda dice, size: (dice.random(size) < 0.5).astype(float)),
    "known or not, 20 %": (0.2, lambda dice, size: (dice.random(size) < 0.2).astype(float)),
    "known or not, 5 %": (0.05, lambda dice, size: (dice.random(size) < 0.05).astype(float)),
}
# Chances that a question is gained and that it is lost.
CHANGES = ((0.5, 0.0), (0.3, 0.05), (0.1, 0.1), (0.1, 0.0), (0.9, 0.0))


def covered(shares: Numbers, mean: float) -> float:
    """The share of exams (rows; a column for each question's rate) whose interval holds `mean`."""
    return _held(
        [statistics.clustered_interval(len(one), float(one.sum()), float((one**2).sum())) for one in shares], mean
    )


def covered_by_answers(shares: Numbers, repeats: int, mean: float) -> float:
    """The same where each answer is taken for a question of its own, as it must not be."""
    return _held([statistics.wilson_interval(float(one.mean()), len(one) * repeats) for one in shares], mean)


def _held(intervals: Sequence[statistics.ConfidenceInterval], mean: float) -> float:
    return sum(one.low - 1e-9 <= mean <= one.high + 1e-9 for one in intervals) / len(intervals)


def exams(world: str, questions: int, repeats: int, count: int = EXAMS) -> Numbers:
    """The rates of the questions in simulated exams: exams × questions."""
    dice = np.random.default_rng([SEED, questions, repeats])
    found: Numbers = dice.binomial(repeats, WORLDS[world][1](dice, (count, questions))) / repeats
    return found


def rates_table(count: int = EXAMS) -> Iterator[str]:
    names = [f"{questions} × {repeats}" for questions in QUESTIONS for repeats in REPEATS]
    yield f"| chances of the questions | {' | '.join(names)} |"
    yield "|---|" + "---:|" * len(names)
    for world, (mean, _draw) in WORLDS.items():
        cells = []
        for questions in QUESTIONS:
            for repeats in REPEATS:
                shares = exams(world, questions, repeats, count)
                by_answers = covered_by_answers(shares, repeats, mean)
                cells.append(f"{100 * covered(shares, mean):.0f} ({100 * by_answers:.0f})")
        yield f"| {world} | {' | '.join(cells)} |"


def changes(gained: float, lost: float, questions: int, count: int = EXAMS) -> float:
    """The share of simulated exams whose interval of the difference holds the true one."""
    dice = np.random.default_rng([SEED, questions])
    thrown = dice.random((count, questions))
    gaps = (thrown < gained).astype(float) - (thrown > 1 - lost)
    found = [statistics.paired_difference([0.0] * questions, one.tolist()).interval for one in gaps]
    return _held(found, gained - lost)


def changes_table(count: int = EXAMS) -> Iterator[str]:
    yield f"| gained, lost | {' | '.join(str(n) for n in QUESTIONS)} |"
    yield "|---|" + "---:|" * len(QUESTIONS)
    for gained, lost in CHANGES:
        cells = [f"{100 * changes(gained, lost, questions, count):.0f}" for questions in QUESTIONS]
        yield f"| {gained:.0%}, {lost:.0%} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the guide")
    tables = {"rates": "\n".join(rates_table()), "changes": "\n".join(changes_table())}
    if not parser.parse_args().write:
        print("\n\n".join(tables.values()))
        return
    page = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        before, _begin, rest = page.partition(begin)
        page = before + begin + table + end + rest.partition(end)[2]
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
