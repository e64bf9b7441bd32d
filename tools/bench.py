"""How fast the rows move, as ratios against a bare json.loads loop over the same file, all in one run."""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core import dataset, formats
from core.formats import jsonl
from core.progress import Reporter
from core.project import Project

ROWS = 50_000
REPEATS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_rows(path)
        size = path.stat().st_size / 1e6
        cases: dict[str, Callable[[], object]] = {
            "json.loads, line by line": lambda: sum(bool(json.loads(line)) for line in path.open("rb")),
            "check a file": lambda: sum(1 for _found in formats.check_file(path, Reporter())),
            "import into a project, undoable": lambda: import_rows(path, Path(folder)),
        }
        seconds = {name: min(timed(case) for _repeat in range(REPEATS)) for name, case in cases.items()}
        bare = next(iter(seconds.values()))
        print(f"{ROWS:,} rows, {size:.0f} MB, best of {REPEATS}\n\n| what | MB/s | ratio |\n|---|---:|---:|")
        for name, spent in seconds.items():
            print(f"| {name} | {size / spent:.0f} | {bare / spent:.2f} |")


def write_rows(path: Path) -> None:
    chance = random.Random(1)
    words = [
        "court",
        "ball",
        "goal",
        "team",
        "referee",
        "throw",
        "返品",
        "手続き",
        "注文",
        "please",
        "how",
        "many",
        "minutes",
    ]

    def text(count: int) -> str:
        return " ".join(chance.choice(words) for _ in range(count))

    jsonl.write(path, (jsonl.new_row(text(8), f"{number} {text(20)}", text(60)) for number in range(ROWS)))


def timed(case: Callable[[], object]) -> float:
    started = time.perf_counter()
    case()
    return time.perf_counter() - started


def import_rows(path: Path, folder: Path) -> None:
    target = folder / f"{time.monotonic_ns()}.juku"
    project = Project(target)
    asyncio.run(project.write("import", dataset.import_file, path, Reporter()))
    project.close()


if __name__ == "__main__":
    main()
