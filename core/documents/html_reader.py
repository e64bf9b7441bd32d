"""Converts HTML to Markdown: text, headings, lists and tables; no scripts, styles or menus, and nothing is fetched."""

import re
from pathlib import Path

from core.checks.rule_registry import clip
from core.documents.html_sanitizer import HtmlSanitizer
from core.documents.reader_result import Content, import_library
from core.documents.text_reader import normalise_breaks
from core.errors import FormatError
from core.language import tr, trn
from core.lazy_loading import lazy_pattern
from core.progress import Reporter

MAX_CHARACTERS = 10_000_000  # characters
MAX_ELEMENTS = 60_000  # paragraphs, cells and such; converting a thousand takes a third of a second
MARKDOWNIFY_OPTIONS = {
    "heading_style": "ATX",
    "bullets": "-",
    "escape_asterisks": False,
    "escape_underscores": False,
    "table_infer_header": True,
}

_CHARSET = lazy_pattern(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([\w-]{2,20})", re.IGNORECASE)
# Encodings of pages that files of rows do not have; some other ones of Python's are dangerously slow.
_LEGACY_ENCODING = lazy_pattern(
    r"euc-jp|x-euc-jp|iso-2022-jp|euc-kr|gb2312|gbk|gb18030|big5|iso-8859-\d{1,2}|windows-125\d|koi8-r"
)


def decode_page(raw: bytes) -> Content | None:
    """The page decoded with the legacy encoding that it declares; None where it declares none or cannot be decoded."""
    charset = _CHARSET.search(raw[:4096])
    name = charset[1].decode("ascii", "replace").lower() if charset else ""
    if not _LEGACY_ENCODING.fullmatch(name) or (b"\x1b" not in raw and _is_utf8(raw)):
        return None
    try:
        text = raw.decode(name.removeprefix("x-"))
    except (LookupError, UnicodeError):
        return None
    return Content(normalise_breaks(text), [tr("The text was read as {encoding}.", encoding=name)])


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def convert_page(path: Path, page: str, notes: list[str], reporter: Reporter) -> Content:
    """The page as Markdown. Raises FormatError when it is too long, JukuError without markdownify, and `Cancelled`."""
    markdownify = import_library("markdownify", "HTML")
    cleaner = HtmlSanitizer()
    cleaner.feed(page[: MAX_CHARACTERS + 1])
    if len(page) > MAX_CHARACTERS or cleaner.elements > MAX_ELEMENTS:
        raise FormatError(
            tr("“{name}” is too long a page", name=clip(path.name, 80)),
            tr("Nothing was changed. Save the part that matters on its own, or as plain text."),
        )
    texts = []
    pieces = cleaner.pieces()
    for number, piece in enumerate(pieces):
        reporter.update(number, len(pieces))
        texts.append(markdownify.markdownify(piece, **MARKDOWNIFY_OPTIONS))
    return Content(_normalise_blank_lines("\n\n".join(texts)), [*notes, *_format_omissions(cleaner)])


def _normalise_blank_lines(text: str) -> str:
    """The text without blanks at the ends of lines, and with at most one blank line in a row."""
    return re.sub("\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip("\n")


def _format_omissions(cleaner: HtmlSanitizer) -> list[str]:
    notes = []
    if cleaner.images:
        notes.append(trn("{n} image was left out.", "{n} images were left out.", cleaner.images))
    if cleaner.menus:
        notes.append(trn("{n} menu was left out.", "{n} menus were left out.", cleaner.menus))
    return notes
