"""Paints the curves into a cached image, so that what is drawn over it repaints no curve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import ceil

import pyqtgraph
import shiboken6
from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from core.lazy_numpy import np
from ui import style
from ui.charts import curve_thinning
from ui.charts.curve_legend import DASH_PATTERNS, colour_of, has_several_jobs, paint_mark
from ui.charts.curve_thinning import CurveLine, Numbers

POINT_OPACITY = (0.28, 0.12)  # of the measured points beside a smoothed line: with few lines, and with many
DENSE_OPACITY = 0.7  # of the measured points where there is no smoothed line
COLUMN_WIDTH, ROW_HEIGHT = 3, 2  # pixels that share their least and most, and how finely those are told
MAX_LINES = 100  # lines; so many sums fit
MAX_DOTTED_POINTS = 80  # points in sight up to which each is marked
MAX_MARKED_LINES, MARKS_ON_LINE = 20, 6  # lines that have marks where there are several jobs, and marks on each
MANY_LINES = 6  # lines from which, while the view moves, only the smooth ones are drawn
REST_SECONDS = 0.12  # seconds without a change after which all is drawn again


class CurvesItem(pyqtgraph.GraphicsObject):
    """All lines, in the pixels of its view box."""

    def __init__(self, box: pyqtgraph.ViewBox, axis: pyqtgraph.AxisItem) -> None:
        super().__init__(box)
        self._axis = axis  # of the values: grid lines are at its ticks
        self._box, self._colours = box, QPalette()
        self._lines: Sequence[CurveLine] = ()
        self._image: QImage | None = None
        self._changed_at = 0.0
        self._moving = False
        self._rest = QTimer(self, singleShot=True, interval=round(1000 * REST_SECONDS))
        self._rest.timeout.connect(self._on_rest)
        box.sigRangeChanged.connect(lambda *_ranges: self._invalidate())
        box.sigResized.connect(lambda _box: self._on_resized())

    def show_lines(self, lines: Sequence[CurveLine]) -> None:
        """Draw these lines from now on."""
        self._lines = lines
        self._invalidate()

    def set_palette(self, colours: QPalette) -> None:
        """Draw with the colours of the theme."""
        self._colours = colours
        self._invalidate()

    def boundingRect(self) -> QRectF:
        return self._box.rect()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        place, scale = self.boundingRect(), painter.device().devicePixelRatioF()
        width, height = (max(1, round(length * scale)) for length in (place.width(), place.height()))
        if self._image is None or (self._image.width(), self._image.height()) != (width, height):
            self._image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
            self._image.setDevicePixelRatio(scale)
            self._image.fill(0)
            self._draw(self._image)
        painter.drawImage(place.topLeft(), self._image)
        plot = widget.parentWidget() if widget else None
        if plot and plot.hasFocus():
            painter.setPen(QPen(style.accent(), 1))
            painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))

    def _invalidate(self) -> None:
        """Repaint. While it is called often, as during a drag, only the smooth lines are drawn; the rest follows."""
        now = time.monotonic()
        self._moving = len(self._lines) > MANY_LINES and now - self._changed_at < REST_SECONDS
        self._changed_at = now
        self._image = None
        if self._moving:
            self._rest.start()
        self.update()

    def _on_rest(self) -> None:
        if self._moving:
            self._moving, self._image = False, None
            self.update()

    def _on_resized(self) -> None:
        self.prepareGeometryChange()
        self._invalidate()

    def _draw(self, image: QImage) -> None:
        painter = QPainter(image)
        frame = PlotFrame(self._box, len(self._lines) > MANY_LINES, self._moving)
        mid, base = (self._colours.color(role) for role in (QPalette.ColorRole.Mid, QPalette.ColorRole.Base))
        painter.setPen(QPen(style.mix_colours(base, mid, 0.5), 1))
        for y in frame.to_y_pixels(
            np.array(self._axis.tickValues(*self._box.viewRange()[1], frame.height)[0][1])
        ).tolist():
            painter.drawLine(0, round(y), round(frame.width), round(y))
        dense = [line for line in self._lines if frame.is_dense(line)]
        for smooth, clear in ((True, POINT_OPACITY[len(self._lines) > MANY_LINES]), (False, DENSE_OPACITY)):
            dense_lines = [line for line in dense if (line.smooth is not None) is smooth]
            if dense_lines and not (smooth and self._moving):
                painter.drawImage(QPointF(), frame.draw_density(dense_lines, clear))
        for line in self._lines:
            if line not in dense and line.smooth is not None:
                # Opaque: overlapping strokes are then drawn many times as fast as translucent ones.
                colour = style.mix_colours(base, colour_of(line.curve.slot), POINT_OPACITY[0])
                frame.stroke(painter, line, line.y, QPen(colour, 1))
        for line in self._lines:
            if line not in dense or line.smooth is not None:
                frame.draw_line(painter, line)
        if has_several_jobs([line.curve for line in self._lines]) and not self._moving:
            for number, line in enumerate(self._lines[:MAX_MARKED_LINES]):
                frame.draw_marks(painter, line, number)
        painter.end()
        self._changed_at = time.monotonic()


class PlotFrame:
    """The visible part of the chart and its pixels, for one drawing."""

    def __init__(self, box: pyqtgraph.ViewBox, many: bool = False, haste: bool = False) -> None:
        self._apart = 4 if many else 2  # pixels from point to point of a line, at least
        self._even = not haste  # lines without steps take twice the time
        (self.low, self.high), (bottom, top) = box.viewRange()
        self.width, self.height = box.rect().width(), box.rect().height()
        self._x = (-self.low, self.width / ((self.high - self.low) or 1.0))
        self._y = (-top, -self.height / ((top - bottom) or 1.0))

    def to_x_pixels(self, x: Numbers) -> Numbers:
        """Steps (or shares of the job) as pixels from the left."""
        return (x + self._x[0]) * self._x[1]

    def to_y_pixels(self, y: Numbers) -> Numbers:
        """Values as pixels from the top."""
        # Points far outside, as after a deep zoom, would overflow the painter's integers.
        return np.clip((y + self._y[0]) * self._y[1], -1e5, 1e5)

    def is_dense(self, line: CurveLine) -> bool:
        """Whether the line has more visible points than pixels can show."""
        part = curve_thinning.visible_slice(line.x, self.low, self.high)
        return part.stop - part.start > self.width / 2

    def draw_line(self, painter: QPainter, line: CurveLine) -> None:
        """Draw the smoothed line, or the joined points; single points are marked while there are few."""
        colour = colour_of(line.curve.slot)
        self.stroke(painter, line, line.y if line.smooth is None else line.smooth, QPen(colour, 2))
        part = curve_thinning.visible_slice(line.x, self.low, self.high)
        if part.stop - part.start <= MAX_DOTTED_POINTS:
            self._draw_dot(painter, line.x[part], line.y[part], colour, 3.0 if line.smooth is None else 2.0)

    def draw_marks(self, painter: QPainter, line: CurveLine, number: int) -> None:
        """Draw a few marks on a line, so that jobs are told apart by their shapes, too; those of other lines lie between."""
        part = curve_thinning.visible_slice(line.x, self.low, self.high)
        x, y = line.x[part], (line.y if line.smooth is None else line.smooth)[part]
        if not len(x):
            return
        share = number % MARKS_ON_LINE / MARKS_ON_LINE
        places = np.unique(np.linspace(0, len(x) - 1, MARKS_ON_LINE + 1)[:-1] + share * (len(x) - 1) / MARKS_ON_LINE)
        chosen = np.unique(np.round(places).astype(np.intp))
        for left, top in zip(self.to_x_pixels(x[chosen]).tolist(), self.to_y_pixels(y[chosen]).tolist(), strict=True):
            paint_mark(painter, QPointF(left, top), colour_of(line.curve.slot), line.curve.slot)

    def stroke(self, painter: QPainter, line: CurveLine, y: Numbers, pen: QPen) -> None:
        """Draw the visible part of a line with the values `y`, thinned to the resolution of the screen."""
        part = curve_thinning.visible_slice(line.x, self.low, self.high)
        x, y = curve_thinning.thin(line.x, y, part, round(self.width / self._apart))
        if len(x) < 2:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._even)
        x, y = self.to_x_pixels(x), self.to_y_pixels(y)
        if dashes := DASH_PATTERNS.get(line.curve.part):
            pen.setDashPattern(dashes)
            painter.setPen(pen)
            painter.drawPolyline(arrayToQPolygonF(x, y))
        else:  # apart, lines of two pixels are drawn in half the time
            painter.setPen(pen)
            lines = np.column_stack([x[:-1], y[:-1], x[1:], y[1:]])
            first: QLineF = shiboken6.wrapInstance(lines.ctypes.data, QLineF)  # type: ignore[assignment]
            painter.drawLines(first, len(lines))

    def draw_density(self, lines: Sequence[CurveLine], clear: float) -> QImage:
        """An image of all lines from the lowest to the highest value of every few pixels, each translucent.

        Summed down the columns by numpy: Qt fills upright bars span by span, which takes ten times as long.
        """
        edges = self.low + np.arange(0, self.width + COLUMN_WIDTH, COLUMN_WIDTH) / self._x[1]
        rows = ceil(self.height / ROW_HEIGHT)
        sums = np.zeros((rows + 1, len(edges) - 1, 4), np.int16)
        for line in lines[:MAX_LINES]:
            filled, low, high = curve_thinning.column_extremes(line.x, line.y, edges)
            top, bottom = (np.clip(self.to_y_pixels(y) / ROW_HEIGHT, 0, rows).astype(np.intp) for y in (high, low))
            ink = np.array([*_rgba(colour_of(line.curve.slot))[2::-1], 1], np.int16)
            sums[top, filled] += ink
            sums[np.minimum(bottom + 1, rows), filled] -= ink
        sums = np.cumsum(sums[:-1], axis=0, dtype=np.int16)
        counts = np.arange(MAX_LINES + 1)
        alpha = 1 - (1 - clear) ** counts
        pixels = np.empty(sums.shape, np.uint8)
        share = (alpha / np.maximum(1, counts)).astype(np.float32)[sums[..., 3]]
        np.multiply(sums[..., :3], share[..., None], out=pixels[..., :3], casting="unsafe")
        pixels[..., 3] = (255 * alpha).astype(np.uint8)[sums[..., 3]]
        height, width = rows, len(edges) - 1
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
        return image.scaled(width * COLUMN_WIDTH, height * ROW_HEIGHT)  # a copy, which outlives the numbers

    def _draw_dot(self, painter: QPainter, x: Numbers, y: Numbers, colour: QColor, radius: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for left, top in zip(self.to_x_pixels(x).tolist(), self.to_y_pixels(y).tolist(), strict=True):
            painter.drawEllipse(QPointF(left, top), radius, radius)


def _rgba(colour: QColor) -> tuple[int, int, int, int]:
    return colour.red(), colour.green(), colour.blue(), colour.alpha()
