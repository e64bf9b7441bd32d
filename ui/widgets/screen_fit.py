"""Keeps windows and dialogs within the screen, with scroll bars where their minimum size is larger."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QFrame, QMessageBox, QScrollArea, QVBoxLayout, QWidget

ASSUMED_FRAME = QSize(8, 40)  # kept for the frame that is not there yet
PLACED_AFTER_MS = 300  # milliseconds in which a window manager has placed a dialog
OWN_LAYOUTS = (QFileDialog, QMessageBox)  # Qt's, which know how to be small


def watch(app: QApplication) -> None:
    """Fit each dialog to the screen when it is shown."""
    app.focusWindowChanged.connect(_on_window)


def fit(window: QWidget) -> None:
    """Make a window no larger than its screen, and move it fully onto it."""
    if window.isMaximized() or window.isFullScreen():
        return
    room = window.screen().availableGeometry()
    frame = (
        (window.frameGeometry().size() - window.size()).expandedTo(QSize(0, 0)) if window.isVisible() else ASSUMED_FRAME
    )
    place = fit_rect(QRect(window.pos(), window.size()), frame, room)
    if place.size() != window.size():
        window.resize(place.size())
    if place.topLeft() != window.pos():
        window.move(place.topLeft())


def fit_rect(place: QRect, frame: QSize, room: QRect) -> QRect:
    """`place` (position with the frame, size without it) made small enough for `room` and moved into it."""
    size = place.size().boundedTo(room.size() - frame)
    left = max(room.left(), min(place.left(), room.right() + 1 - size.width() - frame.width()))
    top = max(room.top(), min(place.top(), room.bottom() + 1 - size.height() - frame.height()))
    return QRect(QPoint(left, top), size)


def wrap_in_scroll_area(content: QWidget) -> QScrollArea:
    """`content` in a scroll area that shows scroll bars where it does not fit."""
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    return area


def _on_window(found: QWindow | None) -> None:
    dialog = next((one for one in QApplication.topLevelWidgets() if found and one.windowHandle() is found), None)
    if not isinstance(dialog, QDialog):
        return
    room = dialog.screen().availableGeometry().size() - ASSUMED_FRAME
    least = dialog.minimumSizeHint().expandedTo(dialog.minimumSize())
    if (least.width() > room.width() or least.height() > room.height()) and not isinstance(dialog, OWN_LAYOUTS):
        _scroll(dialog)
    fit(dialog)
    QTimer.singleShot(PLACED_AFTER_MS, dialog, lambda: _move_onto_screen(dialog))


def _move_onto_screen(dialog: QDialog) -> None:
    """Move a dialog over its window when it is not fully on the screen.

    A dialog that grows while it is placed ends in the screen's corner with its frame outside: Qt takes the position
    inside the frame for the one on the screen.
    """
    owner = dialog.parentWidget()
    if not dialog.isVisible() or owner is None or dialog.screen().availableGeometry().contains(dialog.frameGeometry()):
        return
    place = dialog.frameGeometry()
    place.moveCenter(owner.window().frameGeometry().center())
    dialog.move(place.topLeft())
    fit(dialog)


def _scroll(dialog: QDialog) -> None:
    """Put the content of a dialog into a scroll area."""
    layout = dialog.layout()
    if layout is None or dialog.findChild(QScrollArea, "whole"):
        return
    inner = QWidget()
    inner.setLayout(layout)  # which takes it, with all it lays out, from the dialog
    area = wrap_in_scroll_area(inner)
    area.setObjectName("whole")
    outer = QVBoxLayout(dialog)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(area)
    dialog.setMinimumSize(0, 0)
