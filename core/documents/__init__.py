"""Converts a document of the user (Markdown, text, HTML, DOCX, PDF) to Markdown text for the spec."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.checks.rule_registry import clip
from core.documents import docx_reader, html_reader, pdf_reader, text_reader
from core.documents.reader_result import Content, damaged_error
from core.errors import FormatError
from core.formats import input_files
from core.language import tr
from core.lazy_loading import lazy_pattern
from core.progress import Reporter

SUFFIXES = (".md", ".markdown", ".txt", ".text", ".html", ".htm", ".xhtml", ".docx", ".pdf")
MAX_DOCUMENT_BYTES = 50_000_000  # bytes
MAX_TITLE_CHARACTERS = 200  # characters

_HTML_START = lazy_pattern(
    r"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--.{0,2000}?-->\s*+)?<(?:!doctype html|html|head|body)\b", re.I | re.S
)
_TAG = lazy_pattern(r"<[a-z][a-z0-9]{0,10}[\s/>]", re.IGNORECASE)
_HEADING = lazy_pattern(r" {0,3}#{1,6}[ \t]+(\S.*)")
_UNDERLINE = lazy_pattern(r" {0,3}=+[ \t]*")

# The first bytes of files that are refused, and their format.
_MAGIC_NUMBERS = {
    b"\xd0\xcf\x11\xe0": "DOC, XLS",
    b"{\\rtf": "RTF",
    b"SQLite format 3\0": "SQLite",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\x7fELF": "ELF",
    b"MZ\x90\0": "EXE",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document as Markdown; `title` is its first heading or its file name, `notes` say what was left out, translated."""

    text: str
    title: str
    notes: list[str]


def read(path: Path, reporter: Reporter | None = None) -> Document:
    """Read a Markdown, text, HTML, DOCX or PDF file, whatever it is called; the file is not changed.

    Raises FormatError when it cannot be read, JukuError when a library for it is missing, and `Cancelled`.
    """
    raw = _read_bytes(path)
    content = _choose_reader(path, raw)(path, raw, reporter or Reporter())
    text = content.text.strip()
    if not text:
        raise FormatError(
            tr("“{name}” has no text", name=clip(path.name, 80)), tr("Nothing was changed. Choose another file.")
        )
    return Document(f"{text}\n", find_title(text) or path.stem, content.notes)


def find_title(text: str) -> str:
    """The first heading of a Markdown text, or ''."""
    previous = ""
    in_fence = False
    for line in text.split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            in_fence = not in_fence
        elif not in_fence and (heading := _HEADING.fullmatch(line)):
            return _strip_heading(heading[1].rstrip().rstrip("#"))
        elif not in_fence and previous.strip() and _UNDERLINE.fullmatch(line):
            return _strip_heading(previous)
        previous = line
    return ""


def _strip_heading(heading: str) -> str:
    return heading.strip().strip("*_`").strip()[:MAX_TITLE_CHARACTERS]


def _read_bytes(path: Path) -> bytes:
    with input_files.open_file(path) as file:
        raw = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise FormatError(
            tr("“{name}” is too large", name=clip(path.name, 80)),
            tr(
                "Nothing was changed. A document may have {n} MB; save the part that matters on its own.",
                n=MAX_DOCUMENT_BYTES // 10**6,
            ),
        )
    return raw


def _choose_reader(path: Path, raw: bytes) -> Callable[[Path, bytes, Reporter], Content]:
    """The reader for a file, by its content first, its name second. Raises FormatError for an unsupported format."""
    suffix = path.suffix.lower()
    if raw[:1024].lstrip().startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in raw[:1024]):
        return pdf_reader.read
    if raw.startswith(b"PK"):
        return docx_reader.read
    for magic, kind in _MAGIC_NUMBERS.items():
        if raw.startswith(magic):
            raise unsupported_error(path, kind)
    if raw.strip() and suffix in (".pdf", ".docx") and b"\0" in raw[:4096]:
        raise damaged_error(path)
    return _read_html_or_text


def _read_html_or_text(path: Path, raw: bytes, reporter: Reporter) -> Content:
    reporter.update(0)
    page = html_reader.decode_page(raw) or text_reader.read(path, raw)
    is_named = path.suffix.lower() in (".html", ".htm", ".xhtml") and _TAG.search(page.text)
    if is_named or _HTML_START.match(page.text):
        return html_reader.convert_page(path, page.text, page.notes, reporter)
    return text_reader.read(path, raw)


def unsupported_error(path: Path, kind: str) -> FormatError:
    """The error for a file of a format (`kind`) that is not supported."""
    return FormatError(
        tr("“{name}” has a format that Juku does not read ({kind})", name=clip(path.name, 80), kind=kind),
        tr("Nothing was changed. Save it as DOCX, PDF, HTML, Markdown or plain text, and import that."),
    )
