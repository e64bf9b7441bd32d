"""Keeps windows and dialogs within the screen, with scroll bars where their minimum size is larger."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLayout,
    QLayoutItem,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

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
    make_room_for(dialog, dialog.screen().availableGeometry().size() - ASSUMED_FRAME)
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


def make_room_for(dialog: QDialog, room: QSize) -> None:
    """Scroll the content of a dialog that needs more than `room`; its buttons stay in sight below."""
    least = dialog.minimumSizeHint().expandedTo(dialog.minimumSize())
    is_too_large = least.width() > room.width() or least.height() > room.height()
    if is_too_large and not isinstance(dialog, OWN_LAYOUTS):
        _scroll(dialog)
    if dialog.width() > room.width() or dialog.height() > room.height():
        dialog.resize(dialog.size().boundedTo(room))


def _scroll(dialog: QDialog) -> None:
    """Put the content of a dialog into a scroll area, without its buttons."""
    layout = dialog.layout()
    if layout is None or dialog.findChild(QScrollArea, "whole"):
        return
    buttons = _take_buttons(layout)
    inner = QWidget()
    inner.setLayout(layout)  # which takes it, with all it lays out, from the dialog
    area = wrap_in_scroll_area(inner)
    area.setObjectName("whole")
    outer = QVBoxLayout(dialog)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(area)
    if buttons is not None:
        margins = layout.contentsMargins()
        below = QHBoxLayout()
        below.setContentsMargins(margins.left(), 0, margins.right(), margins.bottom())
        if widget := buttons.widget():
            below.addWidget(widget)
        elif inside := buttons.layout():
            below.addLayout(inside)
        outer.addLayout(below)
    dialog.setMinimumSize(0, 0)


def _take_buttons(layout: QLayout) -> QLayoutItem | None:
    """Take the last line out of a column, where it has buttons alone; None where it has not."""
    if not isinstance(layout, QVBoxLayout) or layout.count() < 2:
        return None
    last = layout.itemAt(layout.count() - 1)
    assert last is not None
    if not isinstance(last.widget(), QDialogButtonBox) and not _is_line_of_buttons(last.layout()):
        return None
    return layout.takeAt(layout.count() - 1)


def _is_line_of_buttons(line: QLayout | None) -> bool:
    if line is None:
        return False
    items = [item for place in range(line.count()) if (item := line.itemAt(place)) is not None]
    widgets = [part for item in items if (part := item.widget()) is not None]
    return bool(widgets) and all(isinstance(part, QAbstractButton | QDialogButtonBox) for part in widgets)
