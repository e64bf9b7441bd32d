"""Lets Markdown be seen as what it is while it is typed: headings, list marks, emphasis."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QPalette, QSyntaxHighlighter, QTextCharFormat
from PySide6.QtWidgets import QPlainTextEdit

from ui.widgets.text_highlights import units

SLICE = 0.006  # seconds of formatting between two looks at what else the window has to do
HEADING = re.compile(r"#{1,6}\s.*")
MARK = re.compile(r"\s*(?:[-*+]|\d+[.)])\s|\s*>")
STRONG = re.compile(r"(\*\*|__)(?=\S).+?(?<=\S)\1")
CODE = re.compile(r"`[^`]+`")


class MarkdownHighlighter(QSyntaxHighlighter):
    """What is typed is formatted at once, a long text that is loaded bit by bit: the window stays alive."""

    def __init__(self, edit: QPlainTextEdit) -> None:
        super().__init__(edit.document())
        self._edit = edit
        self._loading = False
        self._next = 0  # the block that is formatted next
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """While a whole text is put in, nothing is formatted; that follows."""
        self._loading = True
        yield
        self._loading = False
        self._next = 0
        self._timer.start()

    def _go_on(self) -> None:
        end = time.perf_counter() + SLICE
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
        if HEADING.match(text):
            self.setFormat(0, units(text), self._format(QPalette.ColorRole.Link, bold=True))
            return
        if mark := MARK.match(text):
            self._set(text, mark, self._format(QPalette.ColorRole.Link, bold=True))
        for pattern, bold in ((STRONG, True), (CODE, False)):
            for found in pattern.finditer(text):
                self._set(text, found, self._format(QPalette.ColorRole.Text if bold else QPalette.ColorRole.Link, bold))

    def _set(self, text: str, found: re.Match[str], form: QTextCharFormat) -> None:
        self.setFormat(units(text[: found.start()]), units(found[0]), form)

    def _format(self, role: QPalette.ColorRole, bold: bool) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setForeground(self._edit.palette().color(role))
        if bold:
            form.setFontWeight(QFont.Weight.Bold)
        return form
