"""A file's text as a stream of UTF-8, whatever its encoding, for the formats that do not go line by line."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import cast, get_args

from core.checks import LINE_LIMIT, CheckedLine, check_line, too_long
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.compressed_files import read_progress
from core.formats.text_lines import BOMS, KEPT_BYTES, Encoding, FileLine, open_file
from core.language import tr
from core.progress import Reporter

BLOCK = 1024 * 1024
_ALIASES = {
    "utf8": "utf-8",
    "utf-16": "utf-16-le",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "windows-1252": "cp1252",
}


def blocks(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[bytes]:
    """The file in UTF-8, without a mark, a megabyte at a time; what cannot be decoded comes as it is."""
    with open_file(path) as file:
        file.seek(mark(file.read(4), encoding))
        decoder = None if encoding.startswith("utf-8") else codecs.getincrementaldecoder(encoding)(errors_of(encoding))
        while block := file.read(BLOCK):
            reporter.update(*read_progress(file))
            yield block if decoder is None else encode(decoder.decode(block), encoding)
        if decoder and (rest := decoder.getstate()[0]):
            yield rest
        reporter.update(*read_progress(file))


def mark(start: bytes, encoding: Encoding) -> int:
    """The length of the byte order mark at the start of a file."""
    bom = BOMS.get("utf-8-sig" if encoding == "utf-8" else encoding, b"")
    return len(bom) if bom and start.startswith(bom) else 0


def errors_of(encoding: Encoding) -> str:
    """How to decode so that what does not fit can be given back and is not UTF-8 then."""
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def encode(text: str, encoding: Encoding) -> bytes:
    return text.encode("utf-8", errors_of(encoding))


def size_in(raw: bytes, encoding: Encoding) -> int:
    """How many bytes of the file `raw` was."""
    if encoding.startswith("utf-8"):
        return len(raw)
    errors = errors_of(encoding)
    try:
        return len(raw.decode("utf-8", errors).encode(encoding, errors))
    except UnicodeError:
        return len(raw)


def lines(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileLine]:
    """The file's lines, each with its break in `raw`; of one over the limit only the beginning."""
    stream = blocks(path, encoding, reporter)
    first = next(stream, b"")
    everything: Iterable[bytes] = chain([first], stream)
    if b"\r" in first and b"\n" not in first:  # as the Macs of old ended their lines
        everything = (block.replace(b"\r", b"\n") for block in everything)
    yield from split(everything, encoding, start(path, encoding))


def encoding_of(name: str) -> Encoding:
    """The encoding that a person names. Raises FormatError for one that is none of ours."""
    plain = name.lower().replace("_", "-")
    found = _ALIASES.get(plain, plain)
    if found not in get_args(Encoding):
        known = ", ".join(get_args(Encoding))
        raise FormatError(tr("There is no encoding {name}", name=clip(name)), tr("Known names: {names}.", names=known))
    return cast(Encoding, found)


def start(path: Path, encoding: Encoding) -> int:
    """Where the text begins in the file: behind the byte order mark."""
    with open_file(path) as file:
        return mark(file.read(4), encoding)


def split(stream: Iterable[bytes], encoding: Encoding = "utf-8", offset: int = 0) -> Iterator[FileLine]:
    """The lines of text that comes in blocks; `offset` is where it begins in its file."""
    for number, (raw, length) in enumerate(_pieces(stream, LINE_LIMIT), start=1):
        size = length if len(raw) < length else size_in(raw, encoding)
        yield FileLine(number, offset, raw, size)
        offset += size


def _pieces(stream: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, int]]:
    kept, length = b"", 0
    for block in stream:
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield _append(kept, length, block[start:end], limit)
            kept, length, start = b"", 0, end
        if start < len(block):
            kept, length = _append(kept, length, block[start:], limit)
    if length:
        yield kept, length


def _append(kept: bytes, length: int, more: bytes, limit: int) -> tuple[bytes, int]:
    total = length + len(more)
    return (kept + more if total <= limit else (kept + more[:KEPT_BYTES])[:KEPT_BYTES]), total


def check_file_line(line: FileLine) -> CheckedLine:
    """The line's row with all that is wrong with it."""
    return check_line(line.raw) if line.length <= LINE_LIMIT else CheckedLine(None, [too_long(line.length)])
