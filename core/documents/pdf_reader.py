"""Reads the text of PDF files, page by page; scanned pages have none."""

import io
import logging
import time
from pathlib import Path
from typing import Any

from core.checks.rule_registry import clip
from core.documents import pdf_paragraphs
from core.documents.reader_result import Content, damaged_error, import_library
from core.errors import FormatError
from core.language import tr, trn
from core.progress import Reporter

MAX_SECONDS = 120  # after which no further page is read


def read(path: Path, raw: bytes, reporter: Reporter) -> Content:
    """The text as paragraphs.

    Raises FormatError when the file is damaged, encrypted or has no text, JukuError without pypdf, and `Cancelled`.
    """
    pypdf = import_library("pypdf", "PDF")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it finds odd in a file is nothing anyone can act on
    pages = _open_pages(path, pypdf, raw)
    texts: list[str | None] = []
    images = 0
    end = time.monotonic() + MAX_SECONDS
    for number, page in enumerate(pages):
        reporter.update(number, len(pages))
        if time.monotonic() > end:
            break
        texts.append(_extract_text(page))
        images += _count_images(page)
    if not any(text and text.strip() for text in texts):
        raise _no_text_error(path)
    text, repeated = pdf_paragraphs.join_pages([text or "" for text in texts])
    return Content(
        text, [*_format_notes(texts, len(pages), images), *(_format_repeated_line(line) for line in repeated)]
    )


def _open_pages(path: Path, pypdf: Any, raw: bytes) -> list[Any]:
    try:
        reader = pypdf.PdfReader(io.BytesIO(raw), strict=False)
        is_open = not reader.is_encrypted or _is_opened(reader)
        pages = list(reader.pages) if is_open else []
    except Exception as error:  # whatever a damaged file leads the library to
        raise damaged_error(path) from error
    if not is_open:
        raise FormatError(
            tr("“{name}” is password-protected", name=clip(path.name, 80)),
            tr("Nothing was changed. Open it with its password and print it to a new PDF, or copy its text."),
        )
    if not pages:
        raise damaged_error(path)
    return pages


def _is_opened(reader: Any) -> bool:
    """Whether it can be read without a password: many encrypted files only forbid changes."""
    try:
        return bool(reader.decrypt(""))
    except Exception:  # a cipher that needs another library, or a damaged dictionary
        return False


def _extract_text(page: Any) -> str | None:
    try:
        return str(page.extract_text())
    except Exception:  # one damaged page leaves the others readable
        return None


def _count_images(page: Any) -> int:
    try:
        objects = (item.get_object() for item in page["/Resources"]["/XObject"].values())
        return sum(one.get("/Subtype") == "/Image" for one in objects)
    except Exception:  # no pictures, or a dictionary that is damaged
        return 0


def _no_text_error(path: Path) -> FormatError:
    return FormatError(
        tr("“{name}” has no text", name=clip(path.name, 80)),
        tr(
            "Nothing was changed. Its pages are images, such as scans. Use a text recognition program (OCR) "
            "first, or type the text."
        ),
    )


def _format_notes(texts: list[str | None], pages: int, images: int) -> list[str]:
    blank = sum(text is not None and not text.strip() for text in texts)
    unread = sum(text is None for text in texts)
    notes = []
    if images:
        notes.append(trn("{n} image was left out.", "{n} images were left out.", images))
    if blank:
        notes.append(
            trn("{n} page has no text; it may be a picture.", "{n} pages have no text; they may be pictures.", blank)
        )
    if unread:
        notes.append(trn("{n} page could not be read.", "{n} pages could not be read.", unread))
    if len(texts) < pages:
        notes.append(trn("Only the first page was read.", "Only the first {n} pages were read.", len(texts)))
    return notes


def _format_repeated_line(line: str) -> str:
    return tr("“{line}” is on every page and was left out.", line=clip(line, 80))
