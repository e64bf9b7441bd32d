"""How soon the window is painted, beside an empty window of Qt, and what it costs while nobody does anything."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from start_probe import IDLE_SECONDS

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
EMPTY = """
import time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class First(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, report)
        return False

def report():
    print(time.process_time(), flush=True)
    app.quit()

app = QApplication([])
window, first = QMainWindow(), First()
window.installEventFilter(first)
window.resize(1240, 820)
window.show()
app.exec()
"""


def bench() -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, **{f"XDG_{name}_HOME": f"{home}/{name}" for name in ("DATA", "CONFIG", "STATE", "CACHE")}}  # fmt: skip
        _start(environment)  # makes the sample
        empty, started = [], []
        for _number in range(REPEATS):  # by turns, since other work on the machine slows both
            empty.append(float(subprocess.check_output([sys.executable, "-c", EMPTY], text=True)))
            started.append(_start(environment))
        usual = statistics.median(empty)
        for name, title, wanted in (
            ("paint", "first paint of the window, still empty", "≤ 1.5 ×"),
            ("usable", "the window on a project can be used", ""),
        ):
            taken = statistics.median(one[name] for one in started)
            yield (
                f"{title}, processor s",
                f"{taken:.2f}, {taken / usual:.1f} × of an empty window of Qt ({usual:.2f})",
                wanted,
            )
        for name, title in (("idle", ""), ("minimised", ", minimised"), ("jobs", " with a finished job")):
            found = _start(environment, name)
            yield (
                f"processor of the idle window{title}, {IDLE_SECONDS:g} s",
                f"{found['idle'] / IDLE_SECONDS:.3%}",
                "≤ 0.02 %",
            )
            if name == "idle":
                yield "memory of the window, of which its own", f"{found['mb']:.0f} MB, {found['own_mb']:.0f} MB", ""


def _start(environment: dict[str, str], kind: str = "paint") -> dict[str, float]:
    command = [sys.executable, str(ROOT / "tools" / "start_probe.py"), kind]
    found: dict[str, float] = json.loads(
        subprocess.check_output(command, text=True, env=environment, cwd=ROOT).splitlines()[-1]
    )
    return found
