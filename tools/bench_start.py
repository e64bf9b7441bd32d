"""How soon the window is painted, beside an empty window of Qt, and what it costs while nobody does anything."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

REPEATS = 3
IDLE_SECONDS = 10.0
SETTLE_SECONDS = 15.0  # after which what a start has begun is done
EMPTY = """
import time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow

class First(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            print(time.process_time(), flush=True)
            app.quit()
        return False

app = QApplication([])
window, first = QMainWindow(), First()
window.installEventFilter(first)
window.resize(1240, 820)
window.show()
app.exec()
"""


def bench() -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    empty = [float(subprocess.check_output([sys.executable, "-c", EMPTY], text=True)) for _ in range(REPEATS)]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, **{f"XDG_{name}_HOME": f"{home}/{name}" for name in ("DATA", "CONFIG", "STATE", "CACHE")}}  # fmt: skip
        started = [_start(environment, idle=number == REPEATS) for number in range(REPEATS + 1)][
            1:
        ]  # the first makes the sample
    paints = [one["paint"] for one in started]
    ratio = statistics.median(paints) / statistics.median(empty)
    yield "first paint of the window on a project, processor s", f"{statistics.median(paints):.2f}, {ratio:.1f} × of an empty window of Qt ({statistics.median(empty):.2f})", "≤ 1.5 ×"  # fmt: skip
    last = started[-1]
    yield f"processor of the idle window, {IDLE_SECONDS:g} s", f"{last['idle'] / IDLE_SECONDS:.1%}", "0 %"
    yield "memory of the window", f"{last['mb']:.0f} MB", ""


def _start(environment: dict[str, str], idle: bool) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__)), *(["idle"] if idle else [])]
    found: dict[str, float] = json.loads(
        subprocess.check_output(command, text=True, env=environment, cwd=ROOT).splitlines()[-1]
    )
    return found


def _run_window(waits: bool) -> None:
    """Start Juku in this process, and print what was measured as JSON."""
    import psutil
    from PySide6.QtCore import QEvent, QObject

    from ui import app

    found: dict[str, Any] = {}

    class First(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and not found:
                found["paint"] = time.process_time()
                asyncio.get_running_loop().create_task(_finish(found, waits))
            return False

    async def _finish(found: dict[str, Any], waits: bool) -> None:
        if waits:
            await asyncio.sleep(SETTLE_SECONDS)
            before = time.process_time()
            await asyncio.sleep(IDLE_SECONDS)
            found["idle"] = time.process_time() - before
            found["mb"] = psutil.Process().memory_info().rss / 1e6
        print(json.dumps(found), flush=True)
        os._exit(0)

    first, show = First(), app.show

    async def show_watched(chosen: Any, files: list[Path], on_window: Any, *rest: Any) -> None:
        def watch(window: Any) -> None:
            window.installEventFilter(first)
            on_window(window)

        await show(chosen, files, watch, *rest)

    app.show = show_watched
    app.run([])


if __name__ == "__main__":
    _run_window("idle" in sys.argv)
