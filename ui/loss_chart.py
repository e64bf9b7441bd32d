"""The training loss by step, as a chart that follows the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QPalette, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.language import tr
from core.training import Metric
from ui import style

if TYPE_CHECKING:
    import pyqtgraph

SMOOTH = 0.6  # how much of the mean so far each point of the smooth line keeps
DOTS = 200  # beyond so many points a dot for each is only noise


class LossChart(QWidget):
    """The loss as told (thin) and smoothed (thick). The plot is made when it is first seen: its import takes time."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(140)
        self.setAccessibleName(tr("Training loss by step"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._metrics: list[Metric] = []
        self._plot: pyqtgraph.PlotWidget | None = None

    def show_metrics(self, metrics: list[Metric]) -> None:
        if metrics != self._metrics:
            self._metrics = metrics
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._plot is None:
            self._make()
            self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._plot is not None:
            self._dress()

    def _make(self) -> None:
        import pyqtgraph

        self._plot = pyqtgraph.PlotWidget()
        self._plot.setAntialiasing(True)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setLabel("bottom", tr("step"))
        self._plot.setLabel("left", tr("loss"))
        self._plot.getAxis("left").enableAutoSIPrefix(False)
        self._plot.getAxis("bottom").enableAutoSIPrefix(False)
        self._plot.getViewBox().setLimits(minXRange=1)
        self._told = self._plot.plot()
        self._smooth = self._plot.plot()
        self._dress()
        self.layout().addWidget(self._plot)

    def _dress(self) -> None:
        import pyqtgraph

        assert self._plot
        text, base = self.palette().color(QPalette.ColorRole.Text), self.palette().color(QPalette.ColorRole.Base)
        self._plot.setBackground(base)
        for name in ("bottom", "left"):
            axis = self._plot.getAxis(name)
            axis.setPen(self.palette().color(QPalette.ColorRole.Mid))
            axis.setTextPen(text)
            axis.label.setDefaultTextColor(text)
        self._plot.showGrid(x=False, y=True, alpha=0.15)
        line = QColor(style.SERIES[0])
        self._smooth.setPen(pyqtgraph.mkPen(line, width=2.5))
        line.setAlphaF(0.45)
        self._told.setPen(pyqtgraph.mkPen(line, width=1))
        self._told.setSymbolPen(None)
        self._told.setSymbolBrush(line)

    def _draw(self) -> None:
        if self._plot is None:
            return
        steps, losses = [metric.step for metric in self._metrics], [metric.loss for metric in self._metrics]
        self._told.setData(steps, losses, symbol="o" if len(steps) <= DOTS else None, symbolSize=5)
        self._smooth.setData(steps, smoothed(losses))


def smoothed(losses: list[float]) -> list[float]:
    """The exponential moving average, corrected for its start (as Adam corrects its moments)."""
    mean, weight, found = 0.0, 0.0, []
    for loss in losses:
        mean, weight = SMOOTH * mean + (1 - SMOOTH) * loss, SMOOTH * weight + (1 - SMOOTH)
        found.append(mean / weight)
    return found
