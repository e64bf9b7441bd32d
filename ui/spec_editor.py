"""The text of the spec in an editor that shows its Markdown and the passage a fact stands on."""

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFont, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from core.language import tr
from ui import style
from ui.markdown import MarkdownHighlighter

MARGIN = 14  # pixels around the text
PARAGRAPH = "\u2029"  # what Qt puts between the lines of a selection


class SpecEditor(QPlainTextEdit):
    def __init__(self) -> None:
        super().__init__(tabChangesFocus=True)
        self.setAccessibleName(tr("Text of the spec"))
        self.setPlaceholderText(tr("Write here what the model is to know: short sentences, one fact in each."))
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.12)
        self.setFont(font)
        self.document().setDocumentMargin(MARGIN)
        self._markdown = MarkdownHighlighter(self)

    def show_text(self, text: str) -> None:
        """Replace the text; the cursor and the place on screen stay."""
        if text == self.toPlainText():
            return
        position, scrolled = self.textCursor().position(), self.verticalScrollBar().value()
        self.setPlainText(text)
        cursor = self.textCursor()
        cursor.setPosition(min(position, self.document().characterCount() - 1))
        self.setTextCursor(cursor)
        self.verticalScrollBar().setValue(scrolled)

    def selected_text(self) -> str:
        return self.textCursor().selectedText().replace(PARAGRAPH, "\n").strip()

    def mark(self, passage: str) -> bool:
        """Mark `passage` and bring it into view; False when it is not in the text."""
        text = self.toPlainText()
        start = text.find(passage) if passage else -1
        if start < 0:
            self.setExtraSelections([])
            return False
        cursor = self._span(_units(text[:start]), _units(passage))
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cursor
        front, back = style.colours("good")
        selection.format.setForeground(front)
        selection.format.setBackground(back)
        self.setExtraSelections([selection])
        if not self.hasFocus():
            cursor.setPosition(cursor.anchor())
            self.setTextCursor(cursor)
            self.centerCursor()
        return True

    def _span(self, start: int, length: int) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.setPosition(start)
        cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_markdown"):
            self.setExtraSelections([])
            self._markdown.rehighlight()


def _units(text: str) -> int:
    """Length as Qt counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
