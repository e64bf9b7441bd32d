"""The readout beside the cross-hair of the curves: a small table of values, placed where it covers no line's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen

from core.language import tr
from ui.charts.curve_legend import paint_swatch

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
    painter.drawRoundedRect(box, 4, 4)
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
