"""A histogram of row lengths in tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.language import tr, trn
from ui import style
from ui.widgets import basics

BAR_GAP = 2  # pixels between two bars
MAX_GRID_LINES = 4  # at most so many lines across


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """`count` rows have `low` to `high` - 1 tokens."""

    low: int
    high: int
    count: int


class Histogram(QWidget):
    """The rows by their length in tokens, as bars of equal width.

    The limit is marked by a line; a tool tip over each bar gives its numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bars: Sequence[HistogramBar] = ()
        self._limit = 0
        self.setMinimumHeight(style.scaled(150))
        self.setAccessibleName(tr("Rows by their length in tokens"))

    def show_bars(self, bars: Sequence[HistogramBar], limit: int = 0) -> None:
        """Show `bars`, with a line at `limit` tokens; 0 for no limit."""
        self._bars, self._limit = bars, limit
        self.setAccessibleDescription("\n".join(format_bar(bar) for bar in bars if bar.count))
        self.update()

    def bars(self) -> Sequence[HistogramBar]:
        """The bars that are shown."""
        return self._bars

    def sizeHint(self) -> QSize:
        return QSize(style.scaled(480), style.scaled(180))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            bar = self.bar_at(event.pos().x())
            QToolTip.showText(event.globalPos(), basics.plain_tooltip(format_bar(bar)) if bar else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._bars:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = round_up(max(bar.count for bar in self._bars))
        self._paint_lines(painter, top)
        self._paint_bars(painter, top)
        self._paint_steps(painter)
        if self._bars[0].low < self._limit < self._bars[-1].high:
            self._paint_limit(painter)

    def _plot(self) -> QRectF:
        """The rectangle of the bars."""
        metrics = self.fontMetrics()
        top = round_up(max((bar.count for bar in self._bars), default=1))
        left = metrics.horizontalAdvance(f"{top:,}") + style.SPACE
        below = metrics.height() + style.SPACE // 2
        return QRectF(
            left,
            metrics.height() / 2 + 2,
            self.width() - left - style.SPACE,
            self.height() - below - metrics.height() / 2 - 2,
        )

    def _bar_rect(self, number: int) -> QRectF:
        plot, width = self._plot(), self._plot().width() / len(self._bars)
        return QRectF(plot.left() + number * width, plot.top(), width, plot.height())

    def bar_at(self, x: int) -> HistogramBar | None:
        """The bar at `x` pixels from the left; None beside the bars."""
        return next(
            (
                bar
                for number, bar in enumerate(self._bars)
                if self._bar_rect(number).left() <= x < self._bar_rect(number).right()
            ),
            None,
        )

    def _paint_lines(self, painter: QPainter, top: int) -> None:
        plot = self._plot()
        step = round_up(-(-top // MAX_GRID_LINES))
        for value in range(0, top + 1, step):
            y = plot.bottom() - plot.height() * value / top
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            height = painter.fontMetrics().height()
            room = QRectF(0, y - height / 2, plot.left() - style.SPACE // 2, height)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:,}")

    def _paint_bars(self, painter: QPainter, top: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for number, bar in enumerate(self._bars):
            over = bool(self._limit) and bar.low >= self._limit
            painter.setBrush(style.colours("error")[0] if over else QColor(style.SERIES[0]))
            place = self._bar_rect(number)
            # One row among a million is still seen.
            height = max(2.0, place.height() * bar.count / top) if bar.count else 0.0
            painter.drawRect(
                QRectF(place.left() + BAR_GAP / 2, place.bottom() - height, place.width() - BAR_GAP, height)
            )

    def _paint_steps(self, painter: QPainter) -> None:
        """Paint numbers below the edges of the bars, as many as fit."""
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        metrics: QFontMetrics = self.fontMetrics()
        free = 0.0
        for number, bar in enumerate(self._bars):
            text, place = f"{bar.low:,}", self._bar_rect(number)
            width = metrics.horizontalAdvance(text)
            left = place.left() - width / 2
            if left >= free and left + width <= self.width():
                painter.drawText(QPointF(left, self.height() - metrics.descent() - 1), text)
                free = left + width + style.SPACE

    def _paint_limit(self, painter: QPainter) -> None:
        number, bar = next((n, bar) for n, bar in enumerate(self._bars) if bar.low <= self._limit < bar.high)
        place = self._bar_rect(number)
        x = place.left() + place.width() * (self._limit - bar.low) / (bar.high - bar.low)
        painter.setPen(QPen(style.colours("error")[0], 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))
        text = tr("limit {limit}", limit=f"{self._limit:,}")
        left = x - style.SPACE // 2 - self.fontMetrics().horizontalAdvance(text)
        painter.drawText(QPointF(left, place.top() + self.fontMetrics().ascent()), text)


def format_bar(bar: HistogramBar) -> str:
    """A bar's numbers as text."""
    return trn(
        "{n} row has {low} to {high} tokens",
        "{n} rows have {low} to {high} tokens",
        bar.count,
        low=f"{bar.low:,}",
        high=f"{bar.high - 1:,}",
    )


def round_up(number: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … that is not below `number`."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step >= number:
                return factor * step
        step *= 10
