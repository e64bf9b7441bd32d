"""A message that floats over a window: it moves nothing under it, and covers nothing that can be pressed or typed into."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenuBar,
    QTabBar,
    QWidget,
)

from ui import style, widgets
from ui.growing_edit import GrowingEdit

PRESSED = (QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox, QTabBar, QMenuBar, GrowingEdit)
WIDTHS = (760, 560, 420, 320)  # pixels; the widest that finds a free place is taken
STEP = 8  # pixels between two places that are tried


class Floating(widgets.Coloured):
    """Finds its place when it is shown, when its text changes and when the window's size does."""

    def __init__(self, name: str, meaning: str, window: QWidget) -> None:
        super().__init__(name, meaning, window)
        window.installEventFilter(self)

    def place(self) -> None:
        window = self.parentWidget()
        taken = list(obstacles(window, self))
        self.setGeometry(free_place(window.size(), [self._size(width) for width in self._widths()], taken))
        self.raise_()

    def _widths(self) -> list[int]:
        most = self.parentWidget().width() - 2 * style.SPACE
        return sorted({min(width, most) for width in WIDTHS}, reverse=True)

    def _size(self, width: int) -> QSize:
        layout = self.layout()
        layout.activate()
        least = layout.totalMinimumSize()
        width = max(width, least.width())
        return QSize(width, max(layout.totalHeightForWidth(width), least.height()))

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):  # a button has been dressed, and is higher
            self.place()
        return handled

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return False


def obstacles(window: QWidget, floating: QWidget) -> Iterator[QRect]:
    """What must not be covered: whatever is pressed or typed into, and other messages."""
    for part in window.findChildren(QWidget, options=Qt.FindChildOption.FindChildrenRecursively):
        if not part.isVisible() or part.window() is not window or floating.isAncestorOf(part) or part is floating:
            continue
        if isinstance(part, (PRESSED, Floating)):
            seen = part.visibleRegion().boundingRect()
            if not seen.isEmpty():
                yield seen.translated(part.mapTo(window, QPoint(0, 0)))


def free_place(room: QSize, sizes: list[QSize], taken: list[QRect]) -> QRect:
    """The lowest place of the widest size that touches nothing that is taken; where there is none, the one in the foot's middle."""
    for size in sizes:
        lefts = ((room.width() - size.width()) // 2, style.SPACE, room.width() - size.width() - style.SPACE)
        for top in range(room.height() - size.height() - STEP, 0, -STEP):
            for left in lefts:
                place = QRect(QPoint(left, top), size)
                if not any(place.intersects(rect) for rect in taken):
                    return place
    size = sizes[0]
    return QRect(QPoint((room.width() - size.width()) // 2, room.height() - size.height() - STEP), size)
