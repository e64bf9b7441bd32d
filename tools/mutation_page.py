"""Writes docs/mutation-score.md of what tools/mutate.py found."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "build" / "mutation"
PAGE = ROOT / "docs" / "mutation-score.md"
# Mutants that change nothing a test could see, by module and name, each with its reason.
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.json"

HEAD = """# Mutation score

Are the tests good? Change the code in one small place, run them, and see whether one fails. `make mutate` does that some thousand times:
it swaps comparisons, leaves out conditions, operands, keywords and statements, changes constants and returns nothing.

A *killed* mutant made a test fail. An *equivalent* one changes nothing that could be seen: it is left out of the score, with its
reason below. Of a module with many mutants a sample was drawn, with the seed given; the interval is what the whole module may have (95 %, Wilson).
Tests were then written for what had survived in the samples of seed 1 (`--again`), so scores and intervals there flatter a sampled module.
Samples of any other seed are *fresh*: no test was written for them before they were scored, and they tell how good the tests are elsewhere.
A run may be ended early: what it tried until then, in the order drawn, is a smaller sample, which flatters a little, since the mutant that was
being tried is left out, and those that survive take longest. Small samples prove little: read the interval.

"""


def write(modules: Iterable[str]) -> None:
    """The page, from the results of all modules that were ever tried in this tree; those of `modules` without any are named."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOUND.glob("*.json"))]
    reasons = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    rows = [
        "| Module | Mutants | Tried | Equivalent | Killed | Score | Of all mutants | Seed | Day |",
        "|---|--:|--:|--:|--:|--:|---|--:|---|",
    ]
    found.sort(key=lambda one: (one["module"], one["seed"]))
    rows += [_row(one, reasons.get(one["module"], {})) for one in found]
    parts = [_left(one, reasons.get(one["module"], {})) for one in found]
    missing = ", ".join(f"`{one}`" for one in modules if one not in {told["module"] for told in found})
    rows += [f"\nNot tried yet: {missing}."] if missing else []
    PAGE.write_text(HEAD + "\n".join(rows) + "\n" + "".join(parts), encoding="utf-8")


def _row(found: dict[str, Any], reasons: dict[str, str]) -> str:
    from core.statistics import wilson

    tried = len(found["results"])
    equivalent = sum(not one["killed"] and _reason(one, reasons) != "" for one in found["results"])
    killed = sum(one["killed"] for one in found["results"])
    counted = tried - equivalent
    low, high = wilson(killed / counted, counted)
    share = "all tried" if tried == found["mutants"] else f"{low:.0%} – {high:.0%}"
    figures = [
        found["mutants"],
        tried,
        equivalent,
        killed,
        f"**{killed / counted:.0%}**",
        share,
        _seed(found),
        found["day"],
    ]
    return f"| `{found['module']}` | {' | '.join(map(str, figures))} |"


def _seed(found: dict[str, Any]) -> str:
    """Which sample it is; tests were written for that of the first seed only."""
    return str(found["seed"]) if found["seed"] == 1 else f"{found['seed']} (fresh)"


def _reason(mutant: dict[str, Any], reasons: dict[str, str]) -> str:
    """Why a mutant is equivalent, '' where it is not known to be; the same change in one function has one reason."""
    return reasons.get(mutant["name"].partition(" #")[0], "")


def _left(found: dict[str, Any], reasons: dict[str, str]) -> str:
    alive = [one for one in found["results"] if not one["killed"]]
    if not alive:
        return ""
    lines = [f"\n## `{found['module']}`, seed {_seed(found)}\n"]
    for one in alive:
        reason = _reason(one, reasons)
        lines.append(
            f"- line {one['line']}, `{one['name'].replace('`', chr(39))}`: "
            + (f"equivalent: {reason}" if reason else "survived")
        )
    return "\n".join(lines) + "\n"
