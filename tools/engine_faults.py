"""Tries the engine with a fault in each of many lives; writes the tables of docs/engine-faults.md.

`python tools/engine_faults.py [kills] [damage] [disk] [memory]`: parts, without arguments all. Disks need root.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.paths import ROOT
from tests.support import engine_faults
from tests.support.engine_faults import DAMAGES, SERVER, TRAINING, DamageMatrix, Engines, KillMatrix, Life

PARTS = ("kills", "damage", "disk", "memory")
TITLES = {
    "kills": "Killed at each write",
    "damage": "A damaged file",
    "disk": "A full disk",
    "memory": "Too little memory",
}
DISKS = (1, 2, 3, 5, 8, 12, 20)  # MB
MEMORY = (700, 1500, 2500, 4000, 6000)  # MB of address space, of which torch alone reserves more than 2,000
HEAD = """# The engine and its faults

`python tools/engine_faults.py` writes this page. Each line is one life of an engine with one fault: two files are
uploaded, a job with validation rows is created, trained to its end, and its model is asked a question. The model is very
small and has random weights; everything else is real.

What must be true each time: exactly one job, no file twice, a result file and a model only of a job that succeeded,
every event once, no name of a Python exception in what a person reads, and an engine that goes on.

"""


def kills(engines: Engines) -> Iterator[Life]:
    matrix = KillMatrix(engines)
    for module in (SERVER, TRAINING):
        for number in range(1, matrix.count_writes(module) + 1):
            yield matrix.kill_at(module, number)


def damage(engines: Engines) -> Iterator[Life]:
    matrix = DamageMatrix(engines)
    for path in matrix.kinds():
        for how in DAMAGES:
            yield matrix.damage(path, how)


def disk(engines: Engines) -> Iterator[Life]:
    for size in DISKS:
        yield engine_faults.fill_disk(engines, size)


def memory(engines: Engines) -> Iterator[Life]:
    for size in MEMORY:
        yield engine_faults.limit_memory(engines, size)


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    engines, wrong, text = Engines(), 0, HEAD
    try:
        for part in wanted:
            began, found = time.monotonic(), []
            for life in globals()[part](engines):
                print(life.fault, "|", life.seen, "|", life.wrong or "right", file=sys.stderr, flush=True)
                found.append(life)
            bad = sum(bool(life.wrong) for life in found)
            wrong += bad
            text += f"## {TITLES[part]}\n\n{len(found)} lives in {time.monotonic() - began:.0f} s; something was wrong in {bad}.\n\n"
            text += "| fault | what was found | wrong |\n|---|---|---|\n"
            text += "".join(f"| {one.fault} | {one.seen} | {'; '.join(one.wrong)} |\n" for one in found) + "\n"
    finally:
        engines.close()
    if wanted == list(PARTS):
        (ROOT / "docs" / "engine-faults.md").write_text(text, encoding="utf-8")
    print(f"something was wrong in {wrong} lives")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
