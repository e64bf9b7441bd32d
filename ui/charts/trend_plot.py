"""The plot of rates over steps, versions or rounds; imported when it is first shown, since importing pyqtgraph is slow."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette, QPen

from core.language import tr
from core.lazy_numpy import np
from ui import style
from ui.charts.curve_legend import colour_of
from ui.charts.trend_lines import TrendLine, TrendPoint
from ui.widgets import basics

SIDE_MARGIN = 0.06  # of the width, on either side
LINE_WIDTH, POINT_SIZE = 2.0, 9
SYMBOLS = ("o", "s", "t", "d")  # tell the lines apart for those who do not see their colours


class TrendPlot(pyqtgraph.PlotWidget):
    """Rates from 0 to 100 per cent, each with its interval; nothing moves by itself."""

    def __init__(self) -> None:
        self._lines: list[TrendLine] = []
        self._bottom = ""
        super().__init__()
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        self.setAccessibleName(tr("Right answers during training"))
        self.setLabel("left", tr("% right"))
        self.getAxis("left").enableAutoSIPrefix(False)
        self.getAxis("bottom").enableAutoSIPrefix(False)
        self.showGrid(y=True, alpha=0.15)
        self._legend = self.addLegend(offset=(-10, -10))
        self.setMinimumHeight(style.scaled(220))

    def show_lines(self, lines: Sequence[TrendLine], bottom: str) -> None:
        """Draw `lines`; `bottom` is the title of the horizontal axis."""
        self._lines, self._bottom = list(lines), bottom
        self._draw()

    def _draw(self) -> None:
        self.plotItem.clear()
        self._legend.clear()
        self._apply_theme()
        self.setLabel("bottom", self._bottom)
        points = [point for line in self._lines for point in line.points]
        labels = sorted({(point.x, point.label) for point in points if point.label})
        if len({point.x for point in points}) == 1 and not labels:  # else there would be parts of steps
            labels = [(points[0].x, f"{points[0].x:g}")]
        self.getAxis("bottom").setTicks([labels] if labels else None)
        if not points:
            return
        low, high = min(point.x for point in points), max(point.x for point in points)
        room = SIDE_MARGIN * (high - low) or 1.0
        self.setXRange(low - room, high + room, padding=0)
        self.setYRange(0, 100, padding=0.03)
        for slot, line in enumerate(self._lines):
            self._draw_line(line, colour_of(slot), SYMBOLS[slot % len(SYMBOLS)])

    def _draw_line(self, line: TrendLine, colour: QColor, symbol: str) -> None:
        held = [point for point in line.points if point.held.asked]
        x = np.array([point.x for point in held], float)
        y = np.array([100 * point.held.share for point in held])
        low, high = (np.array([100 * point.held.interval[end] for point in held]) for end in (0, 1))
        if held:
            bars = pyqtgraph.ErrorBarItem(x=x, y=y, top=high - y, bottom=y - low, beam=0, pen=QPen(colour, 0))
            self.addItem(bars)
        pen = pyqtgraph.mkPen(colour, width=LINE_WIDTH)
        self.plot(
            x, y, pen=pen, name=line.title, symbol=symbol, symbolSize=POINT_SIZE, symbolBrush=colour, symbolPen=None
        )
        self.addItem(_make_points(held, x, y, colour, symbol))
        general = [point for point in line.points if point.general.asked]
        dotted = pyqtgraph.mkPen(colour, width=1, style=Qt.PenStyle.DotLine)
        self.plot([point.x for point in general], [100 * point.general.share for point in general], pen=dotted)

    def _apply_theme(self) -> None:
        """Take over the colours of the theme."""
        colours = self.palette()
        self.setBackground(colours.color(QPalette.ColorRole.Base))
        self._legend.setLabelTextColor(colours.color(QPalette.ColorRole.Text))
        for name in ("bottom", "left"):
            axis = self.getAxis(name)
            axis.setPen(colours.color(QPalette.ColorRole.Mid))
            axis.setTextPen(colours.color(QPalette.ColorRole.Text))
            axis.label.setDefaultTextColor(colours.color(QPalette.ColorRole.Text))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._lines:
            self._draw()


def _make_points(
    points: Sequence[TrendPoint], x: np.ndarray, y: np.ndarray, colour: QColor, symbol: str
) -> pyqtgraph.ScatterPlotItem:
    """The points, each with a tooltip."""
    return pyqtgraph.ScatterPlotItem(
        x=x, y=y, size=POINT_SIZE, symbol=symbol, brush=colour, pen=None, hoverable=True, data=[point.tooltip for point in points],
        tip=_format_tooltip,
    )  # fmt: skip


def _format_tooltip(x: float, y: float, data: object) -> str:  # noqa: ARG001 - so pyqtgraph calls it
    return basics.plain_tooltip(str(data))
