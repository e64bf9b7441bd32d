"""The overlay that is shown while files are dragged over the window: where they may be dropped, and what will happen."""

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

from ui import style

FORGOTTEN_MS = 3000  # milliseconds without a move of the drag
VEIL_ALPHA = 225  # of 255; the window below shows through a little


class DropOverlay(QWidget):
    """A translucent widget above a part of `window`; it takes no mouse events."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._window = window
        self.text = ""
        # A program that ends right after the drop sends no end of the drag; the next move shows the overlay again.
        self._forgotten = QTimer(self, singleShot=True, interval=FORGOTTEN_MS)
        self._forgotten.timeout.connect(self.hide)
        self.hide()

    def show_over(self, place: QWidget, text: str) -> None:
        """Cover `place`, a part of the window, and show `text`."""
        self.setGeometry(place.rect().translated(place.mapTo(self._window, place.rect().topLeft())))
        self.text = text
        self.setAccessibleName(text)
        self.raise_()
        self.show()
        self._forgotten.start()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(self.palette().color(QPalette.ColorRole.Base))
        veil.setAlpha(VEIL_ALPHA)
        painter.fillRect(self.rect(), veil)
        painter.setPen(QPen(style.focus_ring_colour(), style.HAIR, Qt.PenStyle.DashLine))
        inset, around = style.SPACE, 4 * style.SPACE
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), inset, inset)
        painter.setFont(style.sized_font(painter.font(), style.DISPLAY))
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(self.rect().adjusted(around, around, -around, -around), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.text)  # fmt: skip
