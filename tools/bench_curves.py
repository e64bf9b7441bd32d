"""How smooth the chart of the curves is: 20 series of 10,000 points, zoomed, moved, pointed at and growing."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from core.training.metrics import MetricSeries
from ui import style
from ui.charts.curve_chart_and_export import CurveChart, CurveJob

POINTS, JOBS = 10_000, 20
FRAMES = 120
SIZE = 1200, 700
REST = 0.4  # seconds after the last event in which all is drawn whole
WANTED = "p95 ≤ 20 ms, longest gap ≤ 50 ms"
Row = tuple[str, str, str]


def bench() -> list[Row]:
    """Rows of the table: what, the figure, the target."""
    app = QApplication.instance() or QApplication(sys.argv)
    style.apply(app, "light")
    chart = CurveChart()
    chart.resize(*SIZE)
    chart.show()
    everything = [made_up(job, POINTS + FRAMES + 1) for job in range(JOBS)]
    found = [
        _row(
            "show them", _measure(lambda _frame: chart.show_jobs(_part(everything, POINTS)), 1), "longest gap ≤ 500 ms"
        )
    ]
    plot = chart.plot
    assert plot
    acts: dict[str, Callable[[int], object]] = {
        "zoom by the wheel, in and out": lambda frame: _turn(plot, 120 if frame % 60 < 30 else -120),
        "move along, zoomed in": lambda frame: _move(plot, 20 if frame % 60 < 30 else -20),
        "point at step after step": lambda frame: plot.point_at(100 + 70 * frame, 200 + frame % 50),
        "grow by a point in each series": lambda frame: chart.show_jobs(_part(everything, POINTS + frame + 1)),
        "change the smoothing": lambda frame: chart.smoothing.setValue(20 + frame % 70),
    }
    for what, act in acts.items():
        found.append(_row(what, _measure(act, FRAMES), WANTED))
    chart.close()
    chart.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return [(f"chart, {JOBS} series of {POINTS:,} points: {what}", *rest) for what, *rest in found]


def made_up(job: int, points: int) -> MetricSeries:
    """A loss that falls with noise."""
    chance, steps = np.random.default_rng(job), np.arange(1, points + 1)
    base = 2.4 * np.exp(-steps / (2000 + 200 * job)) + 0.2 + 0.02 * job
    return MetricSeries(steps, base * (1 + chance.normal(0, 0.12, points)))


def _part(everything: list[MetricSeries], points: int) -> list[CurveJob]:
    cut = [MetricSeries(one.steps[:points], one.values[:points]) for one in everything]
    return [CurveJob(number + 1, f"sweep {number + 1}", {"train_loss": one}, POINTS) for number, one in enumerate(cut)]


def _turn(plot: object, delta: int) -> None:
    viewport = plot.viewport()  # type: ignore[attr-defined]
    centre = QPointF(viewport.rect().center())
    event = QWheelEvent(
        centre, QPointF(viewport.mapToGlobal(centre.toPoint())), QPoint(), QPoint(0, delta // 4), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def _move(plot: object, steps: int) -> None:
    box = plot.getViewBox()  # type: ignore[attr-defined]
    if box.viewRange()[0][1] - box.viewRange()[0][0] > POINTS / 2:
        box.setXRange(2000, 5000, padding=0)
    box.translateBy(x=steps)
    box.sigRangeChangedManually.emit([True, False])


def _measure(act: Callable[[int], object], frames: int) -> tuple[list[float], float]:
    """Milliseconds of each frame, sorted, from the act to the painted window; and the longest turn of the loop, with the rest after it."""
    times, longest = [], 0.0
    for frame in range(frames):
        started = time.perf_counter()
        act(frame)
        QCoreApplication.processEvents()
        times.append(1000 * (time.perf_counter() - started))
    end = time.perf_counter() + REST
    while (started := time.perf_counter()) < end:
        QCoreApplication.processEvents()
        longest = max(longest, 1000 * (time.perf_counter() - started))
        time.sleep(0.002)
    return sorted(times), max(longest, *times)


def _row(what: str, measured: tuple[list[float], float], wanted: str) -> Row:
    times, longest = measured
    p50, p95 = (times[int(share * (len(times) - 1))] for share in (0.5, 0.95))
    return what, f"p50 {p50:.1f}, p95 {p95:.1f} ms; longest gap {longest:.0f} ms", wanted


def main() -> None:
    for line in bench():
        print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    main()
