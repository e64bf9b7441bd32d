"""What a result of 100,000 stored answers costs: reading it, opening its page, filtering, its report."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from core.exam import checkpoint_trends, report, runs, scores
from core.settings import Settings
from core.storage.project import Project
from tools import exam_rows
from ui.event_loop import EventLoop

QUESTIONS, REPEATS = 500, 40  # × five subjects
Row = tuple[str, str, str]


def bench() -> list[Row]:
    """Rows of the table: what, the figure, the target."""
    with tempfile.TemporaryDirectory() as folder, _project(Path(folder) / "p.juku") as project:
        (count,) = project.rows.execute("SELECT count(*) FROM eval_answer").fetchone()
        rows = list(_core(project, f"{count:,} answers"))
        return rows + _window(project)


@contextmanager
def _project(path: Path) -> Iterator[Project]:
    project = Project(path)
    asyncio.run(project.write("", exam_rows.fill, QUESTIONS, REPEATS))
    yield project
    project.close()


def _core(project: Project, what: str) -> Iterator[Row]:
    run = runs.load_all(project.rows)[0]
    yield f"{what}: result", _timed(lambda: scores.load_result(project.rows, run).facts), "< 1 s"
    yield (
        f"{what}: result by the judge",
        _timed(lambda: scores.load_result(project.rows, run, by="judge").facts),
        "< 1 s",
    )
    yield f"{what}: over checkpoints", _timed(lambda: checkpoint_trends.load_points(project.rows)), ""
    yield f"{what}: report as a page", _timed(lambda: report.build_page(project.rows, run.id)), ""


def _timed(work: Callable[[], object]) -> str:
    """The middle of three."""
    taken = []
    for _time in range(3):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return f"{sorted(taken)[1] * 1000:,.0f} ms"


def _window(project: Project) -> list[Row]:
    app = QApplication.instance() or QApplication([])
    loop = EventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        rows: list[Row] = loop.run_until_complete(_opened(project))
    return rows


async def _opened(project: Project) -> list[Row]:
    from ui.exam.tab import ExamTab
    from ui.tab_base import ALL_TABLES
    from ui.workspace import Workspace

    workspace = Workspace(project, Settings())
    tab = ExamTab(workspace)
    tab.resize(1200, 800)
    started = time.perf_counter()
    tab.show()
    tab.refresh(ALL_TABLES)
    while tab.result._outcome is None:
        await asyncio.sleep(0)
    tab.grab()
    opened = time.perf_counter() - started
    pauses = []
    heat = tab.result.heat
    tab.result.pages.setCurrentIndex(1)
    for box in (heat.level, heat.filter):
        for index in [*range(box.count()), 0]:
            started = time.perf_counter()
            box.setCurrentIndex(index)
            box.activated.emit(index)
            tab.grab()
            pauses.append(time.perf_counter() - started)
            await asyncio.sleep(0)
    await workspace.tasks.close()
    tab.deleteLater()
    return [
        ("opening the result's page, painted", f"{opened * 1000:,.0f} ms", "< 1 s"),
        ("the longest of its filters, painted", f"{max(pauses) * 1000:,.0f} ms", "≤ 50 ms"),
    ]


if __name__ == "__main__":
    for what, figure, target in bench():
        print(f"{what:50} {figure:>12} {target:>10}")
