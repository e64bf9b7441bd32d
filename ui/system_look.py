"""Follows the desktop while the program runs: light or dark, accent colour, contrast, and the size of its font."""

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ui import style

# The desktop's settings come one by one; they are applied once.
PAUSE_MS = 50


class SystemLook(QObject):
    """Colours the program anew when the desktop's colours change; `font_changed` says that its font has."""

    font_changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._font = system_font()
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.apply)
        self._hints = hints = app.styleHints()
        hints.colorSchemeChanged.connect(self._on_changed)
        hints.accessibility().contrastPreferenceChanged.connect(self._on_changed)
        self._read_accent()

    def watch(self, window: QWidget) -> None:
        """Follow what the desktop tells this window; a filter of all events would be asked for every one of them."""
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ThemeChange:
            self._pause.start()
        return super().eventFilter(watched, event)

    def _on_changed(self, _value: object) -> None:
        self._pause.start()

    def apply(self) -> None:
        """Take over what the desktop has now."""
        self._read_accent()
        style.refresh(self._app)
        if (font := system_font()) != self._font:
            self._font = font
            self.font_changed.emit()

    def _read_accent(self) -> None:
        """The desktop's own palette is what is left when ours is taken away."""
        ours = self._app.palette()
        self._app.setPalette(QPalette())
        found: QColor = self._app.palette().color(QPalette.ColorRole.Accent)
        self._app.setPalette(ours)
        self._app.setProperty(style.SYSTEM_ACCENT, "" if found.name() == style.QT_ACCENT else found.name())


def system_font() -> QFont:
    """The desktop's font for windows."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
