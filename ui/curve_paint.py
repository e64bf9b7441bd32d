"""Paints the curves into a picture that is kept, and the cross-hair over it: moving the pointer costs no curve anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph
import shiboken6
from pyqtgraph.functions import arrayToQPolygonF
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ui import curve_lines, style
from ui.curve_legend import DASHES, colour_of
from ui.curve_lines import Line, Numbers
from ui.curve_readout import Entry, paint_readout

FAINT = 0.28  # of a told point's colour beside the smooth line
DOTTED = 80  # points in sight up to which each is marked
MANY = 6  # lines from which, while the view moves, only the smooth ones are drawn
RESTED = 0.12  # seconds without a change after which all is drawn again


class Painting(pyqtgraph.GraphicsObject):
    """All lines, in the pixels of the box that it lies in."""

    def __init__(self, box: pyqtgraph.ViewBox) -> None:
        super().__init__(box)
        self._box, self._lines, self._colours = box, (), QPalette()
        self._kept: QImage | None = None
        self._changed_at = 0.0
        self._moving = False
        self._rest = QTimer(self, singleShot=True, interval=round(1000 * RESTED))
        self._rest.timeout.connect(self._on_rest)
        box.sigRangeChanged.connect(lambda *_ranges: self._spoil())
        box.sigResized.connect(lambda _box: self._on_resized())

    def show_lines(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._spoil()

    def dress(self, colours: QPalette) -> None:
        self._colours = colours
        self._spoil()

    def boundingRect(self) -> QRectF:
        return self._box.rect()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        place, scale = self.boundingRect(), painter.device().devicePixelRatioF()
        width, height = (max(1, round(length * scale)) for length in (place.width(), place.height()))
        if self._kept is None or (self._kept.width(), self._kept.height()) != (width, height):
            self._kept = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
            self._kept.setDevicePixelRatio(scale)
            self._kept.fill(0)
            self._draw(self._kept)
        painter.drawImage(place.topLeft(), self._kept)
        if widget is not None and widget.parentWidget() and widget.parentWidget().hasFocus():
            painter.setPen(QPen(QColor(style.ACCENT), 1))
            painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))

    def _spoil(self) -> None:
        """Draw anew. What changes often, as while the view is dragged, is drawn in haste, and whole when it rests."""
        now = time.monotonic()
        self._moving = len(self._lines) > MANY and now - self._changed_at < RESTED
        self._changed_at = now
        self._kept = None
        if self._moving:
            self._rest.start()
        self.update()

    def _on_rest(self) -> None:
        if self._moving:
            self._moving, self._kept = False, None
            self.update()

    def _on_resized(self) -> None:
        self.prepareGeometryChange()
        self._spoil()

    def _draw(self, image: QImage) -> None:
        painter = QPainter(image)
        frame = Frame(self._box, self._colours)
        if not self._moving:
            for line in self._lines:
                frame.draw_told(painter, line)
        for line in self._lines:
            frame.draw_line(painter, line)
        painter.end()


class Frame:
    """What one drawing of the lines knows: the part of the chart that is in sight, and its pixels."""

    def __init__(self, box: pyqtgraph.ViewBox, colours: QPalette) -> None:
        (self.low, self.high), (bottom, top) = box.viewRange()
        self._base = colours.color(QPalette.ColorRole.Base)
        self.width = box.rect().width()
        height = box.rect().height()
        self._x = (-self.low, self.width / ((self.high - self.low) or 1.0))
        self._y = (-top, -height / ((top - bottom) or 1.0))

    def across(self, x: Numbers) -> Numbers:
        return (x + self._x[0]) * self._x[1]

    def down(self, y: Numbers) -> Numbers:
        # What lies far outside, as after a deep zoom, would overflow the painter's own numbers.
        return np.clip((y + self._y[0]) * self._y[1], -1e5, 1e5)

    def draw_told(self, painter: QPainter, line: Line) -> None:
        """The points as they were told, faint, behind their smooth line; as the line itself where there is none."""
        colour = colour_of(line.curve.slot)
        if line.smooth:
            colour = mixed(colour, self._base, FAINT)
            self._draw_dense(painter, line, colour)

    def draw_line(self, painter: QPainter, line: Line) -> None:
        colour = colour_of(line.curve.slot)
        if line.smooth:
            level = curve_lines.level_for(line.smooth[0][0], self.low, self.high, self.width / 2)
            x, y = line.smooth[min(level, len(line.smooth) - 1)]
            part = curve_lines.seen(x, self.low, self.high)
            self._stroke(painter, x[part], y[part], QPen(colour, 2), line.curve.part)
        else:
            self._draw_dense(painter, line, colour, 2)
        part = curve_lines.seen(line.x, self.low, self.high)
        if len(line.x[part]) <= DOTTED:
            self._dot(painter, line.x[part], line.y[part], colour, 2.0 if line.smooth else 3.0)

    def _draw_dense(self, painter: QPainter, line: Line, colour: QColor, width: int = 1) -> None:
        """A line where each point has its pixels; else, for every few pixels, a bar from the least to the most."""
        level = curve_lines.level_for(line.x, self.low, self.high, self.width / 2)
        if level == 0:
            part = curve_lines.seen(line.x, self.low, self.high)
            return self._stroke(painter, line.x[part], line.y[part], QPen(colour, width), line.curve.part)
        x, least, most = line.bands[min(level, len(line.bands) - 1)]
        part = curve_lines.seen(x, self.low, self.high)
        left, bottom, top = self.across(x[part]), self.down(least[part]), self.down(most[part])
        edges = np.round(np.append(left, self.across(line.x[-1:]) if part.stop >= len(x) else left[-1:] + 2))
        # Neighbours touch, or a steep line would fall to pieces.
        top[:-1], bottom[:-1] = np.minimum(top[:-1], bottom[1:]), np.maximum(bottom[:-1], top[1:])
        bars = np.column_stack([edges[:-1], top - width / 2, np.diff(edges), bottom - top + width])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        _draw_many(painter.drawRects, QRectF, bars)
        return None

    def _stroke(self, painter: QPainter, x: Numbers, y: Numbers, pen: QPen, part: str) -> None:
        if len(x) < 2:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = self.across(x), self.down(y)
        if dashes := DASHES.get(part):
            pen.setDashPattern(dashes)
            painter.setPen(pen)
            painter.drawPolyline(arrayToQPolygonF(x, y))
        else:  # apart, lines of two pixels are drawn in half the time
            painter.setPen(pen)
            _draw_many(painter.drawLines, QLineF, np.column_stack([x[:-1], y[:-1], x[1:], y[1:]]))

    def _dot(self, painter: QPainter, x: Numbers, y: Numbers, colour: QColor, radius: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for left, top in zip(self.across(x).tolist(), self.down(y).tolist(), strict=True):
            painter.drawEllipse(QPointF(left, top), radius, radius)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What a line tells at the cross-hair: its point `index`, which is the next one where it is not `exact`."""

    line: Line
    index: int
    exact: bool

    @property
    def value(self) -> float:
        return float(self.line.values[self.index])

    @property
    def step(self) -> int:
        return int(self.line.steps[self.index])


class Cross(pyqtgraph.GraphicsObject):
    """The cross-hair, a dot on each line, and what they tell in words."""

    def __init__(self, box: pyqtgraph.ViewBox) -> None:
        super().__init__(box)
        self.setZValue(10)
        self._box, self._colours = box, QPalette()
        self.x: float | None = None
        self.points: list[Point] = []
        self._y: float | None = None
        self._title = ""
        box.sigRangeChanged.connect(lambda *_ranges: self.update())
        box.sigResized.connect(lambda _box: self.prepareGeometryChange())

    def show_points(self, x: float | None, y: float | None, points: list[Point], title: str) -> None:
        self.x, self._y, self.points, self._title = x, y, points, title
        self.update()

    def dress(self, colours: QPalette) -> None:
        self._colours = colours
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box.rect()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        frame, place = Frame(self._box, self._colours), self.boundingRect()
        if self.x is None or not frame.low <= self.x <= frame.high:
            return
        painter.setClipRect(place)
        x = round(float(frame.across(np.array(self.x)))) + 0.5
        painter.setPen(QPen(style.dim(), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))
        if self._y is not None:
            painter.drawLine(QPointF(place.left(), self._y), QPointF(place.right(), self._y))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for point in self.points:
            self._dot(painter, frame, point)
        entries = [Entry(colour_of(one.line.curve.slot), one.line.curve.part, one.line.curve.title, one.value,
                         None if one.exact else one.step) for one in self.points]  # fmt: skip
        paint_readout(painter, place, x, self._title, entries, self._ends(frame), self._colours)

    def _dot(self, painter: QPainter, frame: Frame, point: Point) -> None:
        line, index = point.line, point.index
        place = QPointF(float(frame.across(line.x[index])), float(frame.down(line.y[index])))
        painter.setPen(QPen(self._colours.color(QPalette.ColorRole.Base), 1.5))
        painter.setBrush(colour_of(line.curve.slot))
        painter.drawEllipse(place, 4, 4)

    def _ends(self, frame: Frame) -> list[QPointF]:
        """Where the lines end that are in sight."""
        lines = [point.line for point in self.points if frame.low <= point.line.x[-1] <= frame.high]
        return [QPointF(float(frame.across(line.x[-1])), float(frame.down(line.y[-1]))) for line in lines]


def mixed(front: QColor, back: QColor, share: float) -> QColor:
    """`share` of `front` over `back`, opaque: overlapping strokes of it are drawn many times as fast as clear ones."""
    return QColor(*(round(share * a + (1 - share) * b) for a, b in zip(front.getRgb(), back.getRgb(), strict=True)))


def _draw_many(draw: Callable[..., None], kind: type, rows: Numbers) -> None:
    """Draw rows of four numbers as lines or rectangles, at one call: Qt reads them where numpy has them."""
    numbers = np.ascontiguousarray(rows)
    if len(numbers):
        draw(shiboken6.wrapInstance(numbers.ctypes.data, kind), len(numbers))
