"""Starts Juku in this process and prints what that cost, as JSON; for tools/bench_start.py.

It imports nothing before the window is painted that Juku does not.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

IDLE_SECONDS = 10.0
SETTLE_SECONDS = 20.0  # after which what a start has begun is done


async def _add_results(window: Any) -> None:
    """Show a job that has ended."""
    from tests.support.projects import store_job

    changes = await window.workspace.project.write("Train", store_job, "local", "m")
    window.workspace.tasks.changed.emit(changes)
    window.tabs.setCurrentWidget(window.training_tab)


def run_window(kind: str) -> None:
    """Start Juku in this process, and print what was measured as JSON."""
    gc.disable()  # as main.py does
    from ui import app

    found: dict[str, Any] = {}
    show_frame, show = app.show_frame, app.show

    def show_measured(*given: Any) -> Any:
        frame = show_frame(*given)
        found["paint"] = time.process_time()
        return frame

    async def show_watched(chosen: Any, files: list[Path], on_window: Any, *rest: Any) -> None:
        def watch(window: Any) -> None:
            on_window(window)
            import asyncio

            asyncio.get_running_loop().create_task(_finish(window, found, kind))

        await show(chosen, files, watch, *rest)

    app.show_frame, app.show = show_measured, show_watched
    app.run([])


async def _finish(window: Any, found: dict[str, Any], kind: str) -> None:
    """Measure when the filled window has been painted and answers, and then while nobody does anything."""
    import asyncio

    import psutil
    from PySide6.QtCore import QEvent, QObject

    painted = asyncio.Event()

    class First(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.set()
            return False

    first = First()
    window.tabs.currentWidget().installEventFilter(first)
    await painted.wait()
    found["usable"] = time.process_time()
    window.tabs.currentWidget().removeEventFilter(first)
    if kind != "paint":
        if kind == "jobs":
            await _add_results(window)
        await asyncio.sleep(SETTLE_SECONDS)
        if kind == "minimised":
            window.showMinimized()
            await asyncio.sleep(SETTLE_SECONDS)
        before = time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        found["idle"] = time.process_time() - before
        memory = psutil.Process().memory_full_info()
        found["mb"], found["own_mb"] = memory.rss / 1e6, memory.uss / 1e6
    print(json.dumps(found), flush=True)
    window.stop_listening()
    os._exit(0)


if __name__ == "__main__":
    run_window(sys.argv[1])
