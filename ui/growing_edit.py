"""A text field that is as high as its text."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class GrowingEdit(QPlainTextEdit):
    """Plain text, between `least` and `most` lines high (`most` 0: without a limit); then it scrolls."""

    def __init__(self, least: int = 1, most: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least, self._most = least, most
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
        if not most:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._fit())
        self._fit()

    def append(self, text: str) -> None:
        """Add `text` at the end, without moving what the person has selected."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def composing(self) -> bool:
        """Whether an input method holds text that is not entered yet."""
        layout = self.textCursor().block().layout()
        return layout is not None and bool(layout.preeditAreaText())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        lines = max(self._least, int(self.document().size().height()))  # this document counts its height in lines
        if self._most:
            lines = min(lines, self._most)
        around = self.contentsMargins().top() + self.contentsMargins().bottom() + 2 * self.document().documentMargin()
        height = int(lines * self.fontMetrics().lineSpacing() + around) + 2
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)


def is_enter(event: QKeyEvent) -> bool:
    """Enter alone, which sends; with Shift it begins a new line."""
    return event.key() in ENTER and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
