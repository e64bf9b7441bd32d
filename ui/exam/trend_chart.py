"""The rate of right answers over checkpoints, and over the versions of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.exam.checkpoint_trends import CheckpointResult
from core.exam.prompt_conditions import CONDITIONS
from core.language import tr
from ui import style
from ui.charts.trend_lines import TrendLine, TrendPoint
from ui.exam import exam_texts
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.drop_down import DropDown

if TYPE_CHECKING:
    from ui.charts.trend_plot import TrendPlot

OVER_STEPS, OVER_VERSIONS = "steps", "versions"


class TrendChart(QWidget):
    """The rate of right answers over checkpoints or versions of the rows. The plot is built when it is first visible."""

    def __init__(self) -> None:
        super().__init__()
        self._points: list[CheckpointResult] = []
        self.plot: TrendPlot | None = None
        self.axis, self.explanation = DropDown(), basics.label(wrap=True, dim=True)
        self.axis.addItem(tr("by checkpoint"), OVER_STEPS)
        self.axis.addItem(tr("by version of the rows"), OVER_VERSIONS)
        self.axis.setAccessibleName(tr("Horizontal axis"))
        self.axis.currentIndexChanged.connect(lambda _index: self._draw())
        self._nothing = EmptyState(
            tr("No trained model has taken an exam yet"),
            tr(
                "Run exams with models that were trained from this project and with their checkpoints: each "
                "becomes a point here."
            ),
        )
        self._lay_out()

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        title = QLabel(tr("Held-out questions &right"))
        title.setBuddy(self.axis)
        above.addWidget(title)
        above.addWidget(self.axis)
        above.addStretch()
        self._place = QVBoxLayout()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(above)
        column.addLayout(self._place, 1)
        column.addWidget(self.explanation)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._nothing)
        self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addWidget(self.pages)

    def show_points(self, points: Sequence[CheckpointResult]) -> None:
        """Show what all runs have found of models that jobs made."""
        if list(points) != self._points:
            self._points = list(points)
            self.pages.setCurrentIndex(1 if points else 0)
            self._draw()

    def lines(self) -> list[TrendLine]:
        """What is drawn now."""
        return lines_by_step(self._points) if self.axis.currentData() == OVER_STEPS else lines_by_version(self._points)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.plot is None:
            from ui.charts.trend_plot import TrendPlot

            self.plot = TrendPlot()
            self._place.addWidget(self.plot)
            self._draw()

    def _draw(self) -> None:
        lines = self.lines()
        steps = self.axis.currentData() == OVER_STEPS
        if self.plot is not None:
            self.plot.show_lines(lines, tr("step") if steps else tr("version"))
            self.plot.setAccessibleDescription("\n".join(_describe_line(line) for line in lines))
        nothing = tr("There is no model with a known saved step.") if steps else tr("No version of the rows was saved.")
        whole = tr(
            "Solid lines: held-out questions with their 95 % interval. Dotted lines: general questions, "
            "which should not fall."
        )
        self.explanation.setText(whole if lines else nothing)


def lines_by_step(points: Sequence[CheckpointResult]) -> list[TrendLine]:
    """A line for each job and condition, over the steps of its checkpoints; of several runs the newest counts."""
    found: dict[tuple[int, str], dict[int, CheckpointResult]] = {}
    for point in sorted(points, key=lambda one: one.run):
        if point.step is not None:
            found.setdefault((point.job, point.condition), {})[point.step] = point
    return [
        TrendLine(
            _line_title(spots),
            [
                TrendPoint(step, "", spots[step].held, _format_point(spots[step]), spots[step].general)
                for step in sorted(spots)
            ],
        )
        for _key, spots in sorted(found.items())
    ]


def lines_by_version(points: Sequence[CheckpointResult]) -> list[TrendLine]:
    """A line for each condition, over the versions of the rows that final models learned from."""
    named = {point.version: point.version_name for point in points if point.version is not None and point.is_final}
    places = {version: place for place, version in enumerate(sorted(named))}
    found: dict[str, dict[int, CheckpointResult]] = {}
    for point in sorted(points, key=lambda one: one.run):
        if point.version in places and point.is_final:
            found.setdefault(point.condition, {})[places[point.version]] = point
    return [
        TrendLine(
            CONDITIONS[condition].title(),
            [TrendPoint(at, spots[at].version_name or f"{spots[at].rows:,}", spots[at].held, _format_point(spots[at]), spots[at].general)
             for at in sorted(spots)],
        )
        for condition, spots in found.items()
    ]  # fmt: skip


def _line_title(spots: dict[int, CheckpointResult]) -> str:
    first = next(iter(spots.values()))
    return f"{first.title} · {CONDITIONS[first.condition].title()}"


def _format_point(point: CheckpointResult) -> str:
    """A point as one line of text."""
    parts = [
        exam_texts.brief_name(point.model),
        exam_texts.format_rate(point.held),
        exam_texts.format_interval(point.held),
    ]
    if point.general.asked:
        parts.append(tr("general {rate}", rate=exam_texts.format_rate(point.general)))
    return " · ".join(parts)


def _describe_line(line: TrendLine) -> str:
    return "\n".join([line.title, *(f"{point.label or point.x}: {point.tooltip}" for point in line.points)])
