"""Searches the texts of many rows at once for bytes that could make them unreadable or unclean.

The functions return the offsets of doubtful bytes: all that are wrong, and maybe some that are right.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.checks.damaged_text import EMPTY_VALUES
from core.checks.prefilter_layouts import Messages, pack_word
from core.checks.prefilter_types import WORD, Bytes, Marks, Places, Words

_QUOTE, _BACKSLASH, _BREAK, _RETURN, _U = b'"\\\n\ru'
_ESCAPED = np.zeros(256, np.bool_)
_ESCAPED[list(b'"\\/bfnrtu')] = True
_RARE = (0xC0, 0xC1, 0xE0, 0xED)  # bytes that begin no character, or not every one
_NONE = np.zeros(0, np.int64)

# Blanks in UTF-8 (of one row of them only the first two bytes), and the beginnings of escapes that may be blanks.
_BLANKS = (b" ", b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81\x9f", b"\xe3\x80\x80")
_SHORT_ESCAPES = (b"\\n", b"\\r", b"\\t", b"\\f")
_LONG_ESCAPES = (b"\\u00", b"\\u16", b"\\u20", b"\\u3000")
# Escapes that may be part of a control token, an entity or damaged text: all four digits, or the first three.
_DOUBTFUL_ESCAPES = np.array(
    [int.from_bytes(digits, "little") for digits in (
        b"003c", b"007c", b"005b", b"0026", b"007f", b"20ac", b"fffd", b"feff", b"180e", b"db40", b"951f")],
    np.uint32,
)  # fmt: skip
_DOUBTFUL_BEGINNINGS = np.array(
    [int.from_bytes(digits, "little") for digits in (b"000", b"001", b"008", b"009", b"00a", b"00b", b"200", b"202", b"206")],
    np.uint32,
)  # fmt: skip
_RARE_DIGITS = np.zeros(256, np.bool_)
_RARE_DIGITS[list(b"012df")] = True  # how all these begin, and the halves of surrogate pairs; but for one:
_LOST = np.uint32(int.from_bytes(b"951f", "little"))
_TWO = np.uint64(0xFFFF)


def _build_pattern(text: bytes, at: int = 0) -> tuple[np.uint64, np.uint64]:
    """A mask, and the masked value of a word that has the text at byte `at`."""
    return pack_word(bytes(at) + b"\xff" * len(text)), pack_word(bytes(at) + text)


def _build_pair_table(*pairs: bytes) -> Marks:
    """A table indexed by two bytes as a number; in a pair 0 matches any byte."""
    table = np.zeros((256, 256), np.bool_)
    for first, second in pairs:
        table[second or slice(None), first or slice(None)] = True
    return table.ravel()


_BLANK_BEGINNINGS = [_build_pattern(text) for text in (*_BLANKS, *_SHORT_ESCAPES, *_LONG_ESCAPES)]
_ESCAPED_ENDINGS = [_build_pattern(text, WORD - 6) for text in _LONG_ESCAPES]
# Two bytes are enough to pass nearly every text.
_BEGINNINGS = _build_pair_table(*((text + b"\0")[:2] for text in (*_BLANKS, *_SHORT_ESCAPES, *_LONG_ESCAPES)))
_LAST_TWO = _build_pair_table(b"\0 ", b"\xc2\x85", b"\xc2\xa0", *_SHORT_ESCAPES)
_TWO_BEFORE_LAST = _build_pair_table(b"\xe1\x9a", b"\xe2\x80", b"\xe2\x81")


# How the words for an empty cell begin (`damaged_text.EMPTY_VALUES`), and how long they are, in bytes.
_EMPTY_STARTS = np.zeros(256, np.bool_)
_EMPTY_STARTS[[ord(value[0]) for value in EMPTY_VALUES]] = True
_MAX_EMPTY_VALUE = max(map(len, EMPTY_VALUES))


class Memory:
    """Arrays of marks that are reused from block to block: fresh pages cost more than filling them."""

    def __init__(self) -> None:
        self._arrays: dict[int, Marks] = {}

    def marks(self, index: int, length: int) -> Marks:
        """The array of that index, with its old contents."""
        if index not in self._arrays or len(self._arrays[index]) < length:
            self._arrays[index] = np.empty(length, np.bool_)
        return self._arrays[index][:length]


def find_rare(marks: Marks) -> Places:
    """The indices of rare marks: faster than numpy's own search, whose time is per byte."""
    whole = len(marks) // WORD * WORD
    filled = marks[:whole].view(np.uint64) != 0
    places = np.arange(whole, len(marks))
    if filled.any():
        near = np.flatnonzero(filled)[:, np.newaxis] * WORD + np.arange(WORD)
        places = np.append(near.ravel(), places)
    return places[marks[places]]


class Escapes(NamedTuple):
    """The offsets of escaped quotes, and of escapes that are wrong or must be checked fully."""

    quotes: Places
    doubtful: Places


def find_foreign_controls(array: Bytes, control: Places) -> Places:
    """The control characters that do not end a line."""
    value = array[control]
    ends: Marks = (value == _BREAK) | ((value == _RETURN) & (array[control + 1] == _BREAK))
    foreign: Places = control[~ends]
    return foreign


def _build_byte_table(text: bytes) -> Marks:
    table = np.zeros(256, np.bool_)
    table[list(text)] = True
    return table


# First byte -> the bytes after it with which it may begin a control token or an HTML entity.
_TOKEN_STARTS = {
    ord("<"): _build_byte_table(b"\\|/<abcdefghijklmnopqrstuvwxyz\xef"),
    ord("["): _build_byte_table(b"IATSPMg/"),
    ord("&"): _build_byte_table(b"#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}
# First byte of a character -> pairs of the second byte and the one after it (0: any) with which text may be damaged.
_DAMAGE = {
    0xC3: [(second, third) for second in range(0x80, 0xC0) for third in b"\xc2\xc5\xc6\xcb\xe2"],
    0xD0: [(second, third) for second in b"\xa0\xa1" for third in b"\xc2\xe2\xd0\xd1"],
    0xEF: [(0xBF, 0xBD), (0xBB, 0xBF)],
    0xE2: [(0x80, third) for third in (*range(0x8B, 0x90), *range(0xAA, 0xAF))]
    + [(0x81, third) for third in range(0xA0, 0xAA)],
    0xE9: [(0x94, 0x9F)],
    0xE1: [(0xA0, 0x8E)],
    0xF3: [(0xA0, 0)],
    0xC2: [(0xAD, 0)],
}
_DAMAGE_TABLES = {first: _build_pair_table(*(bytes(pair) for pair in pairs)) for first, pairs in _DAMAGE.items()}
# First bytes that most characters of a script have: only with one of these few bytes after them they are looked at.
_SECONDS = {first: {second for second, _third in pairs} for first, pairs in _DAMAGE.items() if first != 0xC3}
_DELETE = 0x7F


def find_special_tokens(data: bytearray, array: Bytes, memory: Memory) -> Places:
    """The offsets of possible control tokens and HTML entities in `array`, the beginning of `data`."""
    found = [_NONE]
    for first, after in _TOKEN_STARTS.items():
        places = _find_byte(data, array, memory, first)
        found.append(places[after[array[places + 1]]])
    return np.concatenate(found)


def find_damaged_text(data: bytearray, array: Bytes, memory: Memory) -> Places:
    """The offsets of characters in `array`, the beginning of `data`, that may be damaged or invisible."""
    found = [_find_byte(data, array, memory, _DELETE)]
    for first, table in _DAMAGE_TABLES.items():
        places = _find_pairs(data, array, memory, first)
        pairs = array[places + 1].astype(np.uint16) | (array[places + 2].astype(np.uint16) << np.uint16(8))
        found.append(places[table[pairs]])
    return np.concatenate(found)


def _find_pairs(data: bytearray, array: Bytes, memory: Memory, first: int) -> Places:
    """The places of a byte with one of its `_SECONDS` after it, if it has such, as `_find_byte` finds them."""
    if first not in _SECONDS:
        return _find_byte(data, array, memory, first)
    if data.find(first, 0, len(array)) < 0:
        return _NONE
    size = len(array) - 2
    begins = np.equal(array[:size], first, out=memory.marks(0, size))
    followed = memory.marks(1, size)
    places = []
    for second in _SECONDS[first]:
        np.equal(array[1 : size + 1], second, out=followed)
        places.append(find_rare(np.logical_and(followed, begins, out=followed)))
    return np.concatenate(places)


def _find_byte(data: bytearray, array: Bytes, memory: Memory, byte: int) -> Places:
    """The places of a byte, without those so near the end that only padding follows."""
    if data.find(byte, 0, len(array)) < 0:
        return _NONE
    places = find_rare(np.equal(array, byte, out=memory.marks(0, len(array))))
    inside: Places = places[places < len(array) - 2]
    return inside


def find_invalid_utf8(data: bytearray, array: Bytes, memory: Memory) -> Places:
    """The offsets where the bytes of `array`, the beginning of `data`, are not UTF-8."""
    size, largest = len(array), int(array.max())
    if largest < 0x80:
        return _NONE
    follows = np.less(array.view(np.int8), -64, out=memory.marks(0, size))
    two = np.greater_equal(array, 0xC0, out=memory.marks(1, size))
    three = np.greater_equal(array, 0xE0, out=memory.marks(2, size))
    differs = np.bitwise_or(two[2:-1], three[1:-2], out=memory.marks(4, size)[3:])
    doubtful = []
    if largest >= 0xF0:  # few texts have characters of four bytes
        four = np.greater_equal(array, 0xF0, out=memory.marks(3, size))
        differs |= four[:-3]
        doubtful.append(_find_impossible_leads(array, find_rare(four)))
    differs ^= follows[3:]
    doubtful += [
        _find_impossible_leads(array, find_rare(np.equal(array, lead, out=two)))
        for lead in _RARE
        if data.find(lead, 0, size) >= 0
    ]
    if (array[:3] >= 0x80).any():
        doubtful.append(np.zeros(1, np.int64))
    if differs.any():
        doubtful.append(np.flatnonzero(differs) + 3)
    return np.concatenate([_NONE, *doubtful])


def _find_impossible_leads(array: Bytes, leads: Places) -> Places:
    """Lead bytes that are invalid in UTF-8, or invalid with the byte after them."""
    lead, second = array[leads], array[leads + 1]
    never = (lead < 0xC2) | (lead > 0xF4)
    early = ((lead == 0xE0) & (second < 0xA0)) | ((lead == 0xF0) & (second < 0x90))
    late = ((lead == 0xED) & (second > 0x9F)) | ((lead == 0xF4) & (second > 0x8F))
    outside: Places = leads[never | early | late]
    return outside


def find_escapes(array: Bytes, memory: Memory) -> Escapes:
    """The escaped quotes and doubtful escapes of JSON in `array`."""
    places = _find_unescaped(np.flatnonzero(np.equal(array, _BACKSLASH, out=memory.marks(0, len(array)))))
    escaped = array[places + 1]
    by_number = places[escaped == _U]
    doubtful = np.concatenate((places[~_ESCAPED[escaped]], by_number[~_are_plain_escapes(array, by_number)]))
    return Escapes(places[escaped == _QUOTE] + 1, doubtful)


def _find_unescaped(backslashes: Places) -> Places:
    """The backslashes that are not escaped themselves: of a run every second one."""
    new = np.ones(len(backslashes), np.bool_)
    new[1:] = backslashes[1:] != backslashes[:-1] + 1
    if new.all():
        return backslashes
    index = np.arange(len(backslashes))
    unescaped: Places = backslashes[(index - np.maximum.accumulate(np.where(new, index, 0))) % 2 == 0]
    return unescaped


def _are_plain_escapes(array: Bytes, places: Places) -> Marks:
    r"""Which of the escapes \uXXXX are valid, no unpaired surrogate and no part of what may be wrong."""
    digits = np.ndarray((len(array) - WORD + 1,), "<u4", array, strides=(1,))[places + 2]
    lower = digits | np.uint32(0x20202020)
    # Each byte by itself: the sum's highest bit tells whether it is at least '0', over '9', at least 'a', over 'f'.
    number = (lower + np.uint32(0x50505050)) & ~(lower + np.uint32(0x46464646))
    letter = (lower + np.uint32(0x1F1F1F1F)) & ~(lower + np.uint32(0x19191919))
    plain: Marks = ((number | letter) & ~digits & np.uint32(0x80808080)) == np.uint32(0x80808080)
    # Most escapes are letters of other scripts, of which few begin with the digits of what is doubtful.
    rare = np.flatnonzero(_RARE_DIGITS[lower & np.uint32(0xFF)] | (lower == _LOST))
    found = lower[rare]
    is_doubtful = np.isin(found, _DOUBTFUL_ESCAPES) | np.isin(found & np.uint32(0xFFFFFF), _DOUBTFUL_BEGINNINGS)
    plain[rare[is_doubtful]] = False
    surrogates = rare[(found & np.uint32(0xFF) == ord("d")) & (found & np.uint32(0xFF00) >= ord("8") << 8)]
    if len(surrogates):
        plain[surrogates] &= _are_paired(places[surrogates], lower[surrogates])
    return plain


def _are_paired(places: Places, digits: NDArray[np.uint32]) -> Marks:
    """Which surrogates, by position and digits, are next to their other half."""
    second = digits >> np.uint32(8) & np.uint32(0xFF)
    begins = second < ord("c")
    paired = np.zeros(len(places), np.bool_)
    together = begins[:-1] & ~begins[1:] & (places[1:] == places[:-1] + 6)
    paired[:-1] |= together
    paired[1:] |= together
    return paired


def are_clean(words: Words, messages: Messages) -> Marks:
    """Which rows have a text in all their messages, without blanks at its edges."""
    begin, end = words[messages.opens + 1], words[messages.closes - WORD]
    filled = messages.closes > messages.opens + 1
    named = (messages.closes <= messages.opens + 1 + _MAX_EMPTY_VALUE) & _EMPTY_STARTS[begin & np.uint64(0xFF)]
    return messages.find_rows_all_marked(filled & ~named & ~_begins_blank(begin) & ~_ends_blank(end))


def _begins_blank(begin: Words) -> Marks:
    """Whether a text may begin with a blank, by its first eight bytes."""
    doubtful: Marks = _BEGINNINGS[begin & _TWO]
    doubtful[doubtful] = _have_any(begin[doubtful], _BLANK_BEGINNINGS)
    return doubtful


def _ends_blank(end: Words) -> Marks:
    """Whether a text may end with a blank, by its last eight bytes."""
    escaped: Marks = end >> np.uint64(16) & _TWO == pack_word(b"\\u")
    escaped[escaped] = _have_any(end[escaped], _ESCAPED_ENDINGS)
    ideographic: Marks = end >> np.uint64(40) == pack_word(b"\xe3\x80\x80")
    doubtful: Marks = _LAST_TWO[end >> np.uint64(48)] | _TWO_BEFORE_LAST[end >> np.uint64(40) & _TWO]
    return doubtful | ideographic | escaped


def _have_any(words: Words, patterns: list[tuple[np.uint64, np.uint64]]) -> Marks:
    marks = np.zeros(len(words), np.bool_)
    for mask, value in patterns:
        marks |= words & mask == value
    return marks
