"""What a person feels of a million rows: the window's tick while a file comes in, and how soon a project is painted."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from core import settings
from core.dataset import importing
from core.storage.project import Project
from ui import style
from ui.app import SWITCH_INTERVAL
from ui.dataset.tab import DatasetTab
from ui.event_loop import EventLoop
from ui.tab_base import ALL_TABLES
from ui.workspace import Workspace

TICK = 16  # milliseconds
IDLE = 5.0  # seconds
FEW = 1_000
OPENINGS = 5


class Ticks(QObject):
    """The gaps between the beats of a 16 ms timer, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self, interval=TICK)
        self._timer.timeout.connect(self._beat)
        self.gaps: list[float] = []
        self._last = 0.0

    def start(self) -> None:
        self.gaps, self._last = [], time.perf_counter()
        self._timer.start()

    def stop(self) -> list[float]:
        self._timer.stop()
        return sorted(self.gaps)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now


class FirstPaint(QObject):
    """When a widget is first painted with rows in it."""

    def __init__(self, tab: DatasetTab, painted: asyncio.Event) -> None:
        super().__init__(tab)
        self._tab, self._painted = tab, painted
        tab.table.viewport().installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._tab.model.rowCount():
            self._painted.set()
        return False


def bench(path: Path) -> list[tuple[str, str, str]]:
    """Rows of the table: what, the figure, the target."""
    app = QApplication.instance() or QApplication(sys.argv)
    style.apply(app, "light")
    sys.setswitchinterval(SWITCH_INTERVAL)
    loop = EventLoop(app)
    asyncio.set_event_loop(loop)
    with loop, tempfile.TemporaryDirectory() as folder:
        return loop.run_until_complete(_bench(path, Path(folder)))


async def _bench(path: Path, folder: Path) -> list[tuple[str, str, str]]:
    many, few = folder / "many.juku", folder / "few.juku"
    ticks = Ticks()
    ticks.start()
    await asyncio.sleep(IDLE)
    idle = ticks.stop()
    project = Project(many)
    ticks.start()
    await importing.import_file(project, path)
    busy = ticks.stop()
    project.close()
    await _make_few(path, few)
    opened = {name: min([await _open(name) for _opening in range(OPENINGS)]) for name in (few, many)}
    ratio = _p99(busy) / _p99(idle)
    return [
        ("window's 16 ms tick during an import, p99", f"{_p99(busy):.1f} ms, {ratio:.2f} × of idle", "≤ 1.15 ×"),
        ("its longest gap", f"{busy[-1]:.0f} ms", "≤ 50 ms"),
        (
            f"open a project to its first painted rows: {FEW:,} rows, all rows",
            f"{1000 * opened[few]:.0f} ms, {1000 * opened[many]:.0f} ms, {opened[many] / opened[few]:.2f} ×",
            "≤ 2 ×",
        ),
    ]


def _p99(gaps: list[float]) -> float:
    return gaps[int(0.99 * (len(gaps) - 1))]


async def _make_few(path: Path, target: Path) -> None:
    start = path.with_name("few.jsonl")
    with path.open("rb") as file:
        start.write_bytes(b"".join(line for line, _number in zip(file, range(FEW), strict=False)))
    project = Project(target)
    await importing.import_file(project, start)
    project.close()


async def _open(path: Path) -> float:
    """Seconds from opening the file to the first paint with rows."""
    started = time.perf_counter()
    workspace = Workspace(Project(path), settings.load())
    tab = DatasetTab(workspace)
    tab.resize(1200, 760)
    painted = asyncio.Event()
    FirstPaint(tab, painted)
    tab.show()
    tab.refresh(ALL_TABLES)
    await asyncio.wait_for(painted.wait(), 60)
    spent = time.perf_counter() - started
    await workspace.close()
    tab.close()
    return spent
