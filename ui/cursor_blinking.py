"""Lets the text cursor rest when nobody types: each blink would wake the processor and paint, all day long."""

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

REST_AFTER_MS = 10_000  # milliseconds without typing after which the cursor stays on, as in GTK's text fields
TYPING = {
    QEvent.Type.KeyPress,
    QEvent.Type.InputMethod,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.FocusIn,
}


class CursorBlinking(QObject):
    """Makes the cursor of the field with the focus blink as the desktop says, and stay on after a while."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._flash_time = app.cursorFlashTime()  # the desktop's
        self._watched: QObject | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_AFTER_MS)
        self._rest.timeout.connect(lambda: app.setCursorFlashTime(0))
        app.focusObjectChanged.connect(self._on_focus)

    def _on_focus(self, focus: QObject | None) -> None:
        if self._watched is not None and isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = focus
        if focus is None:
            self._rest.stop()
            return
        focus.installEventFilter(self)
        self._blink()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in TYPING:
            self._blink()
        return super().eventFilter(watched, event)

    def _blink(self) -> None:
        if self._app.cursorFlashTime() != self._flash_time:
            self._app.setCursorFlashTime(self._flash_time)
        self._rest.start()
