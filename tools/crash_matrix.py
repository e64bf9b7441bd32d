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

This page shows what is left when Juku is killed while its training queue works. `tools/crash_matrix.py` writes it.

Two jobs go through everything the queue does. They are queued together.

- The first job has validation rows. It is sent, paused, resumed and trained to its end, with a checkpoint and a result file.
- The second job is sent and cancelled.

At each point below, the process was killed with SIGKILL (once per point), and a new process continued. Afterwards, all of this had to be true:

- the server has exactly one job for each queued job;
- no file was uploaded twice;
- the uploaded rows are exactly the rows that were queued;
- every event is recorded once and in order;
- results and checkpoints are there.

The server is a scripted server on the loopback interface. The project is a real file.

If the answer to a job creation is lost, Juku searches the server's list for the job five times. Only then it sends the request once more. If the first job turns up after all, it is ended.

{count} points were tried. At {reached} of them the process was killed before it had ended by itself. After {wrong} of them something was wrong.

| killed | job status in the project file | on the server | found after the restart |
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
