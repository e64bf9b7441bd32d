"""Shows a page of the guide: links lead to other pages or to the web browser, pictures come from the guide's folder alone."""

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage, QPalette, QResizeEvent, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QTextEdit

from core import guide
from core.guide import GuidePage
from core.language import tr
from ui import style

MARGIN = 20  # pixels around the text
PICTURE_GAP = 24  # pixels that a picture is narrower than the text, so that nothing has to be scrolled sideways
SHEET = """
h1 {{ font-size: {h1}; }}
h2 {{ font-size: {h2}; margin-top: 24px; }}
h3 {{ font-size: {h3}; margin-top: 12px; }}
p, li {{ line-height: 140%; }}
p.picture {{ line-height: 100%; }}
th, td {{ padding: 4px 6px; border: 1px solid {line}; vertical-align: top; }}
th {{ background: {shade}; text-align: left; }}
pre {{ background: {shade}; padding: 6px; white-space: pre-wrap; }}
code {{ background: {shade}; }}
a {{ color: {link}; }}
"""


class GuideBrowser(QTextBrowser):
    """One page at a time; `page_wanted` is a link to another one: its name and the anchor in it."""

    page_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Page of the guide"))
        self.setOpenLinks(False)
        self.document().setDocumentMargin(MARGIN)
        self.anchorClicked.connect(self._on_link)
        self.page: GuidePage | None = None
        self._language = ""
        self._terms: list[str] = []
        self._is_filling = False

    def show_page(self, page: GuidePage, language: str, anchor: str = "", words: str = "") -> None:
        """Show `page`, from the heading with `anchor` on, and mark the `words` of a search in it."""
        self.page, self._language, self._terms = page, language, words.split()
        self._fill()
        if anchor:
            self.scrollToAnchor(anchor)
        else:
            self.verticalScrollBar().setValue(0)

    def _fill(self) -> None:
        """Show the page anew. A scroll bar that comes or goes while it is read resizes the text: then it is read once more,
        afterwards, since a text that is set within another one is put before it."""
        if self.page is None or self._is_filling:
            return
        self._is_filling = True
        width = self.viewport().width()
        self._set_text()
        if self.viewport().width() != width:
            self._set_text()
        self._is_filling = False

    def _set_text(self) -> None:
        assert self.page is not None
        place = self.verticalScrollBar().value()
        shade, line = (
            self.palette().color(QPalette.ColorRole.AlternateBase),
            self.palette().color(QPalette.ColorRole.Mid),
        )
        link = self.palette().color(QPalette.ColorRole.Link)
        sizes = zip(("h1", "h2", "h3"), (style.DISPLAY, style.HEADLINE, style.HEADING), strict=True)
        letters = {tag: style.format_letters(style.sized_font(self.font(), size)) for tag, size in sizes}
        sheet = SHEET.format(shade=shade.name(), line=line.name(), link=link.name(), **letters)
        self.document().setDefaultStyleSheet(sheet)
        self.setHtml(guide.render(self.page, self._language, style.is_dark()))
        self._mark_terms()
        self.verticalScrollBar().setValue(place)

    def _mark_terms(self) -> None:
        marks = []
        look = QTextCharFormat()
        text, ground = style.colours("warning")
        look.setForeground(text)
        look.setBackground(ground)
        for term in self._terms:
            cursor = self.document().find(term)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor, mark.format = QTextCursor(cursor), look
                marks.append(mark)
                cursor = self.document().find(term, cursor)
        self.setExtraSelections(marks)

    def _on_link(self, url: QUrl) -> None:
        link = url.toString()
        if self.page is not None and (target := guide.find_target(self.page, link)):
            self.page_wanted.emit(*target)
        elif link.startswith(guide.OUTSIDE):
            QDesktopServices.openUrl(url)

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture of the guide, as wide as the text; nothing else is ever read."""
        source = name.toString() if isinstance(name, QUrl) else name
        path = guide.find_picture(self.page, source) if self.page else None
        if kind != QTextDocument.ResourceType.ImageResource or path is None:
            return None
        picture = QImage(str(path))
        room = self.viewport().width() - 2 * MARGIN - PICTURE_GAP
        if picture.width() <= room:
            return picture
        ratio = self.devicePixelRatioF()
        picture = picture.scaledToWidth(round(room * ratio), Qt.TransformationMode.SmoothTransformation)
        picture.setDevicePixelRatio(ratio)
        return picture

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fill()  # pictures take the new width

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._fill()
