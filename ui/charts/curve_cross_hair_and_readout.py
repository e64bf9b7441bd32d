"""The cross-hair over the curves: a dot on each line, and the box with their values, where it covers few points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from core.language import tr
from core.lazy_numpy import np, npt
from ui import style
from ui.charts import curve_thinning
from ui.charts.curve_drawing import PlotFrame
from ui.charts.curve_legend import colour_of, paint_swatch
from ui.charts.curve_thinning import CurveLine

READOUT_MARGIN = 8.0
READOUT_SWATCH = 18.0
MAX_NAME_WIDTH = 230.0  # pixels of a line's name
READOUT_DISTANCE = 12.0  # from the cross-hair, and around a line's end


@dataclass(frozen=True, slots=True, eq=False)
class LinePoints:
    """Points in pixels, shape (n, 2): along the lines, and at their ends."""

    runs: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReadoutEntry:
    """One line's value. `step` is given when the value is not of the cross-hair's own step."""

    colour: QColor
    part: str
    title: str
    value: float
    step: int | None

    @property
    def value_text(self) -> str:
        """The value with four digits, and its step where the entries differ in it."""
        value = f"{self.value:.4g}"
        return value if self.step is None else tr("{value} (step {step})", value=value, step=f"{self.step:,}")


def paint_readout(
    painter: QPainter,
    place: QRectF,
    x: float,
    title: str,
    entries: Sequence[ReadoutEntry],
    crowd: LinePoints,
    colours: QPalette,
) -> None:
    """Paint the table inside `place`, beside `x`, away from the ends of the lines."""
    table = ReadoutTable(painter, place, title, entries)
    box = find_readout_place(table.width, table.height, place, x, crowd)
    painter.setPen(QPen(colours.color(QPalette.ColorRole.Mid), 1))
    background = colours.color(QPalette.ColorRole.Window)
    background.setAlpha(235)
    painter.setBrush(background)
    painter.drawRoundedRect(box, style.SMALL_RADIUS, style.SMALL_RADIUS)
    table.paint(painter, box, colours.color(QPalette.ColorRole.Text))


class ReadoutTable:
    """The entries in as many columns as the chart's height needs."""

    def __init__(self, painter: QPainter, place: QRectF, title: str, entries: Sequence[ReadoutEntry]) -> None:
        self._metrics = QFontMetricsF(painter.font())
        self._title = title
        self._line = self._metrics.height() + 2
        rows = max(1, int((place.height() - 2 * READOUT_MARGIN) / self._line) - 1)
        self._columns = [list(entries[start : start + rows]) for start in range(0, len(entries), rows)]
        self._widths = [self._width(column) for column in self._columns]
        named = self._metrics.horizontalAdvance(title)
        self.width = (
            max(named, sum(total for _name, total in self._widths) + READOUT_MARGIN * (len(self._widths) - 1))
            + 2 * READOUT_MARGIN
        )
        self.height = self._line * (1 + max(len(column) for column in self._columns)) + 2 * READOUT_MARGIN

    def _width(self, column: list[ReadoutEntry]) -> tuple[float, float]:
        """The width of the names in a column, and of the whole column."""
        name = min(MAX_NAME_WIDTH, max(self._metrics.horizontalAdvance(entry.title) for entry in column))
        value = max(self._metrics.horizontalAdvance(entry.value_text) for entry in column)
        return name, READOUT_SWATCH + name + value + 2 * READOUT_MARGIN

    def paint(self, painter: QPainter, box: QRectF, text: QColor) -> None:
        left, top = box.left() + READOUT_MARGIN, box.top() + READOUT_MARGIN
        painter.setPen(text)
        painter.drawText(QRectF(left, top, box.width(), self._line), Qt.AlignmentFlag.AlignVCenter, self._title)
        for column, (name, total) in zip(self._columns, self._widths, strict=True):
            for number, entry in enumerate(column, start=1):
                self._paint_entry(
                    painter, QRectF(left, top + number * self._line, total, self._line), entry, name, text
                )
            left += total + READOUT_MARGIN

    def _paint_entry(self, painter: QPainter, place: QRectF, entry: ReadoutEntry, name: float, text: QColor) -> None:
        paint_swatch(
            painter, QRectF(place.left(), place.top(), READOUT_SWATCH, place.height()), entry.colour, entry.part
        )
        painter.setPen(text)
        place.setLeft(place.left() + READOUT_SWATCH + READOUT_MARGIN)
        title = self._metrics.elidedText(entry.title, Qt.TextElideMode.ElideMiddle, name + 1)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, entry.value_text)


def find_readout_place(width: float, height: float, place: QRectF, x: float, crowd: LinePoints) -> QRectF:
    """A rectangle of that size that covers no end of a line and few of its points, left of `x` if possible."""
    tops = (place.top() + READOUT_DISTANCE, place.bottom() - READOUT_DISTANCE - height, place.center().y() - height / 2)
    lefts = (
        x - READOUT_DISTANCE - width,
        x + READOUT_DISTANCE,
        place.left() + READOUT_DISTANCE,
        place.right() - READOUT_DISTANCE - width,
    )
    room = place.adjusted(2, 2, -2, -2)
    found = [QRectF(left, top, width, height) for left in lefts for top in tops]
    inside = [box for box in found if room.contains(box)] or [QRectF(place.left() + 2, place.top() + 2, width, height)]
    return min(inside, key=lambda box: (_count_covered(box, crowd.ends), _count_covered(box, crowd.runs)))


def _count_covered(box: QRectF, points: npt.NDArray[np.float64]) -> int:
    """How many of the points are in the box or close to it."""
    x, y = points[:, 0], points[:, 1]
    across = (x > box.left() - READOUT_DISTANCE) & (x < box.right() + READOUT_DISTANCE)
    return int(np.count_nonzero(across & (y > box.top() - READOUT_DISTANCE) & (y < box.bottom() + READOUT_DISTANCE)))


@dataclass(frozen=True, slots=True, eq=False)
class CurvePoint:
    """A line's value at the cross-hair: its point `index`, the nearest one where it is not `exact`."""

    line: CurveLine
    index: int
    exact: bool

    @property
    def value(self) -> float:
        """The value as it was reported, without smoothing."""
        return float(self.line.values[self.index])

    @property
    def step(self) -> int:
        """The training step of the point."""
        return int(self.line.steps[self.index])


class CrossHair(pyqtgraph.GraphicsObject):
    """The cross-hair, a dot on each line, and the readout of their values."""

    def __init__(self, box: pyqtgraph.ViewBox) -> None:
        super().__init__(box)
        self.setZValue(10)
        self._box, self._colours = box, QPalette()
        self.x: float | None = None
        self.points: list[CurvePoint] = []
        self._y: float | None = None
        self._title = ""
        box.sigRangeChanged.connect(lambda *_ranges: self.update())
        box.sigResized.connect(lambda _box: self.prepareGeometryChange())

    def show_points(self, x: float | None, y: float | None, points: list[CurvePoint], title: str) -> None:
        """Show the cross with the values of `points`.

        `x` is as on the axis, None hides it; `y` is in pixels, None for no line across.
        """
        self.x, self._y, self.points, self._title = x, y, points, title
        self.update()

    def set_palette(self, colours: QPalette) -> None:
        """Draw with the colours of the theme."""
        self._colours = colours
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box.rect()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        frame, place = PlotFrame(self._box), self.boundingRect()
        if self.x is None or not frame.low <= self.x <= frame.high:
            return
        painter.setClipRect(place)
        x = round(float(frame.to_x_pixels(np.array(self.x)))) + 0.5
        painter.setPen(QPen(style.dim(), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))
        if self._y is not None:
            painter.drawLine(QPointF(place.left(), self._y), QPointF(place.right(), self._y))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for point in self.points:
            self._draw_dot(painter, frame, point)
        entries = [ReadoutEntry(colour_of(one.line.curve.slot), one.line.curve.part, one.line.curve.title, one.value,
                         None if one.exact else one.step) for one in self.points]  # fmt: skip
        paint_readout(painter, place, x, self._title, entries, self._crowd(frame), self._colours)

    def _draw_dot(self, painter: QPainter, frame: PlotFrame, point: CurvePoint) -> None:
        line, index = point.line, point.index
        place = QPointF(float(frame.to_x_pixels(line.x[index])), float(frame.to_y_pixels(line.y[index])))
        painter.setPen(QPen(self._colours.color(QPalette.ColorRole.Base), 1.5))
        painter.setBrush(colour_of(line.curve.slot))
        painter.drawEllipse(place, 4, 4)

    def _crowd(self, frame: PlotFrame) -> LinePoints:
        """Points along the lines, and the visible ends of the lines."""
        lines = [point.line for point in self.points]
        thin = [
            curve_thinning.thin(line.x, line.y, curve_thinning.visible_slice(line.x, frame.low, frame.high), 64)
            for line in lines
        ]
        runs = [np.column_stack([frame.to_x_pixels(x), frame.to_y_pixels(y)]) for x, y in thin]
        ends = [line for line in lines if frame.low <= line.x[-1] <= frame.high]
        last = [(float(frame.to_x_pixels(line.x[-1])), float(frame.to_y_pixels(line.y[-1]))) for line in ends]
        return LinePoints(np.concatenate(runs), np.array(last).reshape(-1, 2))
