"""The little table beside the cross-hair: what each line tells there, set where it hides no line's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen

from core.language import tr
from ui.charts.curve_legend import paint_swatch

MARGIN = 8.0
SWATCH = 18.0
LONGEST = 230.0  # pixels of a line's name
NEAR = 12.0  # from the cross-hair, and around a line's end


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Points in pixels, (n, 2): of the lines as they run, and of their ends."""

    runs: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line's value. `step` is told where the value is not of the cross-hair's own step."""

    colour: QColor
    part: str
    title: str
    value: float
    step: int | None

    @property
    def told(self) -> str:
        value = f"{self.value:.4g}"
        return value if self.step is None else tr("{value} (step {step})", value=value, step=f"{self.step:,}")


def paint_readout(
    painter: QPainter,
    place: QRectF,
    x: float,
    title: str,
    entries: Sequence[Entry],
    crowd: Crowd,
    colours: QPalette,
) -> None:
    """Paint the table inside of `place`, beside `x`, away from the lines' ends."""
    table = Table(painter, place, title, entries)
    box = free_place(table.width, table.height, place, x, crowd)
    painter.setPen(QPen(colours.color(QPalette.ColorRole.Mid), 1))
    background = colours.color(QPalette.ColorRole.Window)
    background.setAlpha(235)
    painter.setBrush(background)
    painter.drawRoundedRect(box, 4, 4)
    table.paint(painter, box, colours.color(QPalette.ColorRole.Text))


class Table:
    """The entries in as many columns as the height of the chart asks for."""

    def __init__(self, painter: QPainter, place: QRectF, title: str, entries: Sequence[Entry]) -> None:
        self._metrics = QFontMetricsF(painter.font())
        self._title = title
        self._line = self._metrics.height() + 2
        rows = max(1, int((place.height() - 2 * MARGIN) / self._line) - 1)
        self._columns = [list(entries[start : start + rows]) for start in range(0, len(entries), rows)]
        self._widths = [self._width(column) for column in self._columns]
        named = self._metrics.horizontalAdvance(title)
        self.width = (
            max(named, sum(total for _name, total in self._widths) + MARGIN * (len(self._widths) - 1)) + 2 * MARGIN
        )
        self.height = self._line * (1 + max(len(column) for column in self._columns)) + 2 * MARGIN

    def _width(self, column: list[Entry]) -> tuple[float, float]:
        """The width of the names in a column, and of all of it."""
        name = min(LONGEST, max(self._metrics.horizontalAdvance(entry.title) for entry in column))
        value = max(self._metrics.horizontalAdvance(entry.told) for entry in column)
        return name, SWATCH + name + value + 2 * MARGIN

    def paint(self, painter: QPainter, box: QRectF, text: QColor) -> None:
        left, top = box.left() + MARGIN, box.top() + MARGIN
        painter.setPen(text)
        painter.drawText(QRectF(left, top, box.width(), self._line), Qt.AlignmentFlag.AlignVCenter, self._title)
        for column, (name, total) in zip(self._columns, self._widths, strict=True):
            for number, entry in enumerate(column, start=1):
                self._paint_entry(
                    painter, QRectF(left, top + number * self._line, total, self._line), entry, name, text
                )
            left += total + MARGIN

    def _paint_entry(self, painter: QPainter, place: QRectF, entry: Entry, name: float, text: QColor) -> None:
        paint_swatch(painter, QRectF(place.left(), place.top(), SWATCH, place.height()), entry.colour, entry.part)
        painter.setPen(text)
        place.setLeft(place.left() + SWATCH + MARGIN)
        title = self._metrics.elidedText(entry.title, Qt.TextElideMode.ElideMiddle, name + 1)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, entry.told)


def free_place(width: float, height: float, place: QRectF, x: float, crowd: Crowd) -> QRectF:
    """Where a table of that size covers no end of a line, and little of the lines; left of `x` rather than right."""
    tops = (place.top() + NEAR, place.bottom() - NEAR - height, place.center().y() - height / 2)
    lefts = (x - NEAR - width, x + NEAR, place.left() + NEAR, place.right() - NEAR - width)
    room = place.adjusted(2, 2, -2, -2)
    found = [QRectF(left, top, width, height) for left in lefts for top in tops]
    inside = [box for box in found if room.contains(box)] or [QRectF(place.left() + 2, place.top() + 2, width, height)]
    return min(inside, key=lambda box: (_covered(box, crowd.ends), _covered(box, crowd.runs)))


def _covered(box: QRectF, points: npt.NDArray[np.float64]) -> int:
    """How many of the points lie in the box, or almost."""
    x, y = points[:, 0], points[:, 1]
    across = (x > box.left() - NEAR) & (x < box.right() + NEAR)
    return int(np.count_nonzero(across & (y > box.top() - NEAR) & (y < box.bottom() + NEAR)))
