"""Prints a text document, or writes it as a PDF; and makes one from a report, whose charts are SVG."""

import asyncio
import re
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, Qt, QUrl
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QWidget

from core.atomic_files import write_atomically
from core.errors import JukuError
from core.language import tr
from ui import style

MARGIN_MM = 0.0  # of the paper: a text document itself leaves 2 cm on each side when it is printed
SCALE = 3  # pixels of a picture for each pixel of a chart, so that it is sharp on paper
MAX_CHART_WIDTH = 620  # pixels, of a text that is 640 wide
BAR_SIZE = (120, 14)  # pixels of a rate's bar, which has no size of its own
_INK = style.LIGHT  # paper is white
CHART_STYLE = (
    f"<style>.track{{fill:{_INK['Midlight']}}}.fill{{fill:{_INK['Dark']}}}.tuned{{fill:{style.SERIES[0]}}}"
    f".whisker{{stroke:{_INK['Text']};fill:none;stroke-width:1.5}}.rule{{stroke:{_INK['Mid']}}}"
    f"text{{font-size:12px;fill:{_INK['PlaceholderText']}}}.line{{fill:none;stroke-width:2}}.spread{{fill:none}}"
    + "".join(f".s{number}{{stroke:{colour}}}" for number, colour in enumerate(style.SERIES))
    + "</style>"
)
PAGE_STYLE = """body { font-size: 10pt; color: black; }
h1 { font-size: 17pt; } h2 { font-size: 13pt; } h3 { font-size: 11pt; }
table { border-collapse: collapse; } th, td { border: 1px solid silver; padding: 3px 4px; font-size: 8pt; } th { text-align: left; }
pre { font-family: monospace; white-space: pre-wrap; }"""
_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def build_report_document(page: str) -> QTextDocument:
    """A document of a report's HTML: its style sheet is for browsers, and its charts become pictures."""
    document = QTextDocument()
    pictures: list[QImage] = []

    def replace(match: re.Match[str]) -> str:
        pictures.append(_draw_chart(match[0]))
        size = pictures[-1].size() / SCALE
        return f'<img src="chart:{len(pictures) - 1}" width="{size.width()}" height="{size.height()}">'

    text = _SVG.sub(replace, _STYLE.sub("", page))
    for number, picture in enumerate(pictures):
        document.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(f"chart:{number}"), picture)
    document.setDefaultStyleSheet(PAGE_STYLE)
    document.setHtml(text)
    return document


def _draw_chart(svg: str) -> QImage:
    found = _VIEW_BOX.search(svg)
    width, height = (float(found[1]), float(found[2])) if found else (100.0, 12.0)
    is_bar = 'class="bar"' in svg
    shown = QSizeF(*BAR_SIZE) if is_bar else QSizeF(width, height) * min(1.0, MAX_CHART_WIDTH / width)
    picture = QImage((shown * SCALE).toSize(), QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.white)
    renderer = QSvgRenderer(svg.replace(">", f' xmlns="http://www.w3.org/2000/svg">{CHART_STYLE}', 1).encode())
    if is_bar:
        renderer.setAspectRatioMode(Qt.AspectRatioMode.IgnoreAspectRatio)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(picture.rect()))
    painter.end()
    return picture


def print_document(owner: QWidget, document: QTextDocument, title: str) -> QPrintDialog:
    """Let the person choose a printer, and print; returns the dialog, which is open."""
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(title)
    printer.setFullPage(True)
    printer.setPageMargins(QMarginsF(*[MARGIN_MM] * 4), QPageLayout.Unit.Millimeter)
    dialog = QPrintDialog(printer, owner)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(tr("Print"))
    dialog.accepted.connect(lambda: document.print_(printer))
    dialog.setModal(True)
    dialog.show()  # its `open` asks for a slot by name
    return dialog


def build_pdf(document: QTextDocument, title: str) -> bytes:
    """The document as a PDF on A4."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("Juku")
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(*[MARGIN_MM] * 4), QPageLayout.Unit.Millimeter)
    document.print_(writer)
    buffer.close()
    return bytes(buffer.data().data())


async def save_pdf(document: QTextDocument, path: Path, title: str) -> None:
    """Write the document as a PDF, all of it or nothing. Raises `JukuError`."""
    data = build_pdf(document, title)
    try:
        await asyncio.to_thread(write_atomically, path, data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JukuError(tr("The PDF cannot be written"), tr("{path}: {reason}", path=path, reason=reason)) from error
