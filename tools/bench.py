"""How fast Juku is, as ratios against plain peers, measured in one run. `--rows N` for other than a million rows."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tools import (
    bench_curves,
    bench_duplicates,
    bench_exam,
    bench_grid,
    bench_queue,
    bench_rows,
    bench_spec,
    bench_start,
    bench_tokens,
    bench_window,
    rows_file,
)

PARTS = ("rows", "tokens", "window", "grid", "duplicates", "spec", "queue", "curves", "exam", "start")
ALONE = {  # parts that need no file of rows
    "grid": bench_grid.bench, "spec": bench_spec.bench, "duplicates": bench_duplicates.bench,
    "queue": bench_queue.bench, "curves": bench_curves.bench, "exam": bench_exam.bench,
    "start": bench_start.bench,
}  # fmt: skip
TOKEN_ROWS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"JUKU_DATA": folder, "JUKU_CONFIG": folder, "JUKU_LOG": f"{folder}/log"}
        path = Path(folder) / "rows.jsonl"
        parts = chosen.only or PARTS
        wrong = rows_file.write(path, chosen.rows) if {"rows", "window"} & set(parts) else 0
        print(f"{chosen.rows:,} rows, best of {chosen.repeats}, {os.cpu_count()} cores\n")
        print("| what | measured | wanted |\n|---|---|---|")
        for part in parts:
            for row in measured(part, path, wrong, chosen.repeats):
                print("| " + " | ".join([*row, ""][:3]) + " |", flush=True)


def measured(part: str, path: Path, wrong: int, repeats: int) -> list[tuple[str, ...]]:
    """The rows of one part of the table."""
    if part == "rows":
        return list(bench_rows.bench(path, wrong, repeats))
    if part == "window":
        return list(bench_window.bench(path))
    if part in ALONE:
        return list(ALONE[part]())
    clean = path.with_name("clean.jsonl")
    rows_file.write(clean, TOKEN_ROWS, defects=0)
    return list(bench_tokens.bench(clean))


if __name__ == "__main__":
    main()
