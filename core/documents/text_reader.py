"""Reads Markdown and plain text in any supported encoding."""

from pathlib import Path

from core.checks.rule_registry import clip
from core.documents.reader_result import Content
from core.errors import FormatError
from core.formats import encoded_text_stream, encoding_detection
from core.language import tr, trn
from core.lazy_loading import lazy_pattern

MAX_INVALID_SHARE = 0.1  # a file with a larger share of invalid characters is no text
ENCODING_NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp932": "Shift_JIS (CP932)", "cp1252": "Windows-1252"}

_CONTROLS = lazy_pattern("[\x00-\x08\x0b\x0e-\x1f\x7f]")


def read(path: Path, raw: bytes) -> Content:
    """The text unchanged, with LF as its line break. Raises FormatError when it is no text, or cannot be read."""
    encoding = encoding_detection.detect_encoding(path)
    text = raw[encoded_text_stream.get_bom_length(raw[:4], encoding) :].decode(encoding.removesuffix("-sig"), "replace")
    lost = text.count("\ufffd")
    controls = len(_CONTROLS.findall(text))
    if "\0" in text or (lost + controls) > MAX_INVALID_SHARE * len(text):
        raise FormatError(
            tr("“{name}” is not a text", name=clip(path.name, 80)),
            tr("Nothing was changed. Juku reads Markdown, plain text, HTML, DOCX and PDF."),
        )
    is_plain = encoding in ("utf-8", "utf-8-sig")
    known = ENCODING_NAMES.get(encoding, encoding)
    notes = [] if is_plain else [tr("The text was read as {encoding}.", encoding=known)]
    if lost:
        notes.append(trn("{n} character could not be read.", "{n} characters could not be read.", lost))
    return Content(_CONTROLS.sub("", normalise_breaks(text)), notes)


def normalise_breaks(text: str) -> str:
    """`text` with LF for each CR, CRLF and form feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
