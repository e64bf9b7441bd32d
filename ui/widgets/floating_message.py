"""A message that floats over a window or page. It moves nothing and covers no button and no field."""

from collections.abc import Iterator

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListView,
    QMenuBar,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

from ui import style
from ui.widgets import basics
from ui.widgets.text_fields import GrowingTextEdit

NEVER_COVERED = (QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox, QTabBar, QMenuBar, GrowingTextEdit)
AVOIDED_WIDGETS = (
    QPlainTextEdit,
    QTextEdit,
    QListView,
)  # covered only where there is no other place: they may fill a window
MESSAGE_WIDTHS = (760, 560, 420, 320)  # pixels; the widest that finds a free place is taken
PLACE_STEP = 8  # pixels between two places that are tried


class FloatingMessage(basics.ColouredFrame):
    """The base of messages that float over a window.

    It moves to a free place when it is shown and when its text or the size of `host` changes.
    `host` is a window, or a page of one; the message is shown and hidden with it.
    """

    def __init__(self, name: str, meaning: str, host: QWidget) -> None:
        super().__init__(name, meaning, host)
        self._host = host
        host.installEventFilter(self)

    def place(self) -> None:
        """Move to the lowest place that covers no button."""
        host = self._host
        room = host.visibleRegion().boundingRect() or host.rect()  # a page may be larger than what is seen of it
        sizes = [self._size(width) for width in self._widths(room)]
        pressed = list(find_obstacles(host, self))
        found = find_free_place(
            room, sizes, pressed + list(find_obstacles(host, self, AVOIDED_WIDGETS))
        ) or find_free_place(room, sizes, pressed)
        self.setGeometry(found or bottom_place(room, sizes[0]))
        self.raise_()

    def _widths(self, room: QRect) -> list[int]:
        most = room.width() - 2 * style.SPACE
        return sorted({min(width, most) for width in MESSAGE_WIDTHS}, reverse=True)

    def _size(self, width: int) -> QSize:
        layout = self.layout()
        assert layout
        layout.activate()
        least = layout.totalMinimumSize()
        width = max(width, least.width())
        return QSize(width, max(layout.totalHeightForWidth(width), least.height()))

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):  # a button has been dressed, and is higher
            self.place()
        if event.type() == QEvent.Type.Show:  # what comes up together with it is laid out by then
            QTimer.singleShot(0, self, self.reposition)
        return handled

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.reposition()
        return False

    def reposition(self) -> None:
        """Look for a place again: what is below has changed."""
        if self.isVisible():
            self.place()


def reposition_all(window: QWidget) -> None:
    """Let the messages over `window` look for their places again, after the page that was switched to is laid out."""
    for one in window.findChildren(FloatingMessage):
        QTimer.singleShot(0, one, one.reposition)


def find_obstacles(
    host: QWidget, floating: QWidget, kinds: tuple[type[QWidget], ...] = NEVER_COVERED
) -> Iterator[QRect]:
    """The rectangles that must not be covered, in the coordinates of `host`: buttons, fields, other messages."""
    window = host.window()
    for part in window.findChildren(QWidget, options=Qt.FindChildOption.FindChildrenRecursively):
        if not part.isVisible() or part.window() is not window or floating.isAncestorOf(part) or part is floating:
            continue
        if isinstance(part, (*kinds, FloatingMessage)) and not (
            isinstance(part, (QPlainTextEdit, QTextEdit)) and part.isReadOnly()
        ):
            seen = part.visibleRegion().boundingRect()
            if not seen.isEmpty():
                yield seen.translated(host.mapFromGlobal(part.mapToGlobal(QPoint(0, 0))))


def find_free_place(room: QRect, sizes: list[QSize], taken: list[QRect]) -> QRect | None:
    """The lowest place in `room`, of the widest size, that intersects none of `taken`; None without one."""
    for size in sizes:
        lefts = ((room.width() - size.width()) // 2, style.SPACE, room.width() - size.width() - style.SPACE)
        for top in range(room.height() - size.height() - PLACE_STEP, 0, -PLACE_STEP):
            for left in lefts:
                place = QRect(room.topLeft() + QPoint(left, top), size)
                if not any(place.intersects(rect) for rect in taken):
                    return place
    return None


def bottom_place(room: QRect, size: QSize) -> QRect:
    """The middle of the bottom of `room`."""
    return QRect(
        room.topLeft() + QPoint((room.width() - size.width()) // 2, room.height() - size.height() - PLACE_STEP), size
    )
