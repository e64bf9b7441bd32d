"""Multi-line text fields: one as high as its text, one that commits on focus out, and the question field of a chat."""

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent, QTextCursor, QTextDocument, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from core.language import tr
from ui import style

FIT_ROUNDING = 2  # pixels that Qt wants to spare before it takes the text to fit
ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class GrowingTextEdit(QPlainTextEdit):
    """A plain text field that grows with its text from `least` to `most` lines (0: no limit), then scrolls."""

    def __init__(self, least: int = 1, most: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least, self._most = least, most
        self.setViewportMargins(style.FIELD_INSET, 0, style.FIELD_INSET, 0)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._fit())
        self._fit()

    def append(self, text: str) -> None:
        """Add `text` at the end; the selection is kept."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def composing(self) -> bool:
        """Whether an input method has text that is not committed yet."""
        layout = self.textCursor().block().layout()
        return layout is not None and bool(layout.preeditAreaText())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        text, scrolls = self._measure_lines()
        on, off = Qt.ScrollBarPolicy.ScrollBarAlwaysOn, Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        # Decided here: left to Qt, a text as wide as the bar would show it, wrap, be higher, hide it, and so on for ever.
        self.setVerticalScrollBarPolicy(on if scrolls else off)
        margins = self.contentsMargins()
        around = margins.top() + margins.bottom() + 2 * self.document().documentMargin()
        height = math.ceil(text + around) + FIT_ROUNDING
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def _measure_lines(self) -> tuple[float, bool]:
        """The height of the shown lines in pixels, and whether there are more.

        Measured line by line: a line of Japanese is higher than the font's line height.
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


class CommittedTextEdit(GrowingTextEdit):
    """Emits `committed` when it loses the focus. Text that is typed and not committed yet is never overwritten."""

    committed = Signal(str)

    def __init__(self, name: str, least: int = 1, most: int = 0) -> None:
        super().__init__(least, most)
        self.setAccessibleName(name)
        self._stored = ""  # the text as it was shown last
        self._shown = ""  # what the field made of it: some line breaks are spelled differently there

    def show_text(self, text: str) -> None:
        """Show the stored text, unless the person has typed something that is not committed yet."""
        if self.is_changed() or text == self._stored:
            self._stored = text
            return
        self._stored = text
        self.setPlainText(text)
        self._shown = self._raw_text()

    def is_changed(self) -> bool:
        """Whether something was typed that is not committed yet."""
        return self._raw_text() != self._shown

    def take_changed_text(self) -> str | None:
        """Return what was typed since the last commit, and count it as committed; None when nothing was typed."""
        if not self.is_changed():
            return None
        self._shown = self._raw_text()
        self._stored = document_text(self.document(), self._stored)
        return self._stored

    def text(self) -> str:
        """The text in the field now."""
        return document_text(self.document(), self._stored) if self.is_changed() else self._stored

    def commit(self) -> None:
        """Emit `committed` if something was typed since the last time."""
        if (typed := self.take_changed_text()) is not None:
            self.committed.emit(typed)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.commit()

    def _raw_text(self) -> str:
        return self.document().toRawText()


class QuestionField(GrowingTextEdit):
    """Enter sends, Shift+Enter starts a new line; Up in an empty field recalls earlier questions.

    Text that an input method is still composing is never sent.
    """

    sent = Signal()

    def __init__(self) -> None:
        super().__init__(least=2, most=8)
        self.setAccessibleName(tr("Question"))
        self.setPlaceholderText(tr("Ask both models one question (Enter sends, Shift+Enter starts a new line)"))
        self._asked: list[str] = []
        self._recalled = 0  # how many questions back the field shows; 0 is a new one

    def remember(self, question: str) -> None:
        """Add a question to those that the arrow keys bring back."""
        if question not in self._asked[-1:]:
            self._asked.append(question)
        self._recalled = 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if self.composing() and (steps or is_enter(event)):
            event.accept()  # these keys belong to the input method
        elif is_enter(event):
            self.sent.emit()
        elif steps and self._is_recalling():
            self._recall_question(steps)
        else:
            super().keyPressEvent(event)

    def _is_recalling(self) -> bool:
        text = self.toPlainText()
        return not text or (self._recalled > 0 and text == self._asked[-self._recalled])

    def _recall_question(self, steps: int) -> None:
        self._recalled = max(0, min(len(self._asked), self._recalled + steps))
        self.setPlainText(self._asked[-self._recalled] if self._recalled else "")
        self.moveCursor(self.textCursor().MoveOperation.End)


def document_text(document: QTextDocument, before: str = "") -> str:
    """The text of a plain document with its no-break spaces, which Qt's `toPlainText` turns into spaces.

    Line breaks are the ones of `before`, the text that the document was filled with.
    """
    text = document.toRawText().replace("\u2029", "\n")
    if "\u2028" not in before:
        text = text.replace("\u2028", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in before else text


def is_enter(event: QKeyEvent) -> bool:
    """Whether the event is Enter without Shift."""
    return event.key() in ENTER_KEYS and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
