"""What tools/mutate.py has found so far, in docs/mutation-score.json, and docs/mutation-score.md, which it writes of that."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.mutant_runs import SURVIVED, TIMED_OUT
from tools.mutants import Mutant

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "docs" / "mutation-score.json"
PAGE = ROOT / "docs" / "mutation-score.md"
# Mutants that change nothing a test could see, by module and name, each with its reason.
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.json"

HEAD = """# Mutation score

Are the tests good? Mutation testing answers this: change the code in one small place, run the tests, and see whether one fails. `make mutate`
does that some thousand times. It swaps comparisons; removes conditions, operands, keyword arguments and statements; changes constants; and
makes functions return nothing.

How to read the table:

- A *killed* mutant made a test fail, or made it take more than five times its usual time and some seconds (*timeouts*; they count as killed).
- An *equivalent* mutant changes nothing that a test could see. It is left out of the score, and its reason is below.
- Of a module with many mutants, a random sample was tried. *Sample* gives its seed, and *Of all mutants* the score that the whole module may have
  (95 % interval, Wilson).
- A *fresh* sample was scored before any test was written for its surviving mutants. It shows how good the tests are elsewhere.
- In the other samples, the surviving mutants were tried again with new tests (`--again`). So these scores and intervals are too good for a
  module that was only sampled.
- A run may be stopped early. Then the mutants tried so far, in the order they were drawn, are a smaller sample. Its score is a little too good:
  the mutant that was being tried is left out, and mutants that survive take longest.

Small samples prove little: look at the interval.

"""
COLUMNS = "Module | Mutants | Tried | Equivalent | Killed | Timeouts | Score | Of all mutants | Sample | Day"


@dataclass
class Left:
    """A mutant that survived."""

    line: int
    name: str


@dataclass
class Sample:
    """What came of the mutants of a module that were drawn with one seed; `again`: tests were written for them since."""

    module: str
    seed: int
    mutants: int
    tried: int = 0
    timeouts: int = 0
    again: bool = False
    day: str = ""
    left: list[Left] = field(default_factory=list)

    def add(self, mutant: Mutant, fate: str) -> None:
        self.tried += 1
        self.timeouts += fate == TIMED_OUT
        self.day = time.strftime("%Y-%m-%d")
        if fate == SURVIVED:
            self.left = sorted([*self.left, Left(mutant.line, mutant.name)], key=lambda one: one.line)

    def without_those_left(self) -> None:
        """Those that had survived are tried again, but for what the code no longer has."""
        self.tried -= len(self.left)
        self.left, self.again = [], True


def samples() -> list[Sample]:
    """All that was ever tried, by module and seed."""
    told = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else []
    return [Sample(**(one | {"left": [Left(**left) for left in one["left"]]})) for one in told]


def keep(sample: Sample) -> None:
    """Write a sample down, in place of an earlier one of that seed."""
    others = [one for one in samples() if (one.module, one.seed) != (sample.module, sample.seed)]
    every = sorted([*others, sample], key=lambda one: (one.module, one.seed))
    FOUND.write_text(json.dumps([asdict(one) for one in every], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write(modules: Iterable[str]) -> None:
    """The page, from the results of all modules that were ever tried; those of `modules` without any are named."""
    found = samples()
    reasons = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    rows = [f"| {COLUMNS} |", "|---|--:|--:|--:|--:|--:|--:|---|---|---|"]
    rows += [_row(one, reasons.get(one.module, {})) for one in found]
    parts = [_left(one, reasons.get(one.module, {})) for one in found if one.left]
    missing = ", ".join(f"`{one}`" for one in modules if one not in {told.module for told in found})
    rows += [f"\nNot tried yet: {missing}."] if missing else []
    PAGE.write_text(HEAD + "\n".join(rows) + "\n" + "".join(parts), encoding="utf-8")


def _row(found: Sample, reasons: dict[str, str]) -> str:
    from core.exam.statistics import wilson_interval

    equivalent = sum(_reason(one, reasons) != "" for one in found.left)
    killed, counted = found.tried - len(found.left), found.tried - equivalent
    low, high = wilson_interval(killed / counted, counted)
    share = "all tried" if found.tried == found.mutants else f"{low:.0%} – {high:.0%}"
    figures = [found.mutants, found.tried, equivalent, killed, found.timeouts, f"**{killed / counted:.0%}**", share]
    return f"| `{found.module}` | {' | '.join(map(str, [*figures, _sample(found), found.day]))} |"


def _sample(found: Sample) -> str:
    return f"seed {found.seed}{'' if found.again else ', fresh'}"


def _reason(mutant: Left, reasons: dict[str, str]) -> str:
    """Why a mutant is equivalent, '' where it is not known to be; the same change in one function has one reason."""
    return reasons.get(mutant.name.partition(" #")[0], "")


def _left(found: Sample, reasons: dict[str, str]) -> str:
    lines = [f"\n## `{found.module}`, {_sample(found)}\n"]
    for one in found.left:
        reason = _reason(one, reasons)
        lines.append(
            f"- line {one.line}, `{one.name.replace('`', chr(39))}`: "
            + (f"equivalent: {reason}" if reason else "survived")
        )
    return "\n".join(lines) + "\n"
