"""Reads DOCX: styles become headings, lists and tables are kept; nothing outside the file is read."""

import io
import zipfile
from pathlib import Path

from core.checks.rule_registry import clip
from core.documents import html_reader
from core.documents.reader_result import Content, damaged_error, import_library
from core.errors import FormatError
from core.language import tr
from core.progress import Reporter

MAX_UNPACKED_BYTES = 200_000_000  # bytes of all parts
MAX_XML_BYTES = 40_000_000  # bytes of the parts that are read; a thousand pages have less
# A DOCTYPE can define entities that expand to gigabytes; Word writes none.
DOCTYPE = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
STYLE_MAP = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"


def read(path: Path, raw: bytes, reporter: Reporter) -> Content:
    """The document's text as Markdown.

    Raises FormatError when it is damaged, too large, or another ZIP file; JukuError when a library is missing; and
    `Cancelled`.
    """
    mammoth = import_library("mammoth", "DOCX")
    reporter.update(0)
    try:
        _check_archive(path, raw)
        nothing = mammoth.images.img_element(lambda _image: {"src": ""})
        page = mammoth.convert_to_html(io.BytesIO(raw), convert_image=nothing, style_map=STYLE_MAP).value
    except FormatError:
        raise
    except Exception as error:  # whatever a damaged file leads the libraries to
        raise damaged_error(path) from error
    return html_reader.convert_page(path, page, [], reporter)


def _check_archive(path: Path, raw: bytes) -> None:
    """Raises FormatError for what is no DOCX, or would not fit into memory."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        if not any(member.filename.startswith("word/document") for member in members):
            raise FormatError(
                tr("“{name}” is a ZIP file without a document", name=clip(path.name, 80)),
                tr("Nothing was changed. Unpack it, or save the document as DOCX, PDF, HTML, Markdown or plain text."),
            )
        texts = [member for member in members if member.filename.endswith((".xml", ".rels"))]
        # No part gives more bytes than the list says.
        if (
            sum(member.file_size for member in members) > MAX_UNPACKED_BYTES
            or sum(part.file_size for part in texts) > MAX_XML_BYTES
        ):
            raise FormatError(
                tr("“{name}” unpacks to far more than a text would", name=clip(path.name, 80)),
                tr("Nothing was changed. If you trust it, save the part that matters as a separate document."),
            )
        for text in texts:
            xml = archive.read(text)
            if any(mark in xml for mark in DOCTYPE):
                raise damaged_error(path)
