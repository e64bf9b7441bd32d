"""Messages at the bottom of a window or page, with buttons to act on them."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from core.errors import JukuError
from core.language import tr
from ui.widgets import basics
from ui.widgets.floating_message import FloatingMessage

GOOD_NOTICE_MS = 8000  # milliseconds for which good news stays


class Notice(FloatingMessage):
    """Shows `text` near the bottom of `window`; only good news disappears by itself. A new notice replaces the last."""

    def __init__(self, window: QWidget, text: str, meaning: str = "good", lasting: bool = False) -> None:
        super().__init__("notice", meaning, window)
        for old in window.findChildren(Notice, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if old is not self:
                old.end()
        self.setAccessibleName(text)
        self.text, close = _build_text(text), _build_close_button()
        self._buttons = QHBoxLayout()
        close.clicked.connect(self.end)
        layout = QHBoxLayout(self)
        layout.addWidget(self.text, 1)
        layout.addLayout(self._buttons)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        QShortcut(
            QKeySequence(Qt.Key.Key_Escape), self, self.end, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        if not lasting:
            QTimer.singleShot(GOOD_NOTICE_MS, self, self.end)
        self.show()

    def add_button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        """Add a button; pressed, it closes the message and calls `slot`."""
        button = QPushButton(text)

        def press(_checked: bool) -> None:
            self.end()
            slot()

        button.clicked.connect(press)
        self._buttons.addWidget(button)
        self.place()
        return button

    def end(self) -> None:
        """Hide and delete the message."""
        self.hide()
        self.deleteLater()


class MessageBar(FloatingMessage):
    """An error message over a window or page; shown until it is closed or replaced."""

    def __init__(self, host: QWidget) -> None:
        super().__init__("messages", "error", host)
        self._text, close = _build_text(""), _build_close_button()
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        self._buttons = QHBoxLayout()
        layout.addWidget(self._text, 1)
        layout.addLayout(self._buttons)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def add_button(self, button: QPushButton) -> None:
        """Add a button at the right."""
        self._buttons.addWidget(button)

    def text(self) -> str:
        return self._text.text()

    def show_error(self, error: JukuError) -> None:
        """Show the title and the message of an error."""
        self.show_text(f"{error.title}\n{error.message}".strip(), "error")

    def show_text(self, text: str, meaning: str = "note") -> None:
        """Show `text` in the colours of `meaning`: error, warning, good or note."""
        self.set_meaning(meaning)
        self._text.setText(text)
        self.show()
        self.place()

    def add_text(self, text: str) -> None:
        """Add `text` below the texts that are shown."""
        if self.isHidden():
            self.show_text(text)
        else:
            self._text.setText(f"{self.text()}\n{text}")
            self.place()


def _build_text(text: str) -> QLabel:
    label = basics.label(text, wrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _build_close_button() -> QToolButton:
    return basics.tool_button("✕", tr("Close message"), has_tip=True)
