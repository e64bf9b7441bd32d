"""Kills the training queue at every write and every request of two jobs' lives; writes docs/crash-matrix.md.

The jobs' lives: queued together, one with validation rows is sent, paused, resumed, trained to its end with a checkpoint
and a result file; the other is sent and cancelled. Each line is one life, killed once, and gone on with by a new process.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.crash_matrix import ROOT, Found, Matrix

HEAD = """# The crash matrix

Written by `tools/crash_matrix.py`. Two jobs live through everything the queue does: queued together; one, with validation rows, is sent, paused, resumed and trained to its end, with
a checkpoint and a result file; the other is sent and cancelled. At each point below the process was killed with SIGKILL (once per point), and a new process went on. Then there had to be: exactly one
job on the server for each that was queued, no file twice, the very rows that were queued, every event once and in order, results and checkpoints. The server is a script on the loopback, the project a real file.

A creation that never arrived is looked for five times before it is sent once more; should it turn up after all, it is ended.

{count} points, {reached} reached before the life had ended otherwise, {wrong} with anything wrong.

| killed | statuses on the disk | on the server | found after the restart |
|---|---|---|---|
"""


def main() -> int:
    matrix, began = Matrix(), time.monotonic()
    try:
        points = matrix.points()
        found = [told(matrix.kill_at(point), number, len(points)) for number, point in enumerate(points, 1)]
    finally:
        matrix.close()
    wrong = [one for one in found if one.wrong]
    head = HEAD.format(count=len(found), reached=sum(one.reached for one in found), wrong=len(wrong))
    lines = [f"| {one.point} | {one.on_disk} | {one.on_server} | {one.after} |\n" for one in found]
    (ROOT / "docs" / "crash-matrix.md").write_text(head + "".join(lines), encoding="utf-8")
    print(f"{len(found)} points in {time.monotonic() - began:.0f} s, {len(wrong)} wrong")
    return int(bool(wrong))


def told(found: Found, number: int, count: int) -> Found:
    print(f"{number}/{count} {found.point}: {found.after}", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
