"""Detects the encoding of a file, and says where that is unsure: a wrong guess would damage every text silently."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.checks.rule_registry import clip
from core.formats import frequent_letters, latin_letters
from core.formats.input_files import open_file

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

Encoding = str  # the name of a codec of Python

# The longest first: that of UTF-32 begins with that of UTF-16.
BOMS: dict[Encoding, bytes] = {
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}

SAMPLE_BYTES = 4 * 1024 * 1024
EXAMINED_BYTES = 64 * 1024  # of the lines that are not ASCII
EXCERPT_LENGTH = 40  # characters that show how an encoding reads

# How unlikely a reading may look (charset-normalizer's "chaos", 0 to 1), and by how much it must be better than others.
MAX_CHAOS = 0.2
CLEAR_MARGIN = 0.03
NO_LATIN_FIT = 0.7  # the share of letters of one Latin language below which a text is in another script
FREQUENT_SHARE = 0.5  # of the characters of a reading that must be frequent, where only they can tell
CLEAR_COHERENCE = 0.2  # the share of a language's most frequent letters that a reading must have more than others

_SCRIPTS = (
    "gb18030", "big5", "big5hkscs", "euc_jp", "euc_jis_2004", "cp932", "cp949", "euc_kr", "johab", "cp1251", "koi8_r",
    "koi8_u", "cp866", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "iso8859_8", "cp1256", "iso8859_6", "cp874",
)  # fmt: skip
_SAME = {"euc_jis_2004": "euc_jp", "iso8859_7": "cp1253", "iso8859_8": "cp1255", "big5hkscs": "big5", "cp949": "cp949"}
_KANA = re.compile("[ぁ-ゖァ-ヺー]")
_JAPANESE = re.compile("[ぁ-ゖァ-ヺ]|[一-鿿]{2}")
_HALF_WIDTH_KANA = re.compile("[｡-ﾟ]")
_LATIN = re.compile("[^\x00-\x7f]")
_FOREIGN_WORD = re.compile("[^\x00-\x7f]{4,}")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f]")
_NO_ENCODINGS = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")  # codecs of something else
_ISO_2022 = re.compile(rb"\x1b\$[@B]|\x1b\(J")


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """The most likely encoding; where it is not `sure`, `readings` has how the text reads in each likely one."""

    name: Encoding
    sure: bool = True
    readings: tuple[tuple[Encoding, str], ...] = ()


def detect_encoding(path: Path) -> Encoding:
    """The most likely encoding of a file, by its first 4 MB. Raises FormatError when it cannot be read."""
    return guess_encoding(path).name


def guess_encoding(path: Path) -> EncodingGuess:
    """Guess the encoding of a file by its first 4 MB. Raises FormatError when it cannot be read."""
    with open_file(path) as file:
        sample = file.read(SAMPLE_BYTES)
    return guess_sample(sample, len(sample) < SAMPLE_BYTES)


def guess_sample(sample: bytes, is_whole: bool = True) -> EncodingGuess:
    """Guess the encoding of the beginning of a file; `is_whole`: there is nothing after it."""
    for encoding, bom in BOMS.items():
        if sample.startswith(bom):
            return EncodingGuess(encoding)
    if b"\0" in sample[:2] and (utf16 := _utf16_by_zeros(sample)):
        return EncodingGuess(utf16)
    if _ISO_2022.search(sample) and sample.isascii():
        return EncodingGuess("iso2022_jp")
    return _guess_legacy(sample.split(b"\n")[: None if is_whole else -1])


def _utf16_by_zeros(sample: bytes) -> Encoding | None:
    """UTF-16 without a byte order mark: JSON's own characters have a zero byte, always on the same side."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if sample[0] and odd > 10 * even:
        return "utf-16-le"
    return "utf-16-be" if sample[0] == 0 and even > 10 * odd else None


def _guess_legacy(sample: list[bytes]) -> EncodingGuess:
    """UTF-8 where some non-ASCII line is valid UTF-8; else the encoding in which all of them read well."""
    foreign = [line for line in sample if not line.isascii()]
    if not foreign or any(decode(line, "utf-8") is not None for line in foreign):
        return EncodingGuess("utf-8")
    if _fits_cp932(foreign):
        return EncodingGuess("cp932")
    lines = _limit(foreign)
    if _is_latin(lines):
        return _guess_latin(lines)
    return _guess_script(lines)


def decode(line: bytes, encoding: Encoding) -> str | None:
    """The text of a line; None when it does not fit the encoding."""
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _limit(lines: Sequence[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    size = 0
    for line in lines:
        kept.append(line[:EXAMINED_BYTES])
        size += len(line)
        if size > EXAMINED_BYTES:
            break
    return kept


def _fits_cp932(lines: list[bytes]) -> bool:
    """Whether all lines decode and nine in ten read as Japanese; half-width kana are what Korean and EUC-JP look like."""
    texts = [decode(line, "cp932") for line in lines]
    whole = "".join(text or "" for text in texts)
    japanese = sum(_JAPANESE.search(text or "") is not None for text in texts)
    half, full = len(_HALF_WIDTH_KANA.findall(whole)), len(_KANA.findall(whole))
    return all(text is not None for text in texts) and 10 * japanese >= 9 * len(texts) and full >= half


def _is_latin(lines: list[bytes]) -> bool:
    """Whether the lines can be a Latin script: single accented letters among plain ones, not whole words of them.

    Those are another script: EUC-JP, Cyrillic and Greek can be decoded as CP1252 too, and would be corrupted silently.
    """
    texts = [line.decode("latin-1") for line in lines]
    return 10 * sum(_reads_as_latin(text) for text in texts) >= 9 * len(texts)


def _reads_as_latin(text: str) -> bool:
    accented, in_words = len(_LATIN.findall(text)), sum(map(len, _FOREIGN_WORD.findall(text)))
    return 3 * accented <= len(text) and 2 * in_words <= accented and not _CONTROLS.search(text)


def _guess_latin(lines: list[bytes]) -> EncodingGuess:
    ranked = latin_letters.rank(lines)
    shares = dict(ranked)
    fitting = [codec for codec, share in ranked if share >= latin_letters.GOOD_FIT]
    if "cp1252" in fitting:
        return EncodingGuess(_choose_by_words(lines, fitting))
    best = ranked[0][0]
    if shares[best] >= latin_letters.GOOD_FIT and shares[best] - shares["cp1252"] >= latin_letters.CLEAR_MARGIN:
        return EncodingGuess(best)
    script = _guess_script(lines)
    if script.sure and shares[best] < NO_LATIN_FIT:
        return script
    names = [name for name, _reading in script.readings] or [script.name]
    return _unsure([*names[:3], *(codec for codec, share in ranked[:2] if share > 0)], lines)


def _choose_by_words(lines: list[bytes], fitting: list[Encoding]) -> Encoding:
    """Of the codecs that fit, the one with the most small words of its languages."""
    raw = b"\n".join(lines)
    counts = {codec: frequent_letters.count_words(raw.decode(codec), codec) for codec in fitting}
    return max(fitting, key=lambda codec: counts[codec])


def _guess_script(lines: list[bytes]) -> EncodingGuess:
    """The encoding of a script other than Latin, found by charset-normalizer."""
    from charset_normalizer import from_bytes  # slow to import, and rarely needed

    found = from_bytes(b"\n".join(lines), threshold=MAX_CHAOS, cp_isolation=list(_SCRIPTS), enable_fallback=False)
    matches = sorted(found, key=lambda match: (round(match.chaos, 2), -match.coherence))
    ranked = list(dict.fromkeys(_plain_name(match.encoding, lines) for match in matches))
    codec, share = latin_letters.rank(lines)[0]
    if not matches:
        likely = [codec for codec in ("gb18030", "cp1251", "cp1252") if _decodes(lines, codec)]
        return EncodingGuess(codec) if share >= latin_letters.GOOD_FIT else _unsure(likely, lines)
    best = matches[0]
    others = [match for match in matches if _plain_name(match.encoding, lines) != ranked[0] and str(match) != str(best)]
    if all(_is_clearly_better(best, other) for other in others):
        return EncodingGuess(ranked[0])
    if frequent := _choose_by_characters(matches):
        return EncodingGuess(_plain_name(frequent, lines))
    return EncodingGuess(codec) if share >= latin_letters.GOOD_FIT else _unsure(ranked, lines)


def _choose_by_characters(matches: "Sequence[CharsetMatch]") -> Encoding:
    """The reading in an East Asian encoding whose characters are far more frequent than in the others; '' if there is none."""
    scores = sorted(
        (
            (frequent_letters.score_characters(str(match)), match.encoding)
            for match in matches
            if match.multi_byte_usage
        ),
        reverse=True,
    )
    others = [score for score, _encoding in scores[1:]]
    best, encoding = scores[0] if scores else (0.0, "")
    return encoding if best >= FREQUENT_SHARE and best >= 2 * max(others, default=0.0) else ""


def _is_clearly_better(best: "CharsetMatch", other: "CharsetMatch") -> bool:
    """Whether a reading is so much better than another one that nobody need be asked."""
    if best.multi_byte_usage and not other.multi_byte_usage and other.coherence < CLEAR_COHERENCE:
        return True  # single bytes rarely make valid pairs, while every pair is two single bytes
    return other.chaos - best.chaos >= CLEAR_MARGIN or best.coherence - other.coherence >= CLEAR_COHERENCE


def _plain_name(codec: str, lines: list[bytes]) -> Encoding:
    usual = _SAME.get(codec, codec)
    return usual if _decodes(lines, usual) else codec


def _decodes(lines: list[bytes], codec: str) -> bool:
    return all(decode(line, codec) is not None for line in lines)


def _unsure(likely: Sequence[Encoding], lines: Sequence[bytes]) -> EncodingGuess:
    if not likely:
        return EncodingGuess("utf-8")  # its lines wait in the quarantine with their bytes
    readings = tuple((name, _excerpt(lines[0], name)) for name in likely[:5])
    return EncodingGuess(likely[0], False, readings)


def _excerpt(line: bytes, encoding: Encoding) -> str:
    """The part of a line where another encoding would read differently."""
    text = line.decode(encoding, "replace").strip()
    first = next((place for place, char in enumerate(text) if char > "\x7f"), 0)
    return clip(text[max(0, first - 8) :], EXCERPT_LENGTH)


def is_ascii_compatible(encoding: Encoding) -> bool:
    """Whether the ASCII characters have their own bytes in the encoding, and those bytes mean nothing else."""
    plain = bytes(range(9, 14)) + bytes(range(32, 127))
    try:
        return plain.decode(encoding) == plain.decode("ascii") and "\n".encode(encoding) == b"\n"
    except UnicodeError:
        return False


def is_text_codec(name: str) -> bool:
    """Whether Python has a codec of that name that decodes bytes to text."""
    try:
        return name not in _NO_ENCODINGS and bool(codecs.lookup(name)._is_text_encoding)
    except (LookupError, ValueError):
        return False
