"""The curves for elsewhere: a picture with its legend, and the numbers as a table."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPalette
from PySide6.QtWidgets import QWidget

from core.formats import csv_cells
from core.formats.output_files import replacing
from core.training import metrics as training_metrics
from ui import style
from ui.charts.curve_legend import SWATCH, colour_of, paint_swatch
from ui.charts.curve_thinning import Curve

SHARP = 2  # pixels of the picture for each of the screen's


def picture(plot: QWidget, shown: Sequence[Curve], title: str) -> QImage:
    """The plot as it is seen, with a title above it and a legend below, at twice the screen's resolution."""
    metrics = plot.fontMetrics()
    places, legend = _placed(metrics, [curve.title for curve in shown], plot.width() - 2 * style.SPACE)
    head = metrics.height() + style.SPACE
    image = QImage(plot.width() * SHARP, (plot.height() + head + legend) * SHARP, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SHARP)
    image.fill(plot.palette().color(QPalette.ColorRole.Base))
    painter = QPainter(image)
    painter.setFont(plot.font())
    text = plot.palette().color(QPalette.ColorRole.Text)
    painter.setPen(text)
    painter.drawText(
        QRectF(style.SPACE, style.SPACE / 2, plot.width(), metrics.height()), Qt.AlignmentFlag.AlignVCenter, title
    )
    QWidget.render(plot, painter, QPoint(0, head))  # the view has one of its own, which paints the scene alone
    for curve, place in zip(shown, places, strict=True):
        place.translate(style.SPACE, plot.height() + head)
        _paint_entry(painter, place, curve, text)
    painter.end()
    return image


def _placed(metrics: QFontMetrics, titles: Sequence[str], width: int) -> tuple[list[QRectF], int]:
    """Where the legend's entries stand, line by line, and how high it is."""
    places, left, top = [], 0, 0
    line = metrics.height() + 6
    for title in titles:
        needed = min(width, SWATCH.width() + metrics.horizontalAdvance(title) + 3 * style.SPACE)
        if left and left + needed > width:
            left, top = 0, top + line
        places.append(QRectF(left, top, needed, line))
        left += needed
    return places, (top + line + style.SPACE) if titles else style.SPACE


def _paint_entry(painter: QPainter, place: QRectF, curve: Curve, text: object) -> None:
    paint_swatch(
        painter, QRectF(place.left(), place.top(), SWATCH.width(), place.height()), colour_of(curve.slot), curve.part
    )
    painter.setPen(text)
    place.setLeft(place.left() + SWATCH.width() + style.SPACE / 2)
    title = painter.fontMetrics().elidedText(curve.title, Qt.TextElideMode.ElideMiddle, round(place.width()))
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, title)


def save_picture(image: QImage, path: Path) -> None:
    """Write a PNG file. Raises FormatError when it cannot be written; what was there before stays then."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide takes text, against its stub
    with replacing(path) as file:
        file.write(buffer.data().data())


def save_table(shown: Sequence[Curve], path: Path) -> None:
    """Write the numbers as they were told, as CSV. Raises FormatError when it cannot be written."""
    text = training_metrics.table([(curve.title, curve.series) for curve in shown])
    with replacing(path) as file:
        file.write((csv_cells.BOM + text).encode())
