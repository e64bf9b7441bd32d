"""Tries the engine with a fault in each of many lives; writes the tables of docs/engine-faults.md.

`python tools/engine_faults.py [kills] [damage] [disk] [memory]`: parts, without arguments all. Disks need root, and all of
it Linux. What was found is kept in build/engine-faults.jsonl: a run that was stopped goes on, unless `--fresh` is given.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.paths import ROOT
from tests.support import engine_faults
from tests.support.engine_damage import DAMAGES, DamageMatrix
from tests.support.engine_faults import EXPORT, NAMES, SERVER, TRAINING, Engines, ExportKills, KillMatrix, Life

TITLES = {
    "kills": "Killed at each write",
    "damage": "A damaged file",
    "disk": "A full disk",
    "memory": "Too little memory",
}
DISKS = (1, 2, 3, 5, 8, 12, 20)  # MB; the life needs about nine
MEMORY = (100, 200, 300, 500, 700, 900, 1100, 1300, 1500, 2500, 4000, 6000)  # MB of address space
FOUND = ROOT / "build" / "engine-faults.jsonl"
HEAD = """# The engine and its faults

`python tools/engine_faults.py` writes this page. Each fault is tried in a life of an engine of its own: two files are
uploaded, a job with validation rows is created and trained to its end, and its model is asked or compared with its
digests. The model is very small and has random weights; everything else is real. In all: {count} lives, {wrong} with
something wrong.

What must be true each time: exactly one job, no file twice, a result file and a model only of a job that succeeded,
every event once, no name of a Python exception in what a person reads, and an engine that goes on. Of a damaged file:
every other object is still listed. `HOME` is the engine's folder, `BASE` the base model's, `…` an id.

A kill is `SIGKILL` at an fsync, at a rename, or when a file is opened to append to it. A write is an fsync, a rename or
such an opening; a kill comes before it.
"""
Lives = Iterator[tuple[str, Callable[[], Life]]]


def kills(engines: Engines) -> Lives:
    matrix, exports = KillMatrix(engines), ExportKills(engines)
    for module in (SERVER, TRAINING):
        for number in range(1, matrix.count_writes(module) + 1):
            yield f"{NAMES[module]} is killed at write {number}", partial(matrix.kill_at, module, number)
    for number in range(1, exports.count_writes() + 1):
        yield f"{NAMES[EXPORT]} is killed at write {number}", partial(exports.kill_at, number)


def damage(engines: Engines) -> Lives:
    matrix = DamageMatrix(engines)
    for name, path in matrix.kinds():
        for how in DAMAGES:
            yield f"`{name}` {how}", partial(matrix.damage, name, path, how)


def disk(engines: Engines) -> Lives:
    for size in DISKS:
        yield f"a disk of {size} MB", partial(engine_faults.fill_disk, engines, size)


def memory(engines: Engines) -> Lives:
    for size in MEMORY:
        yield f"{size} MB of address space a process", partial(engine_faults.limit_memory, engines, size)


def read_found() -> dict[str, list[Life]]:
    """What earlier runs have found, by part."""
    found: dict[str, list[Life]] = {part: [] for part in TITLES}
    for line in FOUND.read_text("utf-8").splitlines() if FOUND.exists() else []:
        value = json.loads(line)
        found[value.pop("part")].append(Life(**value))
    return found


def try_part(part: str, engines: Engines, known: set[str]) -> None:
    """Live every life of a part that is not known yet, and keep what was found."""
    for fault, live in globals()[part](engines):
        if fault in known:
            continue
        began = time.monotonic()
        life = live()
        print(f"{fault} | {life.seen} | {life.wrong or 'right'} | {time.monotonic() - began:.0f} s", file=sys.stderr)
        with FOUND.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, **asdict(life)}, ensure_ascii=False) + "\n")


def build_page(found: dict[str, list[Life]]) -> str:
    """The page: faults with the same outcome are one line."""
    lives = [life for part in found.values() for life in part]
    text = HEAD.format(count=len(lives), wrong=sum(bool(life.wrong) for life in lives))
    for part, title in TITLES.items():
        bad = sum(bool(life.wrong) for life in found[part])
        text += f"\n## {title}\n\n{len(found[part])} lives; something was wrong in {bad}.\n\n"
        text += "| fault | lives | what was found | wrong |\n|---|---:|---|---|\n"
        groups: dict[tuple[str, str, str], list[str]] = {}
        for life in found[part]:
            name, how = split_fault(life.fault)
            groups.setdefault((name, life.seen, "; ".join(life.wrong)), []).append(how)
        for (name, seen, wrong), hows in groups.items():
            text += f"| {name} {join(hows)} | {len(hows)} | {seen.replace('|', '/')} | {wrong.replace('|', '/')} |\n"
    return text


def split_fault(fault: str) -> tuple[str, str]:
    """What was damaged or killed, and how or where."""
    if fault.startswith("`"):
        name, _, how = fault.rpartition("` ")
        return name + "`", how
    name, _, number = fault.rpartition(" ")
    return (name, number) if number.isdigit() else ("", fault)


def join(hows: list[str]) -> str:
    """A list of ways, or of numbers, of which neighbours are joined."""
    if not hows[0].isdigit():
        return ", ".join(hows)
    parts: list[list[int]] = []
    for number in sorted(map(int, hows)):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{one[0]}–{one[-1]}" if len(one) > 1 else str(one[0]) for one in parts)


def main() -> int:
    wanted = [one for one in sys.argv[1:] if one in TITLES] or list(TITLES)
    FOUND.parent.mkdir(exist_ok=True)
    if "--fresh" in sys.argv:
        FOUND.unlink(missing_ok=True)
    engines = Engines()
    try:
        for part in wanted:
            try_part(part, engines, {life.fault for life in read_found()[part]})
    finally:
        engines.close()
    found = read_found()
    (ROOT / "docs" / "engine-faults.md").write_text(build_page(found), encoding="utf-8")
    bad = [life for part in found.values() for life in part if life.wrong]
    for life in bad:
        print(f"{life.fault}: {'; '.join(life.wrong)}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
