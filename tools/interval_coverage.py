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
from core.exam.statistics import PassRate  # noqa: E402

PAGE = ROOT / "docs" / "exam-statistics.md"
EXAMS = 4000  # of each kind
CORRECTED_EXAMS = 1000  # of each kind, where a grader errs
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
# A grader's chances to pass a right answer and to fail a wrong one; of how many answers a person marked each.
GRADERS, MARKS = ((1.0, 1.0), (0.95, 0.9), (0.9, 0.8), (0.7, 0.7)), (20, 40, 100)
TRUE_RATES, SUBJECTS_EACH = (0.2, 0.5, 0.9), 3
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


def corrections(
    true: float, grader: tuple[float, float], marks: int, count: int = CORRECTED_EXAMS
) -> tuple[float, float, float]:
    """Of simulated exams with 42 questions, asked once: the shares that can't be corrected, whose corrected interval holds
    the true rate (of the others), and whose raw interval does.

    The person marks some of the answers of the exam's own subjects, who all know as much.
    """
    dice = np.random.default_rng([SEED, marks, *(round(100 * chance) for chance in (true, *grader))])
    questions = QUESTIONS[-1]
    held, raw, without = 0, 0, 0
    for _exam in range(count):
        right = dice.random(questions * SUBJECTS_EACH) < true
        passed = dice.random(len(right)) < np.where(right, grader[0], 1 - grader[1])
        marked = dice.permutation(len(right))[:marks]
        rate = PassRate.of(passed[:questions], np.ones(questions))
        sure, wrong = marked[right[marked]], marked[~right[marked]]
        found = statistics.correct_rate(
            rate, PassRate.of(passed[sure], np.ones(len(sure))), PassRate.of(~passed[wrong], np.ones(len(wrong)))
        )
        without += found is None
        held += found is not None and found.interval.low <= true <= found.interval.high
        raw += rate.interval.low <= true <= rate.interval.high
    return without / count, held / max(1, count - without), raw / count


def corrections_table(count: int = CORRECTED_EXAMS) -> Iterator[str]:
    yield f"| passes right, fails wrong ones | true rate | {' | '.join(f'{n} marks' for n in MARKS)} |"
    yield "|---|---:|" + "---:|" * len(MARKS)
    for grader in GRADERS:
        for true in TRUE_RATES:
            cells = []
            for marks in MARKS:
                without, held, raw = (100 * share for share in corrections(true, grader, marks, count))
                cells.append(
                    f"{held:.0f} ({raw:.0f}), {without:.0f}" if without < 99.5 else f"– ({raw:.0f}), {without:.0f}"
                )
            yield f"| {grader[0]:.0%}, {grader[1]:.0%} | {true:.0%} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into the guide")
    makers = {"rates": rates_table, "changes": changes_table, "corrections": corrections_table}
    tables = {name: "\n".join(rows()) for name, rows in makers.items()}
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
