"""The icon of an error, a warning or a note, the same in every list."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

from ui import style


def severity_icon(severity: str) -> QIcon:
    """A red disc with a cross, an amber triangle, or a ringed dot: different shapes, not only colours."""
    picture = QPixmap(32, 32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour, back = style.colours(severity)
    pen = painter.pen()
    pen.setWidthF(2.6)
    pen.setColor(colour)
    painter.setPen(pen)
    painter.setBrush(back)
    {"error": _paint_error, "warning": _paint_warning, "note": _paint_note}[severity](painter, colour)
    painter.end()
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)  # else the line's colour would be mixed in
    return icon


def _paint_error(painter: QPainter, _colour: QColor) -> None:
    painter.drawEllipse(QRectF(4, 4, 24, 24))
    painter.drawLine(QPointF(11, 11), QPointF(21, 21))
    painter.drawLine(QPointF(21, 11), QPointF(11, 21))


def _paint_note(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(4, 4, 24, 24))
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(16, 16), 2.4, 2.4)


def _paint_warning(painter: QPainter, colour: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(16, 4), QPointF(29, 27), QPointF(3, 27)]))
    painter.drawLine(QPointF(16, 12), QPointF(16, 19))
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(16, 23), 0.8, 0.8)
