"""The editor of the spec: highlighted Markdown, passages coloured by the state of their fact, and the preview."""

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPalette, QSyntaxHighlighter, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QTextBrowser, QTextEdit

from core.language import tr
from ui import style
from ui.spec.fact_table import STATE_MEANINGS, STATE_UNDERLINES
from ui.widgets.text_highlights import utf16_length

TEXT_MARGIN = 14  # pixels around the text
PARAGRAPH_SEPARATOR = "\u2029"  # what Qt puts between the lines of a selection
HIGHLIGHT_SLICE = 0.006  # seconds of highlighting before other events of the window are processed
HEADING_LINE = re.compile(r"#{1,6}\s.*")
LIST_MARK = re.compile(r"\s*(?:[-*+]|\d+[.)])\s|\s*>")
STRONG_TEXT = re.compile(r"(\*\*|__)(?=\S).+?(?<=\S)\1")
INLINE_CODE = re.compile(r"`[^`]+`")
DIALECT = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class MarkdownHighlighter(QSyntaxHighlighter):
    """Highlights headings, list marks and emphasis: typed text at once, a text that is loaded in slices of a few milliseconds."""

    def __init__(self, edit: QPlainTextEdit) -> None:
        super().__init__(edit.document())
        self._edit = edit
        self._loading = False
        self._next = 0  # the block that is formatted next
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._highlight_some)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Highlight nothing inside; the whole text is highlighted afterwards."""
        self._loading = True
        yield
        self._loading = False
        self._next = 0
        self._timer.start()

    def _highlight_some(self) -> None:
        end = time.perf_counter() + HIGHLIGHT_SLICE
        block = self.document().findBlockByNumber(self._next)
        while block.isValid() and time.perf_counter() < end:
            self.rehighlightBlock(block)
            block = block.next()
            self._next += 1
        if not block.isValid():
            self._timer.stop()

    def highlightBlock(self, text: str) -> None:
        if self._loading:
            return
        if HEADING_LINE.match(text):
            self.setFormat(0, utf16_length(text), self._format(QPalette.ColorRole.Link, bold=True))
            return
        if mark := LIST_MARK.match(text):
            self._set_format(text, mark, self._format(QPalette.ColorRole.Link, bold=True))
        for pattern, bold in ((STRONG_TEXT, True), (INLINE_CODE, False)):
            for found in pattern.finditer(text):
                self._set_format(
                    text, found, self._format(QPalette.ColorRole.Text if bold else QPalette.ColorRole.Link, bold)
                )

    def _set_format(self, text: str, found: re.Match[str], form: QTextCharFormat) -> None:
        self.setFormat(utf16_length(text[: found.start()]), utf16_length(found[0]), form)

    def _format(self, role: QPalette.ColorRole, bold: bool) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(self._edit.palette().color(role))
        if bold:
            form.setFontWeight(QFont.Weight.Bold)
        return form


@dataclass(slots=True)
class SpecPassage:
    """The span of a fact (in UTF-16 units, as Qt counts) and the state of its coverage."""

    start: int
    end: int
    id: int
    state: str
    place: tuple[int, int]  # the same in characters of the text that was looked at


def build_passages(text: str, places: Iterable[tuple[int, tuple[int, int], str]]) -> list[SpecPassage]:
    """The passages of facts, in order; for each fact its id, its span in `text` (in characters), and its state."""
    wide = [place for place, character in enumerate(text) if ord(character) > 0xFFFF] if not text.isascii() else []
    found = [
        SpecPassage(start + bisect_left(wide, start), end + bisect_left(wide, end), id, state, (start, end))
        for id, (start, end), state in places
    ]
    return sorted(found, key=lambda passage: (passage.start, passage.end))


class SpecEditor(QPlainTextEdit):
    """A Markdown editor that colours the passages of facts by their state."""

    passage_chosen = Signal(int)  # the id of the fact that the cursor was put into
    passage_opened = Signal(int)  # the same, with Ctrl held

    def __init__(self) -> None:
        super().__init__(tabChangesFocus=True)
        self.setAccessibleName(tr("Text of the spec"))
        self.setPlaceholderText(tr("Write here what the model should know: short sentences, one fact in each."))
        self.setFont(style.sized_font(self.font(), style.HEADING))
        self.document().setDocumentMargin(TEXT_MARGIN)
        self._markdown = MarkdownHighlighter(self)
        self._passages: list[SpecPassage] = []
        self._coloured = True
        self._marked: int | None = None
        self._shown: object = None  # what the selections were made for
        self.document().contentsChange.connect(self._on_contents)
        self.updateRequest.connect(self._on_update)

    def show_text(self, text: str) -> None:
        """Replace the text if it differs; cursor, scroll position and undo stack are kept."""
        old = self.toPlainText()
        if text == old:
            return
        position, scrolled = self.textCursor().position(), self.verticalScrollBar().value()
        with self._markdown.loading():
            if not old:
                self.setPlainText(text)
            else:
                cursor = QTextCursor(self.document())
                cursor.select(QTextCursor.SelectionType.Document)
                cursor.insertText(text)
        cursor = self.textCursor()
        cursor.setPosition(min(position, self.document().characterCount() - 1))
        self.setTextCursor(cursor)
        self.verticalScrollBar().setValue(scrolled)

    def selected_text(self) -> str:
        """The selected text; paragraphs end with a line feed."""
        return self.textCursor().selectedText().replace(PARAGRAPH_SEPARATOR, "\n").strip()

    def show_coverage(self, passages: list[SpecPassage]) -> None:
        """Show the coverage of facts; the editor now owns the sorted `passages`."""
        self._passages = passages
        self._shown = None
        self._show_selections()

    def set_coloured(self, coloured: bool) -> None:
        """Colour the passages of facts by their state, or not."""
        self._coloured, self._shown = coloured, None
        self._show_selections()

    def mark(self, id: int | None) -> bool:
        """Highlight and scroll to a fact's passage; False when it is not in the text."""
        self._marked, self._shown = id, None
        passage = next((one for one in self._passages if one.id == id), None)
        self._show_selections()
        if passage is None:
            return False
        if not self.hasFocus():
            self.go_to(passage.start)
        return True

    def go_to(self, position: int) -> None:
        """Move the cursor there (in UTF-16 units) and centre it."""
        cursor = self.textCursor()
        cursor.setPosition(min(position, self.document().characterCount() - 1))
        self.setTextCursor(cursor)
        self.centerCursor()

    def passage_at(self, position: int) -> SpecPassage | None:
        """The passage at a position; of several the one that starts last."""
        at = bisect_right(self._passages, position, key=lambda passage: passage.start)
        return next((one for one in reversed(self._passages[max(0, at - 5) : at]) if one.end >= position), None)

    def _on_contents(self, position: int, removed: int, added: int) -> None:
        """Move the passages with the text until they are read again."""
        shift, end = added - removed, position + removed
        for passage in self._passages:
            if passage.start >= end:
                passage.start += shift
            if passage.end >= end:
                passage.end += shift
        self._shown = None

    def _on_update(self, _area: QRect, _moved: int) -> None:
        self._show_selections()

    def _show_selections(self) -> None:
        """Colour the visible passages only: thousands of coloured passages make typing slow."""
        first = self.firstVisibleBlock().position()
        corner = QPointF(self.viewport().width(), self.viewport().height()).toPoint()
        last = self.cursorForPosition(corner).block()
        wanted = first, last.position() + last.length(), len(self._passages), self._marked, style.is_dark()
        if wanted == self._shown:
            return
        self._shown = wanted
        self.setExtraSelections([self._selection(one) for one in self._visible_passages(first, wanted[1])])

    def _visible_passages(self, first: int, last: int) -> Iterable[SpecPassage]:
        for passage in self._passages:
            visible = passage.start < last and passage.end > first
            if visible and passage.start < passage.end and (self._coloured or passage.id == self._marked):
                yield passage

    def _selection(self, passage: SpecPassage) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        selection.cursor = QTextCursor(self.document())
        limit = self.document().characterCount() - 1
        selection.cursor.setPosition(min(passage.start, limit))
        selection.cursor.setPosition(min(passage.end, limit), QTextCursor.MoveMode.KeepAnchor)
        selection.format = self._format(passage)
        return selection

    def _format(self, passage: SpecPassage) -> QTextCharFormat:
        form = QTextCharFormat()
        if passage.state == "ignored":
            form.setForeground(style.dim())
        elif self._coloured:
            front, back = style.colours(STATE_MEANINGS[passage.state])
            form.setBackground(back)
            form.setUnderlineStyle(STATE_UNDERLINES.get(passage.state, QTextCharFormat.UnderlineStyle.NoUnderline))
            form.setUnderlineColor(front)
        if passage.id == self._marked:
            front, back = style.colours("good")
            form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            form.setUnderlineColor(front)
            if not self._coloured:
                form.setBackground(back)
        return form

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        passage = self.passage_at(self.cursorForPosition(event.position().toPoint()).position())
        if passage and event.button() == Qt.MouseButton.LeftButton:
            self.passage_chosen.emit(passage.id)
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.passage_opened.emit(passage.id)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_passages"):
            self._shown = None
            self._show_selections()
            with self._markdown.loading():
                pass  # the same text, in other colours


class SpecDocument(QTextDocument):
    """A document of Markdown that fetches nothing: a picture's address in the text may be any file or page."""

    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        """Load nothing."""


class SpecPreview(QTextBrowser):
    """The rendered Markdown of the spec; fetches nothing and renders no HTML."""

    def __init__(self) -> None:
        super().__init__(openLinks=False, openExternalLinks=False)
        self.setAccessibleName(tr("Preview of the spec"))
        self.document().setDocumentMargin(TEXT_MARGIN)
        self._text: str | None = None

    def show_text(self, text: str) -> None:
        """Show `text` as formatted Markdown; the scroll position is kept."""
        if text == self._text:
            return
        self._text, scrolled = text, self.verticalScrollBar().value()
        self.document().setMarkdown(text, DIALECT)
        self.verticalScrollBar().setValue(scrolled)

    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        """Load nothing: a picture's address in the text may be any file or page."""
