"""Reads a file's text as a stream of UTF-8, whatever its encoding, for the formats that do not go line by line."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from core.checks import LINE_LIMIT, CheckedLine, check_line, too_long
from core.checks.rule_registry import clip
from core.errors import FormatError
from core.formats.compressed_files import read_progress
from core.formats.encoded_text_lines import KEPT_BYTES, FileLine
from core.formats.encoding_detection import BOMS, Encoding, is_text_codec
from core.formats.input_files import open_file
from core.language import tr
from core.progress import Reporter

BLOCK_BYTES = 1024 * 1024
_ALIASES = {
    "utf8": "utf-8",
    "utf-16": "utf-16-le",
    "utf-32": "utf-32-le",
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "iso8859-1": "cp1252",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "windows-1252": "cp1252",
}


def read_blocks(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[bytes]:
    """Yield the file in UTF-8 without a byte order mark, 1 MiB at a time; what cannot be decoded comes unchanged.

    Raises FormatError when the file cannot be read, and `Cancelled`.
    """
    with open_file(path) as file:
        file.seek(get_bom_length(file.read(4), encoding))
        decoder = (
            None
            if encoding.startswith("utf-8")
            else codecs.getincrementaldecoder(encoding)(get_error_handler(encoding))
        )
        while block := file.read(BLOCK_BYTES):
            reporter.update(*read_progress(file))
            yield block if decoder is None else encode_utf8(decoder.decode(block), encoding)
        if decoder and (rest := decoder.getstate()[0]):
            yield rest
        reporter.update(*read_progress(file))


def get_bom_length(start: bytes, encoding: Encoding) -> int:
    """The length of the byte order mark at the start of a file, 0 where there is none."""
    bom = BOMS.get("utf-8-sig" if encoding == "utf-8" else encoding, b"")
    return len(bom) if bom and start.startswith(bom) else 0


def get_error_handler(encoding: Encoding) -> str:
    """The `errors` argument for decoding: invalid bytes can be encoded back, and are invalid UTF-8 then."""
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def encode_utf8(text: str, encoding: Encoding) -> bytes:
    """UTF-8 of a text that was decoded from `encoding`; bytes that could not be decoded come out unchanged."""
    return text.encode("utf-8", get_error_handler(encoding))


def count_encoded_bytes(raw: bytes, encoding: Encoding) -> int:
    """How many bytes the UTF-8 text `raw` has in the file's own encoding."""
    if encoding.startswith("utf-8"):
        return len(raw)
    errors = get_error_handler(encoding)
    try:
        return len(raw.decode("utf-8", errors).encode(encoding, errors))
    except UnicodeError:
        return len(raw)


def read_lines(path: Path, encoding: Encoding, reporter: Reporter) -> Iterator[FileLine]:
    """Yield the file's lines, each with its break in `raw`; of one over the limit only the beginning.

    Raises FormatError when the file cannot be read, and `Cancelled`.
    """
    stream = read_blocks(path, encoding, reporter)
    first = next(stream, b"")
    everything: Iterable[bytes] = chain([first], stream)
    if b"\r" in first and b"\n" not in first:  # as the Macs of old ended their lines
        everything = (block.replace(b"\r", b"\n") for block in everything)
    yield from split_lines(everything, encoding, find_text_start(path, encoding))


def parse_encoding(name: str) -> Encoding:
    """The encoding that the user names, any text codec of Python. Raises FormatError for an unknown one."""
    plain = name.strip().lower().replace("_", "-")
    if plain in _ALIASES:
        return _ALIASES[plain]
    if plain in BOMS:
        return plain
    if not is_text_codec(name.strip()):
        raise FormatError(
            tr("There is no encoding {name}", name=clip(name)),
            tr("Known are those of Python, such as {names}.", names="utf-8, utf-16, cp932, gb18030, cp1252, koi8-r"),
        )
    found = codecs.lookup(name.strip()).name
    return _ALIASES.get(found, found)


def find_text_start(path: Path, encoding: Encoding) -> int:
    """The offset of the text in the file: after the byte order mark. Raises FormatError when it cannot be read."""
    with open_file(path) as file:
        return get_bom_length(file.read(4), encoding)


def split_lines(stream: Iterable[bytes], encoding: Encoding = "utf-8", offset: int = 0) -> Iterator[FileLine]:
    """Yield the lines of text that comes in blocks; `offset` is its start in its file, in bytes."""
    for number, (raw, length) in enumerate(_iterate_lines(stream, LINE_LIMIT), start=1):
        size = length if len(raw) < length else count_encoded_bytes(raw, encoding)
        yield FileLine(number, offset, raw, size)
        offset += size


def _iterate_lines(stream: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, int]]:
    line, length = b"", 0
    for block in stream:
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield _append(line, length, block[start:end], limit)
            line, length, start = b"", 0, end
        if start < len(block):
            line, length = _append(line, length, block[start:], limit)
    if length:
        yield line, length


def _append(line: bytes, length: int, more: bytes, limit: int) -> tuple[bytes, int]:
    total = length + len(more)
    return (line + more if total <= limit else (line + more[:KEPT_BYTES])[:KEPT_BYTES]), total


def check_file_line(line: FileLine) -> CheckedLine:
    """The row of a line, with all its problems."""
    return check_line(line.raw) if line.length <= LINE_LIMIT else CheckedLine(None, [too_long(line.length)])
