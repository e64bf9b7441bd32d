"""A text field that is as high as its text."""

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor, QTextDocument, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

ROUNDING = 2  # pixels that Qt wants to spare before it takes the text to fit
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class GrowingEdit(QPlainTextEdit):
    """Plain text, between `least` and `most` lines high (`most` 0: without a limit); then it scrolls."""

    def __init__(self, least: int = 1, most: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least, self._most = least, most
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
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
        text, scrolls = self._measured()
        on, off = Qt.ScrollBarPolicy.ScrollBarAlwaysOn, Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        # Decided here: left to Qt, a text as wide as the bar would show it, wrap, be higher, hide it, and so on for ever.
        self.setVerticalScrollBarPolicy(on if scrolls else off)
        margins = self.contentsMargins()
        around = margins.top() + margins.bottom() + 2 * self.document().documentMargin()
        height = math.ceil(text + around) + ROUNDING
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def _measured(self) -> tuple[float, bool]:
        """The height of the lines that are shown, and whether there are more.

        The lines' own heights: a line of Japanese is higher than the font says that lines are.
        """
        height, lines = 0.0, 0
        block = self.document().firstBlock()
        while block.isValid() and not (self._most and lines > self._most):
            layout = block.layout()
            self.blockBoundingRect(block)  # lays the block out
            for number in range(layout.lineCount()):
                lines += 1
                if not self._most or lines <= self._most:
                    height += layout.lineAt(number).height()
            block = block.next()
        missing = max(0, self._least - lines) * self.fontMetrics().lineSpacing()
        return height + missing, bool(self._most) and lines > self._most


def text_of(document: QTextDocument, before: str = "") -> str:
    """A plain document's text with its no-break spaces, which Qt's own way takes for blanks.

    Line breaks are spelled as `before`, the text that the document was filled with, spelled them.
    """
    text = document.toRawText().replace("\u2029", "\n")
    if "\u2028" not in before:
        text = text.replace("\u2028", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in before else text


def is_enter(event: QKeyEvent) -> bool:
    """Enter alone, which sends; with Shift it begins a new line."""
    return event.key() in ENTER and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
