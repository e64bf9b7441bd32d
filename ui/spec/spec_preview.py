"""The spec as it reads: its Markdown set, nothing fetched, no HTML obeyed."""

from PySide6.QtCore import QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QTextBrowser

from core.language import tr
from ui.spec.spec_editor import MARGIN

DIALECT = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class SpecPreview(QTextBrowser):
    def __init__(self) -> None:
        super().__init__(openLinks=False, openExternalLinks=False)
        self.setAccessibleName(tr("Preview of the spec"))
        self.document().setDocumentMargin(MARGIN)
        self._text: str | None = None

    def show_text(self, text: str) -> None:
        if text == self._text:
            return
        self._text, scrolled = text, self.verticalScrollBar().value()
        self.document().setMarkdown(text, DIALECT)
        self.verticalScrollBar().setValue(scrolled)

    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        """Pictures stay what they are in the text: names of files and pages that somebody wrote into it."""
